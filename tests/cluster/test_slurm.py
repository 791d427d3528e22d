"""Runs on a real Slurm of one node: job ids, real times, attempts.

Left out, with the reason, where Slurm neither runs nor can be installed (it needs root and Debian's packages).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filiation.crate.validation import validate
from filiation.model import Status
from tests.cluster.conftest import SLURM_OPTIONS
from tests.conftest import Project

pytestmark = pytest.mark.slow

WORKFLOW = """
rule all:
    input: expand("out/{n}.txt", n=[1, 2])

rule work:
    output: out="out/{n}.txt"
    params: factor=3
    log: "logs/{n}.log"
    RETRIES
    script: "work.py"
"""
WORK = """
import time
from pathlib import Path
from filiation.step import run

def work(out: Path, *, factor: int) -> None:
    time.sleep(2)
    tries = Path("tries")
    FAIL
    out.write_text(str(factor))

run(work, snakemake)
"""


def test_a_slurm_job_tells_its_id_and_its_real_times(slurm: None, project: Callable[[str], Project]) -> None:
    made = project(WORKFLOW.replace("RETRIES", ""))
    made.write("work.py", WORK.replace("FAIL", "pass"))

    result = made.snakemake(*SLURM_OPTIONS)

    assert result.returncode == 0, result.stderr
    run = made.packed()
    assert run.status is Status.FINISHED
    assert len({action.scheduler_job for action in run.actions}) == 2
    for action in run.actions:
        assert action.status is Status.FINISHED
        assert action.scheduler_job is not None
        assert action.scheduler_job.isdigit()
        assert action.time_source == "step"
        assert action.machine is not None
        assert action.submitted is not None
        assert action.started is not None
        assert action.ended is not None
        assert action.submitted < action.started
        assert 2 <= (action.ended - action.started).total_seconds() < 15
    (records, _) = next((made.catalogue / "steps").iterdir()), None
    assert all('"partition": "main"' in path.read_text() for path in records.glob("*.json"))
    assert validate(made.catalogue / "crates" / run.id).valid


def test_a_retry_inside_a_slurm_job_is_known_from_its_step_records(
    slurm: None, project: Callable[[str], Project]
) -> None:
    """A rule's own ``retries`` apply inside the submitted job: Snakemake announces one attempt only."""
    made = project(WORKFLOW.replace("RETRIES", "retries: 2").replace("[1, 2]", "[1]"))
    fail = "if not tries.exists():\n        tries.write_text('1')\n        raise RuntimeError('first try')"
    made.write("work.py", WORK.replace("FAIL", fail))

    result = made.snakemake(*SLURM_OPTIONS)

    assert result.returncode == 0, result.stderr
    run = made.packed()
    assert [(action.attempt, action.status) for action in run.actions] == [(1, Status.FAILED), (2, Status.FINISHED)]
    assert run.actions[0].error == "RuntimeError: first try"
    assert run.status is Status.FINISHED
