"""Work done for each of many items, by this process or by several; if one of them is lost, it is told at what."""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any, Protocol, TypeVar

from filiation.segmentation.blockwise.faults import lost_worker

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
"""Told the name of the stage, and how many of how many items are done."""
_imported: set[str] = set()
"""Modules that processes of this one's imported at work, the first part of their names."""
_told = 0
"""How many modules this process had when it told of them last, as one of those."""


class Each(Protocol):
    """Has work done for each item, in this process or in several."""

    def __call__(self, work: Callable[[Item], Result], items: Sequence[Item], stage: str) -> Iterator[Result]:
        """Do the work for each item; yield results as they come."""


@contextmanager
def workers(processes: int, progress: Progress, *, apart: bool = False) -> Iterator[Each]:
    """Give what has work done by so many processes; with 1, this one does it, unless it is to be done apart.

    Whoever has work done apart is still there to tell when the system ends a process for its memory.
    """
    if processes <= 1 and not apart:
        yield partial(_one_by_one, progress)
        return
    # Not forked: threads that read and compress may be at work in this process.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield partial(_side_by_side, pool, 2 * processes, progress)


def imported_by_workers() -> frozenset[str]:
    """Return the modules that processes have imported that did work for this one, the first part of their names.

    This process may have none of them: a network's libraries are loaded where its blocks are worked on.
    """
    return frozenset(_imported)


def _telling(work: Callable[[Item], Result], item: Item) -> tuple[Result, tuple[str, ...]]:
    """Do the work in a process of its own; tell of the modules that this has imported, if there are new ones."""
    global _told
    result = work(item)
    if len(sys.modules) == _told:
        return result, ()
    _told = len(sys.modules)
    return result, tuple({name.partition(".")[0] for name in sys.modules})


@contextmanager
def _main_kept_to_itself() -> Iterator[None]:
    """Let processes start without the main module: a script of Snakemake would be run again in each of them."""
    # Which is how multiprocessing.spawn knows of it; see get_preparation_data there.
    names = vars(sys.modules["__main__"])
    kept = {name: names.pop(name, None) for name in ("__file__", "__spec__")}
    names["__spec__"] = None
    try:
        yield
    finally:
        names |= kept if kept["__file__"] is not None else {"__spec__": kept["__spec__"]}


def _one_by_one(
    progress: Progress, work: Callable[[Item], Result], items: Sequence[Item], stage: str
) -> Iterator[Result]:
    for done, item in enumerate(items):
        progress(stage, done, len(items))
        yield work(item)
    progress(stage, len(items), len(items))


def _side_by_side(
    pool: ProcessPoolExecutor,
    most: int,
    progress: Progress,
    work: Callable[[Item], Result],
    items: Sequence[Item],
    stage: str,
) -> Iterator[Result]:
    waiting, at_work, done = iter(items), dict[Future[tuple[Result, tuple[str, ...]]], Item](), 0
    workers: list[multiprocessing.Process] = []
    progress(stage, done, len(items))
    try:
        while True:
            with _main_kept_to_itself():
                at_work |= {pool.submit(_telling, work, item): item for item in islice(waiting, most - len(at_work))}
            if not at_work:
                return
            # Nothing public tells how a process of a pool ended.
            workers = list((getattr(pool, "_processes", None) or {}).values()) or workers
            for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                result, modules = future.result()
                _imported.update(modules)
                del at_work[future]
                done += 1
                progress(stage, done, len(items))
                yield result
    except BrokenProcessPool as error:
        pool.shutdown()  # until then, nobody may have asked yet how they ended
        raise lost_worker(map(_block_of, at_work.values()), (worker.exitcode for worker in workers)) from error
    finally:
        for future in at_work:
            future.cancel()


def _block_of(item: Any) -> int:
    return int(item[0] if isinstance(item, tuple) else item)
