"""A label image of any size, written part by part by several processes, then given its lower resolutions.

Until it is finished the store stands beside its place, without the metadata that would make it a label image, so nobody
takes a part for the whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import zarr

from filiation.errors import BadInputError
from filiation.images.image import Properties, Pyramid
from filiation.images.multiscale import ZarrArray
from filiation.images.ome_blocks import MOST_COLOURS, label_block, label_form, label_levels
from filiation.images.ome_zarr import place_beside, read_region, write_region
from filiation.images.pyramid import LevelPlan, shrink_labels, steps_between
from filiation.images.regions import Region, inside, regions_of
from filiation.images.store_format import Content, StoreFormat, write_unit

if TYPE_CHECKING:
    from filiation.images.label_parts import LabelPart

Told = Callable[[int, int], None]
"""Told how many regions of how many have been made."""

_SHRUNK_TOGETHER = 512  # pixels along y and x


@dataclass(frozen=True, slots=True)
class LabelStore:
    """A label image that is being written; another process that is handed it writes to the same store.

    Parameters
    ----------
    path
        Where the store will be.
    axes, shape, scale, units
        As in :class:`filiation.images.LabelImage`.
    name
        A name for a person.
    source
        The image that is labelled, relative to the store; None if not known.
    pyramid
        How its lower resolutions are made.
    form
        OME-Zarr version, and whether there are shards; those of the source if left out.
    written_in
        Lengths of the regions that will be written, for shards that fit into them.
    """

    path: Path
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str = ""
    source: str | None = None
    pyramid: Pyramid = Pyramid.NEAREST
    form: StoreFormat | None = None
    written_in: tuple[int, ...] | None = None

    def begin(self) -> None:
        """Make the store, with its full resolution empty.

        Raises
        ------
        BadInputError
            If there is something at its path already, or the source is there and has another shape or pixel size.
        """
        levels = label_levels(self.path, self)
        beside = place_beside(self.path)
        shutil.rmtree(beside, ignore_errors=True)
        form = self._form()
        group = form.create_root(beside)
        for number, level in enumerate(levels):
            written_in = None if number else self.written_in
            form.create_level(group, number, self.axes, level.shape, np.dtype(np.uint32), Content.LABELS, written_in)

    def begin_part(self, folder: Path) -> None:
        """Make an array as that of the full resolution, in a folder for some chunks of it; see :class:`LabelPart`."""
        form = self._form()
        shutil.rmtree(folder, ignore_errors=True)
        dtype = np.dtype(np.uint32)
        form.create_level(form.create_root(folder), 0, self.axes, self.shape, dtype, Content.LABELS, self.written_in)

    def write(self, region: Region, labels: npt.NDArray[np.uint32]) -> None:
        """Write the labels of a region, at full resolution.

        Raises
        ------
        BadInputError
            If the region does not consist of whole chunks, or shards where there are some: two processes might then
            write to one.
        """
        array = self._level(0)
        check_whole_units(array, region, self.path)
        if labels.any():
            write_region(array, region, labels)

    def take(self, parts: Iterable[LabelPart]) -> None:
        """Take over the chunks that jobs have left; the store has been begun.

        Raises
        ------
        BadInputError
            If they are of another image, or two jobs have left the same chunk.
        """
        for part in parts:
            part.hand_over(self._level(0), place_beside(self.path) / "0")

    def finish(
        self,
        values: Sequence[int],
        properties: Properties | None = None,
        *,
        progress: Told = lambda done, total: None,
    ) -> None:
        """Make the lower resolutions and the metadata, and move the store to its place.

        Parameters
        ----------
        values
            The labels that occur.
        properties
            For some objects, what else is known of them.
        progress
            Told how far it is.

        Raises
        ------
        BadInputError
            If properties are given for a label that does not occur.
        """
        levels = label_levels(self.path, self)
        arrays = [self._level(number) for number in range(len(levels))]
        jobs = [
            (number, region)
            for number in range(1, len(levels))
            for region in regions_of(levels[number].shape, self._written_together(arrays[number]))
        ]
        for done, (number, region) in enumerate(jobs):
            progress(done, len(jobs))
            self._shrink(levels[number - 1 : number + 1], arrays[number - 1 : number + 1], region)
        progress(len(jobs), len(jobs))
        beside = place_beside(self.path)
        block = label_block(self.path, self, levels, values, properties or {})
        form = self._form()
        form.finish(beside, form.attributes(block))
        if self.path.exists():
            self.path.rmdir()  # an empty folder, see place_beside
        beside.replace(self.path)

    def _form(self) -> StoreFormat:
        return self.form or label_form(self.path, self)

    def _level(self, number: int) -> ZarrArray:
        return zarr.open_array(place_beside(self.path) / str(number), mode="r+")

    def _shrunk_together(self, array: ZarrArray) -> tuple[int, ...]:
        """Return the lengths of what is shrunk at a time: some chunks side by side."""
        return tuple(
            max(length, _SHRUNK_TOGETHER // length * length) if axis in ("y", "x") else length
            for axis, length in zip(self.axes, array.chunks, strict=True)
        )

    def _written_together(self, array: ZarrArray) -> tuple[int, ...]:
        return array.shards or self._shrunk_together(array)

    def _shrink(self, levels: Sequence[LevelPlan], arrays: Sequence[ZarrArray], region: Region) -> None:
        """Make a region of a lower resolution from the next finer one, part by part, and write it at once."""
        steps = steps_between(*levels)
        finer, coarser = arrays
        made = np.zeros([side.stop - side.start for side in region], coarser.dtype)
        for slab in regions_of(made.shape, self._shrunk_together(coarser)):
            here = tuple(
                slice(part.start + side.start, part.stop + side.start) for part, side in zip(slab, region, strict=True)
            )
            wider = tuple(
                slice(side.start * step, min(side.stop * step, length))
                for side, step, length in zip(here, steps, finer.shape, strict=True)
            )
            pixels = read_region(finer, wider)
            if pixels.any():
                made[inside(here, region)] = shrink_labels(
                    pixels, _part(levels[0], wider), _part(levels[1], here), self.pyramid
                )
        if made.any():
            write_region(coarser, region, made)


def _part(level: LevelPlan, region: Region) -> LevelPlan:
    return LevelPlan(tuple(side.stop - side.start for side in region), level.scale, level.translation)


def check_whole_units(array: ZarrArray, region: Region, path: Path) -> None:
    """Raise BadInputError unless a region of labels consists of whole chunks, or shards, that one writer then owns."""
    unit = write_unit(array)
    for side, length, limit in zip(region, unit, array.shape, strict=True):
        if side.start % length or (side.stop % length and side.stop != limit):
            raise BadInputError(
                f"Labels for {region} would be written to parts of {'shards' if array.shards else 'chunks'} of "
                f"{unit} pixels of {path}. Take regions whose lengths are multiples of a chunk's or shard's."
            )


def noted_sizes(sizes: Sequence[int]) -> Properties:
    """Return as properties the pixels of labels 1 to n; none of more objects than metadata should list one by one.

    >>> noted_sizes([7, 2])
    {1: {'pixels': 7}, 2: {'pixels': 2}}
    """
    return {} if len(sizes) > MOST_COLOURS else {label: {"pixels": size} for label, size in enumerate(sizes, start=1)}
