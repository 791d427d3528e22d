"""Eight processes that pack and ingest into one catalogue at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import filiation
from filiation.capture.journal import JournalWriter
from filiation.catalogue import CatalogueFolder
from tests.lineage.crates import nuclei_run
from tests.torture.invariants import incomplete

pytestmark = pytest.mark.slow
PACKING, TAKING_IN, RUNS, CRATES_EACH = 4, 4, 12, 3
RAW = (
    "Traceback",
    "OperationalError",
    "database is locked",
    "lock hold by",
    "Resource temporarily",
    "inside filiation",
)


def waiting_run(home: CatalogueFolder, number: int) -> str:
    run = f"0d273356-0000-4000-8000-{number:012x}"
    writer = JournalWriter(home.journals / f"{run}.jsonl")
    writer.append("run_started", {"run": run, "rundir": str(home.root.parent), "arguments": []})
    facts = {
        "job": 1,
        "rule": "one",
        "kind": "shell",
        "input": [],
        "output": [{"name": "output[0]", "path": "made.txt"}],
    }
    writer.append("job_started", facts)
    writer.append("job_finished", {"job": 1, "output": {}})
    writer.append("run_ended", {})
    writer.close()
    return run


def test_nothing_is_lost_doubled_or_told_as_a_raw_lock(tmp_path: Path) -> None:
    home = CatalogueFolder.create(tmp_path / "project" / ".filiation")
    (tmp_path / "project" / "made.txt").write_text("made\n")
    runs = {waiting_run(home, number) for number in range(RUNS)}
    coming = [nuclei_run(tmp_path / "data", number) for number in range(1, TAKING_IN * CRATES_EACH + 1)]
    crates = [run.write(tmp_path / "inbox") for run in coming]
    commands = [["pack"]] * PACKING + [
        ["ingest", *map(str, crates[start : start + CRATES_EACH])] for start in range(0, len(crates), CRATES_EACH)
    ]

    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "filiation", *command, "--catalogue", str(home.root)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for command in commands
    ]  # fmt: skip
    said = [process.communicate(timeout=240)[0] for process in processes]

    assert [process.returncode for process in processes] == [0] * len(commands), said
    assert not [text for text in said if any(sign in text for sign in RAW)]
    assert sorted(summary.id for summary in filiation.open(home.root).runs()) == sorted(
        runs | {run.id for run in coming}
    )
    assert [breach for run in runs for breach in incomplete(home.crates / run)] == []
    assert [path.name for path in home.crates.glob(".*")] == []
    assert list(home.root.joinpath("packing").glob("*")) == []
    before = filiation.open(home.root).rdf().quads()
    assert len(set(before)) > 0
    filiation.open(home.root).rebuild()
    assert len(filiation.open(home.root).runs()) == RUNS + len(coming)
