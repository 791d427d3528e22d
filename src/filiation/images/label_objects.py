"""One object of a label image: its voxels and where they are, read slab by slab at the highest resolution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from filiation.errors import BadInputError, NotFoundError
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels


@dataclass(frozen=True, slots=True)
class LabelObject:
    """One object of a label image.

    Parameters
    ----------
    label
        Its value.
    axes
        Names of the axes, in order.
    voxels
        How many carry the value.
    start, stop
        Bounding box along each axis, in voxels of the highest resolution; ``stop`` is not part of it.
    origin, extent
        The box's near corner and its lengths in the image's units.
    units
        Unit of each axis, empty where none is given.
    properties
        What the image says of the object in ``image-label.properties``, such as ``omero:roiId``.
    source
        ``image-label.source.image`` as written.
    forebears
        Of a tracked object the labels that it came of by division, its mother first, as the image's properties say.
    """

    label: int
    axes: tuple[str, ...]
    voxels: int
    start: tuple[int, ...]
    stop: tuple[int, ...]
    origin: tuple[float, ...]
    extent: tuple[float, ...]
    units: tuple[str, ...]
    properties: tuple[tuple[str, Any], ...] = ()
    source: str | None = None
    forebears: tuple[int, ...] = ()


def find_object(path: Path, label: int) -> LabelObject:
    """Find an object of the OME-Zarr label image at ``path``; memory is that of one row of chunks.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``, or no voxel has this value.
    BadInputError
        If it is no label image, or a chunk is damaged.
    """
    return find_object_in(open_multiscale(path), label)


def find_object_in(store: Multiscale, label: int) -> LabelObject:
    """Find an object of an open label image; raises as :func:`find_object`."""
    if store.image_label is None:
        raise BadInputError(f"{store.where} is an image, not a label image: it has no 'image-label' metadata.")
    voxels, low, high = 0, None, None
    for begin, where in _slabs(store, label):
        voxels += len(where)
        nearest, furthest = where.min(axis=0), where.max(axis=0)
        nearest[0] += begin
        furthest[0] += begin
        low = nearest if low is None else np.minimum(low, nearest)
        high = furthest if high is None else np.maximum(high, furthest)
    if low is None or high is None:
        raise NotFoundError(f"{store.where} has no object {label}: no voxel of it has this value.")
    start, stop = tuple(int(each) for each in low), tuple(int(each) + 1 for each in high)
    scale, moved = store.full.scale, store.full.translation
    return LabelObject(
        label=label,
        axes=store.axes,
        voxels=voxels,
        start=start,
        stop=stop,
        # The translation leads to the middle of the first voxel; a box begins at its border.
        origin=tuple(shift + (first - 0.5) * step for shift, first, step in zip(moved, start, scale, strict=True)),
        extent=tuple((last - first) * step for first, last, step in zip(start, stop, scale, strict=True)),
        units=store.units,
        properties=_properties(store, label),
        source=store.source,
        forebears=_forebears(store, label),
    )


def _slabs(store: Multiscale, label: int) -> Iterator[tuple[int, np.ndarray[Any, np.dtype[np.intp]]]]:
    array = store.full.array
    length, step = array.shape[0], max(1, array.chunks[0])
    for begin in range(0, length, step):
        where = np.argwhere(np.asarray(read_pixels(store, (slice(begin, min(begin + step, length)),))) == label)
        if len(where):
            yield begin, where


def _forebears(store: Multiscale, label: int) -> tuple[int, ...]:
    rows = (store.image_label or {}).get("properties") or ()
    parents = {row.get("label-value"): row.get("parent") for row in rows if isinstance(row, Mapping)}
    found: list[int] = []
    while isinstance(parent := parents.get(found[-1] if found else label), int) and parent not in (*found, label):
        found.append(parent)
    return tuple(found)


def _properties(store: Multiscale, label: int) -> tuple[tuple[str, Any], ...]:
    rows = (store.image_label or {}).get("properties") or ()
    told = [row for row in rows if isinstance(row, Mapping) and row.get("label-value") == label]
    return tuple(sorted((str(key), value) for row in told for key, value in row.items() if key != "label-value"))
