"""What packing costs as runs grow: seconds and memory of `filiation pack` for runs of many jobs with four files each.

Snakemake itself would take hours for the largest, so the journal is written by the writer of the recorder, with the
facts of a job that Snakemake ran, once for every job.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from filiation.capture.journal import JournalWriter, read_journal
from filiation.capture.live_job import file_state

SIZES = tuple(int(size) for size in os.environ.get("FILIATION_BENCH_SIZES", "1000,5000,10000,20000").split(","))
SNAKEFILE = """
rule all:
    input: "out/0/mask.txt"

rule segment:
    input: "in/{n}.txt"
    output: mask="out/{n}/mask.txt", table="out/{n}/table.txt"
    log: "logs/{n}.log"
    params: sigma=2.0, method="otsu"
    shell: "echo {wildcards.n} | tee {output.mask} {output.table} > {log}"
"""


def measure() -> str:
    """Return the table: seconds, memory and bytes of the crate, by the number of jobs."""
    rows = [_packed(jobs) for jobs in SIZES]
    return "\n".join([
        "### Packing a run of many jobs, four files each (once each, in an empty catalogue)",
        "",
        "| jobs | files | wall s | CPU s | ms a job | memory MB | journal kB a job | crate's metadata MB |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
    ])  # fmt: skip


def _packed(jobs: int) -> str:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        journal = _recorded(folder, jobs)
        begun = time.perf_counter()
        command = [sys.executable, "-m", "filiation", "pack", "--catalogue", str(folder / ".filiation")]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status:
            raise RuntimeError(f"packing ended with {status}")
        (metadata,) = (folder / ".filiation/crates").glob("*/ro-crate-metadata.json")
        cpu, memory = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
        return (
            f"| {jobs:,} | {4 * jobs:,} | {wall:.1f} | {cpu:.1f} | {1000 * wall / jobs:.2f} | {memory:.0f} "
            f"| {journal.stat().st_size / jobs / 1000:.2f} | {metadata.stat().st_size / 1e6:.1f} |"
        )


def _recorded(folder: Path, jobs: int) -> Path:
    """Record one job by Snakemake and repeat its events, each with files of its own."""
    (folder / "in").mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "in/0.txt").write_text("0")
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--scheduler", "greedy", "--quiet", "all"]
    options = ["--logger", "filiation", "--logger-filiation-pack", "later"]
    subprocess.run([*command, *options], cwd=folder, check=True, capture_output=True)
    (recorded,) = (folder / ".filiation/journals").glob("*.jsonl")
    events = read_journal(recorded).events
    recorded.unlink()
    run = str(uuid.uuid4())
    writer = JournalWriter(recorded.with_name(f"{run}.jsonl"))
    (first,) = [event for event in events if event.kind == "run_started"]
    (began,) = [event for event in events if event.kind == "job_started" and event.data["rule"] == "segment"]
    writer.append("run_started", {**first.data, "run": run})
    for number in range(jobs):
        facts = json.loads(json.dumps(began.data).replace("/0.", f"/{number}.").replace("/0/", f"/{number}/"))
        facts |= {"job": number, "wildcards": {"n": str(number)}, "depends_on": []}
        paths = [entry["path"] for what in ("input", "output", "log") for entry in facts[what]]
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(f"{number}\n")
        writer.append("job_started", facts)
        states = {entry["path"]: file_state(str(folder / entry["path"])) for entry in facts["output"]}
        writer.append("job_finished", {"job": number, "output": states})
    writer.append("run_ended", {"redacted": [], "kept_back": []})
    writer.close()
    return writer.path
