"""The work on one block: any part of it can be done by any process, and in any order within its stage."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.measure import label as label_components

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Block, Box, Grid, grown, open_sides, shared, within
from filiation.segmentation.blockwise.joining import Pairs, agreeing, touching
from filiation.segmentation.blockwise.left_by_blocks import (
    BlockLabels,
    common_slab,
    read_facts,
    read_part,
    slabs_of,
    write_block,
)
from filiation.segmentation.blockwise.recipes import Connected, Parameters, Recipe
from filiation.segmentation.blockwise.shares import share_of
from filiation.segmentation.blockwise.survey import Found, Seen
from filiation.segmentation.blockwise.volume import LabelSink, Volume
from filiation.segmentation.filters import Labels


@dataclass(frozen=True, slots=True)
class Task:
    """A volume that is segmented block by block.

    Parameters
    ----------
    volume
        Axes (y, x) or (z, y, x).
    scale
        Pixel size along each axis.
    recipe
        How the method works on a block.
    parameters
        The method's, by name.
    grid
        How the volume is cut.
    scratch
        A folder for what blocks leave until the end.
    folders
        Folders of jobs that share the blocks as :class:`Share` says, if it is they who left it.

    Raises
    ------
    BadInputError
        If a parameter is out of range, the halo is shorter than the method's filters reach, or the numbers of axes
        differ.
    """

    volume: Volume
    scale: tuple[float, ...]
    recipe: Recipe
    parameters: Parameters
    grid: Grid
    scratch: Path
    folders: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.volume.shape != self.grid.shape or len(self.scale) != len(self.grid.shape):
            raise BadInputError(
                f"A volume of shape {self.volume.shape} with {len(self.scale)} pixel sizes does not go with blocks cut "
                f"for {self.grid.shape}."
            )
        self.recipe.check(self.parameters)
        cut = [length < limit for length, limit in zip(self.grid.lengths, self.grid.shape, strict=True)]
        needed = self.least_halo()
        if any(is_cut and halo < least for is_cut, halo, least in zip(cut, self.grid.halo, needed, strict=True)):
            raise BadInputError(
                f"A halo of {self.grid.halo} voxels is shorter than the method's filters reach with these parameters: "
                f"it takes at least {needed}. A shorter window or sigma needs less."
            )

    def least_halo(self) -> tuple[int, ...]:
        """Return the voxels that a block must see beyond its core for its filters to tell the same as in the whole."""
        reach = self.recipe.reach(self.scale, self.parameters)
        return tuple(each + self._joined_over for each in reach)

    @property
    def _joined_over(self) -> int:
        return 1 if isinstance(self.recipe, Connected) else 0

    def seen(self, block: Block) -> Box:
        """Return the part of a block, around its core, whose labels are compared with others'."""
        return grown(block.core, self._compared, self.grid.shape)

    @property
    def _compared(self) -> tuple[int, ...]:
        # Beyond a voxel, a mask's components may be joined by what the filters did not see as it is.
        return (1,) * len(self.scale) if isinstance(self.recipe, Connected) else self.grid.halo

    def place_of(self, number: int) -> Path:
        """Return where what a block leaves is kept."""
        shared = self.folders[share_of(number, len(self.grid), len(self.folders))] if self.folders else self.scratch
        return shared / f"block-{number}.npz"

    def survey(self, number: int, stage: int, found: Found) -> Seen:
        """Return what a block's core says in one of the passes over the whole volume."""
        survey, block = self.recipe.surveys[stage], self.grid.block(number)
        reach = self.recipe.reach(self.scale, self.parameters)
        box = grown(block.core, reach, self.grid.shape)
        values = survey.look(self.volume.read(box), self.scale, self.parameters)
        return survey.see(values[within(block.core, box)], found)

    def segment(self, number: int, found: Found) -> None:
        """Segment one block and keep what it leaves."""
        block = self.grid.block(number)
        pixels = self.volume.read(block.padded)
        seen = self.seen(block)
        told: dict[str, object] = {}
        if isinstance(self.recipe, Connected):
            mask = self.recipe.mask(pixels, self.scale, found, self.parameters)[within(seen, block.padded)]
            every = mask.dtype == bool  # of which each component is an object
            foreground = mask if every else mask > 0
            labels: Labels = label_components(foreground).astype(np.uint32)  # type: ignore[no-untyped-call]
            certain = np.full(int(labels.max()) + 1, every)
            if not every:
                certain[labels[mask == 2]] = True
            cut = np.zeros(0, np.uint32)
        else:
            goes_on = open_sides(block.padded, self.grid.shape)
            labels = self.recipe.label(pixels, self.scale, found, self.parameters, goes_on, told.update)
            certain = np.ones(int(labels.max()) + 1, bool)
            cut = _at_open_sides(labels, goes_on, self.recipe.reach(self.scale, self.parameters))
        core = labels[within(block.core, seen)]
        sizes = np.bincount(core[core != 0], minlength=len(certain))  # that of 0 is asked for by nobody
        cut = cut[sizes[cut] > 0]
        slabs = slabs_of(block.core, seen, self._compared, self.grid.shape)
        facts = BlockLabels(len(sizes) - 1, sizes, certain, cut, told)
        write_block(self.place_of(number), labels, block.core, slabs, seen, facts)

    def told(self, blocks: Iterable[int]) -> dict[str, object]:
        """Return what the method told of blocks that are done; a list where it told them different values."""
        heard: dict[str, list[object]] = {}
        for number in blocks:
            for name, value in read_facts(self.place_of(number)).told.items():
                values = heard.setdefault(name, [])
                values += [] if value in values else [value]
        return {name: values[0] if len(values) == 1 else values for name, values in heard.items()}

    def compare(self, number: int) -> list[tuple[int, int, Pairs]]:
        """Return which labels of a block are one object with those of its later neighbours."""
        compare = touching if isinstance(self.recipe, Connected) else agreeing
        block = self.grid.block(number)
        return [
            (number, other.number, pairs)
            for other in self.grid.later_neighbours(block)
            if len(pairs := compare(*self._seen_by_both(block, other)))
        ]

    def _seen_by_both(self, block: Block, other: Block) -> tuple[Labels, Labels]:
        both = shared(self.seen(block), self.seen(other))
        parts = []
        for each, name in zip((block, other), common_slab(block, other), strict=True):
            seen = self.seen(each)
            slab = slabs_of(each.core, seen, self._compared, self.grid.shape)[name]
            parts.append(read_part(self.place_of(each.number), name, slab)[within(both, slab)])
        return parts[0], parts[1]

    def finish(self, number: int, numbers: npt.NDArray[np.uint32], sink: LabelSink) -> None:
        """Hand over a block's core, with the final number of each of its labels."""
        block = self.grid.block(number)
        sink.write(block.core, numbers[read_part(self.place_of(number), "core", block.core)])


def _at_open_sides(labels: Labels, goes_on: tuple[tuple[bool, bool], ...], reach: tuple[int, ...]) -> Labels:
    """Return the labels of what comes as near to a side on which the volume goes on as the filters look.

    Nearer to such a side, pixels are not what they are in the whole volume. Objects that touch each other reach it
    together: how deep inside a cluster a pixel lies, and so where it is parted, depends on all of the cluster.
    """
    clusters = label_components(labels > 0)  # type: ignore[no-untyped-call]
    reaching = np.zeros(int(clusters.max()) + 1, bool)
    for (before, after), depth, near in zip(goes_on, reach, _from_each_axis(clusters), strict=True):
        if before:
            reaching[near[: depth + 1]] = True
        if after:
            reaching[near[-depth - 1 :]] = True
    reaching[0] = False
    cut: Labels = np.unique(labels[reaching[clusters]])
    return cut


def _from_each_axis(labels: Labels) -> Iterator[Labels]:
    """Yield the labels with each axis in turn as the first."""
    for axis in range(labels.ndim):
        yield np.moveaxis(labels, axis, 0)


def grid_for(
    shape: tuple[int, ...],
    scale: tuple[float, ...],
    recipe: Recipe,
    parameters: Parameters,
    lengths: tuple[int, ...],
    largest: float,
) -> Grid:
    """Cut a volume so that blocks see what the method needs: as far as its filters reach, and the largest object.

    Parameters
    ----------
    shape, scale
        Of the volume.
    recipe, parameters
        The method and what it is given.
    lengths
        Of a block.
    largest
        Length of the largest object, in the unit of ``scale``; connected components may be of any size.

    Raises
    ------
    BadInputError
        If the numbers of axes differ, or a block is shorter than the halo that it needs.
    """
    recipe.check(parameters)
    if not len(shape) == len(scale) == len(lengths):
        raise BadInputError(f"Blocks of {lengths} pixels do not go with a volume of shape {shape}.")
    halo = tuple(reach + 1 for reach in recipe.reach(scale, parameters))
    if not isinstance(recipe, Connected):
        halo = tuple(reach + math.ceil(largest / size) for reach, size in zip(halo, scale, strict=True))
    # Along an axis that is not cut there is nothing to see beyond.
    return Grid(
        shape,
        tuple(min(pair) for pair in zip(lengths, shape, strict=True)),
        tuple(0 if length >= limit else each for each, length, limit in zip(halo, lengths, shape, strict=True)),
    )
