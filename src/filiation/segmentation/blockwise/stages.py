"""The stages that a volume goes through: each is work on many blocks, which is done by whoever is at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial, reduce
from typing import TYPE_CHECKING

from filiation.segmentation.blockwise.faults import naming_the_block
from filiation.segmentation.blockwise.joining import Numbers, Pairs, join
from filiation.segmentation.blockwise.left_by_blocks import read_facts
from filiation.segmentation.blockwise.survey import Found, Seen
from filiation.segmentation.blockwise.volume import LabelSink
from filiation.segmentation.blockwise.work import Task
from filiation.segmentation.blockwise.workers import Each

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def look_over(task: Task, each: Each, stage: int, found: Found, blocks: Sequence[int]) -> Seen:
    """Return what some blocks, at least one, say together in one of the passes over the volume."""
    return reduce(
        task.recipe.surveys[stage].add, each(partial(_look, task, stage, found), blocks, f"survey {stage + 1}")
    )


def segment_blocks(task: Task, each: Each, found: Found, blocks: Sequence[int]) -> None:
    """Segment blocks, and keep what they leave."""
    for _ in each(partial(_segment, task, found), blocks, "segment"):
        pass


def join_blocks(task: Task, each: Each, minimum_size: float) -> Numbers:
    """Compare every block with its neighbours, and give the objects numbers."""
    blocks = range(len(task.grid))
    compared = [pairs for several in each(partial(_compare, task), blocks, "compare") for pairs in several]
    facts = [read_facts(task.place_of(number)) for number in blocks]
    return join(facts, sorted(compared, key=lambda pair: pair[:2]), minimum_size / math.prod(task.scale))


def number_blocks(task: Task, each: Each, numbers: Numbers, sink: LabelSink, blocks: Sequence[int]) -> None:
    """Hand over the labels of blocks with their final numbers."""
    given = [(number, numbers.of_block(number)) for number in blocks]
    for _ in each(partial(_number, task, sink), given, "number"):
        pass


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


def _number(task: Task, sink: LabelSink, given: tuple[int, npt.NDArray[np.uint32]]) -> None:
    number, numbers = given
    with naming_the_block(task.grid, number):
        task.finish(number, numbers, sink)
