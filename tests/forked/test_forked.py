"""A fork is the process that it stands for: who starts one sees no difference."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.model import Action, WorkflowRun
from tests.conftest import Project
from tests.forked import python
from tests.waiting import UNTIL_GO, wait_until

QUIET = ("-m", "snakemake", "--cores", "1", "--quiet", "all")


@pytest.mark.slow
def test_a_forked_snakemake_records_what_a_started_one_records(project: Callable[[str], Project]):
    made = project("run_and_script")
    command = ("-m", "snakemake", "--cores", "1", "--logger", "filiation", "--forceall")
    seen = []
    for program in (sys.executable, python()):
        done = subprocess.run([program, *command], cwd=made.folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "filiation: run" in done.stderr  # packed by a child
        seen.append(made.packed())
    assert _without_what_differs(seen[1]) == _without_what_differs(seen[0])


def _without_what_differs(run: WorkflowRun) -> tuple[object, ...]:
    def settled(action: Action) -> str:
        told = (action.command, action.status, action.time_source, action.parameters, action.software)
        return repr((action.rule, told))

    made = {entity.path: entity.digest for entity in run.entities}
    facts = (run.engine, run.workflow, run.machine, run.config, run.rules)
    return run.status, facts, made, set(map(settled, run.actions))


@pytest.mark.slow
def test_a_process_has_its_arguments_folder_environment_umask_streams_and_exit_status(tmp_path: Path):
    (tmp_path / "Snakefile").write_text(
        "import os, sys\n"
        "print(sys.argv[1:], os.environ['WORD'], os.getcwd(), os.umask(0), sys.stdin.read(), sys.path[0])\n"
        "print('told', file=sys.stderr)\nraise OSError('no more')\n"
    )
    arguments = [*QUIET[2:], "--config", "word=wäre es"]
    started, forked = (
        subprocess.run(
            [program, *QUIET[:2], *arguments], cwd=tmp_path, env={**os.environ, "WORD": "said"}, umask=0o27,
            input="typed", capture_output=True, text=True, check=False,
        )
        for program in (sys.executable, python())
    )  # fmt: skip
    assert forked.stdout == f"{arguments} said {tmp_path} 23 typed {tmp_path}\n"
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
    assert forked.returncode == 1
    assert forked.stderr.startswith("told\n")


def test_one_that_is_killed_ends_as_killed_and_goes_with_who_started_it(tmp_path: Path):
    waits = "import os\nopen('process', 'w').write(f'{os.getpid()}\\n')\nwhile True: pass\n"
    (tmp_path / "Snakefile").write_text(waits)
    told = tmp_path / "process"
    for kill in ("the fork", "who started it"):
        told.unlink(missing_ok=True)
        started = subprocess.Popen([python(), *QUIET], cwd=tmp_path)
        wait_until(lambda: told.is_file() and told.read_text().endswith("\n"), "the fork says who it is")
        fork = int(told.read_text())
        assert fork != started.pid
        os.kill(fork if kill == "the fork" else started.pid, signal.SIGKILL)
        assert started.wait() == -signal.SIGKILL
        wait_until(lambda fork=fork: not Path(f"/proc/{fork}").exists(), "the fork has gone")


@pytest.mark.slow
def test_a_signal_is_passed_on(project: Callable[[str], Project]):
    made = project(f"rule all:\n    output: 'x'\n    shell: 'touch begun; {UNTIL_GO}; touch {{output}}'\n")
    started = subprocess.Popen([python(), *QUIET[:-2]], cwd=made.folder, stderr=subprocess.PIPE, text=True)
    wait_until((made.folder / "begun").exists, "the job begins")
    started.send_signal(signal.SIGTERM)
    made.write("go", "")
    said = started.communicate()[1]
    assert started.returncode == 1, said
    assert "Will exit after finishing currently running jobs" in said


def test_what_is_no_fork_is_the_real_python(monkeypatch: pytest.MonkeyPatch):
    def run(*arguments: str) -> list[str]:
        return subprocess.run([python(), *arguments], capture_output=True, text=True, check=True).stdout.split()

    parent = "import os; print(os.getppid())"
    assert run("-c", parent) == [str(os.getpid())]
    assert run("-m", "filiation", "--version") == ["filiation,", "version", "0.1.0"]
    monkeypatch.setenv("PYTHONVERBOSE", "")
    assert run("-m", "filiation", "--version") == ["filiation,", "version", "0.1.0"]
