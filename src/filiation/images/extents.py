"""The objects of a label image: where each lies on each plane, and its pixels there, in bounded memory.

A plane is what the last two axes, y and x, span; the axes before them count planes. An object is looked at through its
bounding box on each plane, so that neither the label image nor one object of it is ever in memory whole. What is read
at once is a few chunks of the store.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.images.image import Pixels
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels

MOST_PIXELS = 2**22
"""Pixels that are read at once, or one chunk of the store if that is larger."""
_LARGEST_LABEL = 2**63 - 1
_Region = tuple[slice, ...]
_Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Extent:
    """Where an object lies on one plane: its bounding box.

    Parameters
    ----------
    label
        The object's value.
    plane
        Position along each axis before y and x.
    top, left, height, width
        In pixels, counted from 0 at the upper left pixel.
    """

    label: int
    plane: tuple[int, ...]
    top: int
    left: int
    height: int
    width: int

    @property
    def area(self) -> int:
        """Pixels of the box."""
        return self.height * self.width

    @property
    def region(self) -> _Region:
        """The box as an index into the label image."""
        lead = tuple(slice(position, position + 1) for position in self.plane)
        return (*lead, slice(self.top, self.top + self.height), slice(self.left, self.left + self.width))


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """A label image looked through once: which objects there are, and where.

    Parameters
    ----------
    store
        The label image.
    rows
        For each object and plane: label, number of the plane, top, left, bottom, right (the last two not included);
        sorted by label, then plane.
    """

    store: Multiscale
    rows: _Rows

    @property
    def labels(self) -> tuple[int, ...]:
        """The label values that occur, sorted."""
        return tuple(int(value) for value in np.unique(self.rows[:, 0]))

    def objects(self) -> Iterator[tuple[Extent, ...]]:
        """Yield the extents of each object, from the first plane to the last: objects in the order of their planes."""
        if not len(self.rows):
            return
        first = _starts(self.rows[:, :1])
        order = np.lexsort(self.rows[first][:, 3:0:-1].T)
        ends = np.append(first[1:], len(self.rows))
        for number in order:
            yield tuple(self._extent(row) for row in self.rows[first[number] : ends[number]])

    def _extent(self, row: _Rows) -> Extent:
        label, plane, top, left, bottom, right = (int(value) for value in row)
        position = np.unravel_index(plane, self.store.full.array.shape[:-2]) if self.store.axes[:-2] else ()
        return Extent(label, tuple(int(each) for each in position), top, left, bottom - top, right - left)


def survey(path: Path) -> Survey:
    """Look through the OME-Zarr label image at ``path``.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr label image, or a chunk is damaged.
    """
    store = open_multiscale(path)
    if store.image_label is None or store.full.array.dtype.kind not in "iu":
        raise BadInputError(
            f"{path} is no label image: it has {'pixels of ' + str(store.full.array.dtype)} and "
            f"{'no' if store.image_label is None else 'an'} 'image-label' block; integers and a block are expected."
        )
    whole = tuple(slice(0, length) for length in store.full.array.shape)
    found = [_extents(store, region) for region in _blocks(store, whole)]
    return Survey(store, _merged(np.concatenate(found)))


def masks(store: Multiscale, extents: list[Extent]) -> Iterator[tuple[Extent, Mask]]:
    """Yield the pixels of objects: for each extent whether each pixel of its box belongs to the object.

    They come in the order in which the store is read. In memory at once are the boxes that share the planes of a
    chunk.

    Raises
    ------
    BadInputError
        If a chunk is damaged.
    """
    chunks = store.full.array.chunks
    by_slab: dict[tuple[int, ...], list[Extent]] = {}
    for extent in extents:
        slab = tuple(position // chunk for position, chunk in zip(extent.plane, chunks, strict=False))
        by_slab.setdefault(slab, []).append(extent)
    for slab in sorted(by_slab):
        yield from _masks_of_slab(store, slab, by_slab[slab])


def packed(mask: Mask) -> bytes:
    """Return a mask as OMERO keeps it: one bit a pixel, row by row, the first pixel in the highest bit.

    The last byte is filled up with zeros. (OME model, Mask: BinData, "a bit mask, big-endian"; so do omero-rois and
    omero-cli-zarr.)
    """
    return np.packbits(mask).tobytes()


def unpacked(content: bytes, height: int, width: int) -> Mask:
    """Return the mask whose bytes :func:`packed` made.

    Raises
    ------
    BadInputError
        If there are fewer bytes than pixels need.
    """
    bits = np.unpackbits(np.frombuffer(content, np.uint8))
    if len(bits) < height * width:
        raise BadInputError(
            f"A mask of {height} x {width} pixels needs {math.ceil(height * width / 8)} bytes; found {len(content)}."
        )
    return bits[: height * width].reshape(height, width).astype(bool)


def _blocks(store: Multiscale, within: _Region) -> Iterator[_Region]:
    """Yield regions that are whole chunks, a few at once, and together hold ``within``; planes come in order."""
    chunks = store.full.array.chunks
    lengths = list(chunks)
    for axis in reversed(range(len(chunks))):
        room = max(1, MOST_PIXELS // math.prod(lengths))
        touched = (within[axis].stop - 1) // chunks[axis] - within[axis].start // chunks[axis] + 1
        lengths[axis] *= min(room, touched)
    starts = (
        range(part.start // chunk * chunk, part.stop, length)
        for part, chunk, length in zip(within, chunks, lengths, strict=True)
    )
    for corner in itertools.product(*starts):
        yield tuple(
            slice(max(start, part.start), min(start + length, part.stop))
            for start, length, part in zip(corner, lengths, within, strict=True)
        )


def _extents(store: Multiscale, region: _Region) -> _Rows:
    """Return the rows of a survey for one region."""
    pixels = read_pixels(store, region)
    rows = [np.empty((0, 6), np.int64)]
    for place in np.ndindex(pixels.shape[:-2]):
        position = tuple(at + part.start for at, part in zip(place, region[:-2], strict=True))
        number = int(np.ravel_multi_index(position, store.full.array.shape[:-2])) if position else 0
        rows.append(_extents_on_plane(pixels[place], number, region[-2].start, region[-1].start, store.path))
    return np.concatenate(rows)


def _extents_on_plane(plane: Pixels, number: int, top: int, left: int, path: Path) -> _Rows:
    where = np.flatnonzero(plane)
    if not len(where):
        return np.empty((0, 6), np.int64)
    labels = plane.ravel()[where]
    if int(labels.min()) < 0 or int(labels.max()) > _LARGEST_LABEL:
        raise BadInputError(f"{path} has the label {labels.min() if labels.min() < 0 else labels.max()}; labels are "
                            f"from 0 to {_LARGEST_LABEL}.")  # fmt: skip
    order = np.argsort(labels, kind="stable")
    first = _starts(labels[order][:, None])
    y, x = np.divmod(where[order], plane.shape[1])
    return np.stack(
        [
            labels[order][first].astype(np.int64),
            np.full(len(first), number, np.int64),
            np.minimum.reduceat(y, first) + top,
            np.minimum.reduceat(x, first) + left,
            np.maximum.reduceat(y, first) + top + 1,
            np.maximum.reduceat(x, first) + left + 1,
        ],
        axis=1,
    )


def _merged(rows: _Rows) -> _Rows:
    """Return one row for each object and plane, from those of parts of planes."""
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    if not len(rows):
        return rows
    first = _starts(rows[:, :2])
    return np.concatenate(
        [rows[first, :2], np.minimum.reduceat(rows[:, 2:4], first), np.maximum.reduceat(rows[:, 4:], first)], axis=1
    )


def _starts(keys: Pixels) -> npt.NDArray[np.intp]:
    """Return where in sorted rows a new key begins."""
    return np.flatnonzero(np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)]))


def _masks_of_slab(store: Multiscale, slab: tuple[int, ...], extents: list[Extent]) -> Iterator[tuple[Extent, Mask]]:
    """Yield the masks of extents whose planes share chunks."""
    array = store.full.array
    planes = (
        slice(number * chunk, min((number + 1) * chunk, length))
        for number, chunk, length in zip(slab, array.chunks, array.shape, strict=False)
    )
    found = {extent: np.zeros((extent.height, extent.width), bool) for extent in extents}
    box = (
        slice(min(each.top for each in extents), max(each.top + each.height for each in extents)),
        slice(min(each.left for each in extents), max(each.left + each.width for each in extents)),
    )
    for region in _blocks(store, (*planes, *box)):
        touched = [extent for extent in extents if _overlaps(extent.region, region)]
        if not touched:
            continue
        pixels = read_pixels(store, region)
        for extent in touched:
            place = tuple(at - part.start for at, part in zip(extent.plane, region[:-2], strict=True))
            common = [_common(one, other) for one, other in zip(extent.region[-2:], region[-2:], strict=True)]
            here = tuple(_shifted(part, by.start) for part, by in zip(common, region[-2:], strict=True))
            there = tuple(_shifted(part, by.start) for part, by in zip(common, extent.region[-2:], strict=True))
            found[extent][there] = pixels[place][here] == extent.label
    yield from found.items()


def _overlaps(one: _Region, other: _Region) -> bool:
    return all(a.start < b.stop and b.start < a.stop for a, b in zip(one, other, strict=True))


def _common(one: slice, other: slice) -> slice:
    return slice(max(one.start, other.start), min(one.stop, other.stop))


def _shifted(part: slice, by: int) -> slice:
    return slice(part.start - by, part.stop - by)
