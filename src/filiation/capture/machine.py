"""The machine at hand, and the cluster's job on it. Imported for every command that is recorded, so nothing heavy."""

from __future__ import annotations

import os
import platform
from typing import Any

from filiation.capture.processors import processor_facts

_BOOT = "/proc/sys/kernel/random/boot_id"


def machine_facts() -> dict[str, Any]:
    """Describe this machine: host, platform, processors that this process may use, GPUs, boot id where there is one."""
    facts: dict[str, Any] = {"host": platform.node(), "platform": platform.platform(), "cpus": _usable_cpus()}
    facts |= processor_facts()
    if os.path.exists(_BOOT):
        with open(_BOOT, encoding="ascii") as stream:
            facts["boot"] = stream.read().strip()
    return facts


def _usable_cpus() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def scheduler_facts() -> dict[str, Any]:
    """Describe the cluster job that this process runs in, if it does; names by the schedulers' own documentation."""
    known = {"SLURM_JOB_ID": "slurm", "PBS_JOBID": "pbs", "LSB_JOBID": "lsf", "JOB_ID": "sge"}
    for variable, scheduler in known.items():
        if os.environ.get(variable):
            facts = {"scheduler": scheduler, "job": os.environ[variable]}
            if scheduler == "slurm" and os.environ.get("SLURM_JOB_PARTITION"):
                facts["partition"] = os.environ["SLURM_JOB_PARTITION"]
            return facts
    return {}
