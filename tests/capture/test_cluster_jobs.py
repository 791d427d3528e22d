"""Jobs that another machine runs: cluster-generic with a stand-in for ``sbatch``, which needs no cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from filiation.model import Status, WorkflowRun
from tests.capture.situations import MakeProject, only, recorded, statuses
from tests.conftest import Project

pytest.importorskip("snakemake_executor_plugin_cluster_generic")
pytestmark = pytest.mark.slow
DONE, FAILED = Status.FINISHED, Status.FAILED

# The environment is not handed on, as clusters may choose; but for what is needed to find the programs.
SBATCH = """#!/bin/sh
number=$(( $(cat queue/count 2>/dev/null || echo 100) + 1 ))
echo $number > queue/count
nohup env -i PATH="$PATH" HOME="$HOME" PYTHONPATH="$PYTHONPATH" SLURM_JOB_ID=$number sh "$1" > queue/$number.log 2>&1 &
echo $number
"""
STUMBLING = """
rule all:
    input: "done.txt"

rule stumbles:
    output: done="done.txt"
    RETRIES
    script: "stumble.py"
"""
STUMBLE = """
from pathlib import Path
from filiation.step import run

def stumble(done: Path) -> None:
    tries = Path("tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    if len(tries.read_text()) < 2:
        raise RuntimeError("not yet")
    done.write_text("at last")

run(stumble, snakemake)
"""
SHELL = """
rule all:
    input: "done.txt"

rule stumbles:
    output: "done.txt"
    RETRIES
    shell: "echo x >> tries; test $(wc -l < tries) -ge 2; cp tries {output}"
"""
GROUPED = """
rule all:
    input: "b.txt"

rule a:
    output: "a.txt"
    group: "together"
    shell: "echo a > {output}"

rule b:
    input: "a.txt"
    output: "b.txt"
    group: "together"
    shell: "cp {input} {output}"
"""


def submitted(made: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run on the stand-in, which is asked every second."""
    sbatch = made.write("queue/sbatch", SBATCH)
    sbatch.chmod(0o755)
    return made.snakemake(
        "--executor", "cluster-generic", "--cluster-generic-submit-cmd", "queue/sbatch", "--jobs", "4",
        "--seconds-between-status-checks", "1", "--latency-wait", "5", *arguments,
    )  # fmt: skip


def external(run: WorkflowRun) -> list[str | None]:
    return [action.scheduler_job for action in run.actions]


def test_a_retry_by_profile_is_two_jobs_of_the_cluster(project: MakeProject) -> None:
    made = project(STUMBLING.replace("RETRIES", ""))
    made.write("stumble.py", STUMBLE)
    made.write("lab/config.yaml", "retries: 1\nlogger: [filiation]\n")
    result = submitted(made, "--profile", "lab")
    assert result.returncode == 0, result.stderr
    assert len(made.run_ids()) == 1, "the jobs record no runs of their own"
    run = recorded(made)
    assert statuses(run) == {"stumbles": (FAILED, DONE)}
    assert external(run) == ["101", "102"]
    assert [action.attempt for action in run.actions] == [1, 2]
    assert run.actions[0].error == "RuntimeError: not yet"
    assert {action.time_source for action in run.actions} == {"step"}
    for action in run.actions:
        assert action.submitted is not None
        assert action.started is not None
        assert action.submitted <= action.started


def test_a_retry_by_the_rule_is_told_by_its_step_records(project: MakeProject) -> None:
    """It happens inside the cluster's job, where Snakemake's main process sees nothing of it."""
    made = project(STUMBLING.replace("RETRIES", "retries: 1"))
    made.write("stumble.py", STUMBLE)
    result = submitted(made)
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert statuses(run) == {"stumbles": (FAILED, DONE)}
    assert [action.attempt for action in run.actions] == [1, 2]
    assert run.actions[0].error == "RuntimeError: not yet"


def test_a_hidden_retry_of_a_shell_rule_leaves_one_finished_job(project: MakeProject) -> None:
    """Nothing tells of the first try: no event, no step record. What is told is true all the same."""
    made = project(SHELL.replace("RETRIES", "retries: 1"))
    result = submitted(made)
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert set(statuses(run)["stumbles"]) >= {DONE}
    assert run.status is DONE


RECORDED = """
rule all:
    input: expand("{n}.txt", n=["1", "a.b=c"])

rule stumbles:
    output: "{n}.txt"
    retries: 1
    shell: "echo x >> tries.{wildcards.n}; filiation step -- test $(wc -l < tries.{wildcards.n}) -ge 2; touch {output}"

rule together_a:
    output: "{n}.g"
    group: "together"
    shell: "filiation step -- touch {output}"

rule together_b:
    input: "{n}.g"
    output: "{n}.h"
    group: "together"
    shell: "filiation step -- cp {input} {output}"
"""


def test_a_hidden_retry_is_told_by_what_recorded_its_command(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cluster hands nothing on, not even where the records go; jobs of a group and odd wildcards are told apart."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    made = project(RECORDED)
    result = submitted(made, "all", "1.h")
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert run.not_captured == ()
    tries = (FAILED, DONE)
    assert statuses(run) == {
        "stumbles": tuple(sorted(tries * 2)), "together_a": (DONE,), "together_b": (DONE,),
    }  # fmt: skip
    for action in run.actions:
        assert action.time_source == "step"
        assert action.scheduler_job is not None
        assert action.machine is not None
    first = next(action for action in run.actions if action.rule == "stumbles" and action.attempt == 1)
    assert first.error == "CommandFailed: test ended with exit status 1"


def test_a_group_is_one_job_of_the_cluster(project: MakeProject) -> None:
    made = project(GROUPED)
    result = submitted(made)
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert statuses(run) == {"a": (DONE,), "b": (DONE,)}
    assert external(run) == ["101", "101"]
    assert only(run, "b").depends_on == (only(run, "a").job,)


def test_a_failed_group_tells_which_of_its_jobs_failed(project: MakeProject) -> None:
    made = project(GROUPED.replace("cp {input} {output}", "exit 3"))
    assert submitted(made).returncode == 1
    run = recorded(made)
    assert run.status is FAILED
    assert only(run, "b").status is FAILED
    assert only(run, "a").status is not DONE or Path(made.folder / "a.txt").exists()
