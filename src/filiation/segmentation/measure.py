"""Measurements of labelled objects: one row an object, sizes and places in physical units."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError

Array: TypeAlias = npt.NDArray[Any]


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
    places = np.nonzero(labels)
    values, rows = np.unique(labels[places], return_inverse=True)
    pixels = np.bincount(rows, minlength=len(values))
    size = "volume" if len(axes) == 3 else "area"
    columns = [
        _column("label", values.astype(np.int64), ""),
        _column("pixels", pixels.astype(np.int64), "pixel"),
        _column(size, pixels * float(np.prod(scale)), _power(units)),
    ]
    for axis, place, step, unit in zip(axes, places, scale, units, strict=True):
        columns += _extent(axis, place, rows, pixels, step, unit)
    columns += _intensity(intensity[places].astype(np.float64), rows, pixels)
    return pa.table([pa.array(values) for _, values in columns], schema=pa.schema([field for field, _ in columns]))


_Column: TypeAlias = tuple[Any, Array]


def _column(name: str, values: Array, unit: str) -> _Column:
    metadata = {"unit": unit} if unit else None
    return pa.field(name, pa.from_numpy_dtype(values.dtype), nullable=False, metadata=metadata), values


def _power(units: tuple[str, ...]) -> str:
    """Return the unit of an area or volume, ``micrometer^2``; empty if the axes' units differ or are unknown."""
    return f"{units[0]}^{len(units)}" if units[0] and len(set(units)) == 1 else ""


def _extent(axis: str, place: Array, rows: Array, pixels: Array, step: float, unit: str) -> list[_Column]:
    start = np.full(len(pixels), np.iinfo(np.int64).max)
    stop = np.zeros(len(pixels), np.int64)
    np.minimum.at(start, rows, place)
    np.maximum.at(stop, rows, place + 1)
    centroid = np.bincount(rows, place, minlength=len(pixels)) / pixels * step
    return [
        _column(f"centroid_{axis}", centroid, unit),
        _column(f"bbox_start_{axis}", start, "pixel"),
        _column(f"bbox_stop_{axis}", stop, "pixel"),
    ]


def _intensity(values: Array, rows: Array, pixels: Array) -> list[_Column]:
    mean = np.bincount(rows, values, minlength=len(pixels)) / pixels
    variance = np.bincount(rows, (values - mean[rows]) ** 2, minlength=len(pixels)) / pixels
    low, high = np.full(len(pixels), np.inf), np.full(len(pixels), -np.inf)
    np.minimum.at(low, rows, values)
    np.maximum.at(high, rows, values)
    return [
        _column("mean_intensity", mean, ""),
        _column("sd_intensity", np.sqrt(variance), ""),
        _column("min_intensity", low, ""),
        _column("max_intensity", high, ""),
    ]
