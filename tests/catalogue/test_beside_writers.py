"""Who reads goes on while others write, who writes waits and says so, and what was killed goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import CatalogueBusyError
from filiation.lineage.doctor import examine
from filiation.model import entity_iri
from tests.lineage.crates import CrateBuilder, nuclei_run

pytestmark = pytest.mark.slow

# Stops itself at the call whose name is given, and says so before.
_STOPPING = """
import os, signal, sys
from pathlib import Path
import filiation.catalogue.crates, filiation.catalogue.rebuilding, filiation.catalogue.stores
from filiation.catalogue import Catalogue, CatalogueFolder, LineageIndex
from filiation.catalogue.filling import StoreFilling
from filiation.catalogue.store_writer import StoreWriter

where, place, doing, *crates = sys.argv[1:]
owner, name = {
    "arriving": (filiation.catalogue.crates, "_swap_in"),
    "joining": (LineageIndex, "set_joins"),
    "filling": (StoreFilling, "finish"),
    "loading": (StoreWriter, "load"),
    "publishing": (filiation.catalogue.rebuilding, "publish"),
}[where]
whole = getattr(owner, name)

def stopping(*arguments):
    print("stops", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    return whole(*arguments)

setattr(owner, name, stopping)
catalogue = Catalogue(CatalogueFolder(Path(place)), wait=60)
if doing == "rebuild":
    print(len(catalogue.rebuild().crates), flush=True)
elif doing == "quads":
    print(len(catalogue.quads()) > 0, flush=True)
else:
    print(*[catalogue.ingest(Path(crate)).outcome for crate in crates], flush=True)
"""


@contextmanager
def held(where: str, catalogue: CatalogueFolder, doing: str, *crates: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a process that does something, while it stands still in the middle of it; then it goes on to the end."""
    command = [sys.executable, "-c", _STOPPING, where, str(catalogue.root), doing, *map(str, crates)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "stops\n"
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGCONT)
        process.communicate()


def ask(folder: CatalogueFolder, *arguments: str) -> str:
    command = [sys.executable, "-m", "filiation", *arguments, "--catalogue", str(folder.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def runs(folder: Path) -> list[CrateBuilder]:
    return [nuclei_run(folder, number, sigma=float(number)) for number in (1, 2, 3)]


def test_every_question_is_answered_while_others_take_in_and_rebuild(
    catalogue: Catalogue, runs: list[CrateBuilder], tmp_path: Path
) -> None:
    home = catalogue.folder
    first, second, third = (run.write(tmp_path / "elsewhere") for run in runs)
    catalogue.ingest(first)
    thing = entity_iri(runs[0].id, "results/ihc/nuclei.parquet")
    questions = [
        ["trace", "--json", thing],
        ["impact", "--json", thing],
        ["find", "action", "rule=segment"],
        ["runs", "--json"],
        ["ask", "sources"],
        ["sparql", "SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"],
    ]
    before = [ask(home, *question) for question in questions]
    with (
        held("arriving", home, "ingest", second) as taking_in,
        held("filling", home, "rebuild") as rebuilding,
    ):
        assert [ask(home, *question) for question in questions] == before
        assert "agree with them" in ask(home, "doctor")
        # Another writer waits, and says so.
        other = Catalogue(home, wait=0.1)
        said: list[str] = []
        other.on_wait = lambda: said.append("waits")
        with pytest.raises(CatalogueBusyError) as caught:
            other.ingest(third)
        assert str(caught.value).startswith(f"Another process is writing to the catalogue {home.root}; waited 0.1 s.")
        assert said == ["waits"]
        # A killed rebuild leaves all as it was.
        rebuilding.kill()
        rebuilding.wait()
        assert [ask(home, *question) for question in questions] == before
        assert taking_in.poll() is None
    with held("joining", home, "ingest", third):
        # All of a crate is seen at once: not while its joins are missing.
        with catalogue.reading() as index:
            assert {run.id for run in index.runs()} == {run.id for run in runs[:2]}
        assert catalogue.quads()
    with held("publishing", home, "rebuild"):
        assert all(run.id[:8] in ask(home, "runs") for run in runs)
    assert examine(home).findings == ()


def test_a_killed_rebuild_goes_on_where_it_was(
    catalogue: Catalogue, runs: list[CrateBuilder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filiation.catalogue.filling.LARGEST_PART", 1)  # each crate is a part
    for run in runs:
        catalogue.ingest(run.write(tmp_path / "elsewhere"))
    before = sorted(catalogue.quads(), key=str)
    read: list[str] = []

    def stop(done: int, total: int, name: str) -> None:
        read.append(name)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalogue.rebuild(stop)
    assert sorted(catalogue.quads(), key=str) == before  # the old ones answer
    catalogue.ingest(nuclei_run(tmp_path / "project", 4).write(tmp_path / "elsewhere"))  # and come to date
    report = catalogue.rebuild()
    # The first had been noted; of the second the store may have had a part, and it was read again.
    assert [crate.outcome for crate in report.crates] == ["unchanged", "new", "new", "new"]
    assert [crate.id for crate in report.crates][:2] == read
    after = sorted(catalogue.quads(), key=str)
    assert set(before) < set(after)
    assert examine(catalogue.folder).findings == ()
    catalogue.rebuild()
    assert sorted(catalogue.quads(), key=str) == after


def test_who_reads_keeps_what_is_taken_away(catalogue: Catalogue, runs: list[CrateBuilder], tmp_path: Path) -> None:
    catalogue.ingest(runs[0].write(tmp_path / "elsewhere"))
    with catalogue.reading() as index:
        catalogue.ingest(runs[1].write(tmp_path / "elsewhere"))
        catalogue.rebuild()
        assert [run.id for run in index.runs()] == [runs[0].id]
        assert index.entities()
        kept = sorted(path.name for path in catalogue.folder.made.iterdir())
    assert kept == ["1", "2"]
    catalogue.rebuild()
    assert sorted(path.name for path in catalogue.folder.made.iterdir()) == ["3"]


def test_ten_processes_with_crates_in_common(catalogue: Catalogue, folder: Path, tmp_path: Path) -> None:
    home = catalogue.folder
    crates = [nuclei_run(folder, number, sigma=float(number)).write(tmp_path / "elsewhere") for number in range(1, 7)]
    script = (
        "import sys; from pathlib import Path; from filiation.catalogue import Catalogue, CatalogueFolder\n"
        "catalogue = Catalogue(CatalogueFolder(Path(sys.argv[1])), wait=300)\n"
        "print(*[catalogue.ingest(Path(crate)).outcome for crate in sys.argv[2:]])\n"
        "assert catalogue.quads()"
    )
    chosen = [[crates[(start + step) % 6] for step in range(3)] for start in range(10)]
    processes = [
        subprocess.Popen([sys.executable, "-c", script, home.root, *mine], stdout=subprocess.PIPE, text=True)
        for mine in chosen
    ]
    told = [process.communicate(timeout=600)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 10
    assert sorted(outcome for each in told for outcome in each) == ["new"] * 6 + ["unchanged"] * 24
    assert examine(home).findings == ()
    with catalogue.reading() as index:
        assert len(index.runs()) == 6
    graphs = {quad[3] for quad in catalogue.quads()}
    assert len(graphs) == 6
    assert not list(home.crates.glob(".*"))
