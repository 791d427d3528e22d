"""Plates written: the metadata of a plate and its wells, with a field of view in each place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filiation.errors import BadInputError
from filiation.images.assembly import assemble
from filiation.images.multiscale import open_multiscale
from filiation.images.ome_zarr import replaced_when_whole
from filiation.images.plates import Plate, PlateField
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat


@dataclass(frozen=True, slots=True)
class FieldStores:
    """What was made of a field of view.

    Parameters
    ----------
    image
        An OME-Zarr image store, 0.4 or 0.5.
    labels
        Name -> a label image store of the same image.
    tables
        Name of a label image -> a Parquet file with a column ``label``.
    """

    image: Path
    labels: Mapping[str, Path] = field(default_factory=dict)
    tables: Mapping[str, Path] = field(default_factory=dict)


def assemble_plate(path: Path, plate: Plate, stores: Mapping[str, FieldStores]) -> None:
    """Write an OME-Zarr plate; its fields are linked from the stores they were made in, with labels and tables.

    Parameters
    ----------
    path
        The store to make.
    plate
        Layout and fields.
    stores
        For each field, by its path in the plate (``A/1/0``), what was made of it.

    Raises
    ------
    BadInputError
        If a field has no stores, the stores are of several versions or of one that is not written, or ``path`` is there
        already.
    NotFoundError
        If a store does not exist.
    """
    missing = [each.path for each in plate.fields if each.path not in stores]
    if missing:
        raise BadInputError(f"Nothing is given for the field {missing[0]} of the plate {plate.name!r}.")

    def place(each: PlateField, here: Path) -> None:
        found = stores[each.path]
        assemble(here, found.image, found.labels, found.tables)

    forms = {StoreFormat.like(open_multiscale(stores[each.path].image)) for each in plate.fields}
    if len({form.version for form in forms}) > 1:
        raise BadInputError(
            f"The fields of the plate {plate.name!r} are of several versions of OME-Zarr; fetch them anew."
        )
    write_plate(path, plate, place, next(iter(forms), DEFAULT_FORMAT))


def write_plate(
    path: Path, plate: Plate, place: Callable[[PlateField, Path], None], form: StoreFormat = DEFAULT_FORMAT
) -> None:
    """Write an OME-Zarr plate.

    Parameters
    ----------
    path
        The store to make.
    plate
        Layout and fields.
    place
        Writes the image store of a field, of the plate's version, at a path that is not there yet.
    form
        Its version.

    Raises
    ------
    BadInputError
        If ``path`` is there already.
    """
    wells: dict[tuple[str, str], list[PlateField]] = {}
    for each in plate.fields:
        wells.setdefault((each.row, each.column), []).append(each)
    version = form.version

    def attributes(**blocks: dict[str, Any]) -> dict[str, Any]:
        return form.attributes({"version": version, **blocks})

    with replaced_when_whole(path) as store:
        root = form.create_root(store)
        root.attrs.put(attributes(plate=_plate_block(plate, wells, version)))
        for row in dict.fromkeys(row for row, _ in wells):
            root.create_group(row)
        for (row, column), fields in wells.items():
            root.create_group(f"{row}/{column}", attributes=attributes(well=_well_block(fields, version)))
            for each in fields:
                place(each, store / each.path)


def _plate_block(plate: Plate, wells: Mapping[tuple[str, str], list[PlateField]], version: str) -> dict[str, Any]:
    block: dict[str, Any] = {
        "name": plate.name,
        "version": version,  # the text of 0.5 still asks for it here too
        "rows": [{"name": row} for row in plate.rows],
        "columns": [{"name": column} for column in plate.columns],
        "wells": [
            {"path": f"{row}/{column}", "rowIndex": plate.rows.index(row), "columnIndex": plate.columns.index(column)}
            for row, column in wells
        ],
        "field_count": max((len(fields) for fields in wells.values()), default=1),
    }
    return {**block, "acquisitions": [dict(each) for each in plate.acquisitions]} if plate.acquisitions else block


def _well_block(fields: list[PlateField], version: str) -> dict[str, Any]:
    images = [
        {"path": each.name, **({} if each.acquisition is None else {"acquisition": each.acquisition})}
        for each in fields
    ]
    return {"version": version, "images": images}
