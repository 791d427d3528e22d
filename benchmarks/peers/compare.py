"""Filiation head to head with what users would pick instead, on the same jobs, interleaved.

``python benchmarks/peers/compare.py 100000`` draws the institute, lets each peer load it in a process and an
environment of its own (``make bench-peers`` makes them), asks all of them in turn, and prints the tables.
``--keep FOLDER`` keeps what was loaded there, or uses what is there. Each answer is compared with ours, name by name.
Who takes longer than ``--limit`` seconds is ended and not asked again; who takes more than a third of it is asked once.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from answering import LOADED
from draw import INSTITUTE, JOBS, Question, draw, questions

HERE = Path(__file__).resolve().parent
OURS = "filiation"
LONGEST_START = 600.0
"""Seconds for opening what was loaded."""
PEERS = (OURS, "aiida", "lamin", "mlmd", "prov")


class TooLong(Exception):
    """A peer took longer than the limit, and was ended."""


@dataclass
class Process:
    """A peer that was loaded, in its process, which is started when it is needed.

    Parameters
    ----------
    python
        The interpreter of its environment.
    name
        The peer.
    folder
        Where drawn jobs and peers stand.
    log
        Where it may complain.
    """

    python: Path
    name: str
    folder: Path
    log: Path
    running: subprocess.Popen[str] | None = None
    opened: dict[str, object] = field(default_factory=dict)

    def command(self) -> list[str]:
        """Return how it is called."""
        jobs = self.folder / "drawn" / JOBS
        return [str(self.python), str(HERE / "answering.py"), self.name, str(jobs), str(self.folder / self.name)]

    def begin(self) -> None:
        """Open what was kept, or load the jobs first; also where what was kept is of another version's format."""
        if (self.folder / self.name / LOADED).is_file():
            with suppress(RuntimeError):
                self.start(LONGEST_START)
                return
        self.load()
        self.start(LONGEST_START)

    def load(self) -> None:
        """Load the jobs, in place of what is there."""
        shutil.rmtree(self.folder / self.name, ignore_errors=True)
        with self.log.open("a") as log:
            subprocess.run([*self.command(), "--load"], stdout=log, stderr=log, check=True)

    def start(self, limit: float) -> None:
        """Start it and wait until it has opened what it loaded."""
        pipe = subprocess.PIPE
        with self.log.open("a") as log:
            self.running = subprocess.Popen(self.command(), stdin=pipe, stdout=pipe, stderr=log, text=True, bufsize=1)
        self.opened = self._answer(limit)

    def ask(self, way: str, question: Question, file: Path | None, limit: float) -> dict[str, float]:
        """Ask in one way; write the answer's names into a file if one is named."""
        if self.running is None:
            self.start(LONGEST_START)
        asked = {"way": way, "name": question.name, "up": question.up, "file": str(file) if file else None}
        print(json.dumps(asked), file=self.running.stdin, flush=True)
        return self._answer(limit)

    def end(self) -> None:
        """End it."""
        if self.running is not None:
            self.running.kill()
            self.running.communicate()
            self.running = None

    def complaint(self) -> str:
        """Return the last that it said."""
        return (self.log.read_text().strip().splitlines() or ["it said nothing"])[-1]

    def _answer(self, limit: float) -> dict:
        if not select.select([self.running.stdout], [], [], limit)[0]:
            self.end()
            raise TooLong
        line = self.running.stdout.readline()
        if not line:
            self.end()
            raise RuntimeError(self.complaint())
        return json.loads(line)


@dataclass
class Findings:
    """What was measured, by question and way to ask."""

    costs: dict[tuple[str, str], list[dict[str, float]]] = field(default_factory=lambda: defaultdict(list))
    differences: dict[tuple[str, str], str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)

    def table(self, asked: Iterable[Question], ways: Iterable[str]) -> Iterator[str]:
        """Yield a line for each way, and one below for each answer that is not ours."""
        told = [question.told for question in asked]
        yield f"| CPU ms / ms | {' | '.join(f'{question}: {self.sizes[question]:,}' for question in told)} |"
        yield "|---" * (len(told) + 1) + "|"
        for way in ways:
            yield f"| {way} | {' | '.join(self._cell(question, way) for question in told)} |"
        yield ""
        for (question, way), difference in self.differences.items():
            yield f"- \\* {question}, {way}: {difference}"

    def _cell(self, question: str, way: str) -> str:
        costs = self.costs[question, way]
        cpu, wall = (
            shown(statistics.median(cost[kind] for cost in costs)) if costs else "" for kind in ("cpu", "wall")
        )
        times = "" if len(costs) > 1 else ", once" if costs else "none"
        return f"{f'{cpu} / {wall}' if costs else ''}{times}{' *' if (question, way) in self.differences else ''}"


def shown(number: float) -> str:
    """Write a number with two digits that matter."""
    return f"{number:.2f}" if number < 10 else f"{number:,.0f}"


def environments(chosen: list[str], folder: Path) -> dict[str, Path]:
    """Return the interpreters of those that are installed; tell of those that are not."""
    found = {}
    for name in chosen:
        python = Path(sys.executable) if name == OURS else folder / name / "bin" / "python"
        if python.exists():
            found[name] = python
        else:
            print(f"{name} is left out: it is not installed in {folder / name} (make bench-peers does it).\n")
    return found


def begin(processes: list[Process]) -> None:
    """Let each load, and start it. Who cannot is told, and taken off the list; without ours, it ends."""
    for process in list(processes):
        try:
            process.begin()
        except (subprocess.CalledProcessError, RuntimeError, TooLong):
            if process.name == OURS:
                sys.exit(f"{OURS} could not be loaded: {process.complaint()}")
            processes.remove(process)
            print(f"{process.name} is left out: {process.complaint()}\n", flush=True)


def cost_of_having(processes: list[Process], findings: Findings) -> Iterator[str]:
    """Yield a line for each: what it cost to load, to open, and in memory."""
    told = ["", "loading: CPU s / s", "load of the machine then", "on disk, MB", "opening: CPU s / s"]
    told.append("memory, MB: loading, asking")
    yield f"| {' | '.join(told)} |"
    yield "|---|---|---|---|---|---|"
    for process in processes:
        cost, opened = json.loads((process.folder / process.name / LOADED).read_text()), process.opened
        most = max(findings.memory[opened["title"]], opened["megabytes"])
        yield (
            f"| {opened['title']} | {shown(cost['cpu'])} / {shown(cost['wall'])} | {cost['load']:.1f} "
            f"| {shown(cost['bytes'] / 1e6)} | {shown(opened['open_cpu'])} / {shown(opened['open_wall'])} "
            f"| {cost['megabytes']:,.0f}, {most:,.0f} |"
        )


def ask_all(processes: list[Process], asked: list[Question], rounds: int, limit: float, scratch: Path) -> Findings:
    """Ask everybody in turn, and compare the answers of the first round with ours."""
    findings = Findings()
    for number in range(rounds):
        for question in asked:
            ours: set[str] = set()
            for process in processes:
                for way in process.opened["ways"]:
                    key = question.told, f"{process.opened['title']}, {way}"
                    known = findings.costs[key]
                    if number and (not known or known[0]["cpu"] > 1000 * limit / 3):
                        continue
                    file = None if number else scratch / "answer"
                    try:
                        cost = process.ask(way, question, file, limit)
                    except TooLong:
                        findings.differences[key] = f"ended after {limit:.0f} s"
                        continue
                    except RuntimeError as error:
                        findings.differences[key] = str(error)
                        continue
                    known.append(cost)
                    title = str(process.opened["title"])
                    findings.memory[title] = max(findings.memory.get(title, 0), cost["megabytes"])
                    if file is not None:
                        answer = set(file.read_text().splitlines()) - {question.name}
                        ours = ours or answer
                        findings.sizes[question.told] = len(ours)
                        if answer != ours:
                            findings.differences[key] = difference(answer, ours)
    return findings


def difference(theirs: set[str], ours: set[str]) -> str:
    """Say how an answer differs from ours."""
    more, less = sorted(theirs - ours), sorted(ours - theirs)
    told = [f"{len(theirs):,}, not {len(ours):,}"]
    told += [f"{len(more):,} more, as {more[0]}"] if more else []
    told += [f"{len(less):,} missing, as {less[0]}"] if less else []
    return "; ".join(told)


def main() -> None:
    """Draw, load, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60)
    parser.add_argument("--environments", type=Path, default=HERE.parent.parent / ".peers")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=PEERS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (given.keep or Path(scratch) / "institute").resolve()
        if not (folder / "drawn" / INSTITUTE).is_file():
            shutil.rmtree(folder / "drawn", ignore_errors=True)
            draw(given.jobs, given.seed, folder / "drawn")
        pythons = environments([OURS, *(name for name in given.peers if name != OURS)], given.environments)
        processes = [Process(python, name, folder, Path(scratch) / f"{name}.log") for name, python in pythons.items()]
        try:
            begin(processes)
            asked = questions(folder / "drawn")
            findings = ask_all(processes, asked, given.rounds, given.limit, Path(scratch))
        finally:
            for process in processes:
                process.end()
    ways = [f"{process.opened['title']}, {way}" for process in processes for way in process.opened["ways"]]
    print("\n".join(cost_of_having(processes, findings)) + "\n")
    print("\n".join(findings.table(asked, ways)))
    print(f"\nLoad of the machine at the end: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
