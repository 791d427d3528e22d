"""Plates named in a sample sheet: what a path or URI of a plate holds, and how each field is named as a source."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.images.plates import Plate, PlateField, is_plate, open_plate
from filiation.model import is_uri

if TYPE_CHECKING:
    from filiation.images.object_store import ObjectPlace

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PlateSource:
    """A plate, and the sources of its fields.

    Parameters
    ----------
    plate
        Layout and fields.
    sources
        Path or URI of each field, in the order of ``plate.fields``.
    """

    plate: Plate
    sources: tuple[str, ...]

    @property
    def fields(self) -> dict[str, str]:
        """Path of each field in the plate -> path or URI of its image."""
        return {field.path: source for field, source in zip(self.plate.fields, self.sources, strict=True)}

    def only(self, wells: tuple[str, ...]) -> PlateSource:
        """Return the plate with the fields of some wells alone, of all where none is named; raises as Plate.only."""
        if not wells:
            return self
        kept = self.plate.only(wells)
        return PlateSource(kept, tuple(self.fields[field.path] for field in kept.fields))


def plate_source(source: str, wells: Iterable[str] = ()) -> PlateSource | None:
    """Return what a plate holds; None if ``source`` is no plate but an image, or nothing.

    Known are a path to an OME-Zarr plate (0.4 and 0.5), a folder or a ZIP file, one in an object store
    (``s3://<bucket>/<key>``), one on an OMERO server (``omero://<host>/plate/<id>``), and ``synthetic:plate?…`` without
    a field.

    Parameters
    ----------
    source
        Path or URI.
    wells
        Names of the wells that are wanted; all if left out.

    Raises
    ------
    BadInputError
        If there is no such well, or the plate's metadata are malformed.
    AccessError, ServerError, MissingExtraError
        If an object store or server refuses, cannot be reached, or the extra for it is not installed.
    """
    wanted = tuple(wells)
    if source.startswith("omero:"):
        from filiation.images.omero.plates import plate_on_server

        found = plate_on_server(source)
        return found and found.only(wanted)
    if not is_uri(source) or source.startswith("s3:"):
        place = _place(source)
        if not is_plate(place):
            return None
        plate = open_plate(place)
        found = PlateSource(plate, tuple(f"{source.rstrip('/')}/{field.path}" for field in plate.fields)).only(wanted)
        _tell_missing(source, found.plate)
        return found
    if not source.startswith("synthetic:plate"):
        return None
    from filiation.images.synthetic_plate import recipe_from

    recipe, named = recipe_from(source)
    if named is not None:
        return None
    return PlateSource(recipe.plate, tuple(map(recipe.uri_of, recipe.plate.fields))).only(wanted)


def _tell_missing(source: str, plate: Plate) -> None:
    if plate.missing:
        shown = ", ".join(plate.missing[:12]) + (f" and {len(plate.missing) - 12} more" if plate.missing[12:] else "")
        _LOG.warning("%s: not there, though the plate lists them, and left out: %s.", source, shown)


def _place(source: str) -> Path | ObjectPlace:
    if not is_uri(source):
        return Path(source)
    from filiation.images.object_store import ObjectPlace

    return ObjectPlace.from_uri(source)


def layout_of(plate: Plate) -> dict[str, object]:
    """Return a plate's layout as plain values, as a rule's parameters hold them; files tell of its fields."""
    layout: dict[str, object] = {"name": plate.name, "rows": list(plate.rows), "columns": list(plate.columns)}
    taken = {field.path: field.acquisition for field in plate.fields if field.acquisition is not None}
    return layout | ({"acquisitions": [dict(each) for each in plate.acquisitions], "taken": taken} if taken else {})


def plate_from(layout: Mapping[str, Any], fields: Iterable[str]) -> Plate:
    """Return a plate with the fields of some paths (``A/1/0``), of a layout as :func:`layout_of` gives it."""
    taken = layout.get("taken", {})
    return Plate(
        name=str(layout["name"]),
        rows=tuple(layout["rows"]),
        columns=tuple(layout["columns"]),
        fields=tuple(_field(path, taken.get(path)) for path in fields),
        acquisitions=tuple(layout.get("acquisitions", ())),
    )


def _field(path: str, acquisition: int | None) -> PlateField:
    row, column, name = path.split("/")
    return PlateField(row, column, name, acquisition)
