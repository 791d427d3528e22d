"""A whole volume segmented, by one process or several, with no more in memory than the blocks that are worked on."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from filiation.segmentation.blockwise.faults import lost_worker, naming_the_block
from filiation.segmentation.blockwise.joining import Pairs, join
from filiation.segmentation.blockwise.left_by_blocks import read_facts
from filiation.segmentation.blockwise.survey import Found, Seen
from filiation.segmentation.blockwise.volume import LabelSink
from filiation.segmentation.blockwise.work import Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[str, int, int], None]
"""Told the name of the stage, and how many of how many blocks are done."""


@dataclass(frozen=True, slots=True)
class Segmented:
    """What came of a volume.

    Parameters
    ----------
    sizes
        Voxels of each object; they are numbered from 1 without a gap.
    cut
        Objects of which a block that holds part of them did not see all: they reached the outer border of its halo,
        so they may be other than in the whole volume. A longer halo helps.
    found
        What the method took from the whole volume, such as its threshold.
    """

    sizes: tuple[int, ...]
    cut: tuple[int, ...]
    found: Found

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.sizes)


class _Each(Protocol):
    def __call__(self, work: Callable[[Item], Result], items: Sequence[Item], stage: str) -> Iterator[Result]:
        """Do the work for each item; yield results as they come."""


def segment_volume(
    task: Task,
    sink: LabelSink,
    *,
    minimum_size: float = 0.0,
    processes: int = 1,
    identity: Mapping[str, object] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Segmented:
    """Segment a volume and hand its labels to ``sink``, block by block.

    What blocks leave is kept in the task's scratch folder until the end: after a break, a call with the same task goes
    on with it. Block after block is compared with its neighbours, and numbered when all are done.

    Parameters
    ----------
    task
        What is to be done.
    sink
        Takes the labels; each box is one block's core.
    minimum_size
        Smaller objects are dropped; an area (2-D) or a volume (3-D).
    processes
        How many work side by side; with 1, this one does.
    identity
        What tells this volume and method from another, such as a digest; what other work left is not gone on with.
    progress
        Told how far it is.

    Raises
    ------
    BadInputError
        If the method refuses a parameter.
    OutOfMemoryError
        If a block does not fit into memory, or a process was killed as the system does then.
    Exception
        Whatever reading or writing raises; it says in which block.
    """
    _begin(task, identity or {})
    blocks = list(range(len(task.grid)))
    with _workers(processes, progress) as each:
        found = _survey(task, each)
        missing = [number for number in blocks if not task.place_of(number).is_file()]
        for _ in each(partial(_segment, task, found), missing, "segment"):
            pass
        compared = [pairs for several in each(partial(_compare, task), blocks, "compare") for pairs in several]
        voxel = 1.0
        for size in task.scale:
            voxel *= size
        facts = [read_facts(task.place_of(number)) for number in blocks]
        numbers = join(facts, sorted(compared, key=lambda pair: pair[:2]), minimum_size / voxel)
        given = [(number, numbers.of_block(number)) for number in blocks]
        for _ in each(partial(_finish, task, sink), given, "number"):
            pass
    shutil.rmtree(task.scratch)
    return Segmented(tuple(numbers.sizes.tolist()), numbers.cut, found)


def _begin(task: Task, identity: Mapping[str, object]) -> None:
    """Clear the scratch folder of what another task left."""
    told = {
        **identity,
        "parameters": dict(task.parameters),
        "scale": task.scale,
        "grid": [task.grid.shape, task.grid.lengths, task.grid.halo],
    }
    mark = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()
    place = task.scratch / "task"
    if not place.is_file() or place.read_text("ascii") != mark:
        shutil.rmtree(task.scratch, ignore_errors=True)
        task.scratch.mkdir(parents=True)
        place.write_text(mark, "ascii")


def _survey(task: Task, each: _Each) -> Found:
    kept = task.scratch / "found.json"
    if kept.is_file():
        known: Found = json.loads(kept.read_text("ascii"))
        return known
    found: Found = {}
    blocks = range(len(task.grid))
    for stage, survey in enumerate(task.recipe.surveys):
        seen = each(partial(_look, task, stage, found), blocks, f"survey {stage + 1}")
        found = survey.settle(reduce(survey.add, seen), found)
    beside = kept.with_suffix(".part")
    beside.write_text(json.dumps(found), "ascii")
    beside.replace(kept)
    return found


# Functions of a module, not methods of a task's: another process is handed their names.
def _look(task: Task, stage: int, found: Found, number: int) -> Seen:
    with naming_the_block(task.grid, number):
        return task.survey(number, stage, found)


def _segment(task: Task, found: Found, number: int) -> None:
    with naming_the_block(task.grid, number):
        task.segment(number, found)


def _compare(task: Task, number: int) -> list[tuple[int, int, Pairs]]:
    with naming_the_block(task.grid, number):
        return task.compare(number)


def _finish(task: Task, sink: LabelSink, given: tuple[int, npt.NDArray[np.uint32]]) -> None:
    number, numbers = given
    with naming_the_block(task.grid, number):
        task.finish(number, numbers, sink)


@contextmanager
def _workers(processes: int, progress: Progress) -> Iterator[_Each]:
    if processes <= 1:
        yield partial(_one_by_one, progress)
        return
    # Not forked: threads that read and compress may be at work in this process.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield partial(_side_by_side, pool, 2 * processes, progress)


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
    waiting, at_work, done = iter(items), dict[Future[Result], Item](), 0
    workers: list[multiprocessing.Process] = []
    progress(stage, done, len(items))
    try:
        while True:
            with _main_kept_to_itself():
                at_work |= {pool.submit(work, item): item for item in islice(waiting, most - len(at_work))}
            if not at_work:
                return
            # Nothing public tells how a process of a pool ended.
            workers = list((getattr(pool, "_processes", None) or {}).values()) or workers
            for future in wait(at_work, return_when=FIRST_COMPLETED).done:
                result = future.result()
                del at_work[future]
                done += 1
                progress(stage, done, len(items))
                yield result
    except BrokenProcessPool as error:
        raise lost_worker(map(_block_of, at_work.values()), (worker.exitcode for worker in workers)) from error
    finally:
        for future in at_work:
            future.cancel()


def _block_of(item: Any) -> int:
    return int(item[0] if isinstance(item, tuple) else item)
