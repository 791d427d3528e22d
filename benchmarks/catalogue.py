"""Questions of lineage over the catalogue of an institute, beside what else could answer them.

``python benchmarks/catalogue.py 100000`` makes a catalogue of that many jobs and prints the table of
``docs/benchmarks.md``; ``--keep FOLDER`` keeps it there, or uses the one that is there, which may also be one that
``filiation rebuild`` made of crates (``institute.write``, ``taking_in.py rebuild --keep``). Each question has a process
of its own, in which it is asked over and over: medians are told of processor time, which says more than time on a
machine that others use, and the first answer apart; commands are told with both times.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import catalogue_ours as ours
from catalogue_peers import Cost, Peers
from drawn_catalogue import prepare
from institute import FLAT_FIELDS, SERVER, Institute, write

from filiation.catalogue import Catalogue, CatalogueFolder, LineageIndex
from filiation.lineage.walk import reach

ROUNDS = 5
SLOW = 2_000.0
"""Milliseconds from which on a peer is asked no more than once."""
WANTED = 14_000
"""Descendants that the raw image shall have, nearly."""
OURS = "filiation"
_TELLING = """
import sys
from filiation.__main__ import main
try:
    main()
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(line, file=sys.stderr)
"""


@dataclass
class Row:
    """One row of the table: what was asked, and what it cost whom, in milliseconds."""

    asked: str
    target: str
    both: bool = False
    first: float | None = None
    cpu: dict[str, list[float]] = field(default_factory=dict)
    wall: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def by(self, who: str) -> Iterator[None]:
        """Measure a block: processor time of this process and its children, and time."""
        cpu, wall = processor_seconds(), time.perf_counter()
        yield
        self.cpu.setdefault(who, []).append(1000 * (processor_seconds() - cpu))
        self.wall.setdefault(who, []).append(1000 * (time.perf_counter() - wall))

    def take(self, times: ours.Times) -> None:
        """Take what the question took us."""
        self.first, self.cpu[OURS] = times

    def ask(self, others: dict[str, Callable[[], Cost]]) -> None:
        """Ask everybody else once, but for those that took too long before."""
        for who, question in others.items():
            if self.cpu.get(who, [0.0])[0] < SLOW:
                cost = question()
                self.cpu.setdefault(who, []).append(cost.cpu)
                self.wall.setdefault(who, []).append(cost.wall)

    def __str__(self) -> str:
        told = {who: shown(statistics.median(found)) for who, found in self.cpu.items()}
        if self.both:
            told[OURS] += f" (wall {shown(statistics.median(self.wall[OURS]))})"
        if self.first is not None:
            told[OURS] += f" (the first {shown(self.first)})"
        once = {who for who, found in self.cpu.items() if len(found) == 1}
        beside = ", ".join(f"{who} {took}{' (once)' * (who in once)}" for who, took in told.items() if who != OURS)
        return f"| {self.asked} | {self.target} | {told[OURS]} | {beside} |"


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def shown(milliseconds: float) -> str:
    """Write a time with two digits that matter."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.2g} ms" if milliseconds < 100 else f"{milliseconds:.0f} ms"


def ask(institute: Institute, folder: CatalogueFolder, scratch: Path) -> Iterator[Row]:
    """Ask everybody, ours first."""
    with (
        LineageIndex(folder.index, arrays=folder.arrays) as index,
        Peers(index, scratch, folder.store) as peers,
    ):
        label, flat = institute.last_label(), _flat_field(index)
        raw = min(_raw_images(institute), key=lambda iri: abs(len(reach(index, [iri], up=False)) - WANTED))
        walks = (
            ("ancestors of a label", label, True, "2 ms"),
            ("descendants of a raw image", raw, False, "20 ms"),
            ("descendants of a flat-field image", flat, False, "0.4 s"),
        )
        for asked, iri, up, target in walks:
            things, jobs = reach(index, [iri], up=up).count()
            size = f"{asked}: {things:,} things, {jobs:,} jobs"
            counted = Row(f"{size}; counted", target)
            counted.take(ours.ask(folder, "counted", iri, up))
            if things < 2 * WANTED:
                whole = Row(f"{size}; each as IRI, each edge with its crate", target)
                whole.take(ours.ask(folder, "named", iri, up))
                yield whole
            for _ in range(ROUNDS):
                counted.ask(peers.closures(iri, up=up))
            yield counted
            if not up:
                listed = Row(f"a page of {ours.PAGE:,} of them, by their IRIs, from their middle", "1 s")
                listed.take(ours.ask(folder, "listed", iri, up))
                yield listed
        counts = Row("jobs by day and person, orphans, gaps: counted", "0.2 s")
        counts.take(ours.ask(folder, "counts"))
        counts.ask(peers.counts())
        yield counts


def _flat_field(index: LineageIndex) -> str:
    """Return the first that any run used."""
    return next(iri for iri in (f"{SERVER}{n + 1}" for n in range(FLAT_FIELDS)) if index.numbers_of([iri]))


def _raw_images(institute: Institute) -> list[str]:
    return sorted({job.inputs[0] for number in range(2) for job in institute.run(number).jobs if job.step == 0})


def start_cold(institute: Institute, folder: CatalogueFolder) -> Iterator[Row | str]:
    """Ask from a shell, each time in a new process; tell its memory too."""
    # Compiled modules are kept, as anybody has them after the first call.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with LineageIndex(folder.index, arrays=folder.arrays) as index:
        flat = _flat_field(index)
    memory = []
    for asked in (["trace", institute.last_label()], ["impact", "--count", flat], ["impact", "--page", "400", flat]):
        arguments = [*asked, "--catalogue", str(folder.root)]
        name = f"`filiation {' '.join(asked[:-1])}`"
        row = Row(f"{name} from a cold shell, the whole command", "0.4 s" if asked[0] == "trace" else "1 s", both=True)
        command = [sys.executable, "-c", _TELLING, *arguments]
        told = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        memory.append(f"{name} {int(told.stderr.split()[-2]) / 1024:.0f} MB")
        for _ in range(ROUNDS):
            with row.by(OURS):
                command = [sys.executable, "-m", "filiation", *arguments]
                subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
        yield row
    yield f"| memory of a reader, with the mapped files | 250 MB | {', '.join(memory)} | |"


def grow(institute: Institute, folder: CatalogueFolder, scratch: Path) -> Iterator[Row]:
    """Take in new crates, real ones."""
    catalogue = Catalogue(folder)
    row = Row("one new crate of 96 jobs, with copying and forcing to disk", "80 ms", both=True)
    there = len(folder.list_crates())
    for number in range(ROUNDS):
        crate = write(institute.run(there + number), scratch / f"new-{number}")
        with row.by(OURS):
            catalogue.ingest(crate)
    yield row


def main() -> None:
    """Make, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="the catalogue's place: made there, or used if it is there")
    parser.add_argument("--only-read", action="store_true", help="take in no new crates")
    asked = parser.parse_args()
    institute = Institute(asked.jobs, asked.seed)
    with tempfile.TemporaryDirectory(dir=asked.keep and asked.keep.parent) as scratch:
        folder, made = prepare(institute, asked.keep or Path(scratch) / "institute")
        packages = ("pyoxigraph", "networkx", "rdflib", "numpy")
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
            f"{', '.join(f'{name} {version(name)}' for name in packages)}; load of the machine {os.getloadavg()[0]:.1f}"
        )
        sizes = (sum(f.stat().st_size for f in folder.store.iterdir()), *(_size(folder.index), _size(folder.arrays)))
        print(
            f"{institute.size:,} runs, {institute.size * 96:,} jobs; store, index and arrays: "
            f"{', '.join(f'{size / 1e6:,.0f} MB' for size in sizes)}. {' '.join(made)}\n"
        )
        print("| what | at most | filiation | beside it |\n|---|---|---|---|")
        for row in ask(institute, folder, Path(scratch)):
            print(row, flush=True)
        for told in start_cold(institute, folder):
            print(told, flush=True)
        if not asked.only_read:
            for row in grow(institute, folder, Path(scratch)):
                print(row, flush=True)
        print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f}")


def _size(path: Path) -> int:
    return path.stat().st_size


if __name__ == "__main__":
    main()
