"""A real Slurm of one node, for the tests that want one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

START = Path(__file__).with_name("start_slurm.sh")
# Accounting is not set up on one node; without `squeue` Snakemake would ask sacct and wait forever.
SLURM_OPTIONS = (
    *("--executor", "slurm", "--jobs", "4"),
    *("--default-resources", "slurm_partition=main", "mem_mb=100", "runtime=2", "slurm_account=none"),
    *("--slurm-init-seconds-before-status-checks", "1", "--slurm-status-command", "squeue"),
    *("--seconds-between-status-checks", "1"),
    *("--logger-filiation-pack", "now"),
)


@pytest.fixture(scope="module")
def slurm() -> None:
    reason = started_slurm()
    if reason is not None:
        pytest.skip(reason)


def started_slurm() -> str | None:
    """Start Slurm unless it runs; return why that cannot be."""
    if not shutil.which("sbatch") and (os.geteuid() != 0 or not shutil.which("apt-get")):
        return "Slurm is not installed, and installing it needs root and apt-get: see docs/how-to/on-a-cluster.md"
    # A folder that outlives the test: a Slurm that is started stays for the next run of the tests.
    started = subprocess.run([START, "/tmp/filiation-slurm"], capture_output=True, text=True, check=False)
    return f"Slurm could not be started: {started.stderr.strip()}" if started.returncode else None
