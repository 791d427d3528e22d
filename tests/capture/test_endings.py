"""However a job or a run ends, the record says so: by real Snakemake, one small workflow a situation."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from filiation.capture.journal import read_journal
from filiation.capture.recorder import ERROR_WORD
from filiation.lineage import Ledger
from filiation.model import Presence, Status, WorkflowRun
from tests.capture.situations import (
    MakeProject,
    Situation,
    ancestors,
    only,
    play,
    recorded,
    snakemake_command,
    statuses,
)
from tests.conftest import Project
from tests.forked import python
from tests.waiting import UNTIL_GO, wait_until

pytestmark = pytest.mark.slow
DONE, FAILED, STOPPED = Status.FINISHED, Status.FAILED, Status.INTERRUPTED

TWO_BRANCHES = """
rule all:
    input: "good.txt", "after.txt"

rule breaks:
    output: "bad.txt"
    shell: "echo half > {output}; exit 3"

rule after:
    input: "bad.txt"
    output: "after.txt"
    shell: "cp {input} {output}"

rule works:
    output: "good.txt"
    shell: "sleep 0.3; echo whole > {output}"
"""

RETRIED = """
rule all:
    input: "done.txt"

rule stumbles:
    output: "done.txt"
    params: least=20
    resources: number=lambda wildcards, attempt: attempt * 10
    retries: 2
    shell: "echo {resources.number} > {output}; test {resources.number} -ge {params.least}"
"""

MISSING = """
rule forgets:
    output: "never.txt"
    shell: "true"
"""

LATE_ERROR = """
checkpoint first:
    output: "first.txt"
    shell: "echo 1 > {output}"

def second(wildcards):
    checkpoints.first.get()
    raise ValueError("the second part is not known")

rule all:
    default_target: True
    input: second
    output: "all.txt"
    shell: "touch {output}"
"""

NO_RULE = """
rule all:
    input: "nobody-makes-this.txt"
"""

IN_PYTHON = """
rule divides:
    output: "x.txt"
    retries: 1
    run:
        1 / 0
"""

SITUATIONS = [
    Situation("a failed job", TWO_BRANCHES, FAILED, {"breaks": (FAILED,)}, frozenset(), 1, arguments=(("after.txt",),)),
    Situation(
        "the others go on", TWO_BRANCHES, FAILED, {"breaks": (FAILED,), "works": (DONE,)}, frozenset({"good.txt"}), 1,
        arguments=(("--keep-going",),),
    ),
    Situation("a local retry", RETRIED, DONE, {"stumbles": (FAILED, DONE)}, frozenset({"done.txt"})),
    Situation(
        "no retry is left", RETRIED.replace("20", "90"), FAILED, {"stumbles": (FAILED, FAILED, FAILED)}, frozenset(), 1
    ),
    Situation("a declared output is missing", MISSING, FAILED, {"forgets": (FAILED,)}, frozenset(), 1,
              arguments=(("--latency-wait", "0"),), error="never.txt"),
    Situation("a declared output is missing at every try", MISSING.replace("    shell", "    retries: 1\n    shell"),
              FAILED, {"forgets": (FAILED, FAILED)}, frozenset(), 1, arguments=(("--latency-wait", "0"),)),
    Situation("an output is not what it was ensured to be", MISSING.replace("true", "touch {output}").replace(
              '"never.txt"', 'ensure("never.txt", non_empty=True)'), FAILED, {"forgets": (FAILED,)}, frozenset(), 1,
              arguments=(("--latency-wait", "0"),)),
    Situation("an error after a checkpoint", LATE_ERROR, FAILED, {"first": (DONE,)}, frozenset({"first.txt"}), 1,
              error="the second part is not known"),
    Situation("an error before any job", NO_RULE, FAILED, {}, frozenset(), 1),
    Situation("an exception in a run: block", IN_PYTHON, FAILED, {"divides": (FAILED, FAILED)}, frozenset(), 1,
              error="ZeroDivisionError in file"),
]  # fmt: skip


@pytest.mark.parametrize("situation", SITUATIONS, ids=str)
def test_an_ending_is_told_as_it_was(situation: Situation, project: MakeProject) -> None:
    made, run = play(situation, project)
    for action in run.actions:
        assert (action.error is None) == (action.status is Status.FINISHED)
    told = [run.error, *(action.error for action in run.actions)]
    if situation.status is Status.FAILED:
        assert any(told)
    failed = [action.error for action in run.actions if action.status is FAILED] or [run.error]
    assert all(situation.error in str(error) for error in failed), told
    assert not [path for path in made.catalogue.rglob("*") if path.suffix in (".raised", ".part")]


def test_each_try_keeps_its_own_parameters_and_command(project: MakeProject) -> None:
    _, run = play(SITUATIONS[2], project)
    first, second = run.actions
    assert (first.attempt, second.attempt) == (1, 2)
    assert [dict(action.resources)["number"].value for action in run.actions] == [10, 20]
    assert second.command == "echo 20 > done.txt; test 20 -ge 20"


def test_what_a_failed_job_left_behind_is_flagged_and_never_its_product(project: MakeProject) -> None:
    """With ``--keep-incomplete`` Snakemake itself calls it up to date afterwards."""
    made = project(TWO_BRANCHES)
    made.snakemake("--keep-incomplete", "after.txt")
    run = recorded(made)
    left = run.entity("bad.txt")
    assert left is not None
    assert left.presence is Presence.PRESENT
    assert left.flags == ("incomplete",)

    again = made.snakemake("--keep-incomplete", "after.txt")
    assert again.returncode == 0, again.stderr
    later = recorded(made)
    assert statuses(later) == {"after": (DONE,)}
    assert "breaks" not in ancestors(made, later, "after.txt")
    assert "bad.txt" in ancestors(made, later, "after.txt")
    assert [run.status for run in Ledger(made.catalogue).runs()] == ["finished", "failed"]


SLEEPING = """
rule all:
    input: "quick.txt", "slow.txt"

rule quick:
    output: "quick.txt"
    shell: "echo 1 > {output}"

rule slow:
    input: "quick.txt"
    output: "slow.txt"
    shell: "echo half > {output}; echo $$ > started; exec sleep 600"
"""


def listen_to_ctrl_c() -> None:
    """Undo what a test run in the background inherits: there the shell has Ctrl-C ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(made: Project, *arguments: str) -> subprocess.Popen[str]:
    """Start a run and wait until its slow job works."""
    process = subprocess.Popen(
        snakemake_command(*arguments), cwd=made.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
        preexec_fn=listen_to_ctrl_c,
    )  # fmt: skip
    started = made.folder / "started"
    wait_until(lambda: started.exists() and started.read_text().strip(), "the slow job begins")
    made.await_journal('"rule":"slow"')
    return process


def end(process: subprocess.Popen[str]) -> str:
    _, errors = process.communicate(timeout=300)
    return errors


def terminate(made: Project, process: subprocess.Popen[str]) -> None:
    """Ask a run to stop while its slow job works, and let that end when the run has heard it."""
    process.send_signal(signal.SIGTERM)
    made.await_journal('"stop_requested"')
    made.write("go", "")
    end(process)


def assert_stopped(run: WorkflowRun) -> None:
    assert only(run, "quick").status is DONE
    slow = only(run, "slow")
    assert slow.status is not DONE
    assert slow.error
    left = run.entity("slow.txt")
    assert left is None or left.presence is Presence.MISSING or left.flags == ("incomplete",)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_interrupts_a_run(project: MakeProject, times: int) -> None:
    made = project(SLEEPING)
    process = start(made)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to everyone in the foreground
        made.await_journal('"stop_requested"')
    errors = end(process)
    assert ERROR_WORD not in errors
    run = recorded(made)
    assert_stopped(run)
    assert run.status is STOPPED
    assert run.error == "Stopped on the user's request."


def test_sigterm_lets_running_jobs_finish(project: MakeProject) -> None:
    made = project(SLEEPING.replace("exec sleep 600", UNTIL_GO))
    process = start(made)
    terminate(made, process)
    assert process.returncode != 0
    run = recorded(made)
    assert statuses(run) == {"quick": (DONE,), "slow": (DONE,)}
    assert run.status is not DONE


def test_sigterm_with_work_left_is_no_success(project: MakeProject) -> None:
    made = project(
        SLEEPING.replace("exec sleep 600", UNTIL_GO).replace('"quick.txt", "slow.txt"', '"last.txt"')
        + '\nrule last:\n    input: "slow.txt"\n    output: "last.txt"\n    shell: "cp {input} {output}"\n'
    )
    process = start(made)
    terminate(made, process)
    run = recorded(made)
    assert statuses(run) == {"quick": (DONE,), "slow": (DONE,)}
    assert run.status is STOPPED


def test_a_killed_job_failed(project: MakeProject) -> None:
    made = project(SLEEPING)
    process = start(made)
    os.kill(int((made.folder / "started").read_text()), signal.SIGKILL)
    end(process)
    run = recorded(made)
    assert_stopped(run)
    assert only(run, "slow").status is FAILED
    assert run.status is FAILED


def test_a_killed_main_process_leaves_an_interrupted_run(project: MakeProject) -> None:
    """Its shell job lives on for a moment; whatever that writes is not claimed."""
    made = project(SLEEPING.replace("exec sleep 600", UNTIL_GO + "; echo rest >> {output}"))
    process = start(made)
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()  # its job still writes there
    made.write("go", "")
    wait_until(lambda: (made.folder / "slow.txt").read_text() == "half\nrest\n", "the job that lives on ends")
    run = recorded(made)
    assert_stopped(run)
    assert run.status is only(run, "slow").status is STOPPED


KILLED_AT_ONCE = """
import os, time
from filiation.capture.listener import Listener
Listener._work = lambda self: time.sleep(60)
os.environ.setdefault("MAIN_PROCESS", str(os.getpid()))

rule all:
    output: "x.txt"
    shell: 'touch {output}; test -n "$FILIATION_STEP_FOLDER" && kill -9 $MAIN_PROCESS'
"""


def test_a_run_is_known_before_its_first_job_begins(project: MakeProject) -> None:
    """Here the thread that writes had no chance to run at all when the first job kills the run."""
    made = project(KILLED_AT_ONCE)
    assert made.snakemake().returncode == -signal.SIGKILL
    (journal,) = made.catalogue.joinpath("journals").iterdir()
    assert [event.kind for event in read_journal(journal).events] == ["run_started"]
    run = recorded(made)
    assert run.status is STOPPED
    assert "Snakefile" in run.workflow.sources


def test_a_killed_group_is_resumed_by_a_run_of_its_own(project: MakeProject) -> None:
    made = project(SLEEPING)
    process = start(made)
    os.killpg(process.pid, signal.SIGKILL)
    end(process)
    killed = recorded(made)
    assert_stopped(killed)
    assert killed.status is STOPPED
    made.write("Snakefile", SLEEPING.replace("exec sleep 600", "sleep 0"))

    refused = made.snakemake()
    assert refused.returncode == 1
    unlocked = subprocess.run(
        snakemake_command("--unlock"), cwd=made.folder, capture_output=True, check=False, text=True
    )
    assert unlocked.returncode == 0, unlocked.stderr
    incomplete = made.snakemake()
    assert incomplete.returncode == 1
    assert "IncompleteFilesException" in incomplete.stderr
    told = recorded(made)
    assert told.status is FAILED
    assert told.error is not None
    assert "IncompleteFilesException" in told.error
    assert not told.actions

    assert made.snakemake("--rerun-incomplete").returncode == 0
    resumed = recorded(made)
    assert resumed.status is DONE
    assert statuses(resumed) == {"slow": (DONE,)}
    assert "quick" in ancestors(made, resumed, "slow.txt")
    detail = Ledger(made.catalogue).show(resumed.id)
    assert detail.resumes is not None
    assert (detail.resumes.run, detail.resumes.again, detail.resumes.used) == (killed.id, ("slow",), ("quick.txt",))
    assert Ledger(made.catalogue).show(killed.id).resumed_in == resumed.id
    informed = "SELECT ?by ?before { ?by <http://www.w3.org/ns/prov#wasInformedBy> ?before }"
    runs = ((f"{resumed.iri}#run", f"{killed.iri}#run"),)
    assert Ledger(made.catalogue).sparql(informed).as_text() == runs
    assert (
        f"Run {resumed.id[:8]} went on from run {killed.id[:8]}"
        in Ledger(made.catalogue).trace(str(made.folder / "slow.txt")).tree()
    )
    for run, line in (
        (
            resumed,
            f"resumes   run {killed.id[:8]}, which was interrupted: did again slow, used 1 thing that it had made",
        ),
        (killed, f"resumed   in run {resumed.id[:8]}"),
    ):
        command = [python(), "-m", "filiation", "show", run.id]
        shown = subprocess.run(command, cwd=made.folder, capture_output=True, check=True, text=True).stdout
        assert f"\n  {line}\n" in shown
    assert Path(killed.folder) == Path(resumed.folder)
