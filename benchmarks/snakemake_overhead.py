"""What recording costs: Snakemake with and without the logger, interleaved, on jobs that do nothing: the worst case."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from timing import Cost, cost_of, median

JOBS = int(os.environ.get("FILIATION_BENCH_JOBS", "1000"))
ROUNDS = int(os.environ.get("FILIATION_BENCH_ROUNDS", "3"))

SNAKEFILE = """
rule all:
    input: expand("out/{{n}}.txt", n=range({jobs}))

rule nothing:
    output: touch("out/{{n}}.txt")
    params: sigma=2.0, method="otsu"
    shell: ":"
"""


def measure() -> str:
    """Return the table: seconds without and with, the ratio, the journal's size a job, and packing by itself."""
    without: list[Cost] = []
    recorded: list[Cost] = []
    packing: list[Cost] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "Snakefile").write_text(SNAKEFILE.format(jobs=JOBS))
        for _ in range(ROUNDS):
            without.append(_run(folder, []))
            recorded.append(_run(folder, ["--logger", "filiation", "--logger-filiation-pack", "later"]))
            journal = next((folder / ".filiation/journals").iterdir())
            size = journal.stat().st_size
            packing.append(cost_of([sys.executable, "-m", "filiation", "pack"], folder))
    bare, logged, packed = median(without), median(recorded), median(packing)
    return "\n".join([
        f"### Recording {JOBS} jobs that do nothing (median of {ROUNDS}, interleaved)",
        "",
        "| | wall s | CPU s |",
        "|---|---|---|",
        f"| Snakemake alone | {bare.wall:.1f} | {bare.cpu:.1f} |",
        f"| Snakemake with `--logger filiation` | {logged.wall:.1f} | {logged.cpu:.1f} |",
        f"| ratio | {logged.wall / bare.wall:.3f} | {logged.cpu / bare.cpu:.3f} |",
        f"| packing afterwards | {packed.wall:.1f} | {packed.cpu:.1f} |",
        "",
        f"Journal: {size / JOBS / 1000:.2f} kB a job.",
    ])  # fmt: skip


def _run(folder: Path, options: list[str]) -> Cost:
    for made in ("out", ".snakemake", ".filiation"):
        shutil.rmtree(folder / made, ignore_errors=True)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--scheduler", "greedy", "--quiet", "all"]
    return cost_of([*command, *options], folder)
