"""Real Snakemake runs, recorded with ``--logger filiation`` alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from filiation.capture.recorder import ERROR_WORD
from filiation.crate.validation import validate
from filiation.model import Parameter, RuleKind, Slot, Status, Value
from tests.conftest import Project
from tests.forked import python
from tests.waiting import wait_until

pytestmark = pytest.mark.slow
MakeProject = Callable[[str], Project]


def test_a_shell_workflow_is_recorded_job_by_job(project: MakeProject) -> None:
    made = project("shell_only")
    for sample in "ab":
        made.write(f"data/{sample}.txt", "one two three\n")

    assert made.snakemake().returncode == 0

    run = made.assembled()
    assert run.status is Status.FINISHED
    assert [action.rule for action in run.actions] == ["count", "count", "total"]
    assert [rule.kind for rule in run.rules] == [RuleKind.SHELL, RuleKind.SHELL]
    count = next(action for action in run.actions if action.wildcards == (("sample", "a"),))
    assert count.status is Status.FINISHED
    assert count.parameters == (Parameter("option", Value.of("-w")),)
    assert count.inputs == (Slot("text", "data/a.txt"),)
    assert count.outputs == (Slot("words", "results/a.count"),)
    assert count.command == "wc -w < data/a.txt > results/a.count 2> logs/a.log"
    assert count.benchmark == "benchmarks/a.tsv"
    assert count.started is not None
    assert count.ended is not None
    assert run.started <= count.started <= count.ended
    total = run.actions[-1]
    assert [slot.name for slot in total.inputs] == ["counts[0]", "counts[1]"]
    assert run.connections == (("count", "total"),)
    assert run.rules[0].source == "Snakefile"
    assert run.rules[0].line == 10


def test_run_and_script_rules_keep_parameters_by_name_and_as_used(project: MakeProject) -> None:
    made = project("run_and_script")

    assert made.snakemake().returncode == 0

    run = made.assembled()
    by_rule = {action.rule: action for action in run.actions}
    assert {rule.name: rule.kind for rule in run.rules} == {
        "half": RuleKind.SCRIPT,
        "number": RuleKind.RUN,
        "square": RuleKind.SCRIPT,
    }
    assert by_rule["number"].parameters == (
        Parameter("value", Value.of(6)),
        Parameter("nested", Value.of({"list": [1, 2], "text": "é"})),
    )
    assert by_rule["half"].parameters == (
        Parameter("divisor", Value.of(2), Value.of(2)),
        Parameter("digits", None, Value.of(3)),
    )
    assert by_rule["half"].time_source == "step"
    assert by_rule["square"].time_source == "snakemake"
    assert by_rule["half"].machine is not None
    assert {"Python", "CPython"} & {item.name for item in by_rule["half"].software}
    assert (made.folder / "logs/half.log").read_text() == "halve(divisor=2, digits=3) finished.\n"
    assert run.config == (Parameter("value", Value.of(6)),)
    assert run.config_files == ("config.yaml",)
    assert set(run.workflow.sources) == {"Snakefile", "scripts/half.py", "scripts/square.py"}


def test_jobs_behind_a_checkpoint_are_recorded(project: MakeProject) -> None:
    made = project("checkpoint_directory")
    made.write("data/words.txt", "alpha beta\n")

    assert made.snakemake().returncode == 0

    run = made.assembled()
    assert sorted(action.rule for action in run.actions) == ["gather", "shout", "shout", "split"]
    shout = next(action for action in run.actions if action.wildcards == (("word", "beta"),))
    assert shout.inputs == (Slot("input[0]", "results/parts/beta.txt"),)


FAILING = """
rule all:
    input: "done.txt"

rule breaks:
    output: "done.txt"
    params: number=5
    retries: 1
    shell: "touch {output}; exit 3"
"""


def test_every_attempt_of_a_failing_job_is_told_with_its_error(project: MakeProject) -> None:
    made = project(FAILING)
    bare = subprocess.run([python(), "-m", "snakemake", "-c1"], cwd=made.folder, capture_output=True, check=False)

    recorded = made.snakemake()

    assert recorded.returncode == bare.returncode == 1
    run = made.assembled()
    assert run.status is Status.FAILED
    assert [(action.attempt, action.status) for action in run.actions] == [(1, Status.FAILED), (2, Status.FAILED)]
    for action in run.actions:
        assert action.error is not None
        assert "returned non-zero exit status 3" in action.error
        assert action.exit_code == 3


def test_a_step_that_raises_tells_its_own_error(project: MakeProject) -> None:
    made = project("run_and_script")
    made.write(
        "scripts/half.py",
        "from filiation.step import run\n"
        "from pathlib import Path\n"
        "def halve(number: Path, half: Path, *, divisor: int) -> None:\n"
        "    raise RuntimeError('the number is odd')\n"
        "run(halve, snakemake)\n",
    )

    assert made.snakemake().returncode == 1

    half = next(action for action in made.assembled().actions if action.rule == "half")
    assert half.status is Status.FAILED
    assert half.error == "RuntimeError: the number is odd"


def test_a_dry_run_leaves_nothing(project: MakeProject) -> None:
    made = project(FAILING)
    assert made.snakemake("--dry-run").returncode == 0
    assert not made.catalogue.exists()


def test_a_run_with_nothing_to_do_leaves_no_record(project: MakeProject) -> None:
    made = project("run_and_script")
    made.snakemake()
    assert len(made.run_ids()) == 1
    assert made.snakemake().returncode == 0
    assert len(made.run_ids()) == 1


def test_touch_generates_nothing(project: MakeProject) -> None:
    made = project("run_and_script")
    made.snakemake()
    made.snakemake("--touch", "--forceall")
    run = made.assembled()
    assert run.status is Status.TOUCHED
    assert {action.status for action in run.actions} == {Status.TOUCHED}


def test_quiet_runs_are_recorded_too(project: MakeProject) -> None:
    made = project("run_and_script")
    result = made.snakemake("--quiet")
    assert result.returncode == 0
    assert not re.search(r"Finished jobid|steps \(.* done", result.stderr), (
        "Snakemake is as quiet as it was asked to be"
    )
    run = made.assembled()
    assert run.status is Status.FINISHED
    assert [action.status for action in run.actions] == [Status.FINISHED] * 3


def test_a_killed_run_is_interrupted(project: MakeProject) -> None:
    made = project("rule all:\n    output: 'x'\n    shell: 'echo begun > started; sleep 600; touch {output}'\n")
    command = [sys.executable, "-m", "snakemake", "-c1", "--logger", "filiation"]
    process = subprocess.Popen(
        command, cwd=made.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until((made.folder / "started").exists, "the job begins")
    made.await_journal('"event":"job_started"')
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    run = made.assembled()
    assert run.status is Status.INTERRUPTED
    assert [action.status for action in run.actions] == [Status.INTERRUPTED]
    assert run.ended is None
    assert run.not_captured == ("The journal has no end: the main process was stopped before it could write one.",)


def test_a_second_run_knows_what_it_reused(project: MakeProject) -> None:
    made = project("run_and_script")
    made.snakemake()
    (made.folder / "results/half.txt").unlink()
    made.snakemake()
    journal = (made.catalogue / "journals" / f"{made.run_ids()[-1]}.jsonl").read_text().splitlines()
    reused = next(json.loads(line)["data"] for line in journal if json.loads(line)["event"] == "up_to_date")
    assert [(job["rule"], job["output"][0]["path"]) for job in reused["jobs"]] == [
        ("number", "results/number.txt"),
        ("square", "results/square.txt"),
    ]
    assert [action.rule for action in made.assembled().actions] == ["half"]


@pytest.mark.parametrize("place", ["config file", "command line", "environment", "shell command"])
def test_secrets_never_reach_the_journal(project: MakeProject, place: str) -> None:
    secret = "correct-horse-battery-staple"
    made = project(
        "configfile: 'config.yaml'\n"
        "rule all:\n    output: 'x'\n    params: word=str(config.get('omero_password'))\n"
        f"    shell: 'echo --token {secret if place == 'shell command' else ''} {{params.word}} > {{output}}'\n"
    )
    made.write("config.yaml", f"omero_password: {secret}\n" if place == "config file" else "sigma: 2\n")
    arguments = ["--config", f"omero_password={secret}"] if place == "command line" else []
    environment = {"LAB_TOKEN": secret} if place == "environment" else {}
    if place == "environment":
        arguments = ["--config", f"note={secret}"]

    result = made.snakemake(*arguments, **environment)

    assert result.returncode == 0, result.stderr
    written = [path.read_bytes() for path in made.catalogue.rglob("*") if path.is_file()]
    assert written
    assert not [content for content in written if secret.encode() in content]
    assert made.assembled().redacted


def test_a_folder_that_cannot_be_written_costs_the_record_and_not_the_run(project: MakeProject) -> None:
    made = project("run_and_script")
    made.write("not-a-folder", "")
    result = made.snakemake("--logger-filiation-catalogue", "not-a-folder/x")
    assert result.returncode == 0
    assert ERROR_WORD in result.stderr
    assert "Traceback" not in result.stderr
    assert (made.folder / "results/half.txt").exists()


def test_a_wrong_setting_is_one_clear_message(project: MakeProject) -> None:
    made = project("run_and_script")
    result = made.snakemake("--logger-filiation-pack", "never")
    assert result.returncode == 1
    assert "--logger-filiation-pack is 'never'; expected 'now' or 'later'." in result.stderr


def test_a_parameter_that_the_function_does_not_know_shows_both_lists(project: MakeProject) -> None:
    made = project("run_and_script")
    text = (made.folder / "Snakefile").read_text().replace("divisor=lambda", "divider=lambda")
    made.write("Snakefile", text)
    result = made.snakemake()
    assert result.returncode == 1
    assert (
        "half: The rule's params and the keyword-only parameters of halve differ (missing in the rule: divisor; "
        "unknown to the function: divider). The rule has: divider. The function has: digits, divisor."
    ) in result.stderr


def test_a_mistake_in_the_settings_costs_what_they_say_and_not_the_record(project: MakeProject) -> None:
    made = project("run_and_script")
    made.write(".filiation/filiation.toml", "[agent]\nnmae = 'Ada'\n")
    result = made.snakemake()
    assert result.returncode == 0
    assert "agent.nmae is 'Ada'; expected a text for one of name, orcid" in result.stderr
    run = made.assembled()
    assert run.status is Status.FINISHED
    assert any("nmae" in sentence for sentence in run.not_captured)


def test_a_snakefile_with_secrets_travels_without_them_and_its_crate_is_valid(project: MakeProject) -> None:
    secret = "literal-and-very-secret"
    made = project(
        "rule all:\n    output: 'x'\n"
        f"    params: token=config.get('api_token'), tokens=3, password='{secret}'\n"
        "    shell: 'echo {params.tokens} > {output}'\n"
    )
    assert made.snakemake("--logger-filiation-pack", "now").returncode == 0
    crate = made.catalogue / "crates" / made.run_ids()[0]
    copy = (crate / "work/Snakefile").read_text()
    assert "token=config.get('api_token'), tokens=3" in copy
    assert secret not in "".join(
        path.read_text(errors="replace") for path in made.catalogue.rglob("*") if path.is_file()
    )
    assert validate(crate).valid
    run = made.packed()
    assert (
        "The copy of Snakefile in the crate lacks what looked like secrets; its digest is the original's."
        in run.not_captured
    )


def test_a_commit_is_claimed_only_for_a_workflow_that_git_keeps(project: MakeProject) -> None:
    made = project("run_and_script")

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=made.folder, check=True, capture_output=True)

    git("init", "-q")
    made.snakemake()
    assert made.assembled().workflow.version is None
    git("add", "Snakefile", "config.yaml", "scripts")
    git("commit", "-qm", "workflow")
    made.snakemake("--forceall")
    clean = made.assembled().workflow
    assert clean.version is not None
    assert clean.modified is False
    with (made.folder / "scripts/half.py").open("a") as script:
        script.write("# changed\n")
    made.snakemake("--forceall")
    assert made.assembled().workflow.modified is True
