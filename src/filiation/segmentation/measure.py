"""Measurements of labelled objects: one row an object, sizes and places in physical units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import ndimage

from filiation.errors import BadInputError

Array: TypeAlias = npt.NDArray[Any]

_LONGEST_TABLE = 2**27  # label values up to this are looked up in a table; sorting every pixel takes far longer
_SLAB = 2**22  # pixels that are looked at together


def measure(
    labels: Array,
    intensity: Array,
    axes: tuple[str, ...],
    scale: tuple[float, ...],
    units: tuple[str, ...] = (),
) -> pa.Table:
    """Return a table with a row for each label but 0, in order of label.

    Columns: ``label``; ``pixels``, a count; ``area`` (2-D) or ``volume`` (3-D) in the units of ``scale``;
    ``centroid_<axis>``, the mean place of its pixels' centres, the first pixel of the image lying at 0;
    ``bbox_start_<axis>`` and ``bbox_stop_<axis>``, in pixels, the stop being the first beyond; ``mean_intensity``,
    ``sd_intensity`` (of the population), ``min_intensity``, ``max_intensity``. A column's unit is in its field's
    metadata under ``unit``.

    Parameters
    ----------
    labels
        Non-negative integers with the dimensions ``axes``.
    intensity
        The image that the labels were made of, of the same shape.
    axes, scale, units
        Name, pixel size and unit of each dimension; no units for unknown ones.

    Raises
    ------
    BadInputError
        If shapes or numbers of dimensions differ.

    Examples
    --------
    >>> labels = np.array([[0, 3, 3], [0, 0, 3]])
    >>> table = measure(labels, labels * 10, ("y", "x"), (0.5, 0.5), ("micrometer", "micrometer"))
    >>> table.select(["label", "pixels", "area", "mean_intensity"]).to_pylist()
    [{'label': 3, 'pixels': 3, 'area': 0.75, 'mean_intensity': 30.0}]
    """
    units = units or ("",) * len(axes)
    if labels.shape != intensity.shape or not labels.ndim == len(axes) == len(scale) == len(units):
        raise BadInputError(
            f"Labels of shape {labels.shape} and an image of shape {intensity.shape} cannot be measured with the axes "
            f"{', '.join(axes)}, {len(scale)} pixel sizes and {len(units)} units: all must fit."
        )
    values, rows = _rows(labels)
    sums = _sums(rows, intensity, len(values))
    size = "volume" if len(axes) == 3 else "area"
    columns = [
        _column("label", values.astype(np.int64), ""),
        _column("pixels", sums.pixels, "pixel"),
        _column(size, sums.pixels * float(np.prod(scale)), _power(units)),
        *_extents(rows, sums, axes, scale, units),
        _column("mean_intensity", sums.intensity / sums.pixels, ""),
        _column("sd_intensity", _deviation(rows, intensity, sums), ""),
        _column("min_intensity", sums.lowest, ""),
        _column("max_intensity", sums.highest, ""),
    ]
    return pa.table([pa.array(values) for _, values in columns], schema=pa.schema([field for field, _ in columns]))


@dataclass(frozen=True, slots=True)
class _Sums:
    """Over the pixels of each object: their number, the sum of their places, and of their intensity."""

    pixels: Array
    places: list[Array]
    intensity: Array
    lowest: Array
    highest: Array


def _rows(labels: Array) -> tuple[Array, Array]:
    """Return the label values and, for each pixel, the row of its object counted from 1; 0 for background."""
    if labels.size and labels.max() <= _LONGEST_TABLE:
        seen = np.zeros(int(labels.max()) + 1, bool)
        seen[labels] = True
        seen[0] = False
        return np.flatnonzero(seen), np.where(seen, np.cumsum(seen), 0).astype(np.int32)[labels]
    values, rows = np.unique(labels, return_inverse=True)
    first = 0 if values.size and values[0] == 0 else 1
    return values[values != 0], (rows.reshape(labels.shape) + first).astype(np.int32)


def _slabs(rows: Array) -> Iterator[slice]:
    """Yield parts of the first axis, so that temporary arrays stay small however large the image."""
    step = max(1, _SLAB * rows.shape[0] // max(1, rows.size))
    for start in range(0, rows.shape[0], step):
        yield slice(start, start + step)


def _sums(rows: Array, intensity: Array, count: int) -> _Sums:
    sums = _Sums(
        pixels=np.zeros(count, np.int64),
        places=[np.zeros(count) for _ in range(rows.ndim)],
        intensity=np.zeros(count),
        lowest=np.full(count, np.inf),
        highest=np.full(count, -np.inf),
    )
    for slab in _slabs(rows):
        places = np.nonzero(rows[slab])
        objects = rows[slab][places] - 1
        values = intensity[slab][places].astype(np.float64)
        sums.pixels[:] += np.bincount(objects, minlength=count)
        sums.intensity[:] += np.bincount(objects, values, minlength=count)
        np.minimum.at(sums.lowest, objects, values)
        np.maximum.at(sums.highest, objects, values)
        for axis, place in enumerate(places):
            first = slab.start if axis == 0 else 0
            sums.places[axis][:] += np.bincount(objects, place + first, minlength=count)
    return sums


def _deviation(rows: Array, intensity: Array, sums: _Sums) -> Array:
    # In a second pass, from the mean: a sum of squares would lose the digits that matter.
    mean = sums.intensity / sums.pixels
    squares = np.zeros(len(mean))
    for slab in _slabs(rows):
        places = np.nonzero(rows[slab])
        objects = rows[slab][places] - 1
        away = intensity[slab][places].astype(np.float64) - mean[objects]
        squares += np.bincount(objects, away**2, minlength=len(mean))
    return np.sqrt(squares / sums.pixels)


_Column: TypeAlias = tuple[Any, Array]


def _column(name: str, values: Array, unit: str) -> _Column:
    metadata = {"unit": unit} if unit else None
    return pa.field(name, pa.from_numpy_dtype(values.dtype), nullable=False, metadata=metadata), values


def _power(units: tuple[str, ...]) -> str:
    """Return the unit of an area or volume, ``micrometer^2``; empty if the axes' units differ or are unknown."""
    return f"{units[0]}^{len(units)}" if units[0] and len(set(units)) == 1 else ""


def _extents(
    rows: Array, sums: _Sums, axes: tuple[str, ...], scale: tuple[float, ...], units: tuple[str, ...]
) -> list[_Column]:
    boxes = ndimage.find_objects(rows)
    columns = []
    for position, (axis, step, unit) in enumerate(zip(axes, scale, units, strict=True)):
        start = np.array([box[position].start for box in boxes], np.int64)
        stop = np.array([box[position].stop for box in boxes], np.int64)
        columns += [
            _column(f"centroid_{axis}", sums.places[position] / sums.pixels * step, unit),
            _column(f"bbox_start_{axis}", start, "pixel"),
            _column(f"bbox_stop_{axis}", stop, "pixel"),
        ]
    return columns
