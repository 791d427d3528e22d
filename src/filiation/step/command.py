"""``filiation step``: one command run and recorded from the process that runs it, for rules that are not ours.

Every job that opts in pays for this module, so it imports little. Whatever goes wrong with the record costs the record:
the command runs, its streams, signals and exit status are its own.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from resource import struct_rusage

STEP_FOLDER_VARIABLE = "FILIATION_STEP_FOLDER"
WHOLE_VARIABLE = "FILIATION_STEP_WHOLE"
"""Set for what runs in a shell that is recorded as a whole: a command in it is a part of that record."""
NOT_FOUND, NOT_EXECUTABLE, MISUSE = 127, 126, 2
_PREFIX = re.compile(r'exec\s+(?:\S*/)?filiation\s+step\s+--shell\s+"\$BASH_EXECUTION_STRING"\s*;[ \t]?')
_PASSED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGCONT", "SIGTSTP")
_PR_SET_PDEATHSIG = 1  # prctl(2)
_SI_KERNEL = 0x80
_KIB = 1 if sys.platform == "darwin" else 1024  # getrusage(2): Linux counts the peak in KiB, macOS in bytes


def main(arguments: list[str]) -> int:
    """Run the command after ``--``, or the text after ``--shell``, and return its exit status.

    Parameters
    ----------
    arguments
        What follows ``filiation step``.
    """
    if len(arguments) == 2 and arguments[0] == "--shell":
        text = arguments[1]
        prefix = _PREFIX.search(text)
        if prefix is not None:
            rest = text[prefix.end() :]
            words = ["bash", "-c", f"{text[: prefix.start()]}:; {rest}"]
            os.environ[WHOLE_VARIABLE] = "1"
            return _run(words, fingerprinted=[rest.strip()], program=_first_word(rest))
        sys.stderr.write(
            "filiation step --shell: the text given does not hold the prefix that calls it. "
            "docs/how-to/on-a-cluster.md has the line for the Snakefile.\n"
        )
        return MISUSE
    words = list(arguments[1:] if arguments[:1] == ["--"] else arguments)
    if words and not (words[0].startswith("-") and words == arguments):
        if WHOLE_VARIABLE in os.environ:
            return _become(words)
        return _run(words, fingerprinted=words, program=os.path.basename(words[0]))
    sys.stderr.write("Usage: filiation step -- COMMAND [ARGUMENT]...\n")
    return MISUSE


def _first_word(text: str) -> str:
    found = re.search(r"[^\s;|&()<>]+", text)
    word = os.path.basename(found[0]) if found else "bash"
    return word if re.fullmatch(r"[\w.+-]{1,64}", word) else "bash"


def _run(words: list[str], fingerprinted: Sequence[str], program: str) -> int:
    jobs = _cluster_jobs()
    place = _place(jobs)
    if place is None:  # nobody records this run: leave no process in between
        return _become(words)
    signals = {getattr(signal, name) for name in _PASSED_ON} | {signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some leave it, nothing would be told of the end
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    started, clock, own = time.time(), time.monotonic(), os.getpid()
    child = os.fork()
    if child == 0:
        _die_with(own)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os._exit(_become(words))
    record = _Record(place, program, fingerprinted, jobs, started)
    record.write("interrupted")
    status, usage = _wait(child, signals)
    record.end(status, time.monotonic() - clock, usage)
    if os.WIFSIGNALED(status):
        _end_by(os.WTERMSIG(status))
    return os.waitstatus_to_exitcode(status)


def _become(words: list[str]) -> int:
    """Let the command take this process's place; return the status that a shell has for one that cannot be run."""
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores them, and what it runs would too
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execvp(words[0], words)
    except FileNotFoundError:
        sys.stderr.write(f"filiation step: {words[0]}: command not found\n")
        return NOT_FOUND
    except (OSError, ValueError) as error:
        sys.stderr.write(f"filiation step: {words[0]}: {error}\n")
        return NOT_EXECUTABLE


def _die_with(parent: int) -> None:
    """Have the system kill this process when its parent is killed, as if there were none in between (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    try:
        from ctypes import CDLL

        CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (ImportError, OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def _wait(child: int, signals: set[signal.Signals]) -> tuple[int, struct_rusage]:
    """Wait for the command's end, and pass on the signals that someone sends meanwhile."""
    while True:
        found, status, usage = os.wait4(child, os.WNOHANG)
        if found:
            return status, usage
        got = signal.sigwaitinfo(signals)
        # The terminal's own, such as Ctrl-C, reach the command without us.
        if got.si_signo != signal.SIGCHLD and got.si_code != _SI_KERNEL:
            os.kill(child, got.si_signo)
        if got.si_signo == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)


def _end_by(number: int) -> None:
    """End as the command did, so that whoever waits sees the same."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the command's own core is the one to look at
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


class _Record:
    """The step record of one command; see ``docs/reference/step-record.md``."""

    def __init__(
        self, place: str, program: str, fingerprinted: Sequence[str], jobs: Sequence[str], started: float
    ) -> None:
        self._place = place
        self._program = program
        self._facts: dict[str, object] = {}
        self._command: dict[str, object] = {}
        try:
            self._command = _command_facts(program, fingerprinted, jobs)
            self._facts = _facts(started)
        except Exception as error:  # the command matters more
            self._complain(error)

    def write(self, status: str) -> None:
        """Write the record, or say why it could not be written."""
        if not self._facts:
            return
        try:
            import json

            text = json.dumps({**self._facts, "status": status, "command": self._command})
            os.makedirs(os.path.dirname(self._place), exist_ok=True)
            temporary = self._place.removesuffix(".json") + ".part"
            with open(temporary, "w", encoding="utf-8") as stream:
                stream.write(text)
            os.replace(temporary, self._place)
        except Exception as error:  # the command matters more
            self._complain(error)
            self._facts = {}

    def end(self, status: int, wall: float, usage: struct_rusage) -> None:
        """Add how the command ended and what it used."""
        code = os.waitstatus_to_exitcode(status)
        self._command["exit"] = code
        self._facts |= {"ended": _moment(time.time()), "usage": _usage(wall, usage)} if self._facts else {}
        if code and self._facts:
            said = f"signal {_signal_name(-code)}" if code < 0 else f"exit status {code}"
            self._facts["error"] = {"type": "CommandFailed", "message": f"{self._program} ended with {said}"}
        self.write("failed" if code else "finished")

    def _complain(self, error: Exception) -> None:
        sys.stderr.write(f"filiation: the step record could not be written ({type(error).__name__}: {error}).\n")


def _command_facts(program: str, fingerprinted: Sequence[str], jobs: Sequence[str]) -> dict[str, object]:
    from filiation.capture.fingerprint import KEY_VARIABLE, fingerprint

    key = os.environ.get(KEY_VARIABLE)
    return {
        "program": program,
        "fingerprint": fingerprint(fingerprinted, key) if key else None,
        "shell": _shell(),
        "jobs": list(jobs),
        "folder": os.getcwd(),
        "exit": None,
    }


def _facts(started: float) -> dict[str, object]:
    from filiation.capture.machine import machine_facts, scheduler_facts

    return {
        "format": 1,
        "started": _moment(started),
        "ended": None,
        "usage": [],
        "machine": machine_facts(),
        "scheduler": scheduler_facts() or None,
        "environment": _environment(os.environ),
        "error": None,
    }


def _usage(wall: float, usage: struct_rusage) -> list[dict[str, object]]:
    return [
        {"name": "wall time", "value": round(wall, 3), "unit": "SEC"},
        {"name": "cpu time", "value": round(usage.ru_utime + usage.ru_stime, 3), "unit": "SEC"},
        {"name": "peak memory", "value": round(usage.ru_maxrss * _KIB / 1e6, 3), "unit": "MegaBYTE"},
    ]


def _environment(variables: Mapping[str, str]) -> dict[str, object]:
    """Return what the command was run in: its conda environment, the modules that were loaded, its container."""
    facts: dict[str, object] = {
        "conda": variables.get("CONDA_PREFIX") or None,
        "modules": [name for name in variables.get("LOADEDMODULES", "").split(":") if name],
        "container": variables.get("APPTAINER_CONTAINER") or variables.get("SINGULARITY_CONTAINER") or None,
    }
    return {name: value for name, value in facts.items() if value}


def _moment(seconds: float) -> str:
    """Write a time as ``datetime.isoformat`` does, which is slow to import."""
    whole, milliseconds = divmod(int(seconds * 1000), 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{milliseconds:03d}+00:00"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _place(jobs: Sequence[str]) -> str | None:
    """Return where the record goes; None if this command belongs to no run that is recorded."""
    folder = os.environ.get(STEP_FOLDER_VARIABLE)
    if not folder:
        if not jobs:
            return None
        # A cluster that hands no variables on: the run that knows the job will claim it.
        from pathlib import Path

        from filiation.capture.place import find_catalogue

        catalogue = find_catalogue(Path.cwd())
        if not catalogue.is_dir():
            return None
        folder = str(catalogue / "steps" / "unclaimed")
    return os.path.join(folder, f"command-{os.urandom(16).hex()}.json")


def _cluster_jobs() -> list[str]:
    """Return the jobs that the nearest Snakemake above was told to do: on a cluster, or of a rule run on its own."""
    pid = os.getppid()
    for _ in range(64):
        words = _command_line(pid)
        if "--target-jobs" in words:
            jobs = []
            for word in words[words.index("--target-jobs") + 1 :]:
                if word.startswith("--"):
                    break
                jobs.append(word)
            return jobs
        parent = _parent(pid)
        if parent <= 1:
            break
        pid = parent
    return []


def _shell() -> str:
    """Name the shell process that all commands of one job's try have in common."""
    own = pid = os.getpid()
    parent = os.getppid()
    while parent > 1 and _name(parent) in _SHELLS:
        pid, parent = parent, _parent(parent)
    return f"{pid}+{_started(pid) if os.path.isdir('/proc/self') else own}"


_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


def _status_fields(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stream:
            name, _, fields = stream.read().partition("(")[2].rpartition(")")
        return [name, *fields.split()]
    except OSError:
        return []


def _name(pid: int) -> str:
    return (_status_fields(pid) or [""])[0]


def _parent(pid: int) -> int:
    fields = _status_fields(pid)
    return int(fields[2]) if fields else 0


def _started(pid: int) -> str:
    fields = _status_fields(pid)
    return fields[20] if fields else "0"


def _command_line(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return [os.fsdecode(word) for word in stream.read().split(b"\0")]
    except OSError:
        return []
