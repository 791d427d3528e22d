"""Runs on a real Slurm of one node: job ids, real times, attempts.

Left out, with the reason, where Slurm neither runs nor can be installed (it needs root and Debian's packages).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.crate.validation import validate
from filiation.model import Status
from tests.conftest import Project

pytestmark = pytest.mark.slow
START = Path(__file__).with_name("start_slurm.sh")
# Accounting is not set up on one node; without `squeue` Snakemake would ask sacct and wait forever.
OPTIONS = (
    *("--executor", "slurm", "--jobs", "4"),
    *("--default-resources", "slurm_partition=main", "mem_mb=100", "runtime=2", "slurm_account=none"),
    *("--slurm-init-seconds-before-status-checks", "5", "--slurm-status-command", "squeue"),
    *("--logger-filiation-pack", "now"),
)

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


@pytest.fixture(scope="module")
def slurm() -> None:
    if not shutil.which("sbatch") and (os.geteuid() != 0 or not shutil.which("apt-get")):
        pytest.skip("Slurm is not installed, and installing it needs root and apt-get: see docs/how-to/on-a-cluster.md")
    # A folder that outlives the test: a Slurm that is started stays for the next run of the tests.
    started = subprocess.run([START, "/tmp/filiation-slurm"], capture_output=True, text=True, check=False)
    if started.returncode:
        pytest.skip(f"Slurm could not be started: {started.stderr.strip()}")


def test_a_slurm_job_tells_its_id_and_its_real_times(slurm: None, project: Callable[[str], Project]) -> None:
    made = project(WORKFLOW.replace("RETRIES", ""))
    made.write("work.py", WORK.replace("FAIL", "pass"))

    result = made.snakemake(*OPTIONS)

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

    result = made.snakemake(*OPTIONS)

    assert result.returncode == 0, result.stderr
    run = made.packed()
    assert [(action.attempt, action.status) for action in run.actions] == [(1, Status.FAILED), (2, Status.FINISHED)]
    assert run.actions[0].error == "RuntimeError: first try"
    assert run.status is Status.FINISHED
