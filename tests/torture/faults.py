"""Packing with the n-th write, fsync or rename failing: the server of trials, and catalogues to try on."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.torture.invariants import Seen, after_the_kill, at_rest
from tests.torture.rounds import PACK, SNAKEMAKE, make_project

KINDS = {"write": 1, "fsync": 2, "rename": 3, "mkdir": 4}
SHIM = Path(__file__).with_name("faults.c")


@dataclass(frozen=True)
class Outcome:
    """What packing came to."""

    code: int
    said: str
    calls: int


class Trials:
    """A process that packs with faults, asked by lines."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def pack(
        self, catalogue: Path, kind: str = "write", nth: int = 0, error: int = 0, *, sticky: bool = False
    ) -> Outcome:
        """Pack what waits with the ``nth`` call of a kind failing (0: none); sticky: all later ones fail too."""
        asked = {
            "catalogue": str(catalogue), "kind": KINDS[kind], "nth": nth, "error": error, "sticky": int(sticky),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return Outcome(**json.loads(self._process.stdout.readline()))


def compile_shim(folder: Path) -> Path | None:
    """Compile the shim; None if there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        return None
    made = folder / "faults.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", made, SHIM, "-ldl"], check=True)
    return made


@contextmanager
def trials(shim: Path) -> Iterator[Trials]:
    """Start the server."""
    environment = {**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(SHIM.parents[2])}
    # What is to fail is known to the processes, too, that packing starts.
    with tempfile.NamedTemporaryFile(delete=False) as shared:
        shared.write(bytes(4096))
    environment["FAULTS"] = shared.name
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture.faulty"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, cwd=SHIM.parents[2],
    )  # fmt: skip
    try:
        yield Trials(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
        Path(shared.name).unlink()


ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO}


def waiting_catalogue(project: Path) -> Path:
    """Make a catalogue with one packed run, and one that was packed as interrupted and waits again as it went on.

    So packing it has a crate to leave alone and one to replace.
    """
    make_project(project)
    _run_without_packing(project)
    subprocess.run(PACK, cwd=project, check=True, capture_output=True)
    for output in ("results/a.count", "results/total.txt"):
        project.joinpath(output).unlink()
    _run_without_packing(project)
    catalogue = project / ".filiation"
    journal = max(catalogue.joinpath("journals").glob("*"), key=lambda path: path.stat().st_mtime_ns)
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    subprocess.run(PACK, cwd=project, check=True, capture_output=True)
    journal.write_bytes(whole)
    return catalogue


def every_point(shim: Path, pristine: Path, scratch: Path) -> list[tuple[str, int, str]]:
    """Return each call that packing makes, by kind and number, with each error that it can be given."""
    points = []
    with trials(shim) as server:
        for kind in KINDS:
            shutil.copytree(pristine.parent, scratch, symlinks=True)
            calls = server.pack(scratch / pristine.name, kind).calls
            points += [(kind, nth, fault) for fault in ERRORS for nth in range(1, calls + 1)]
            shutil.rmtree(scratch)
    return points


def _run_without_packing(project: Path) -> None:
    subprocess.run([*SNAKEMAKE, "--logger-filiation-pack", "later"], cwd=project, check=True, capture_output=True)


def breaches(trials: Trials, pristine: Path, scratch: Path, kind: str, nth: int, fault: str) -> list[str]:
    """Pack a copy of a catalogue with one fault, and again without; return what does not hold."""
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(pristine.parent, scratch, symlinks=True)
    catalogue = scratch / pristine.name
    seen = Seen.now(catalogue)
    # A full disk stays full, a bad block is hit once.
    outcome = trials.pack(catalogue, kind, nth, ERRORS[fault], sticky=fault == "ENOSPC")
    found = [*after_the_kill(catalogue, seen), *_badly_told(outcome, ERRORS[fault])]
    again = trials.pack(catalogue)
    if again.code:
        found.append(f"packing again returned {again.code}: {again.said}")
    found += at_rest(scratch)
    return [f"{kind} {nth} {fault}: {breach}" for breach in found]


def _badly_told(outcome: Outcome, error: int) -> list[str]:
    """Return what is wrong with how a fault was told: one line that names it and what to do, and no traceback."""
    lines = outcome.said.strip().splitlines()
    if outcome.code == 0:
        return [] if len(lines) == 1 else [f"packing worked, and said {outcome.said!r}"]
    clear = all(line.startswith("filiation: ") for line in lines) and len(lines) <= 2
    named = os.strerror(error) in outcome.said or "disk" in outcome.said
    if outcome.code not in (1, 2) or not clear or not named or "again" not in outcome.said:
        return [f"packing returned {outcome.code} and said {outcome.said!r}"]
    return []
