"""Plates of OME-Zarr (HCS): which wells and fields of view there are; no pixel is read, and no array opened.

Read are OME-Zarr 0.4 and 0.5: https://ngff.openmicroscopy.org/0.5/ sections "plate metadata" and "well metadata". A
field of view is an image of its own, and has a digest of its own; a plate is what its fields are in.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from filiation.errors import BadInputError, NotFoundError

_Json: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlateField:
    """A field of view in a well.

    Parameters
    ----------
    row, column
        Names of the well's row and column: ``A`` and ``1``.
    name
        Of the field, in its well: ``0``.
    acquisition
        Number of the acquisition that took it; None if the plate tells none.
    """

    row: str
    column: str
    name: str
    acquisition: int | None = None

    @property
    def well(self) -> str:
        """The well as people call it: ``A1``."""
        return self.row + self.column

    @property
    def path(self) -> str:
        """Where the field is in its plate: ``A/1/0``."""
        return f"{self.row}/{self.column}/{self.name}"


@dataclass(frozen=True, slots=True)
class Plate:
    """A plate: its layout, and the fields of view that there are.

    Parameters
    ----------
    name
        A name for a person.
    rows, columns
        Names of all rows and columns, in order, also of those without a well.
    fields
        By well, in the plate's order.
    acquisitions
        What the plate tells of its acquisitions, as it is written.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    fields: tuple[PlateField, ...]
    acquisitions: tuple[_Json, ...] = ()

    @property
    def wells(self) -> tuple[str, ...]:
        """Names of the wells that have fields, in order."""
        return tuple(dict.fromkeys(field.well for field in self.fields))

    def only(self, wells: Iterable[str]) -> Plate:
        """Return the plate with the fields of some wells alone; its layout stays.

        Raises
        ------
        BadInputError
            If there is no such well; the message lists those that there are.
        """
        wanted = tuple(wells)
        unknown = [well for well in wanted if well not in self.wells]
        if unknown:
            raise BadInputError(
                f"The plate {self.name!r} has no well {unknown[0]!r} with a field of view; it has {_some(self.wells)}."
            )
        return replace(self, fields=tuple(field for field in self.fields if field.well in wanted))


def is_plate(path: Path) -> bool:
    """Whether a folder says of itself that it is a plate of OME-Zarr."""
    return "plate" in _attributes(path)


def is_plate_or_well(path: Path) -> bool:
    """Whether a folder says of itself that it holds fields of view: a plate, or one of its wells."""
    return bool({"plate", "well"} & _attributes(path).keys())


def open_plate(path: Path) -> Plate:
    """Read which wells and fields the plate at ``path`` has.

    A well that the plate lists and that is not there is left out: plates are often written in part.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no plate, has no field, or its metadata are malformed.
    """
    if not path.exists():
        raise NotFoundError(f"There is no plate at {path}: the folder does not exist.")
    found = _attributes(path).get("plate")
    if found is None:
        raise BadInputError(f"{path} is no plate of OME-Zarr: its group has no 'plate' metadata.")
    try:
        plate = Plate(
            name=str(found.get("name") or path.name.removesuffix(".zarr").removesuffix(".ome")),
            rows=tuple(str(row["name"]) for row in found["rows"]),
            columns=tuple(str(column["name"]) for column in found["columns"]),
            fields=tuple(field for well in found["wells"] for field in _fields(path, str(well["path"]))),
            acquisitions=tuple(found.get("acquisitions") or ()),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"{path} has malformed plate metadata ({type(error).__name__}: {error}). Check it with "
            "`ome-zarr-models validate`, and write the plate again."
        ) from error
    if not plate.fields:
        raise BadInputError(f"The plate {path} has no field of view: none of its {len(found['wells'])} wells is there.")
    return plate


def _fields(plate: Path, well: str) -> list[PlateField]:
    row, column = well.split("/")
    images = _attributes(plate / well).get("well", {}).get("images", ())
    return [PlateField(row, column, str(image["path"]), image.get("acquisition")) for image in images]


def _attributes(path: Path) -> _Json:
    """Return what a group says of itself: the ``ome`` attribute in Zarr 3, all attributes in Zarr 2."""
    for file, keys in (("zarr.json", ("attributes", "ome")), (".zattrs", ())):
        try:
            found: Any = json.loads((path / file).read_text("utf-8"))
            for key in keys:
                found = found[key]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        return found if isinstance(found, Mapping) else {}
    return {}


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
