"""A label image of any size, written part by part by several processes, then given its lower resolutions.

Until it is finished the store stands beside its place, without the metadata that would make it a label image, so nobody
takes a part for the whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from filiation.errors import BadInputError
from filiation.images.image import Pixels, Properties
from filiation.images.multiscale import ZarrArray
from filiation.images.ome_blocks import MOST_COLOURS, label_block, label_levels
from filiation.images.ome_zarr import chunk_lengths, create_level, place_beside, read_region, write_region
from filiation.images.pyramid import steps_between
from filiation.images.regions import Region, regions_of

Told = Callable[[int, int], None]
"""Told how many regions of how many have been made."""

_REGION = 4  # chunks along each side that are shrunk together, along y and x


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
    """

    path: Path
    axes: tuple[str, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    name: str = ""
    source: str | None = None

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
        group = zarr.create_group(beside, zarr_format=3)
        codecs = (ZstdCodec(level=1), Crc32cCodec())
        for number, level in enumerate(levels):
            create_level(group, number, self.axes, level.shape, np.dtype(np.uint32), codecs)

    def write(self, region: Region, labels: npt.NDArray[np.uint32]) -> None:
        """Write the labels of a region, at full resolution.

        Raises
        ------
        BadInputError
            If the region does not consist of whole chunks: two processes might then write to one.
        """
        chunks = chunk_lengths(self.axes, self.shape)
        for side, chunk, limit in zip(region, chunks, self.shape, strict=True):
            if side.start % chunk or (side.stop % chunk and side.stop != limit):
                raise BadInputError(
                    f"Labels for {region} would be written to parts of chunks of {chunks} pixels of {self.path}. Take "
                    "regions whose lengths are multiples of a chunk's."
                )
        if labels.any():
            write_region(self._level(0), region, labels)

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
        jobs = [
            (number, region)
            for number in range(1, len(levels))
            for region in regions_of(levels[number].shape, self._shrunk_together(levels[number].shape))
        ]
        for done, (number, region) in enumerate(jobs):
            progress(done, len(jobs))
            steps = steps_between(*levels[number - 1 : number + 1])
            _shrink(self._level(number - 1), self._level(number), region, steps)
        progress(len(jobs), len(jobs))
        beside = place_beside(self.path)
        block = label_block(self.path, self, levels, values, properties or {})
        zarr.open_group(beside, mode="r+", use_consolidated=False).attrs.put({"ome": block})
        if self.path.exists():
            self.path.rmdir()  # an empty folder, see place_beside
        beside.replace(self.path)

    def _level(self, number: int) -> ZarrArray:
        return zarr.open_array(place_beside(self.path) / str(number), mode="r+")

    def _shrunk_together(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        chunks = chunk_lengths(self.axes, shape)
        return tuple(
            chunk * (_REGION if axis in ("y", "x") else 1) for axis, chunk in zip(self.axes, chunks, strict=True)
        )


def noted_sizes(sizes: Sequence[int]) -> Properties:
    """Return as properties the pixels of labels 1 to n; none of more objects than metadata should list one by one.

    >>> noted_sizes([7, 2])
    {1: {'pixels': 7}, 2: {'pixels': 2}}
    """
    return {} if len(sizes) > MOST_COLOURS else {label: {"pixels": size} for label, size in enumerate(sizes, start=1)}


def _shrink(finer: ZarrArray, coarser: ZarrArray, region: Region, steps: tuple[int, ...]) -> None:
    """Make a region of a lower resolution: of the pixels that one covers, the first, so that no new label appears."""
    wider = tuple(
        slice(side.start * step, min(side.stop * step, length))
        for side, step, length in zip(region, steps, finer.shape, strict=True)
    )
    pixels: Pixels = read_region(finer, wider)[tuple(slice(None, None, step) for step in steps)]
    if pixels.any():
        write_region(coarser, region, np.ascontiguousarray(pixels))
