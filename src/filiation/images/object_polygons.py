"""The objects of a label image as polygons in GeoParquet: along the edges of pixels, with their holes, exact.

GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/): a column of geometries as Well-Known Binary (OGC 06-103r4,
section 8), and what they mean in the file's metadata under ``geo``. An image is no part of the Earth, so ``crs`` is
null. What is special to images stands beside it under ``filiation``.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from filiation.errors import BadInputError
from filiation.images.extents import Extent, Mask, Survey, masks, survey
from filiation.images.multiscale import Multiscale
from filiation.images.outlines import Polygon, Ring, polygons

GEOMETRY: Final = "geometry"
ROWS_AT_ONCE: Final = 5_000
_LITTLE_ENDIAN, _POLYGON, _MULTIPOLYGON = 1, 3, 6


def write_polygons(path: Path, labels: Path) -> None:
    """Write the outlines of all objects of an OME-Zarr label image, one row for each object and plane.

    Columns: ``label``; ``name``, the label image's name and the label; ``t``, ``c``, ``z``, the plane, counted from 0,
    for axes that the label image has; ``pixels``, how many the object has there; ``area``, theirs, in the square of the
    image's unit; ``geometry``, a polygon or, for an object in several pieces, a multipolygon.

    Coordinates are x, then y, in the image's unit. As in OME-Zarr the centre of the first pixel lies at the image's
    translation, mostly 0, so that a polygon's centroid is that of the measurements. Rows come in the order in which
    the store is read, and memory is that of a few thousand of them.

    Parameters
    ----------
    path
        The file to write, named ``.parquet``.
    labels
        The label image.

    Raises
    ------
    NotFoundError
        If there is nothing at ``labels``.
    BadInputError
        If it is no OME-Zarr label image, or a chunk is damaged; or if ``path`` is named otherwise.
    """
    if path.suffix != ".parquet":
        raise BadInputError(
            f"Polygons are written as GeoParquet; name the file {path.with_suffix('.parquet')}, not {path}."
        )
    seen = survey(labels)
    schema = _schema(seen, os.path.relpath(labels, path.parent))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    try:
        with pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            for rows in _batches(_rows(seen)):
                writer.write_table(pa.Table.from_pylist(rows, schema))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def well_known_binary(pieces: tuple[Polygon, ...], affine: tuple[float, float, float, float]) -> bytes:
    """Return polygons as Well-Known Binary, little-endian: one as a polygon, several as a multipolygon.

    Parameters
    ----------
    pieces
        In pixels, with 0 at the border of the first one.
    affine
        Length of a pixel along x and y, and where the border of the first one lies.
    """
    parts = [_polygon(piece, affine) for piece in pieces]
    if len(parts) == 1:
        return parts[0]
    return struct.pack("<BII", _LITTLE_ENDIAN, _MULTIPOLYGON, len(parts)) + b"".join(parts)


def _polygon(piece: Polygon, affine: tuple[float, float, float, float]) -> bytes:
    rings = (piece.exterior, *piece.holes)
    head = struct.pack("<BII", _LITTLE_ENDIAN, _POLYGON, len(rings))
    return head + b"".join(_ring(ring, affine) for ring in rings)


def _ring(ring: Ring, affine: tuple[float, float, float, float]) -> bytes:
    closed = np.concatenate([ring, ring[:1]])
    placed: npt.NDArray[np.float64] = closed * np.array(affine[:2]) + np.array(affine[2:])
    return struct.pack("<I", len(placed)) + placed.astype("<f8").tobytes()


def _rows(seen: Survey) -> Iterator[dict[str, Any]]:
    store = seen.store
    step_y, step_x = store.full.scale[-2:]
    top, left = (shift - step / 2 for shift, step in zip(store.full.translation[-2:], (step_y, step_x), strict=True))
    for extent, mask in masks(store, [extent for found in seen.objects() for extent in found]):
        pixels = int(mask.sum())
        yield {
            "label": extent.label,
            "name": f"{store.name} {extent.label}".strip(),
            **dict(zip(store.axes, extent.plane, strict=False)),
            "pixels": pixels,
            "area": pixels * step_x * step_y,
            GEOMETRY: well_known_binary(_placed(mask, extent), (step_x, step_y, left, top)),
        }


def _placed(mask: Mask, extent: Extent) -> tuple[Polygon, ...]:
    by = np.array([extent.left, extent.top])
    return tuple(Polygon(piece.exterior + by, tuple(hole + by for hole in piece.holes)) for piece in polygons(mask))


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    waiting: list[dict[str, Any]] = []
    for row in rows:
        waiting.append(row)
        if len(waiting) == ROWS_AT_ONCE:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


def _schema(seen: Survey, labels: str) -> pa.Schema:
    store = seen.store
    unit = store.units[-1] if store.units[-1] == store.units[-2] else ""
    area = {"unit": f"{unit}^2"} if unit else None
    fields = [
        pa.field("label", pa.int64(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        *(pa.field(axis, pa.int64(), nullable=False, metadata={"unit": "pixel"}) for axis in store.axes[:-2]),
        pa.field("pixels", pa.int64(), nullable=False, metadata={"unit": "pixel"}),
        pa.field("area", pa.float64(), nullable=False, metadata=area),
        pa.field(GEOMETRY, pa.binary(), nullable=False, metadata={"unit": unit} if unit else None),
    ]
    told = {
        "labels": Path(labels).as_posix(),
        "axes": ["x", "y"],
        "units": [store.units[-1], store.units[-2]],
        "origin": "centre of the first pixel",
    }
    return pa.schema(fields, {"geo": json.dumps(_geo(seen)), "filiation": json.dumps(told)})


def _geo(seen: Survey) -> dict[str, Any]:
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": ["MultiPolygon", "Polygon"],
        "crs": None,
        "edges": "planar",
        "orientation": "counterclockwise",
    }
    if len(seen.rows):
        column["bbox"] = _bounds(seen.store, seen.rows)
    return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


def _bounds(store: Multiscale, rows: Any) -> list[float]:
    """Return the least x and y, and the greatest, of all objects."""
    (step_y, step_x), (shift_y, shift_x) = store.full.scale[-2:], store.full.translation[-2:]
    top, left = rows[:, 2:4].min(axis=0).tolist()
    bottom, right = rows[:, 4:6].max(axis=0).tolist()
    return [
        shift + (edge - 0.5) * step
        for edge, step, shift in (
            (left, step_x, shift_x), (top, step_y, shift_y), (right, step_x, shift_x), (bottom, step_y, shift_y),
        )
    ]  # fmt: skip
