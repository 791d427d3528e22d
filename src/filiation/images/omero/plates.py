"""Plates on an OMERO server: their wells, and each field of view as an image with an id of its own."""

from __future__ import annotations

from typing import Any

from filiation.errors import BadInputError, NotFoundError
from filiation.images.omero.address import Address, Kind, image_address
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.listing import ask
from filiation.images.plate_sources import PlateSource
from filiation.images.plates import Plate, PlateField

_LETTERS = 26


def plate_on_server(uri: str) -> PlateSource | None:
    """Return the plate that ``omero://<host>/plate/<id>`` names, with its fields; None if the URI names no plate.

    Rows and columns are named as OMERO shows them, by letters or numbers; fields of a well are numbered from 0 in the
    order of their ids.

    Raises
    ------
    BadInputError
        If the URI has another form, or the plate has no field.
    NotFoundError
        If there is no such plate, or it cannot be seen.
    AccessError, ServerError, MissingExtraError
        If the server cannot be asked.
    """
    address = Address.from_uri(uri)
    if address.kind is not Kind.PLATE:
        return None
    if address.tags:
        raise BadInputError(
            f"{uri!r} asks for tags, and a plate is taken as a whole. Name its wells, or leave them out."
        )
    connection = connect(address.host)
    return connection.call(lambda: _plate(connection, address), f"listing the wells of {address}")


def _plate(connection: Connection, address: Address) -> PlateSource:
    told = ask(
        connection,
        "select p.name, p.rows, p.columns, p.rowNamingConvention, p.columnNamingConvention from Plate p "
        "where p.id = :id",
        address.id,
    )
    if not told:
        raise NotFoundError(
            f"The OMERO server {address.host} has no plate {address.id}, or the user {connection.user!r} may not see "
            "it. Check the id, and in which group it is."
        )
    name, rows, columns, row_names, column_names = told[0]
    # A field that belongs to no acquisition is a field too.
    found = ask(
        connection,
        "select w.row, w.column, s.id, i.id, a.id, a.name from WellSample s join s.well w join s.image i "
        "left outer join s.plateAcquisition a where w.plate.id = :id order by w.row, w.column, s.id",
        address.id,
    )
    if not found:
        raise BadInputError(f"The plate {address} has no field of view: none of its wells has an image.")
    high = max(rows or 0, *(int(each[0]) + 1 for each in found), 0)
    wide = max(columns or 0, *(int(each[1]) + 1 for each in found), 0)
    # Letters for rows and numbers for columns, as OMERO has it where a plate does not say.
    named = (
        tuple(_named(number, row_names or "letter") for number in range(high)),
        tuple(_named(number, column_names or "number") for number in range(wide)),
    )
    fields, sources = [], []
    count: dict[tuple[int, int], int] = {}
    for row, column, _, image, acquisition, _ in found:
        at = count[row, column] = count.get((row, column), -1) + 1
        fields.append(PlateField(named[0][row], named[1][column], str(at), acquisition))
        sources.append(str(image_address(address.host, int(image))))
    taken = {each[4]: each[5] for each in found if each[4] is not None}
    acquisitions = tuple(_acquisition(number, taken[number]) for number in sorted(taken))
    return PlateSource(Plate(str(name or f"plate {address.id}"), *named, tuple(fields), acquisitions), tuple(sources))


def _acquisition(number: int, name: Any) -> dict[str, Any]:
    return {"id": number, **({"name": str(name)} if name else {})}


def _named(number: int, convention: str) -> str:
    """Return the name of a row or column, counted from 0: ``A`` to ``Z``, ``AA`` and so on, or a number from 1."""
    if convention != "letter":
        return str(number + 1)
    name = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, _LETTERS)
        name = chr(ord("A") + letter) + name
    return name
