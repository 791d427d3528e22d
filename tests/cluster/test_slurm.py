"""Runs on a real Slurm of one node: job ids, real times, attempts.

Left out, with the reason, where Slurm neither runs nor can be installed (it needs root and Debian's packages).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filiation.crate.validation import validate
from filiation.model import Presence, Status
from tests.capture.situations import only, statuses
from tests.capture.test_commands import PREFIX
from tests.cluster.conftest import SLURM_OPTIONS
from tests.conftest import Project

pytestmark = pytest.mark.slow(20)

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
# Beside Snakemake's tutorial, of which every command is recorded by one line at its top: a command that is recorded by
# itself, and an exception that only the node hears.
BESIDE = """
rule count_words:
    input: "calls/all.vcf"
    output: "words.txt"
    shell: "filiation step -- wc -w {input} > {output}"

rule fails:
    output: "never.txt"
    run:
        raise ValueError("no such thing on this node")
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


def test_jobs_of_every_kind_tell_their_slurm_job_and_their_real_times(slurm: None, tutorial: Project) -> None:
    made = tutorial
    _, rule, work = WORKFLOW.replace("RETRIES", "").partition("rule work")
    made.write("Snakefile", PREFIX + (made.folder / "Snakefile").read_text() + rule + work + BESIDE)
    made.write("work.py", WORK.replace("FAIL", "pass"))

    made.write("config.yaml", "samples: {A: data/samples/A.fastq}\nprior_mutation_rate: 0.001\n")  # half the jobs
    targets = ("all", "words.txt", "out/1.txt", "never.txt")
    result = made.snakemake(*SLURM_OPTIONS, "--keep-going", *targets)

    run = made.packed()
    assert run.not_captured == (), result.stderr
    assert {rule: set(each) for rule, each in statuses(run).items() if rule != "fails"} == {
        rule: {Status.FINISHED}
        for rule in (
            "bwa_index", "bwa_map", "samtools_sort", "samtools_index", "bcftools_call", "plot_quals", "work",
            "count_words",
        )
    }, result.stderr  # fmt: skip
    failed = only(run, "fails")
    assert failed.status is Status.FAILED
    assert "no such thing on this node" in str(failed.error)
    assert len({action.scheduler_job for action in run.actions}) == len(run.actions) == 9
    for action in run.actions:
        assert str(action.scheduler_job).isdigit()
        if action is failed:
            continue
        assert action.time_source == "step"
        assert action.machine is not None
        assert action.submitted is not None
        assert action.started is not None
        assert action.ended is not None
        assert action.submitted < action.started < action.ended
        assert (action.ended - action.started).total_seconds() >= (2 if action.rule == "work" else 0)
    records = made.catalogue / "steps" / run.id
    assert all('"partition": "main"' in path.read_text() for path in records.glob("*.json"))
    passing = run.entity("mapped_reads/A.bam")
    assert passing is not None
    assert (passing.presence, passing.digest is None) == (Presence.DELETED, False)
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
