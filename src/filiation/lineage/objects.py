"""One object of a label image: the run and the parameters that it came of, where it is, and what tells of it."""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue import EntityNode, Json
from filiation.errors import BadInputError, NotFoundError
from filiation.images.label_objects import LabelObject, find_object
from filiation.images.mesh_files import label_of_mesh
from filiation.lineage import words
from filiation.lineage.answers import Lineage
from filiation.lineage.claims import claimed_lineage
from filiation.lineage.corrections import (
    Became,
    CameOf,
    CrateFolder,
    fate_of_object,
    history_of_object,
    removal_of_object,
)
from filiation.lineage.drawing import WIDTH
from filiation.lineage.object_traces import (
    Measured,
    Meshed,
    Outlined,
    Trace,
    place_of,
    refuse_unless_told_of,
    traces_of_object,
)
from filiation.model import EntityKind
from filiation.model.sentences import Sentence

_NAMED: Final = re.compile(r"(?P<thing>.+)#label=(?P<label>\d{1,18})", re.DOTALL)
_LABEL: Final = "label"


@dataclass(frozen=True, slots=True)
class ObjectLineage:
    """One object of a label image, and what it descends from.

    Parameters
    ----------
    found
        The object.
    labels
        Path of the label image, as its run named it.
    image
        Path or URI of the image that it was segmented from: the nearest image that it descends from.
    traces
        What tells of it, made from the label image: rows of tables, regions and meshes.
    lineage
        What the thing that was asked for descends from: the label image, or a table or mesh made from it.
    came_of
        What it was before each correction by hand, the last first.
    became
        What it became by each correction of its label image.
    """

    found: LabelObject
    labels: str
    image: str | None
    traces: tuple[Trace, ...]
    lineage: Lineage
    came_of: tuple[CameOf, ...] = ()
    became: tuple[Became, ...] = ()

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Rows of tables that tell of it."""
        return tuple(each for each in self.traces if isinstance(each, Measured))

    @property
    def regions(self) -> tuple[Outlined, ...]:
        """Its polygons and boxes."""
        return tuple(each for each in self.traces if isinstance(each, Outlined))

    @property
    def meshes(self) -> tuple[Meshed, ...]:
        """Files with its mesh."""
        return tuple(each for each in self.traces if isinstance(each, Meshed))

    def text(self, *, each: bool = False) -> str:
        """Tell of the object, then of what the thing that was asked for descends from."""
        return "\n".join([*self._lines(), "", self.lineage.tree(each=each)])

    def _lines(self) -> Iterator[str]:
        found = self.found
        yield f"object {found.label} of {words.plain(self.labels)}"
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
        for before in self.came_of:
            yield from before.lines()
        for after in self.became:
            yield from after.lines()
        if found.forebears:
            yield f"   came of     label {', which came of label '.join(map(str, found.forebears))}, by division"
        for table, rows in itertools.groupby(self.measured, key=lambda each: each.table):
            yield from _told(table, list(rows))
        for region in self.regions:
            count = f", on {len(region.rows)} planes" if len(region.rows) > 1 else ""
            what = f"region      polygons in {words.plain(region.table)}{count}"
            yield f"   {what if region.polygons else f'region      box in {words.plain(region.table)}'}"
        for mesh in self.meshes:
            yield f"   mesh        {words.plain(mesh.path)}"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        found = self.found
        return {
            "label": found.label,
            "labels": self.labels,
            "axes": list(found.axes),
            "voxels": found.voxels,
            "start": list(found.start),
            "stop": list(found.stop),
            "origin": list(found.origin),
            "extent": list(found.extent),
            "units": list(found.units),
            "properties": dict(found.properties),
            "forebears": list(found.forebears),
            "source": found.source,
            "image": self.image,
            "measured": [{"table": each.table, "iri": each.iri, "row": dict(each.row)} for each in self.measured],
            "regions": [
                {"table": each.table, "iri": each.iri, "polygons": each.polygons, "rows": [*map(dict, each.rows)]}
                for each in self.regions
            ],
            "meshes": [{"path": each.path, "iri": each.iri} for each in self.meshes],
            "came_of": [each.to_json() for each in self.came_of],
            "became": [each.to_json() for each in self.became],
            "lineage": self.lineage.to_json(),
        }


def split_label(thing: str) -> tuple[str, int] | None:
    """Take ``labels.ome.zarr#label=17`` apart, or find in a mesh which object it is of; None if none is named.

    >>> split_label("a/nuclei.ome.zarr#label=17"), split_label("a/nuclei.ome.zarr")
    (('a/nuclei.ome.zarr', 17), None)
    """
    path = Path(thing)
    if path.is_file():
        label = label_of_mesh(path)
        return None if label is None else (thing, label)
    match = None if path.exists() else _NAMED.fullmatch(thing)
    return None if match is None else (match["thing"], int(match["label"]))


def label_image_of(lineage: Lineage) -> EntityNode:
    """Return the label image that a thing is, or was made from.

    Raises
    ------
    BadInputError
        If it descends from none, or from several by equally many steps.
    """
    found = _nearest(lineage, (EntityKind.LABEL_IMAGE,))
    if not found:
        raise BadInputError(
            Sentence(
                "{thing} is no label image, and none that was recorded is what it was made from.", thing=lineage.thing
            )
        )
    is_one = any(node.iri in lineage.roots for node in found)
    if not is_one and len({str(node.digest or node.path) for node in found}) > 1:
        paths = ", ".join(sorted({node.path for node in found}))
        raise BadInputError(
            Sentence(
                "{thing} was made from several label images: {paths}. Ask for the object of one of them.",
                thing=lineage.thing,
                paths=paths,
            )
        )
    return next((node for node in found if place_of(node) is not None), found[0])


def describe_object(
    label: int, labels: EntityNode, lineage: Lineage, following: Lineage, crate_folder: CrateFolder
) -> ObjectLineage:
    """Tell of an object.

    Parameters
    ----------
    label
        Its value.
    labels
        The label image.
    lineage
        What the label image descends from, or a thing that was made from it.
    following
        What was made from the label image directly.
    crate_folder
        Where crates stand; those of corrections tell what objects came of.

    Raises
    ------
    NotFoundError
        If the label image is not there any more, or has no such object; or if the thing tells nothing of it.
    BadInputError
        If it is no label image.
    """
    place = place_of(labels)
    if place is None:
        raise NotFoundError(
            Sentence("{labels} is not where it was recorded, so its objects cannot be looked at.", labels=labels.path)
        )
    for root in (lineage.by_iri[iri] for iri in lineage.roots if iri in lineage.by_iri):
        if isinstance(root, EntityNode) and root.kind != EntityKind.LABEL_IMAGE:
            refuse_unless_told_of(lineage.thing, label, root)
    images = _nearest(lineage, (EntityKind.IMAGE, EntityKind.RAW_IMAGE), start=(labels.iri,))
    image = images[0].path if images else None
    try:
        found = find_object(place, label)
    except NotFoundError as error:
        removed = removal_of_object(label, labels.iri, lineage, crate_folder)
        raise error if removed is None else NotFoundError(f"{error} {removed}") from error
    traces = tuple(traces_of_object(label, following.entities))
    came_of = history_of_object(label, labels.iri, lineage, crate_folder)
    became = fate_of_object(label, following, crate_folder)
    return ObjectLineage(found, labels.path, image, traces, lineage, came_of, became)


def claimed_object(store: Path, label: int) -> ObjectLineage | None:
    """Tell of an object from what a label image says of itself, where no crate of it is known; None if it says nothing.

    Raises
    ------
    NotFoundError
        If there is nothing at ``store``, or no voxel has this value.
    BadInputError
        If it is no label image, or what it says cannot be read.
    """
    found, lineage = find_object(store, label), claimed_lineage(store)
    if lineage is None:
        return None
    images = _nearest(lineage, (EntityKind.IMAGE, EntityKind.RAW_IMAGE))
    return ObjectLineage(found, str(store), images[0].path if images else None, (), lineage)


def _nearest(
    lineage: Lineage, kinds: tuple[EntityKind, ...], start: tuple[str, ...] | None = None
) -> tuple[EntityNode, ...]:
    """Return the things of some kinds that lie the fewest steps back, itself among them if it is of these kinds."""
    return next(by_distance(lineage, kinds, start), ())


def by_distance(
    lineage: Lineage, kinds: tuple[EntityKind, ...], start: tuple[str, ...] | None = None
) -> Iterator[tuple[EntityNode, ...]]:
    """Yield the things of some kinds that a lineage has, those with equally many steps back together, nearest first."""
    into: dict[str, list[str]] = {}
    for edge in lineage.edges:
        into.setdefault(edge.dst, []).append(edge.src)
    level = list(lineage.roots if start is None else start)
    seen = set(level)
    while level:
        nodes = [node for iri in level if isinstance(node := lineage.by_iri.get(iri), EntityNode)]
        if found := tuple(node for node in nodes if node.kind in kinds):
            yield found
        level = [src for iri in level for src in sorted(into.get(iri, ())) if src not in seen]
        seen.update(level)


def _told(table: str, rows: list[Measured]) -> Iterator[str]:
    """Tell of an object's rows in a table: of many, the first and the last."""
    yield f"   measured    in {words.plain(table)}" + (f", {len(rows)} rows, of which the first and the last:"
                                                      if len(rows) > 1 else "")  # fmt: skip
    for each in rows if len(rows) == 1 else (rows[0], rows[-1]):
        told = ", ".join(f"{name} = {_short(value)}" for name, value in each.row if name != _LABEL)
        yield from (f"               {line}" for line in textwrap.wrap(words.plain(told), WIDTH - 15))


def _short(value: Json) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
