"""One peer in a process and an environment of its own: loads the drawn jobs, or answers questions from standard input.

``python answering.py PEER JOBS FOLDER --load`` loads, and writes what that cost into the folder. Without ``--load`` it
opens what was loaded and answers requests, a JSON object a line each: which ``way`` to ask, the ``name`` of a thing,
whether ``up`` to what it descends from or down, and a ``file`` for the names of the answer, or null. The answer is an
object a line: how many there are, and milliseconds of processor time and of time. Names are written after the clock
was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Collection, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from drawn_jobs import Job, read_jobs

LOADED = "loaded.json"


class Peer(Protocol):
    """What each module's ``Peer`` is.

    A way of asking takes the name of a thing and whether to go up, and returns the answer in the peer's own terms,
    the asked thing left out.
    """

    title: str
    ways: dict[str, Callable[[str, bool], Collection[Any]]]

    def load(self, jobs: Iterable[Job]) -> None:
        """Take in all jobs, in the peer's own way for many."""

    def open(self) -> None:
        """Open what was loaded."""

    def names(self, found: Collection[Any]) -> Iterable[str]:
        """Return an answer's names."""


def main() -> None:
    """Load, or answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer")
    parser.add_argument("jobs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--load", action="store_true")
    asked = parser.parse_args()
    # What a library prints goes to the errors: the output is for answers alone.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    begun = time.perf_counter()
    peer: Peer = import_module(f"{asked.peer}_peer").Peer(asked.folder)
    if asked.load:
        load(peer, asked.jobs, asked.folder)
        return
    peer.open()
    opened = {"open_cpu": time.process_time(), "open_wall": time.perf_counter() - begun}  # with all that it imports
    print(json.dumps({"title": peer.title, "ways": list(peer.ways), **opened, "megabytes": memory()}), file=answers)
    for line in sys.stdin:
        request = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        found = peer.ways[request["way"]](request["name"], request["up"])
        cost = {"cpu": 1000 * (time.process_time() - cpu), "wall": 1000 * (time.perf_counter() - wall)}
        if request["file"]:
            Path(request["file"]).write_text("\n".join(sorted(set(peer.names(found)))))
        print(json.dumps({"count": len(found), **cost, "megabytes": memory()}), file=answers)


def load(peer: Peer, jobs: Path, folder: Path) -> None:
    """Load, and write down the cost and the size on disk."""
    before = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    cpu, wall, load = time.process_time(), time.perf_counter(), os.getloadavg()[0]
    peer.load(read_jobs(jobs))
    cost = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "megabytes": memory(),
        "bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) - before,
        "load": load,
    }
    (folder / LOADED).write_text(json.dumps(cost))


def memory() -> float:
    """Return the most memory that this process has had, in MB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
