"""Rules that are not ours, with one line for the job's own record, by real Snakemake."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from filiation.capture.fingerprint import fingerprint, fingerprints_of
from filiation.model import Action, Status
from tests.capture.situations import MakeProject, only, recorded, statuses

slow = pytest.mark.slow
DONE, FAILED = Status.FINISHED, Status.FAILED
PREFIX = (
    "shell.prefix('set -euo pipefail; [ -v BASH_EXECUTION_STRING ] && command -v filiation >/dev/null && "
    'exec filiation step --shell "$BASH_EXECUTION_STRING"; \')\n'
)


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


def usage(action: Action) -> dict[str, float]:
    return {each.name: each.value for each in action.usage if each.source == "step"}


ONE_BY_ONE = """
rule all:
    input: expand("{n}.txt", n=[1, 2, 3]), "both.txt", "odd.txt"

rule work:
    output: "{n}.txt"
    params: word=config["lab_password"]
    shell: "filiation step -- sh -c 'sleep 0.$0; echo $1' {wildcards.n} {params.word} > {output} 2> /dev/null"

rule two_commands:
    input: expand("{n}.txt", n=[1, 2, 3])
    output: "both.txt"
    shell:
        \"\"\"
        filiation step -- cat {input} | filiation step -- sort -r > {output}
        filiation step -- test -s \\
            {output}
        \"\"\"

rule expands_words_itself:
    input: "both.txt"
    output: "odd.txt"
    shell: "name=odd; filiation step -- touch $name.txt"

rule plain:
    output: "plain.txt"
    shell: "touch {output}"
"""


@slow
def test_a_command_in_a_rule_of_anybodys_is_recorded_by_its_job(project: MakeProject) -> None:
    made = project(ONE_BY_ONE)
    result = made.snakemake("--cores", "3", "all", "plain.txt", "--config", "lab_password=kanariexQz77")
    assert result.returncode == 0, result.stderr
    run = recorded(made)
    assert run.not_captured == ()
    for n in (1, 2, 3):
        action = only(run, "work", n=str(n))
        assert usage(action)["wall time"] >= n / 10
        assert action.ended is not None
        assert action.started is not None
        assert action.submitted is not None
        assert action.submitted < action.started < action.ended
    for action in run.actions:
        ours = action.rule != "plain"
        assert action.time_source == ("step" if ours else "snakemake")
        assert (action.machine is not None) == (action.step_record is not None) == ours
    both = only(run, "two_commands")
    assert set(usage(both)) == {"cpu time", "peak memory"}, "three commands of one try"
    assert len(list((made.catalogue / "crates" / run.id / "steps").iterdir())) == 3 + 3 + 1
    assert not [path for path in made.catalogue.rglob("*.json*") if b"kanariexQz77" in path.read_bytes()]


PREFIXED = """
rule all:
    input: "a.txt", "b.txt", "c.txt"

rule compound:
    output: "a.txt"
    shell: "x=1; (echo $x; echo 2) | sort -r > {output}; test ${{x}} -eq 1"

rule script:
    output: "b.txt"
    script: "b.py"

rule run_itself:
    output: "c.txt"
    run:
        shell("echo c > {output}")
        shell("echo d >> {output}")
"""


@slow
def test_a_prefix_records_every_shell_of_a_workflow(project: MakeProject) -> None:
    made = project(PREFIX + PREFIXED)
    made.write("b.py", "import time\ntime.sleep(0.2)\nopen(snakemake.output[0], 'w').write('b')\n")
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    assert (made.folder / "a.txt").read_text() == "2\n1\n"
    assert (made.folder / "c.txt").read_text() == "c\nd\n"
    run = recorded(made)
    assert run.not_captured == ()
    assert {action.rule: action.time_source for action in run.actions} == {
        "compound": "step", "script": "step", "run_itself": "snakemake",
    }  # fmt: skip
    assert usage(only(run, "script"))["wall time"] > 0.2


@slow
def test_a_prefix_changes_neither_failures_nor_retries(project: MakeProject) -> None:
    made = project(
        PREFIX + "rule all:\n    input: 'a.txt', 'b.txt'\n\n"
        "rule stumbles:\n    output: 'a.txt'\n    retries: 1\n"
        "    shell: 'echo x >> tries; test $(wc -l < tries) -ge 2; cp tries {output}'\n\n"
        "rule fails:\n    output: 'b.txt'\n    shell: 'false | cat; echo never > {output}'\n"
    )
    assert made.snakemake("--keep-going").returncode == 1
    run = recorded(made)
    assert statuses(run) == {"stumbles": tuple(sorted((FAILED, DONE))), "fails": (FAILED,)}
    assert {action.time_source for action in run.actions} == {"step"}
    assert not (made.folder / "b.txt").exists()
    failed = only(run, "fails")
    assert failed.error is not None
    assert "false | cat" in failed.error, "Snakemake's word, which names the command"


@slow
def test_a_workflow_with_the_prefix_runs_where_there_is_no_filiation(
    project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    made = project(PREFIX + "rule a:\n    output: 'a.txt'\n    shell: 'echo a > {output}'\n")
    result = made.snakemake()
    assert result.returncode == 0, result.stderr
    assert recorded(made).actions[0].time_source == "snakemake"


def test_fingerprints_are_those_of_the_whole_and_of_each_recorded_call() -> None:
    command = (
        "cd x; filiation step -- a 'b c' 2> log | /opt/bin/filiation step -- d \\\n  e && filiation step --shell x"
    )
    key = "0f" * 16
    assert fingerprints_of(command, key) == [
        fingerprint(words, key) for words in ([command], ["a", "b c", "2"], ["a", "b c"], ["d", "e"])
    ]
    assert fingerprints_of("filiation step -- 'never closed", key) == [
        fingerprint(["filiation step -- 'never closed"], key)
    ]
    assert fingerprint(["a"], key) != fingerprint(["a"], "1e" * 16)
