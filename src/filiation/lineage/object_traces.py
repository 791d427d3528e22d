"""What tells of one object besides its label image: rows of tables, regions, meshes, made from it and on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.catalogue import EntityNode, Json
from filiation.errors import FiliationError, NotFoundError
from filiation.images.mesh_files import label_of_mesh, meshes_of_object
from filiation.images.object_polygons import GEOMETRY
from filiation.images.tables import rows_of_object
from filiation.model import is_uri
from filiation.model.sentences import Sentence

_BOX: Final = "len_x_micrometer"
"""The column by which a table is one of boxes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a table tells of an object.

    Parameters
    ----------
    table
        Path of the table, as its run named it.
    iri
        Of the table.
    row
        Names of columns and values.
    """

    table: str
    iri: str
    row: tuple[tuple[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Outlined:
    """The regions of an object in a table of polygons, or of boxes.

    Parameters
    ----------
    table
        Path of the table, as its run named it.
    iri
        Of the table.
    rows
        One for each region: names of columns and values, without its geometry.
    polygons
        Whether they are polygons; else boxes.
    """

    table: str
    iri: str
    rows: tuple[tuple[tuple[str, Json], ...], ...]
    polygons: bool


@dataclass(frozen=True, slots=True)
class Meshed:
    """A file with the mesh of an object.

    Parameters
    ----------
    path
        Of the file, in the folder as its run named it.
    iri
        Of the folder.
    """

    path: str
    iri: str


Trace = Measured | Outlined | Meshed


def traces_of_object(label: int, entities: Iterable[EntityNode]) -> Iterator[Trace]:
    """Yield what tells of an object, of things made from its label image; what is damaged or gone tells nothing."""
    seen: set[Path] = set()
    for entity in entities:
        place = place_of(entity)
        if place is None or place in seen:
            continue
        seen.add(place)  # several runs may have seen it, and what is there now is one thing
        if place.is_dir():
            # PurePath.relative_to gives `17.ply` or `precomputed/17:0`.
            found = (mesh.relative_to(place).as_posix() for mesh in meshes_of_object(place, label))
            yield from (Meshed(f"{entity.path}/{name}", entity.iri) for name in found)
        elif place.suffix == ".parquet":
            yield from _in_table(label, entity, place)


def refuse_unless_told_of(thing: str, label: int, entity: EntityNode) -> None:
    """Stop if a thing that was made from a label image tells nothing of an object.

    Raises
    ------
    NotFoundError
        If so; the message says what would.
    """
    meshed = label_of_mesh(named) if (named := Path(thing)).is_file() else None
    if meshed != label and (meshed is not None or not any(traces_of_object(label, [entity]))):
        raise NotFoundError(
            Sentence(
                "{thing} tells nothing of an object {label}. Objects are in label images, in Parquet tables "
                "with a column 'label', and in folders of meshes.",
                thing=thing,
                label=label,
            )
        )


def place_of(entity: EntityNode) -> Path | None:
    """Return where a thing was recorded, if something is there."""
    if entity.place is None or is_uri(entity.place):
        return None
    return path if (path := Path(entity.place)).exists() else None


def _in_table(label: int, entity: EntityNode, place: Path) -> Iterator[Trace]:
    try:
        found = rows_of_object(place, label)
    except FiliationError:
        return  # `check` tells of a damaged table
    rows = tuple(_row(row) for row in found)
    if not rows:
        return
    columns = {name for name, _ in rows[0]}
    if GEOMETRY in columns or _BOX in columns:
        kept = tuple(tuple((name, value) for name, value in row if name != GEOMETRY) for row in rows)
        yield Outlined(entity.path, entity.iri, kept, polygons=GEOMETRY in columns)
    else:
        yield from (Measured(entity.path, entity.iri, row) for row in rows)


def _row(row: dict[str, Any]) -> tuple[tuple[str, Json], ...]:
    return tuple(
        (name, value if isinstance(value, int | float | str | None) else str(value)) for name, value in row.items()
    )
