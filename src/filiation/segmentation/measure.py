"""Measurements of labelled objects: one row an object, sizes and places in physical units."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Box, Grid
from filiation.segmentation.blockwise.volume import InMemory, Volume

Array: TypeAlias = npt.NDArray[Any]

_LONGEST_TABLE = 2**27  # label values up to this are looked up in a table; sorting every pixel takes far longer
_SLAB = 2**22  # pixels that are looked at together
_MOST_APART = 2**18  # rows of parts of objects, after which they are put together


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
    return measure_volume(InMemory(labels), InMemory(intensity), axes, scale, units)


def measure_volume(
    labels: Volume,
    intensity: Volume,
    axes: tuple[str, ...],
    scale: tuple[float, ...],
    units: tuple[str, ...] = (),
    *,
    lengths: tuple[int, ...] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pa.Table:
    """Return the table of :func:`measure` for an image of any size, which is read once, part by part.

    What parts of an object say is put together as by Chan, Golub and LeVeque (The American Statistician 37, 1983), so
    that no digits are lost.

    Parameters
    ----------
    labels, intensity
        Non-negative integers, and the image that they were made of.
    axes, scale, units
        As in :func:`measure`.
    lengths
        Of a part along each axis; a multiple of a store's chunks reads each chunk once. Slabs if left out.
    progress
        Told how many parts of how many are done.

    Raises
    ------
    BadInputError
        If shapes or numbers of dimensions differ.
    """
    units = units or ("",) * len(axes)
    if labels.shape != intensity.shape or not len(labels.shape) == len(axes) == len(scale) == len(units):
        raise BadInputError(
            f"Labels of shape {labels.shape} and an image of shape {intensity.shape} cannot be measured with the axes "
            f"{', '.join(axes)}, {len(scale)} pixel sizes and {len(units)} units: all must fit."
        )
    parts = Grid(labels.shape, lengths or _slab(labels.shape), (0,) * len(axes))
    found = [_Objects.none(len(axes))]
    for block in parts.blocks():
        progress(block.number, len(parts))
        found.append(_Objects.of(labels.read(block.core), intensity.read(block.core), block.core))
        if sum(len(each.label) for each in found[1:]) > max(_MOST_APART, len(found[0].label)):
            found = [_together(found)]
    progress(len(parts), len(parts))
    objects = _together(found)
    return _table(objects, axes, scale, units)


def _slab(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a part of the first axis, so that temporary arrays stay small however large the image."""
    return (max(1, _SLAB * shape[0] // max(1, math.prod(shape))), *(max(1, length) for length in shape[1:]))


@dataclass(frozen=True, slots=True)
class _Objects:
    """What is known of objects, or of parts of them: one row each.

    ``places`` are sums over their pixels, ``squares`` sums of squared differences from ``mean``.
    """

    label: Array
    pixels: Array
    places: list[Array]
    mean: Array
    squares: Array
    lowest: Array
    highest: Array
    start: list[Array]
    stop: list[Array]

    @classmethod
    def none(cls, dimensions: int) -> _Objects:
        """Return no rows."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        axes = range(dimensions)
        return cls(
            whole, whole, [real for _ in axes], real, real, real, real, [whole for _ in axes], [whole for _ in axes]
        )

    @classmethod
    def of(cls, labels: Array, intensity: Array, box: Box) -> _Objects:
        """Measure the objects in a part of an image, whose place is ``box``.

        Worked on are runs of one label along the last axis, of which there are far fewer than pixels.
        """
        if not labels.any():
            return cls.none(labels.ndim)
        runs = _Runs.of(labels)
        values, rows = _rows(runs.label)
        objects, count = rows - 1, len(values)
        seen = intensity.reshape(-1)[labels.reshape(-1) != 0].astype(np.float64)
        first = np.cumsum(runs.length) - runs.length

        def total(column: Array) -> Array:
            return np.bincount(objects, column, count)

        def extreme(choose: np.ufunc, column: Array, least: float) -> Array:
            found = np.full(count, least, column.dtype)
            choose.at(found, objects, column)
            return found

        pixels = total(runs.length).astype(np.int64)
        mean = total(np.add.reduceat(seen, first)) / pixels
        apart = (seen - np.repeat(mean[objects], runs.length)) ** 2
        last = [*runs.start[:-1], runs.start[-1] + runs.length - 1]
        return cls(
            values.astype(np.int64),
            pixels,
            # A run's pixels lie, on the average, in its middle.
            [
                total((begin + end) * runs.length) / 2 + pixels * side.start
                for begin, end, side in zip(runs.start, last, box, strict=True)
            ],
            mean,
            total(np.add.reduceat(apart, first)),
            extreme(np.minimum, np.minimum.reduceat(seen, first), np.inf),
            extreme(np.maximum, np.maximum.reduceat(seen, first), -np.inf),
            [extreme(np.minimum, begin, labels.size) + side.start for begin, side in zip(runs.start, box, strict=True)],
            [extreme(np.maximum, end, 0) + side.start + 1 for end, side in zip(last, box, strict=True)],
        )


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of one label along the last axis: where each begins along all axes, in order, and how long it is."""

    label: Array
    start: tuple[Array, ...]
    length: Array

    @classmethod
    def of(cls, labels: Array) -> _Runs:
        """Find those of all labels but 0."""
        flat = labels.reshape(-1)
        ends = np.ones(flat.size, bool)
        np.not_equal(flat[1:], flat[:-1], out=ends[:-1])
        ends[labels.shape[-1] - 1 :: labels.shape[-1]] = True
        stop = np.flatnonzero(ends) + 1
        start = np.concatenate((np.zeros(1, np.intp), stop[:-1]))
        label = flat[start]
        kept = label != 0
        return cls(label[kept], np.unravel_index(start[kept], labels.shape), (stop - start)[kept])


def _together(parts: Sequence[_Objects]) -> _Objects:
    """Put the parts of each object together, in order of label."""
    label, row = np.unique(np.concatenate([part.label for part in parts]), return_inverse=True)
    count = len(label)

    def total(column: Array) -> Array:
        return np.bincount(row, column, count)

    def extreme(choose: np.ufunc, column: Array) -> Array:
        return choose.reduceat(column[order], first) if count else column

    order = np.argsort(row, kind="stable")
    first = np.searchsorted(row[order], np.arange(count))
    axes = range(len(parts[0].places))
    pixels, mean, squares, lowest, highest = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("pixels", "mean", "squares", "lowest", "highest")
    )
    in_all = total(pixels)
    mean_of_all = total(pixels * mean) / in_all
    return _Objects(
        label,
        in_all.astype(np.int64),
        [total(np.concatenate([part.places[axis] for part in parts])) for axis in axes],
        mean_of_all,
        total(squares + pixels * (mean - mean_of_all[row]) ** 2),
        extreme(np.minimum, lowest),
        extreme(np.maximum, highest),
        [extreme(np.minimum, np.concatenate([part.start[axis] for part in parts])) for axis in axes],
        [extreme(np.maximum, np.concatenate([part.stop[axis] for part in parts])) for axis in axes],
    )


def _rows(labels: Array) -> tuple[Array, Array]:
    """Return the label values and, for each pixel, the row of its object counted from 1; 0 for background."""
    if labels.size and labels.max() <= min(_LONGEST_TABLE, 4 * labels.size):
        seen = np.zeros(int(labels.max()) + 1, bool)
        seen[labels] = True
        seen[0] = False
        return np.flatnonzero(seen), np.where(seen, np.cumsum(seen), 0).astype(np.int32)[labels]
    values, rows = np.unique(labels, return_inverse=True)
    first = 0 if values.size and values[0] == 0 else 1
    return values[values != 0], (rows.reshape(labels.shape) + first).astype(np.int32)


def _table(objects: _Objects, axes: tuple[str, ...], scale: tuple[float, ...], units: tuple[str, ...]) -> pa.Table:
    columns = [
        _column("label", objects.label, ""),
        _column("pixels", objects.pixels, "pixel"),
        _column("volume" if len(axes) == 3 else "area", objects.pixels * float(np.prod(scale)), _power(units)),
    ]
    for position, (axis, step, unit) in enumerate(zip(axes, scale, units, strict=True)):
        columns += [
            _column(f"centroid_{axis}", objects.places[position] / objects.pixels * step, unit),
            _column(f"bbox_start_{axis}", objects.start[position], "pixel"),
            _column(f"bbox_stop_{axis}", objects.stop[position], "pixel"),
        ]
    columns += [
        _column("mean_intensity", objects.mean, ""),
        _column("sd_intensity", np.sqrt(objects.squares / objects.pixels), ""),
        _column("min_intensity", objects.lowest, ""),
        _column("max_intensity", objects.highest, ""),
    ]
    return pa.table([pa.array(values) for _, values in columns], schema=pa.schema([field for field, _ in columns]))


_Column: TypeAlias = tuple[Any, Array]


def _column(name: str, values: Array, unit: str) -> _Column:
    metadata = {"unit": unit} if unit else None
    return pa.field(name, pa.from_numpy_dtype(values.dtype), nullable=False, metadata=metadata), values


def _power(units: tuple[str, ...]) -> str:
    """Return the unit of an area or volume, ``micrometer^2``; empty if the axes' units differ or are unknown."""
    return f"{units[0]}^{len(units)}" if units[0] and len(set(units)) == 1 else ""
