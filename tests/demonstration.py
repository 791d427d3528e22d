"""The demonstration, run once for all tests that want it, and copies of it for those that change something."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.forked import python


@dataclass(frozen=True)
class Demo:
    """A folder in which the demonstration was run."""

    folder: Path
    output: str = ""

    def filiation(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("filiation", *arguments)

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("snakemake", "--cores", "2", "--quiet", "all", *arguments)

    def json(self, *arguments: str) -> Any:
        result = self.filiation(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    def rows(self, *arguments: str) -> list[dict[str, str]]:
        """Return an answer's rows: column -> value as text."""
        bindings = self.json(*arguments)["results"]["bindings"]
        return [{column: term["value"] for column, term in row.items()} for row in bindings]

    @property
    def crate(self) -> Path:
        (crate,) = (self.folder / ".filiation" / "crates").iterdir()
        return crate

    def _run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [python(), "-m", module, *arguments],
            cwd=self.folder,
            env=os.environ,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


@pytest.fixture(scope="session")
def finished_demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Run the demonstration; nobody may change what it leaves."""
    # Each folder of tests that takes the fixture in has a session's fixture of its own; they share the run.
    if not _finished:
        _finished.append(_run(tmp_path_factory))
    return _finished[0]


_finished: list[Demo] = []


def _run(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    environment = {**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))}
    result = subprocess.run(
        [python(), "-m", "filiation", "demo", "--folder", str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return Demo(folder, result.stdout + result.stderr)


@pytest.fixture
def demo(finished_demo: Demo, tmp_path: Path) -> Iterator[Callable[[], Demo]]:
    """Return the finished demonstration to change; it is put back, in the place that its record names."""
    saved = tmp_path / "saved"
    shutil.copytree(finished_demo.folder, saved, symlinks=True)

    def take() -> Demo:
        return finished_demo

    yield take
    shutil.rmtree(finished_demo.folder)
    shutil.copytree(saved, finished_demo.folder, symlinks=True, copy_function=shutil.copy2)
