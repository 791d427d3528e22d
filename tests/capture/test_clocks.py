"""Clocks that were set back or differ are told; the order stays that of the events, and no duration is negative."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filiation.capture.assembly import assemble
from filiation.capture.clocks import clock_findings
from filiation.capture.journal import JournalWriter, read_journal
from filiation.capture.steps import StepRecord
from filiation.model import Machine, Status
from tests.conftest import Project

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = 86400.0


def journal(path: Path, *moments: float) -> Path:
    """Write a run of one job after the other, an event at each moment, in seconds after noon."""
    writer = JournalWriter(path)
    start = NOON.timestamp()
    facts = {"run": "0d273356-0000-4000-8000-000000000001", "rundir": str(path.parent), "arguments": []}
    writer.append("run_started", facts, (start, 0.0))
    for number, moment in enumerate(moments):
        job = number // 2
        kind = "job_finished" if number % 2 else "job_started"
        described = {"job": job, "rule": "one", "kind": "shell", "output": [], "input": []} if kind[4] == "s" else {}
        writer.append(kind, {"job": job, "output": {}} | described, (start + moment, float(number)))
    writer.append("run_ended", {}, (start + moments[-1], float(len(moments))))
    writer.close()
    return path


def test_a_clock_set_back_is_told_and_makes_nothing_negative(tmp_path: Path) -> None:
    read = read_journal(journal(tmp_path / "run.jsonl", 1, 2, 3, 4 - DAY, 5 - DAY, 6 - DAY))
    assert clock_findings(read.events) == (
        "The clock was set back by 23:59:59 between event 3 (2026-03-01 12:00:03 UTC) and event 4: times after it are "
        "as the clock told them, the order is that of the events, and durations across it are given as 0.",
    )
    run = assemble(read)
    assert [action.job for action in run.actions] == [0, 1, 2]
    for action in run.actions:
        assert action.started is not None
        assert action.ended is not None
        assert action.ended >= action.started
    assert run.ended == run.started


def test_small_corrections_are_no_finding(tmp_path: Path) -> None:
    assert clock_findings(read_journal(journal(tmp_path / "run.jsonl", 1, 0.5, 3, 2)).events) == ()


def test_clocks_of_machines_that_differ_are_told(tmp_path: Path) -> None:
    events = read_journal(journal(tmp_path / "run.jsonl", 1, 2)).events
    early = NOON - timedelta(minutes=5)
    step = StepRecord(
        path=tmp_path, rule="one", outputs=(), status=Status.FINISHED, started=early, ended=early, parameters=(),
        side_inputs=(), pixels={}, software=(), usage=(), machine=Machine("node-17"), scheduler_job=None, error=None,
    )  # fmt: skip
    assert clock_findings(events, [step]) == (
        "A job of rule one on node-17 says that it started 0:05:00 before the run did: the clocks of the machines "
        "differ.",
    )
    back = replace(step, started=NOON, ended=early)
    assert clock_findings(events, [back]) == ("The clock was set back by 0:05:00 while a job of rule one ran.",)


COMPILER = shutil.which("cc")
STEPPED = """
rule all:
    input: "b"

rule a:
    output: "a"
    shell: "touch {output}; echo -86400 > clock"

rule b:
    input: "a"
    output: "b"
    shell: "touch {output}"
"""


@pytest.mark.slow
@pytest.mark.skipif(COMPILER is None, reason="no C compiler: the clock cannot be set back for one program alone")
def test_a_run_in_which_the_clock_is_set_back_by_a_day(project: Callable[[str], Project], tmp_path: Path) -> None:
    # libfaketime would do, but its clock_nanosleep() refuses the absolute times that Python's sleep() gives.
    shim = tmp_path / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
    made = project(STEPPED)
    clock = made.write("clock", "0\n")
    stepped = {"LD_PRELOAD": str(shim), "CLOCK_OFFSET": str(clock)}

    result = made.snakemake("--logger-filiation-pack", "now", **stepped)

    assert (made.folder / "b").exists(), result.stderr
    run = made.packed()
    assert [action.rule for action in run.actions] == ["a", "b"]
    (told,) = [sentence for sentence in run.not_captured if sentence.startswith("The clock was set back by ")]
    assert re.match(r"The clock was set back by (1 day, 0:0|23:5)\d:\d\d ", told)
    for action in run.actions:
        assert action.started is not None
        assert action.ended is not None
        assert action.ended >= action.started
    assert run.ended is not None
    assert run.ended >= run.started
