"""A whole volume segmented, by one process or several, with no more in memory than the blocks that are worked on."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from filiation.segmentation.blockwise.stages import join_blocks, look_over, number_blocks, segment_blocks
from filiation.segmentation.blockwise.survey import Found
from filiation.segmentation.blockwise.volume import LabelSink
from filiation.segmentation.blockwise.work import Task
from filiation.segmentation.blockwise.workers import Each, Progress, workers


@dataclass(frozen=True, slots=True)
class Segmented:
    """What came of a volume.

    Parameters
    ----------
    sizes
        Voxels of each object; they are numbered from 1 without a gap.
    cut
        Objects of which a block that holds part of them did not see all: they, or the cluster that they are in, came
        too near to the outer border of its halo, so they may be other than in the whole volume. A longer halo helps.
    found
        What the method took from the whole volume, such as its threshold.
    told
        What it told of blocks, such as the device that a network ran on; a list where blocks differ.
    """

    sizes: tuple[int, ...]
    cut: tuple[int, ...]
    found: Found
    told: Mapping[str, object]

    @property
    def count(self) -> int:
        """How many objects there are."""
        return len(self.sizes)


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
    blocks = range(len(task.grid))
    with workers(processes, progress) as each:
        found = _survey(task, each)
        missing = [number for number in blocks if not task.place_of(number).is_file()]
        segment_blocks(task, each, found, missing)
        numbers = join_blocks(task, each, minimum_size)
        number_blocks(task, each, numbers, sink, blocks)
    told = task.told(blocks)
    shutil.rmtree(task.scratch)
    return Segmented(tuple(numbers.sizes.tolist()), numbers.cut, found, told)


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


def _survey(task: Task, each: Each) -> Found:
    kept = task.scratch / "found.json"
    if kept.is_file():
        known: Found = json.loads(kept.read_text("ascii"))
        return known
    found: Found = {}
    for stage, survey in enumerate(task.recipe.surveys):
        seen = look_over(task, each, stage, found, range(len(task.grid)))
        found = survey.settle(seen, found)
    beside = kept.with_suffix(".part")
    beside.write_text(json.dumps(found), "ascii")
    beside.replace(kept)
    return found
