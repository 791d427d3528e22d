"""Plates of many fields of view: the objects of all in one table, what each well holds, and a picture of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from filiation.errors import BadInputError
from filiation.segmentation.overlay import Rgb

_TILE, _BETWEEN = 160, 4
_EMPTY, _PAPER = 90, 255


def objects_of_plate(tables: Mapping[tuple[str, str], pa.Table]) -> pa.Table:
    """Return the measured objects of all fields, with the columns ``well`` and ``field`` before the others.

    Parameters
    ----------
    tables
        Name of the well, and of the field in it, -> the table of the field's objects.

    Raises
    ------
    BadInputError
        If there is no table, or one has other columns than the first.

    Examples
    --------
    >>> objects_of_plate({("A1", "0"): pa.table({"label": [1, 2]}), ("A2", "0"): pa.table({"label": [1]})}).to_pylist()
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'well': 'A1', 'field': '0', 'label': 1}, {'well': 'A1', 'field': '0', 'label': 2},
     {'well': 'A2', 'field': '0', 'label': 1}]
    """
    if not tables:
        raise BadInputError("A plate without a field has no objects to be told of.")
    first, *_ = tables.values()
    told = []
    for (well, field), table in tables.items():
        if table.schema != first.schema:
            raise BadInputError(
                f"Field {field} of well {well} was measured with the columns {', '.join(table.column_names)}, another "
                f"with {', '.join(first.column_names)}: a plate's fields must have the same axes and units."
            )
        where = [pa.array([name] * table.num_rows, pa.string()) for name in (well, field)]
        for place, (name, values) in enumerate(zip(("well", "field"), where, strict=True)):
            table = table.add_column(place, pa.field(name, pa.string(), nullable=False), values)
        told.append(table)
    return pa.concat_tables(told)


def wells_of_plate(objects: pa.Table, fields: Mapping[str, int]) -> pa.Table:
    """Return a row for each well: how many fields and objects it has, and its objects' mean size and intensity.

    A well without an object has a row too, with nulls for the means.

    Parameters
    ----------
    objects
        As :func:`objects_of_plate` returns them.
    fields
        Name of each well, in the order of the rows, -> how many fields it has.
    """
    measured = [name for name in ("volume", "area", "mean_intensity") if name in objects.column_names]
    rows = []
    for well, count in fields.items():
        here = objects.filter(pc.equal(objects["well"], well))
        means = {f"mean_{name.removeprefix('mean_')}": pc.mean(here[name]).as_py() for name in measured}
        rows.append({"well": well, "fields": count, "objects": here.num_rows, **means})
    schema = [pa.field("well", pa.string(), nullable=False)]
    schema += [pa.field(name, pa.int64(), nullable=False) for name in ("fields", "objects")]
    for name in measured:
        schema.append(
            pa.field(f"mean_{name.removeprefix('mean_')}", pa.float64(), metadata=objects.schema.field(name).metadata)
        )
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def plate_picture(pictures: Mapping[tuple[str, str], Rgb], rows: Sequence[str], columns: Sequence[str]) -> Rgb:
    """Return the pictures of wells laid out as on the plate; a well without a picture is grey.

    Parameters
    ----------
    pictures
        Names of row and column -> a picture, as red, green and blue of shape (y, x, 3).
    rows, columns
        Names of the plate's rows and columns, in order.
    """
    small = {place: _shrunk(picture) for place, picture in pictures.items()}
    tile = [max([picture.shape[axis] for picture in small.values()], default=_TILE) for axis in (0, 1)]
    height, width = (
        _BETWEEN + len(names) * (side + _BETWEEN) for names, side in zip((rows, columns), tile, strict=True)
    )
    sheet: Rgb = np.full((height, width, 3), _PAPER, np.uint8)
    for down, row in enumerate(rows):
        for across, column in enumerate(columns):
            top, left = (_BETWEEN + at * (side + _BETWEEN) for at, side in zip((down, across), tile, strict=True))
            place = sheet[top : top + tile[0], left : left + tile[1]]
            place[...] = _EMPTY
            if (picture := small.get((row, column))) is not None:
                place[: picture.shape[0], : picture.shape[1]] = picture
    return sheet


def _shrunk(picture: Rgb) -> Rgb:
    """Return a picture of at most a tile's size: of pixels that fall on one the brightest, so that outlines stay."""
    factor = max(1, -(-max(picture.shape[:2]) // _TILE))
    height, width = (length // factor for length in picture.shape[:2])
    blocks = picture[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
    brightest: Rgb = blocks.max(axis=(1, 3))
    return brightest
