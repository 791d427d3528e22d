"""Plates of OME-Zarr (HCS): which wells and fields of view there are; no pixel is read, and no array opened.

Read are OME-Zarr 0.4 and 0.5: https://ngff.openmicroscopy.org/0.5/ sections "plate metadata" and "well metadata". A
field of view is an image of its own, and has a digest of its own; a plate is what its fields are in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from filiation.errors import BadInputError, NotFoundError
from filiation.images.zipped_parts import ZippedPart

if TYPE_CHECKING:
    from filiation.images.object_store import ObjectPlace

_Json: TypeAlias = Mapping[str, Any]
_FILES = (("zarr.json", ("attributes", "ome")), (".zattrs", ()))


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
    missing
        Wells (``B/2``) and fields (``B/2/0``) that the plate lists and that are not there.
    """

    name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    fields: tuple[PlateField, ...]
    acquisitions: tuple[_Json, ...] = ()
    missing: tuple[str, ...] = ()

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
        missing = tuple(path for path in self.missing if "".join(path.split("/")[:2]) in wanted)
        return replace(self, fields=tuple(each for each in self.fields if each.well in wanted), missing=missing)


def is_plate(path: Path | ObjectPlace) -> bool:
    """Whether a store says of itself that it is a plate of OME-Zarr; in an object store it raises as open_plate."""
    return "plate" in _told(path, [""])[0]


def is_plate_or_well(path: Path) -> bool:
    """Whether a folder says of itself that it holds fields of view: a plate, or one of its wells."""
    return bool({"plate", "well"} & _told(path, [""])[0].keys())


def open_plate(path: Path | ObjectPlace) -> Plate:
    """Read which wells and fields the plate at ``path`` has: a folder, a ZIP file, or a place in an object store.

    A well, or a field in a folder, that is listed and not there is left out and told as missing: plates are often
    written in part.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no plate, has no field, or its metadata are malformed.
    AccessError, ServerError, MissingExtraError
        If the object store refuses, cannot be reached, or the extra ``s3`` is not installed.
    """
    if isinstance(path, Path) and not path.exists():
        raise NotFoundError(f"There is no plate at {path}: the path leads nowhere.")
    found = _told(path, [""])[0].get("plate")
    if found is None:
        raise BadInputError(f"{path} is no plate of OME-Zarr: its group has no 'plate' metadata.")
    try:
        wells = [str(well["path"]) for well in found["wells"]]
        told = dict(zip(wells, _told(path, wells), strict=True))
        listed = [field for well in wells for field in _fields(well, told[well])]
        there = [field for field in listed if _is_there(path, field)]
        plate = Plate(
            name=str(found.get("name") or path.name.removesuffix(".zarr").removesuffix(".ome")),
            rows=tuple(str(row["name"]) for row in found["rows"]),
            columns=tuple(str(column["name"]) for column in found["columns"]),
            fields=tuple(there),
            acquisitions=tuple(found.get("acquisitions") or ()),
            missing=(
                *(well for well in wells if not told[well]),
                *(field.path for field in listed if field not in there),
            ),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"{path} has malformed plate metadata ({type(error).__name__}: {error}). Check it with "
            "`ome-zarr-models validate`, and write the plate again."
        ) from error
    if not plate.fields:
        raise BadInputError(f"The plate {path} has no field of view: none of its {len(found['wells'])} wells is there.")
    return plate


def _fields(well: str, told: _Json) -> list[PlateField]:
    row, column = well.split("/")
    images = told.get("well", {}).get("images", ())
    return [PlateField(row, column, str(image["path"]), image.get("acquisition")) for image in images]


def _is_there(store: Path | ObjectPlace, field: PlateField) -> bool:
    """Whether a field has metadata; what is no folder is not asked, which takes a request each in an object store."""
    return (
        not isinstance(store, Path)
        or not store.is_dir()
        or any((store / field.path / file).is_file() for file, _ in _FILES)
    )


def _told(store: Path | ObjectPlace, groups: Sequence[str]) -> list[_Json]:
    """Return what groups of a store say of themselves, each by its path in it; nothing of those that are not there."""
    zipped = ZippedPart.at(store) if isinstance(store, Path) else None
    if isinstance(store, Path) and zipped is None:
        return [_attributes(partial(_read_file, store / group)) for group in groups]
    files: dict[str, bytes] = {}
    missing = list(groups)
    for file, _ in _FILES:
        names = [f"{group}/{file}".lstrip("/") for group in missing]
        files |= zipped.read_files(names) if zipped is not None else _objects(store, names)
        missing = [group for group in missing if f"{group}/{file}".lstrip("/") not in files]
    return [_attributes(partial(_among, files, group)) for group in groups]


def _objects(store: Path | ObjectPlace, names: Sequence[str]) -> dict[str, bytes]:
    from filiation.images.object_store import ObjectPlace, read_objects

    return dict(read_objects(store, names)) if isinstance(store, ObjectPlace) else {}


def _among(files: Mapping[str, bytes], group: str, name: str) -> bytes:
    return files[f"{group}/{name}".lstrip("/")]


def _read_file(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def _attributes(read: Callable[[str], bytes]) -> _Json:
    """Return what a group says of itself: the ``ome`` attribute in Zarr 3, all attributes in Zarr 2."""
    for file, keys in _FILES:
        try:
            found: Any = json.loads(read(file))
            for key in keys:
                found = found[key]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        return found if isinstance(found, Mapping) else {}
    return {}


def _some(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12])
    return f"{shown} and {len(names) - 12} more" if len(names) > 12 else shown
