"""Work on blocks by jobs that share a volume: what each hands on to the next is a file or a folder of its own.

Survey jobs look over their blocks, one settles what all have seen, segmenting jobs leave their blocks' labels, one
joins these, and numbering jobs hand over the labels with their final numbers. What a job finds must be of its own plan.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Box
from filiation.segmentation.blockwise.joining import Numbers
from filiation.segmentation.blockwise.plan import Plan
from filiation.segmentation.blockwise.recipes import recipe_named
from filiation.segmentation.blockwise.shares import Share
from filiation.segmentation.blockwise.stages import join_blocks, look_over, number_blocks, segment_blocks
from filiation.segmentation.blockwise.survey import Found
from filiation.segmentation.blockwise.volume import LabelSink, Volume
from filiation.segmentation.blockwise.workers import Progress, workers
from filiation.segmentation.filters import Pixels

_PLAN = "plan"


def survey_share(
    plan: Plan, volume: Volume, share: Share, stage: int, found: Found, seen: Path, processes: int, progress: Progress
) -> None:
    """Look over a share's blocks in one pass, counted from 0, and write what they say to ``seen``."""
    blocks = share.blocks(len(plan.grid))
    told = np.zeros(0)
    if blocks and stage < len(recipe_named(plan.method).surveys):  # a method may need fewer passes than are made
        with workers(processes, progress) as each:
            told = look_over(plan.task(volume, seen.parent), each, stage, found, blocks)
    with seen.open("wb") as file:
        np.save(file, told, allow_pickle=False)


def settle_survey(plan: Plan, stage: int, found: Found, seen: Sequence[Path]) -> Found:
    """Return what is known of the whole volume after a pass that all shares have made."""
    told = [part for path in seen if len(part := np.load(path, allow_pickle=False))]
    surveys = recipe_named(plan.method).surveys
    if not told or stage >= len(surveys):
        return found
    return surveys[stage].settle(reduce(surveys[stage].add, told), found)


def read_found(path: Path | None) -> Found:
    """Return what a settled survey found; nothing if there was none."""
    found: Found = {} if path is None else json.loads(path.read_text("ascii"))
    return found


def segment_share(
    plan: Plan,
    volume: Volume,
    share: Share,
    found: Found,
    folder: Path,
    processes: int,
    progress: Progress,
    *,
    apart: bool = False,
) -> dict[str, object]:
    """Segment a share's blocks, and keep what they leave in a folder; ``apart`` from this process even if by one.

    Returns
    -------
    dict
        What the method told of the blocks, such as the device that a network ran on; a list where they differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    task, blocks = plan.task(volume, folder), share.blocks(len(plan.grid))
    with workers(processes, progress, apart=apart) as each:
        segment_blocks(task, each, found, blocks)
    (folder / _PLAN).write_text(plan.mark, "ascii")
    return task.told(blocks)


def join_shares(plan: Plan, folders: Sequence[Path], joined: Path, processes: int, progress: Progress) -> None:
    """Join the labels of all shares, whose folders are in their order, and write the final numbers to ``joined``."""
    for folder in folders:
        _check(plan, (folder / _PLAN).read_text("ascii") if (folder / _PLAN).is_file() else "", folder)
    task = plan.task(_Unread(plan.shape), folders[0], tuple(folders))
    with workers(processes, progress) as each:
        numbers = join_blocks(task, each, plan.minimum_size)
    with joined.open("wb") as file:
        np.savez(
            file,
            allow_pickle=False,
            sizes=numbers.sizes,
            first=numbers.first,
            of=numbers.of,
            cut=np.array(numbers.cut, np.int64),
            plan=np.array(plan.mark),
            told=np.array(json.dumps(task.told(range(len(plan.grid))))),
        )


def read_joined(plan: Plan, joined: Path) -> Numbers:
    """Return the final numbers.

    Raises
    ------
    BadInputError
        If they are of another plan.
    """
    with np.load(joined, allow_pickle=False) as file:
        _check(plan, str(file["plan"]), joined)
        return Numbers(file["sizes"], file["first"], file["of"], tuple(file["cut"].tolist()))


def read_told(joined: Path) -> dict[str, object]:
    """Return what the method told of all blocks; see :func:`segment_share`."""
    with np.load(joined, allow_pickle=False) as file:
        told: dict[str, object] = json.loads(str(file["told"]))
        return told


def number_share(
    plan: Plan, share: Share, folder: Path, joined: Path, sink: LabelSink, processes: int, progress: Progress
) -> None:
    """Hand over the labels of a share's blocks with their final numbers."""
    numbers = read_joined(plan, joined)
    with workers(processes, progress) as each:
        number_blocks(plan.task(_Unread(plan.shape), folder), each, numbers, sink, share.blocks(len(plan.grid)))


@dataclass(frozen=True, slots=True)
class _Unread:
    """Stands in place of a volume that is not read any more."""

    shape: tuple[int, ...]

    def read(self, box: Box) -> Pixels:
        """Refuse."""
        raise BadInputError(f"The pixels {box} are asked for at a stage that is to have labels only.")


def _check(plan: Plan, mark: str, place: Path) -> None:
    if mark != plan.mark:
        raise BadInputError(
            f"{place} was made with other blocks, parameters or another image than this job has. Remove its folder "
            f"{place.parent}; what is in it is then made again."
        )
