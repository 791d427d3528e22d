"""Which processors a process computed on: the model of the CPU, NVIDIA GPUs with their driver.

Read from ``/proc`` alone, in well under a millisecond: asking the driver's library would start the driver and cost a
step more than many steps take. Other makers' GPUs are not told.
"""

from __future__ import annotations

import glob
import os
import re
from typing import Any

_DRIVER = re.compile(r"Kernel Module(?:\s+for\s+\S+)?\s+(\d[\w.]*)")
_CPU_NAMES = ("model name", "Model", "cpu model", "uarch")


def processor_facts(proc: str = "/proc") -> dict[str, Any]:
    """Describe the processors of this machine, as far as ``/proc`` tells.

    Returns
    -------
    dict
        ``cpu``, a model's name; and only where the NVIDIA driver is loaded: ``gpus``, the models that it shows to this
        process, sorted; ``gpu_driver``, its version; ``gpu_visible``, the value of
        ``CUDA_VISIBLE_DEVICES``, which says how many of them the process was to use.
    """
    facts: dict[str, Any] = {}
    if (cpu := _cpu(os.path.join(proc, "cpuinfo"))) is not None:
        facts["cpu"] = cpu
    nvidia = os.path.join(proc, "driver", "nvidia")
    gpus = sorted(model for path in glob.glob(f"{nvidia}/gpus/*/information") if (model := _field(path, "Model")))
    if not gpus:
        return facts
    facts["gpus"] = gpus
    if (found := _DRIVER.search(_head(os.path.join(nvidia, "version")))) is not None:
        facts["gpu_driver"] = found[1]
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        facts["gpu_visible"] = os.environ["CUDA_VISIBLE_DEVICES"]
    return facts


def _cpu(path: str) -> str | None:
    # The file repeats itself for each of perhaps hundreds of processors; its beginning is enough.
    return next((name for key in _CPU_NAMES if (name := _field(path, key)) is not None), None)


def _field(path: str, name: str) -> str | None:
    for line in _head(path).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name and value.strip():
            return " ".join(value.split())
    return None


def _head(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return stream.read(4096).decode("utf-8", "replace")
    except OSError:
        return ""
