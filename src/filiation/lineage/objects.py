"""One object of a label image: the run and the parameters that it came of, where it is, and what was measured of it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue import EntityNode, Json
from filiation.errors import FiliationError, NotFoundError
from filiation.images.label_objects import LabelObject, find_object
from filiation.images.tables import read_table
from filiation.lineage import words
from filiation.lineage.answers import Lineage
from filiation.lineage.drawing import WIDTH
from filiation.model import EntityKind, is_uri

_NAMED: Final = re.compile(r"(?P<thing>.+)#label=(?P<label>\d{1,18})", re.DOTALL)
_LABEL: Final = "label"


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
class ObjectLineage:
    """One object of a label image, and what it descends from.

    Parameters
    ----------
    found
        The object.
    image
        Path or URI of the image that it was segmented from: the nearest image that it descends from.
    measured
        Rows of tables that were made from the label image.
    lineage
        What the label image descends from.
    """

    found: LabelObject
    image: str | None
    measured: tuple[Measured, ...]
    lineage: Lineage

    def text(self, *, each: bool = False) -> str:
        """Tell of the object, then of what the label image descends from."""
        return "\n".join([*self._lines(), "", self.lineage.tree(each=each)])

    def _lines(self) -> Iterator[str]:
        found = self.found
        yield f"object {found.label} of {words.plain(self.lineage.thing)}"
        yield f"   voxels      {found.voxels}"
        where = ", ".join(
            f"{axis} {start} to {stop}" for axis, start, stop in zip(found.axes, found.start, found.stop, strict=True)
        )
        yield f"   box         {where}" + (f", in {words.plain(self.image)}" if self.image else "")
        if any(found.units):
            lengths = zip(found.axes, found.extent, found.units, strict=True)
            yield f"   extent      {', '.join(f'{axis} {length:g} {unit}'.rstrip() for axis, length, unit in lengths)}"
        for name, value in found.properties:
            yield f"   {words.plain(name):<11} {words.plain(str(value))}"
        for each in self.measured:
            yield f"   measured    in {words.plain(each.table)}"
            told = ", ".join(f"{name} = {_short(value)}" for name, value in each.row if name != _LABEL)
            yield from (f"               {line}" for line in textwrap.wrap(words.plain(told), WIDTH - 15))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        found = self.found
        return {
            "label": found.label,
            "axes": list(found.axes),
            "voxels": found.voxels,
            "start": list(found.start),
            "stop": list(found.stop),
            "origin": list(found.origin),
            "extent": list(found.extent),
            "units": list(found.units),
            "properties": dict(found.properties),
            "source": found.source,
            "image": self.image,
            "measured": [{"table": each.table, "iri": each.iri, "row": dict(each.row)} for each in self.measured],
            "lineage": self.lineage.to_json(),
        }


def split_label(thing: str) -> tuple[str, int] | None:
    """Take ``labels.ome.zarr#label=17`` apart; None if it names no object.

    >>> split_label("a/nuclei.ome.zarr#label=17"), split_label("a/nuclei.ome.zarr")
    (('a/nuclei.ome.zarr', 17), None)
    """
    match = _NAMED.fullmatch(thing)
    return None if match is None else (match["thing"], int(match["label"]))


def describe_object(label: int, lineage: Lineage, following: Lineage) -> ObjectLineage:
    """Tell of an object.

    Parameters
    ----------
    label
        Its value.
    lineage, following
        What the label image descends from, and what was made from it directly.

    Raises
    ------
    NotFoundError
        If the label image is not there any more, or has no such object.
    BadInputError
        If it is no label image.
    """
    roots = [entity for entity in lineage.entities if entity.iri in lineage.roots]
    places = [place for root in roots if (place := _place(root)) is not None]
    if not places:
        raise NotFoundError(f"{lineage.thing} is not where it was recorded, so its objects cannot be looked at.")
    return ObjectLineage(find_object(places[0], label), _image(lineage), tuple(_measured(label, following)), lineage)


def _place(entity: EntityNode) -> Path | None:
    if entity.place is None or is_uri(entity.place):
        return None
    return path if (path := Path(entity.place)).exists() else None


def _image(lineage: Lineage) -> str | None:
    """Return the nearest image that the label image descends from, breadth first."""
    into: dict[str, list[str]] = {}
    for edge in lineage.edges:
        into.setdefault(edge.dst, []).append(edge.src)
    level, seen = list(lineage.roots), set(lineage.roots)
    while level:
        level = [src for iri in level for src in sorted(into.get(iri, ())) if src not in seen]
        seen.update(level)
        for iri in level:
            node = lineage.by_iri.get(iri)
            if isinstance(node, EntityNode) and node.kind in (EntityKind.IMAGE, EntityKind.RAW_IMAGE):
                return node.path
    return None


def _measured(label: int, following: Lineage) -> Iterator[Measured]:
    for entity in following.entities:
        place = _place(entity)
        if place is None or not entity.path.endswith(".parquet"):
            continue
        try:
            table = read_table(place)
        except FiliationError:
            continue  # `check` tells of a damaged table
        if _LABEL not in table.column_names:
            continue
        values = table.column(_LABEL).to_pylist()
        if label in values:
            (row,) = table.slice(values.index(label), 1).to_pylist()
            told = tuple((name, value if isinstance(value, int | float | str | None) else str(value))
                         for name, value in row.items())  # fmt: skip
            yield Measured(entity.path, entity.iri, told)


def _short(value: Json) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
