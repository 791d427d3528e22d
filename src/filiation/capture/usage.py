"""Resources that a job used, from Snakemake's benchmark file."""

from __future__ import annotations

import csv
from pathlib import Path

from filiation.model import Usage

COLUMNS = {
    "s": ("wall time", "SEC"),
    "cpu_time": ("cpu time", "SEC"),
    "max_rss": ("peak memory", "MegaBYTE"),
    "io_in": ("data read", "MegaBYTE"),
    "io_out": ("data written", "MegaBYTE"),
    "mean_load": ("mean load", "PERCENT"),
}
"""Columns of a benchmark file and what they mean, by Snakemake's documentation ("Benchmark rules")."""


def read_benchmark(path: Path) -> tuple[Usage, ...]:
    """Return the figures of a benchmark file: the first repetition; nothing if there is no file or it says NA."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            row = next(csv.DictReader(stream, delimiter="\t"), None)
    except (OSError, UnicodeDecodeError, csv.Error):
        return ()
    found = []
    for column, (name, unit) in COLUMNS.items():
        try:
            found.append(Usage(name, float((row or {}).get(column) or ""), unit, "benchmark"))
        except ValueError:  # NA, - or an empty cell: not measured
            continue
    return tuple(found)
