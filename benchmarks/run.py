"""Run every benchmark and print its table; the tables are kept in ``docs/benchmarks.md``.

Nothing else may run on the machine meanwhile. Name benchmarks to run some only:
``python benchmarks/run.py digests start``.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import version

import digests
import packing
import snakemake_overhead
import start

BENCHMARKS = {
    "overhead": snakemake_overhead.measure,
    "packing": packing.measure,
    "digests": digests.measure,
    "start": start.measure,
}


def main(chosen: list[str]) -> None:
    """Print where and when, then each table."""
    unknown = [name for name in chosen if name not in BENCHMARKS]
    if unknown:
        sys.exit(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.")
    packages = ("filiation", "snakemake", "zarr", "numpy", "pyoxigraph")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.platform()}")
    print(f"Python {platform.python_version()}, {versions}\n")
    for name in chosen or BENCHMARKS:
        print(BENCHMARKS[name]() + "\n", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
