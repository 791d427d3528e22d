"""One round: start a run, kill something of it at a random moment, resume, pack; say what does not hold."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import python
from tests.torture.invariants import Seen, after_the_kill, at_rest

SNAKEFILE = """
MADE = "; echo {output} >> made.log"

rule all:
    input: "results/total.txt"

rule count:
    input: "data/{sample}.txt"
    output: "results/{sample}.count"
    log: "logs/{sample}.log"
    benchmark: "logs/{sample}.tsv"
    params: option="-w"
    shell: "wc {params.option} < {input} > {output} 2> {log}; sleep 0.3" + MADE

rule parts:
    input: "data/a.txt"
    output: directory("results/parts")
    shell: "mkdir {output}; for n in 1 2 3; do echo $n > {output}/$n.txt; sleep 0.03; done" + MADE

rule measure:
    input: text="data/b.txt"
    output: report="results/measured.txt"
    params: scale=2.5
    script: "measure.py"

rule total:
    input: "results/a.count", "results/b.count", "results/parts", "results/measured.txt"
    output: "results/total.txt"
    shell: "cat results/a.count results/b.count results/parts/* > {output}; sleep 0.2" + MADE
"""
MEASURE = """
import time
from pathlib import Path

from filiation.step import run


def measure(text: Path, report: Path, *, scale: float) -> None:
    for part in range(10):
        with report.open("a") as file:
            file.write(f"{part * scale}\\n")
        time.sleep(0.03)
    with Path("made.log").open("a") as log:
        log.write("results/measured.txt\\n")


run(measure, snakemake)
"""
OUTPUTS = {"results/a.count": 0.6, "results/b.count": 0.6, "results/parts": 0.6, "results/measured.txt": 0.4}
"""What a round makes again, and how often: a script takes a second to begin."""
SNAKEMAKE = (sys.executable, "-m", "snakemake", "--quiet", "all", "--cores", "2", "--scheduler", "greedy", "--nolock",
             "--logger", "filiation")  # fmt: skip
PACK = (sys.executable, "-m", "filiation", "pack")

VICTIMS = {"everything": 4, "main process": 3, "a job": 2, "packing child": 2, "filiation pack": 2}
"""What is killed, and how often: all processes of the run; Snakemake alone, while its jobs and packing live on; a
process of a job; the process that packs after the run; a packing that a person started."""
ANCHORS = {"start": 1.5, "journal": 0.15, "jobs": 0.8, "packing": 0.8}
"""From when the moment of the kill is counted, and the longest delay in seconds, made longer on a slow machine."""
PHASES = {"start": 2, "journal": 2, "jobs": 6, "packing": 2}
"""How often each is where counting begins; most kills are to fall among the jobs."""


@dataclass(frozen=True)
class Plan:
    """What a round does, drawn from the seed and its number alone."""

    number: int
    victim: str
    anchor: str
    fraction: float
    again: tuple[str, ...]
    """Outputs of earlier rounds that are made again."""
    packed_twice: bool
    """Whether the packing that follows is killed too."""

    @classmethod
    def draw(cls, seed: int, number: int) -> Plan:
        chance = random.Random(f"{seed}/{number}")
        victim = chance.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        anchor = chance.choices(list(PHASES), list(PHASES.values()))[0]
        anchor = {"packing child": "packing", "a job": "jobs", "filiation pack": "start"}.get(victim, anchor)
        again = tuple(output for output, share in OUTPUTS.items() if chance.random() < share)
        return cls(number, victim, anchor, chance.random(), again, chance.random() < 0.2)


@dataclass
class Result:
    """What came of a round."""

    plan: Plan
    hit: str
    """What the kill interrupted: start (no journal yet), journal (no job yet), jobs, end (all is done), packing, or
    nothing (it came too late)."""
    breaches: list[str] = field(default_factory=list)
    seconds: float = 0.0


def make_project(folder: Path) -> Path:
    """Write the small workflow that is run again and again."""
    (folder / "data").mkdir(parents=True)
    (folder / "Snakefile").write_text(SNAKEFILE)
    (folder / "measure.py").write_text(MEASURE)
    (folder / "data/a.txt").write_text("one two three\n")
    (folder / "data/b.txt").write_text("four\n")
    return folder


def play(project: Path, plan: Plan, slowness: float = 1.0) -> Result:
    """Play one round in a project; its catalogue keeps what earlier rounds left."""
    begun = time.monotonic()
    for output in (*plan.again, "results/total.txt"):
        place = project / output
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)
    later = plan.victim == "filiation pack"
    before = _journals(project)
    run = _start(project, *SNAKEMAKE, *(("--logger-filiation-pack", "later") if later else ()))
    if later:
        run.wait()
        run, before = _start(project, *PACK), _journals(project)
    result = _kill(project, plan, run, before, slowness)
    if result.hit != "nothing":
        _resume(project, plan, result, slowness)
    result.breaches += at_rest(project)
    result.seconds = time.monotonic() - begun
    return result


def _kill(project: Path, plan: Plan, run: subprocess.Popen[bytes], before: frozenset[str], slowness: float) -> Result:
    reached = _wait_for(lambda: _reached(plan.anchor, project, before), lambda: run.poll() is None)
    end = time.monotonic() + plan.fraction * ANCHORS[plan.anchor] * slowness * reached
    while time.monotonic() < end and run.poll() is None:
        time.sleep(0.002)
    packing = _packing(project)
    running = run.poll() is None
    phase = _phase(project, before, packing) if running else "nothing"
    seen = Seen.now(project / ".filiation")
    if plan.victim == "packing child":
        phase = "packing" if packing else "nothing"
        _slay(packing)
    elif plan.victim == "a job":
        jobs = _job_processes(run.pid)
        phase = "jobs" if jobs else "nothing"
        _slay(jobs[int(plan.fraction * len(jobs)) :][:1])
    else:
        _slay([run.pid])
        if plan.victim == "everything":
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            _slay(_packing(project))
    run.wait()
    result = Result(plan, "packing" if plan.victim == "filiation pack" and running else phase)
    result.breaches += after_the_kill(project / ".filiation", seen)
    _wait_for(lambda: not _group_lives(run.pid), lambda: True)
    return result


def _resume(project: Path, plan: Plan, result: Result, slowness: float) -> None:
    """Resume as a person would, and pack; the packing of the resumed run is a first chance, ours the last."""
    if plan.victim not in ("packing child", "filiation pack"):
        resume = (python(), *SNAKEMAKE[1:], "--rerun-incomplete")
        resumed = subprocess.run(resume, cwd=project, capture_output=True, check=False)
        if resumed.returncode:
            result.breaches.append(f"resuming returned {resumed.returncode}: {resumed.stderr.decode()[-500:]}")
    if plan.packed_twice:
        packing = _start(project, *PACK)
        time.sleep(plan.fraction * slowness)
        seen = Seen.now(project / ".filiation")
        _slay([packing.pid])
        packing.wait()
        result.breaches += after_the_kill(project / ".filiation", seen)
    _wait_for(lambda: not _packing(project), lambda: True)  # one that outlived its killed main process
    packed = subprocess.run((python(), *PACK[1:]), cwd=project, capture_output=True, text=True, check=False)
    if packed.returncode:
        result.breaches.append(f"packing returned {packed.returncode}: {packed.stderr[-500:]}")


def _start(project: Path, *command: str) -> subprocess.Popen[bytes]:
    with (project / "said.log").open("ab") as log:
        return subprocess.Popen(command, cwd=project, stdout=log, stderr=log, start_new_session=True)


def _reached(anchor: str, project: Path, before: frozenset[str]) -> bool:
    if anchor == "packing":
        return bool(_packing(project))
    return _COURSE.index(_told(project, before)) >= _COURSE.index(anchor)


def _phase(project: Path, before: frozenset[str], packing: list[int]) -> str:
    return "packing" if packing else _told(project, before)


_COURSE = ("start", "journal", "jobs", "end")


def _told(project: Path, before: frozenset[str]) -> str:
    """Return how far a run is by its own journal."""
    for run in _journals(project) - before:
        content = project.joinpath(".filiation", "journals", f"{run}.jsonl").read_bytes()
        return (
            "end" if b'"event":"run_ended"' in content else "jobs" if b'"event":"job_started"' in content else "journal"
        )
    return "start"


def _journals(project: Path) -> frozenset[str]:
    return frozenset(path.stem for path in project.joinpath(".filiation", "journals").glob("*.jsonl"))


def _packing(project: Path) -> list[int]:
    """Return the processes that pack runs of this project."""
    catalogue = str(project / ".filiation").encode()
    return [pid for pid, words in _commands() if b"pack" in words and catalogue in words]


def _commands() -> Iterator[tuple[int, list[bytes]]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                yield int(entry.name), Path(entry.path, "cmdline").read_bytes().split(b"\0")


def _job_processes(main: int) -> list[int]:
    """Return the processes of a run besides its main one."""
    found = []
    for pid, _ in _commands():
        with suppress(ProcessLookupError):
            if pid != main and os.getpgid(pid) == main:
                found.append(pid)
    return sorted(found)


def _slay(processes: list[int]) -> None:
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _group_lives(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_for(done: Callable[[], bool], meanwhile: Callable[[], bool], longest: float = 60.0) -> bool:
    """Wait until something holds, as long as something else does; tell whether it came to hold."""
    end = time.monotonic() + longest
    while time.monotonic() < end:
        if done():
            return True
        if not meanwhile():
            return False
        time.sleep(0.005)
    return done()
