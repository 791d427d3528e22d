"""How far a run is, from its journal alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filiation.catalogue.progress import RunProgress, follow
from tests.conftest import Project
from tests.waiting import UNTIL_GO, wait_until

MakeProject = Callable[[str], Project]

WAITING = """
def parts(wildcards):
    with open(checkpoints.quick.get().output[0]) as told:
        return [f"part{name}.txt" for name in told.read().split()]

rule all:
    input: "slow.txt", parts

checkpoint quick:
    output: "quick.txt"
    shell: "echo 1 2 > {output}"

rule part:
    output: "part{name}.txt"
    shell: "touch {output}"

rule slow:
    input: "quick.txt"
    priority: 1
    output: "slow.txt"
    shell: "touch begun; UNTIL_GO; test ! -e bad; touch {output}"
""".replace("UNTIL_GO", UNTIL_GO)


@pytest.fixture
def living(project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Project, subprocess.Popen[bytes]]]:
    """Give a run that waits in its second job until there is a file ``go``."""
    made = project(WAITING)
    monkeypatch.chdir(made.folder)
    command = [sys.executable, "-m", "snakemake", "-c1", "--logger", "filiation", "--logger-filiation-pack", "later"]
    process = subprocess.Popen(
        command, cwd=made.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    wait_until((made.folder / "begun").exists, "the slow job begins")
    made.await_journal('"rule":"slow"')
    yield made, process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def journal(project: Project) -> Path:
    (found,) = (project.catalogue / "journals").glob("*.jsonl")
    return found


def states(progress: RunProgress) -> dict[str, str]:
    return {job.rule: job.state for job in progress.jobs}


@pytest.mark.slow
def test_a_living_run_is_told_by_another_process_and_then_how_it_ended(living, call):
    project, process = living
    (told,) = json.loads(call("status", "--json").stdout)
    assert (told["state"], told["over"], told["process"]) == ("running", False, process.pid)
    assert told["counts"] == {"done": 1, "running": 1, "failed": 0, "stopped": 0}
    assert told["rules"]["slow"]["running"] == 1
    lines = call("status").stdout.splitlines()
    assert lines[0].startswith(f"Run {told['run']}: running for ")
    assert lines[3].split() == ["rule", "done", "running", "failed", "of"]
    assert lines[-3].split() == ["total", "1", "1", "0", "4"], "the checkpoint has added two jobs"
    assert lines[-1].startswith("  slow, job ")

    (project.folder / "go").touch()
    process.wait(timeout=300)

    lines = call("status", told["run"][:8]).stdout.splitlines()
    assert lines[0].startswith(f"Run {told['run']}: finished, after ")
    assert lines[-1].split() == ["total", "4", "0", "0", "4"]


@pytest.mark.slow
def test_a_failed_job_is_told_with_its_error(living, call):
    project, process = living
    (project.folder / "bad").touch()
    (project.folder / "go").touch()
    process.wait(timeout=300)
    lines = call("status").stdout.splitlines()
    assert ": failed, after " in lines[0]
    assert lines[-3] == "Failed"
    assert "returned non-zero exit status 1." in lines[-1]


@pytest.mark.slow
def test_a_killed_run_is_not_called_running_and_a_torn_line_does_no_harm(living, call):
    project, process = living
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    with journal(project).open("ab") as stream:
        stream.write(b'{"seq": 9, "unfin')
    progress = follow(journal(project))
    assert progress.state == "interrupted"
    assert progress.torn
    assert states(progress) == {"quick": "done", "slow": "stopped"}
    lines = call("status").stdout.splitlines()
    assert ": interrupted, its last word was " in lines[0]
    assert "Stopped with the run" in lines


@pytest.mark.slow
def test_a_run_on_another_machine_is_not_called_dead(living, call, monkeypatch):
    project, process = living
    monkeypatch.setattr("platform.node", lambda: "login")
    progress = follow(journal(project))
    assert progress.state == "running or stopped"
    assert not progress.is_over
    assert ": no end in its journal; it runs, or was stopped, on " in call("status").stdout
    (project.folder / "go").touch()
    process.wait(timeout=300)
    assert follow(journal(project)).state == "finished"


@pytest.mark.slow
def test_watching_ends_with_the_run(living, call):
    project, _ = living
    (project.folder / "go").touch()
    done = call("status", "--watch", "--every", "0.2")
    assert done.exit_code == 0
    assert ": finished, after " in done.stdout


def test_without_any_run_it_is_said(here, call):
    (here / ".filiation/journals").mkdir(parents=True)
    done = call("status")
    assert done.exit_code == 3
    assert done.stderr == (
        f"filiation: No run is recorded in {here}/.filiation. Track one with: snakemake --logger filiation\n"
    )
    assert call("status", "abc").exit_code == 3
