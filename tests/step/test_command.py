"""``filiation step``: the command's own streams, signals and exit status, whatever becomes of its record."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.waiting import wait_until

STEP = [sys.executable, "-m", "filiation", "step"]


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "catalogue/steps/some-run"
    monkeypatch.setenv("FILIATION_STEP_FOLDER", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def read(folder: Path) -> dict[str, object]:
    (path,) = folder.glob("*")
    found: dict[str, object] = json.loads(path.read_text())
    return found


def test_a_command_is_recorded_with_its_times_and_resources(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_JOB_PARTITION", "main")
    monkeypatch.setenv("CONDA_PREFIX", "/envs/mapping")
    monkeypatch.setenv("LOADEDMODULES", "gcc/12:samtools/1.19")
    done = subprocess.run([*STEP, "--", "sh", "-c", "cat; sleep 0.2"], input=b"in", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"in", b"")
    record = read(records)
    assert record["status"] == "finished"
    assert record["scheduler"] == {"scheduler": "slurm", "job": "17", "partition": "main"}
    assert record["environment"] == {"conda": "/envs/mapping", "modules": ["gcc/12", "samtools/1.19"]}
    usage = {each["name"]: each["value"] for each in record["usage"]}  # type: ignore[attr-defined]
    assert usage["wall time"] >= 0.2
    assert usage["peak memory"] > 0.5
    assert str(record["started"]) < str(record["ended"])
    command = record["command"]
    assert isinstance(command, dict)
    assert (command["program"], command["exit"], command["fingerprint"]) == ("sh", 0, None)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["true"], 0), (["sh", "-c", "exit 3"], 3), (["no-such-program"], 127), (["/"], 126),
        (["sh", "-c", "kill -9 $$"], -9), (["sh", "-c", "kill -TERM $$"], -15),
        # A broken pipe ends what writes into it, as it does without us; Python would have it ignored.
        (["bash", "-c", "yes | head -n1 >/dev/null; test ${PIPESTATUS[0]} -eq 141"], 0),
    ],
    ids=["done", "failed", "not there", "no program", "killed", "terminated", "a broken pipe"],
)  # fmt: skip
def test_the_exit_status_is_the_commands_own(records: Path, words: list[str], code: int) -> None:
    done = subprocess.run([*STEP, "--", *words], capture_output=True, check=False)
    assert done.returncode == code, done.stderr
    record = read(records)
    assert record["status"] == ("finished" if code == 0 else "failed")
    assert record["command"]["exit"] == code  # type: ignore[index]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_reaches_the_command(records: Path, tmp_path: Path, sent: signal.Signals) -> None:
    name = sent.name.removeprefix("SIG")
    script = f"trap 'echo caught; exit 9' {name}; touch ready; while :; do sleep 0.05; done"
    # A shell gives what it starts in the background an ignored SIGINT, which bash then cannot trap.
    usual = partial(signal.signal, sent, signal.SIG_DFL)
    running = subprocess.Popen([*STEP, "--", "bash", "-c", script], stdout=subprocess.PIPE, preexec_fn=usual)
    wait_until((tmp_path / "ready").exists, "the command begins")
    running.send_signal(sent)
    out, _ = running.communicate(timeout=120)
    assert (running.returncode, out) == (9, b"caught\n")


def is_running(stat: Path) -> bool:
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's death")
def test_who_kills_the_recorder_kills_the_command(records: Path, tmp_path: Path) -> None:
    running = subprocess.Popen([*STEP, "--", "bash", "-c", "echo $$ > pid; sleep 60 & wait"])
    told = tmp_path / "pid"
    wait_until(lambda: list(records.glob("*.json")) and told.exists() and told.read_text(), "the command begins")
    running.kill()
    running.wait()
    stat = Path(f"/proc/{int(told.read_text())}/stat")
    wait_until(lambda: not is_running(stat), "the command ends too")
    assert read(records)["status"] == "interrupted"


def test_a_command_in_a_shell_that_is_recorded_as_a_whole_is_a_part_of_it(records: Path) -> None:
    prefix = f'exec {Path(sys.executable).parent}/filiation step --shell "$BASH_EXECUTION_STRING"; '
    inner = " ".join([*STEP, "--", "echo", "said"])
    done = subprocess.run(["bash", "-c", f"{prefix}{inner}; exit 3"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (3, "said\n", "")
    assert read(records)["command"]["exit"] == 3  # type: ignore[index]


def test_a_record_that_cannot_be_written_costs_the_record_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("FILIATION_STEP_FOLDER", str(tmp_path / "file" / "steps"))
    done = subprocess.run([*STEP, "--", "echo", "x"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "x\n")
    assert done.stderr.startswith("filiation: the step record could not be written (NotADirectoryError")
    assert done.stderr.count("\n") == 1


def test_outside_a_recorded_run_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    done = subprocess.run([*STEP, "--", "sh", "-c", "exit 4"], check=False)
    assert done.returncode == 4
    assert list((tmp_path / ".filiation").iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["--"], ["--true"], ["--shell"], ["--shell", "echo x"]], ids=str)
def test_a_call_that_cannot_be_meant_runs_nothing(records: Path, arguments: list[str]) -> None:
    done = subprocess.run([*STEP, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "step" in done.stderr
    assert not records.exists()


def test_nothing_of_the_command_but_its_program_is_kept(records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the run's own process can tell all secrets in it from other words; the journal has the rest."""
    monkeypatch.setenv("FILIATION_STEP_SECRET", "key-of-the-run")
    subprocess.run([*STEP, "--", "true", "kanarie-one", "--token=kanarie-two"], check=True)
    (path,) = records.glob("*")
    text = path.read_text()
    assert "kanarie" not in text
    assert "key-of-the-run" not in text
    assert read(records)["command"]["program"] == "true"  # type: ignore[index]


def test_little_is_imported_for_a_command(records: Path) -> None:
    """As every job waits for it: no arrays, no command line library, no Snakemake."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "filiation", "step", "--", "true"],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )  # fmt: skip
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"numpy", "click", "snakemake", "zarr", "pyoxigraph", "sqlite3", "asyncio"}
