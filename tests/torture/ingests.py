"""Taking crates in, and making everything again, killed at any moment: what is there then, and what comes of it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.lineage.doctor import examine
from tests.lineage.crates import nuclei_run

CRATES = 5
DOING = ("ingest", "ingest again", "rebuild", "catch up")
UNFINISHED = frozenset({"crate-unknown", "crate-changed", "left-over", "joins-unfinished", "index-unreadable"})
"""What may be found after a kill: it is behind, and the next who asks does it. All else is wrong."""
LONGEST = 0.08
"""Seconds after a sign of life that a kill may come."""

_CHILD = """
import sys
from pathlib import Path
from filiation.catalogue import Catalogue, CatalogueFolder

doing, place, *crates = sys.argv[1:]
catalogue = Catalogue(CatalogueFolder(Path(place)), wait=60)
print("begins", flush=True)
if doing == "rebuild":
    catalogue.rebuild(lambda done, total, name: print(done, flush=True))
elif doing == "catch up":
    catalogue.catch_up()
else:
    for crate in crates:
        print(catalogue.ingest(Path(crate)).outcome, flush=True)
print("ends", flush=True)
"""


@dataclass(frozen=True)
class Kill:
    """When a process is killed, drawn from a seed and a number alone."""

    number: int
    doing: str
    lines: int
    """Lines that it has written by then."""
    delay: float

    @classmethod
    def draw(cls, seed: int, number: int) -> Kill:
        chance = random.Random(f"{seed}/{number}")
        return cls(number, DOING[number % len(DOING)], chance.randrange(CRATES + 1), chance.random() * LONGEST)


def play(folder: Path, kill: Kill) -> list[str]:
    """Kill one process in a catalogue of its own; return what does not hold afterwards."""
    project = folder / "project"
    place = CatalogueFolder.create(project / ".filiation")
    crates = [nuclei_run(project, number).write(folder / "first") for number in range(1, CRATES + 1)]
    if kill.doing != "ingest":
        for crate in crates:
            Catalogue(place).ingest(crate)
    if kill.doing == "ingest again":  # other metadata of the same runs
        crates = [nuclei_run(project, number, sigma=9.5).write(folder / "again") for number in range(1, CRATES + 1)]
    if kill.doing == "catch up":
        place.index.unlink()
    _kill(kill, place, crates)
    diagnosis = examine(place, wait=60)
    breaches = [f"after the kill: {finding.kind}" for finding in diagnosis.findings if finding.kind not in UNFINISHED]
    Catalogue(place, wait=60).catch_up()
    breaches += [f"after the next question: {finding.kind}" for finding in examine(place).findings]
    for crate in crates:
        Catalogue(place).ingest(crate)
    lived = _answers(place)
    Catalogue(place).rebuild()
    return breaches if lived == _answers(place) else [*breaches, "the rebuilt catalogue answers otherwise"]


def _kill(kill: Kill, place: CatalogueFolder, crates: list[Path]) -> None:
    command = [sys.executable, "-c", _CHILD, kill.doing, str(place.root), *map(str, crates)]
    # A group of its own: the process that writes the store is killed with it, as when a machine stops.
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    for line in child.stdout:
        kill_now = kill.lines == 0 or line == b"ends\n"
        kill = Kill(kill.number, kill.doing, kill.lines - 1, kill.delay)
        if kill_now:
            break
    end = time.monotonic() + kill.delay
    while time.monotonic() < end and child.poll() is None:
        pass
    os.killpg(child.pid, signal.SIGKILL) if child.poll() is None else None
    child.stdout.close()
    child.wait()


def _answers(place: CatalogueFolder) -> tuple[object, ...]:
    with Catalogue(place).reading() as index:
        names = index.iris_of(range(1, index.last_number() + 1))
        joins = sorted((names[src], names[dst], role, names[crate]) for src, dst, role, crate in index.joins())
        nodes = index.runs(), index.entities(), index.actions(), index.summaries()
    return (*nodes, joins, sorted(Catalogue(place).quads(), key=str))
