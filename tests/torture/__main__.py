"""``make torture``: kill runs and packings at random moments, resume them, and look for what does not hold."""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from tests.forked import python
from tests.torture.faults import Trials, breaches, compile_shim, every_point, trials, waiting_catalogue
from tests.torture.ingests import Kill
from tests.torture.ingests import play as play_ingest
from tests.torture.rounds import Plan, Result, make_project, play

ROUNDS_A_PROJECT = 10
"""A catalogue grows over some rounds, then another begins."""


def main() -> int:
    """Play the rounds; return 1 if something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="draws every round; printed, so that it can be repeated")
    parser.add_argument("--workers", type=int, default=2, help="rounds at once, each in a project of its own")
    parser.add_argument("--slowness", type=float, default=1.0, help="stretches the moments of the kills")
    parser.add_argument(
        "--faults", action="store_true", help="instead, let each write, fsync and rename of packing fail"
    )
    parser.add_argument("--ingests", type=int, help="instead, kill so many processes that take crates in or rebuild")
    parser.add_argument("--keep", action="store_true", help="keep the projects")
    asked = parser.parse_args()
    if asked.faults:
        return try_every_fault(asked.workers)
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    if asked.ingests:
        return kill_ingests(asked.ingests, seed, asked.workers)
    say(f"torture: {asked.rounds} rounds with seed {seed}")
    begun, results = time.monotonic(), []
    folder = Path(tempfile.mkdtemp(prefix="filiation-torture-"))
    os.environ |= {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    for result in torture(folder, asked.rounds, seed, asked.workers, asked.slowness):
        results.append(result)
        plan = result.plan
        say(f"{plan.number:4d}  {plan.victim:14s} {plan.anchor:8s} {plan.fraction:.3f}  hit {result.hit:8s} "
              f"{result.seconds:5.1f} s  {'; '.join(result.breaches) or 'holds'}")  # fmt: skip
    broken = [result for result in results if result.breaches]
    for title, counts in (("killed", Counter(result.plan.victim for result in results)),
                          ("hit", Counter(result.hit for result in results))):  # fmt: skip
        say(f"{title}: " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())))
    say(f"torture: {len(results) - len(broken)} of {len(results)} rounds hold, seed {seed}, "
          f"{time.monotonic() - begun:.0f} s")  # fmt: skip
    if broken or asked.keep:
        say(f"The projects are kept in {folder}.")
    else:
        shutil.rmtree(folder)
    return 1 if broken else 0


def kill_ingests(count: int, seed: int, workers: int) -> int:
    """Kill processes that take crates in or make everything again; return 1 if something did not hold."""
    say(f"torture: {count} kills of ingests with seed {seed}")
    begun, found = time.monotonic(), 0

    def kill(number: int) -> tuple[Kill, list[str]]:
        drawn = Kill.draw(seed, number)
        with tempfile.TemporaryDirectory(prefix="filiation-torture-") as name:
            return drawn, play_ingest(Path(name), drawn)

    with ThreadPoolExecutor(workers) as pool:
        for drawn, broken in pool.map(kill, range(count)):
            found += bool(broken)
            say(f"{drawn.number:4d}  {drawn.doing:12s} after line {drawn.lines} and {drawn.delay * 1000:3.0f} ms  "
                f"{'; '.join(broken) or 'holds'}")  # fmt: skip
    say(f"torture: {count - found} of {count} kills hold, seed {seed}, {time.monotonic() - begun:.0f} s")
    return 1 if found else 0


def try_every_fault(workers: int) -> int:
    """Let every single call of the system fail in turn; return 1 if something did not hold."""
    memory, begun = Path("/dev/shm"), time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        shim = compile_shim(folder)
        if shim is None:
            say("torture: no C compiler, so no call of the system can be made to fail")
            return 1
        pristine = waiting_catalogue(folder / "project")
        points = every_point(shim, pristine, folder / "counting")
        say(f"torture: {len(points)} calls fail in turn")
        found: list[str] = []
        longest = 0.0
        with ExitStack() as opened, ThreadPoolExecutor(workers) as pool:
            idle: SimpleQueue[tuple[Trials, Path]] = SimpleQueue()
            for number in range(workers):
                idle.put((opened.enter_context(trials(shim)), folder / f"scratch-{number}"))

            def let_fail(point: tuple[str, int, str]) -> tuple[list[str], float]:
                server, scratch = idle.get()
                started = time.monotonic()
                try:
                    return breaches(server, pristine, scratch, *point), time.monotonic() - started
                finally:
                    idle.put((server, scratch))

            for number, (broken, seconds) in enumerate(pool.map(let_fail, points), start=1):
                found += broken
                longest = max(longest, seconds)
                for breach in broken:
                    say(breach)
                if number % 25 == 0 or number == len(points):
                    kind, nth, fault = points[number - 1]
                    say(f"{number:4d} of {len(points)} tried ({kind} {nth} {fault}), {len(found)} breaches, "
                        f"{time.monotonic() - begun:.0f} s, the longest {longest:.1f} s")  # fmt: skip
    say(f"torture: {len(points)} calls failed in turn, {len(found)} breaches, {time.monotonic() - begun:.0f} s")
    return 1 if found else 0


def torture(folder: Path, rounds: int, seed: int, workers: int = 1, slowness: float = 1.0) -> Iterator[Result]:
    """Yield the result of each round, a project's together when they are played."""
    python()  # its processes are started here, once, and not by each thread
    plans = [Plan.draw(seed, number) for number in range(rounds)]
    parts = [plans[start : start + ROUNDS_A_PROJECT] for start in range(0, rounds, ROUNDS_A_PROJECT)]

    def play_all(part: list[Plan]) -> list[Result]:
        project = make_project(folder / f"project-{part[0].number}")
        return [play(project, plan, slowness) for plan in part]

    with ThreadPoolExecutor(workers) as pool:
        for played in as_completed([pool.submit(play_all, part) for part in parts]):
            yield from played.result()


def say(text: str) -> None:
    """Print a line at once: a torture takes long, and who watches wants to see it."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
