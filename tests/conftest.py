"""What every test may use: real Snakemake in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from filiation.capture.assembly import assemble
from filiation.capture.fingerprint import KEY_VARIABLE
from filiation.capture.journal import read_journal
from filiation.capture.steps import read_step_records
from filiation.crate import read_crate
from filiation.model import WorkflowRun
from tests.examples import THOROUGH
from tests.forked import python
from tests.omero_server.fixtures import (  # noqa: F401
    connected,
    gateway,
    omero_image,
    omero_server,
    sign_in,
    signed_in,
)
from tests.tutorial import tools, tutorial  # noqa: F401
from tests.waiting import wait_until

WORKFLOWS = Path(__file__).parent / "workflows"
START_SLURM = Path(__file__).parent / "cluster" / "start_slurm.sh"

settings.register_profile("untimed", deadline=None)
settings.register_profile("thorough", deadline=None, max_examples=THOROUGH)
settings.load_profile("untimed")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start a Slurm that earlier tests configured: Snakemake's executor for it asks a stopped one for 9 seconds."""
    configuration = Path("/etc/slurm/slurm.conf")
    ours = configuration.is_symlink() and configuration.readlink().parent.name == "filiation-slurm"
    if ours and not hasattr(session.config, "workerinput"):
        subprocess.run([START_SLURM, configuration.readlink().parent], capture_output=True, check=False)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with slow tests, the longest first, so that none is left with one at the end.

    pytest-xdist's ``worksteal`` gives each worker as many tests, in their order; who has done with its own takes over
    from the end of what another has left, which is quick tests then.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = sorted(filter(seconds, items), key=seconds, reverse=True)
    slow = [item for item in items if item.get_closest_marker("slow") and not seconds(item)]
    quick = [item for item in items if not item.get_closest_marker("slow")]
    total, ordered = len(items), list[pytest.Item]()
    for worker in range(workers):
        first, last = (len(slow) * number // workers for number in (worker, worker + 1))
        share = longest[worker::workers] + slow[first:last]
        rest = (total - len(ordered)) // (workers - worker) - len(share)
        ordered += share + quick[: max(rest, 0)]
        del quick[: max(rest, 0)]
    items[:] = ordered + quick


def seconds(item: pytest.Item) -> float:
    """Return what ``@pytest.mark.slow(seconds)`` says, else 0."""
    marker = item.get_closest_marker("slow")
    return float(marker.args[0]) if marker and marker.args else 0.0


@pytest.fixture(autouse=True, scope="session")
def untouched_home_of_what_is_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let nothing that is made for several tests read or write the user's own settings and caches."""
    with pytest.MonkeyPatch.context() as patch:
        use_home(tmp_path_factory.mktemp("home"), patch)
        yield


@pytest.fixture(autouse=True)
def untouched_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test read or write the user's own settings and caches, nor those of another test."""
    use_home(tmp_path_factory.mktemp("home"), monkeypatch)


def use_home(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HOME", str(home))
    patch.setenv("XDG_CACHE_HOME", str(home / "cache"))
    patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    for variable in ("FILIATION_CATALOGUE", "FILIATION_STEP_FOLDER", KEY_VARIABLE, "SNAKEMAKE_PROFILE"):
        patch.delenv(variable, raising=False)


@dataclass(frozen=True)
class Project:
    """A workflow in a folder of its own, to be run by real Snakemake."""

    folder: Path

    @property
    def catalogue(self) -> Path:
        return self.folder / ".filiation"

    def write(self, path: str, text: str) -> Path:
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def snakemake(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Snakemake with the logger; packing is left out unless asked for."""
        packing = () if "--logger-filiation-pack" in arguments else ("--logger-filiation-pack", "later")
        command = [python(), "-m", "snakemake", "--cores", "1", "--scheduler", "greedy", "--logger", "filiation"]
        return subprocess.run(
            [*command, *packing, *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def run_ids(self) -> list[str]:
        journals = sorted((self.catalogue / "journals").glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        return [path.stem for path in journals]

    def await_journal(self, words: str) -> None:
        """Wait until a journal holds some words: what was heard is written a moment later, and a kill may lose that."""
        journals = self.catalogue / "journals"
        wait_until(
            lambda: any(words in path.read_text() for path in journals.glob("*.jsonl")),
            f"a journal in {journals} holds {words!r}",
        )

    def assembled(self, run_id: str | None = None) -> WorkflowRun:
        """Return the last run (or one) as assembled from its journal and step records alone."""
        run_id = run_id or self.run_ids()[-1]
        steps, problems = read_step_records(self.catalogue / "steps" / run_id)
        return assemble(read_journal(self.catalogue / "journals" / f"{run_id}.jsonl"), steps, problems=problems)

    def packed(self, run_id: str | None = None) -> WorkflowRun:
        """Return the last run (or one) as read from its crate."""
        return read_crate(self.catalogue / "crates" / (run_id or self.run_ids()[-1]))


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Project]:
    """Copy one of the test workflows, or start from one Snakefile's text."""

    def make(workflow: str) -> Project:
        folder = tmp_path / "project"
        if "\n" in workflow:
            folder.mkdir()
            (folder / "Snakefile").write_text(workflow)
        else:
            shutil.copytree(WORKFLOWS / workflow, folder)
        return Project(folder)

    return make
