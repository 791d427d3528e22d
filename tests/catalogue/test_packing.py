"""What packing costs grows with the number of jobs and no faster: counted in calls, for time is the machine's."""

from __future__ import annotations

import platform
import sys
import uuid
from pathlib import Path
from types import FrameType

import pytest

from filiation.capture.journal import JournalWriter
from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.catalogue.packing import pack


def ended_run(folder: Path, jobs: int) -> tuple[CatalogueFolder, str]:
    """Write the journal and the files of a run of so many jobs, each of which uses one file and makes two."""
    home, run = CatalogueFolder.create(folder / ".filiation"), str(uuid.uuid4())
    (folder / "Snakefile").write_text("")
    writer = JournalWriter(home.journals / f"{run}.jsonl")
    machine = {"host": platform.node()}
    writer.append("run_started", {"run": run, "rundir": str(folder), "pid": 0, "machine": machine, "arguments": []})
    for number in range(jobs):
        paths = [f"{what}/{number}.txt" for what in ("in", "out", "table", "log")]
        for path in paths:
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(path)
        used, mask, table, log = ({"name": path.split("/")[0], "path": path} for path in paths)
        facts = {
            "job": number,
            "rule": "segment",
            "kind": "shell",
            "input": [used],
            "output": [mask, table],
            "log": [log],
        }
        writer.append("job_started", {**facts, "wildcards": {"n": str(number)}, "params": {"sigma": 2.0}})
        writer.append("job_finished", {"job": number, "output": {}})
    writer.append("run_ended", {})
    writer.close()
    return home, run


def calls_of_packing(folder: Path, jobs: int) -> int:
    folder.mkdir()
    home, run = ended_run(folder, jobs)
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        pack(home, run)
    finally:
        sys.setprofile(before)
    with Catalogue(home).reading() as index:
        (packed,) = index.runs()
    assert (packed.jobs, packed.outputs) == (jobs, 2 * jobs)
    return calls


@pytest.mark.slow
def test_twice_as_many_jobs_are_twice_the_work(tmp_path: Path) -> None:
    pack(*ended_run(tmp_path, 2))  # imports, and what is kept between packings
    some, more, most = (calls_of_packing(tmp_path / str(jobs), jobs) for jobs in (20, 40, 80))
    assert most - more < 2.1 * (more - some)
