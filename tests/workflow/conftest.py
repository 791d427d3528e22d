"""A copy of the workflow in a folder of its own, and Snakemake to run it there."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forked import python

ROOT = Path(__file__).parents[2]

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def copy_workflow() -> Callable[[Path], Path]:
    def copy(folder: Path) -> Path:
        shutil.copy(ROOT / "Snakefile", folder)
        for part in ("workflow", "config"):
            ignored = shutil.ignore_patterns(".snakemake*", "__pycache__")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        return folder

    return copy


@pytest.fixture(scope="session")
def snakemake() -> Callable[..., Done]:
    def run(folder: Path, *arguments: str) -> Done:
        options = ("--workflow-profile", "none", "--scheduler", "greedy")
        command = [python(), "-m", "snakemake", *options, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)

    return run


@pytest.fixture
def workflow(tmp_path: Path, copy_workflow: Callable[[Path], Path]) -> Path:
    return copy_workflow(tmp_path)
