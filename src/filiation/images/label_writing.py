"""A label image of any size, written part by part by several processes, then given its lower resolutions.

Until it is finished the store has no metadata that would make it a label image, and on a disk stands beside its place,
so nobody takes a part for the whole.
"""

from __future__ import annotations

import itertools
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import zarr

from filiation.digest.trees import processors
from filiation.errors import BadInputError
from filiation.images.image import Properties, Pyramid
from filiation.images.multiscale import ZarrArray
from filiation.images.object_store import ObjectPlace
from filiation.images.ome_blocks import MOST_COLOURS, label_block, label_form, label_levels
from filiation.images.ome_zarr import place_beside, read_region, write_region
from filiation.images.pyramid import LevelPlan, covers_whole, shrink_labels, steps_between
from filiation.images.regions import Region, regions_of
from filiation.images.sites import site_of
from filiation.images.store_format import Content, StoreFormat, write_unit

if TYPE_CHECKING:
    from filiation.images.label_parts import LabelPart

Told = Callable[[int, int], None]
"""Told how many regions of how many have been made."""


@dataclass(frozen=True, slots=True)
class LabelStore:
    """A label image that is being written; another process that is handed it writes to the same store.

    Parameters
    ----------
    path
        Where the store will be; in an object store, chunks go there as they are made.
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

    path: Path | ObjectPlace
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
        site, form = site_of(self.path), self._form()
        site.clear()
        with site.telling():
            group = form.create_root(site.opened())
            for number, level in enumerate(levels):
                written_in = None if number else self.written_in
                dtype = np.dtype(np.uint32)
                form.create_level(group, number, self.axes, level.shape, dtype, Content.LABELS, written_in)

    @property
    def begun(self) -> bool:
        """Whether it has been begun and is not finished."""
        return site_of(self.path).begun

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
        with site_of(self.path).telling():
            array = self._level(0)
            check_whole_units(array, region, self.path)
            write_region(array, region, labels)

    def read(self, region: Region) -> npt.NDArray[np.uint32]:
        """Return labels that have been written, at full resolution; none where nothing was."""
        with site_of(self.path).telling():
            return read_region(self._level(0), region)

    @property
    def unit(self) -> tuple[int, ...]:
        """What regions that are written consist of, along each axis: a chunk, or a shard where there are some."""
        with site_of(self.path).telling():
            return write_unit(self._level(0))

    def take(self, parts: Iterable[LabelPart]) -> None:
        """Take over the chunks that jobs have left; the store has been begun.

        Raises
        ------
        BadInputError
            If they are of another image, or two jobs have left the same chunk; or if the image is in an object store.
        """
        if not isinstance(self.path, Path):
            raise BadInputError(f"Chunks that jobs have left are put together on a disk, not at {self.path}.")
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
        levels, site = label_levels(self.path, self), site_of(self.path)
        block = label_block(self.path, self, levels, values, properties or {})
        with site.telling():
            self._shrink_all(levels, progress)
        form = self._form()
        site.finish(form, form.attributes(block))

    def _shrink_all(self, levels: Sequence[LevelPlan], progress: Told) -> None:
        arrays = [self._level(number) for number in range(len(levels))]
        jobs = [
            (number, region)
            for number in range(1, len(levels))
            for region in regions_of(levels[number].shape, write_unit(arrays[number]))
        ]
        done = 0
        for number, together in itertools.groupby(jobs, key=lambda job: job[0]):
            # Threads each hold what they write, and a shard is large.
            with ThreadPoolExecutor(1 if arrays[number].shards else processors(), "filiation-shrink") as pool:
                two = slice(number - 1, number + 1)
                shrink = partial(self._shrink, levels[two], arrays[two], threading.local())
                for _ in pool.map(shrink, [region for _, region in together]):
                    progress(done, len(jobs))
                    done += 1
        progress(done, len(jobs))

    def _form(self) -> StoreFormat:
        return self.form or label_form(self.path, self)

    def _level(self, number: int) -> ZarrArray:
        return zarr.open_array(site_of(self.path).opened(), path=str(number), mode="r+")

    def _shrink(
        self, levels: Sequence[LevelPlan], arrays: Sequence[ZarrArray], kept: threading.local, region: Region
    ) -> None:
        """Make a region of a lower resolution from the next finer one, and write it at once.

        For the nearest only every second pixel is kept of a chunk; else the finer pixels come a chunk at a time, into
        an array that each thread keeps for the next.
        """
        steps = steps_between(*levels)
        finer, coarser = arrays
        made = np.zeros([side.stop - side.start for side in region], coarser.dtype)
        if self.pyramid is Pyramid.NEAREST and covers_whole(*levels):
            every = [slice(here.start * by, here.stop * by, by) for here, by in zip(region, steps, strict=True)]
            made = read_region(finer, tuple(every), threads=1)
        else:
            of_a_chunk = tuple(max(1, length // by) for length, by in zip(finer.chunks, steps, strict=True))
            for slab in regions_of(made.shape, of_a_chunk):
                here = tuple(
                    slice(part.start + side.start, part.stop + side.start)
                    for part, side in zip(slab, region, strict=True)
                )
                wider = tuple(
                    slice(side.start * step, min(side.stop * step, length))
                    for side, step, length in zip(here, steps, finer.shape, strict=True)
                )
                pixels = read_region(finer, wider, threads=1, into=getattr(kept, "pixels", None))
                kept.pixels = pixels
                made[slab] = shrink_labels(pixels, _part(levels[0], wider), _part(levels[1], here), self.pyramid)
        if made.any():
            write_region(coarser, region, made, threads=1)


def _part(level: LevelPlan, region: Region) -> LevelPlan:
    return LevelPlan(tuple(side.stop - side.start for side in region), level.scale, level.translation)


def check_whole_units(array: ZarrArray, region: Region, path: Path | ObjectPlace) -> None:
    """Raise BadInputError unless a region of labels consists of whole chunks, or shards, that one writer then owns."""
    unit = write_unit(array)
    for side, length, limit in zip(region, unit, array.shape, strict=True):
        if side.start % length or (side.stop % length and side.stop != limit):
            raise BadInputError(
                f"Labels for {region} would be written to parts of {'shards' if array.shards else 'chunks'} of "
                f"{unit} pixels of {path}. Take regions whose lengths are multiples of a chunk's or shard's."
            )


def noted_sizes(sizes: Sequence[int] | Mapping[int, int]) -> Properties:
    """Return as properties the pixels of labels; none of more objects than metadata should list one by one.

    ``sizes`` are those of labels 1 to n, or of each label.

    >>> noted_sizes([7, 2])
    {1: {'pixels': 7}, 2: {'pixels': 2}}
    """
    if len(sizes) > MOST_COLOURS:
        return {}
    known = sizes if isinstance(sizes, Mapping) else dict(enumerate(sizes, start=1))
    return {label: {"pixels": size} for label, size in sorted(known.items())}
