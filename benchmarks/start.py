"""Start-up: ``filiation --help``, and what the plugins add to ``snakemake --help``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from timing import cost_of, median

ROUNDS = 7
PLUGINS = ("snakemake_logger_plugin_filiation", "snakemake_report_plugin_filiation", "snakemake_storage_plugin_omero")


def measure() -> str:
    """Return the table."""
    modules = ("logger_plugins.base", "report_plugins.reporter", "storage_plugins.storage_object")
    interfaces = "import " + ", ".join(f"snakemake_interface_{module}" for module in modules)
    with_plugins = interfaces + "; import " + ", ".join(PLUGINS)
    commands = {
        "`python -c pass`": [sys.executable, "-c", "pass"],
        "`filiation --help`": [sys.executable, "-m", "filiation", "--help"],
        "`filiation --version`": [sys.executable, "-m", "filiation", "--version"],
        "Snakemake's plugin interfaces alone": [sys.executable, "-c", interfaces],
        "the same and our three plugins": [sys.executable, "-c", with_plugins],
    }
    rows = [f"### Start-up (median of {ROUNDS})", "", "| | wall ms | CPU ms |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as scratch:
        for name, command in commands.items():
            cost = median([cost_of(command, Path(scratch)) for _ in range(ROUNDS)])
            rows.append(f"| {name} | {cost.wall * 1000:.0f} | {cost.cpu * 1000:.0f} |")
    return "\n".join(rows)
