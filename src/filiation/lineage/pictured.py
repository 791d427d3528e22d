"""A label image to be looked at, over the image that it was drawn on, and what is known of an object in it.

Pixels are taken from stores as they were recorded, chunk by chunk, so that nothing is shown that no run saw.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue import EntityNode, Json, LineageIndex
from filiation.catalogue.manifests import Manifests
from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.digest.recorded import RecordedTree
from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.images.label_objects import LabelObject, find_object_in
from filiation.images.multiscale import Multiscale
from filiation.images.recorded_store import open_recorded
from filiation.lineage.answers import Lineage
from filiation.lineage.layers import Layers
from filiation.lineage.object_traces import Measured, Meshed, Outlined, Trace, place_of, traces_of_object
from filiation.lineage.objects import by_distance, label_image_of
from filiation.model import DigestKind, EntityKind
from filiation.model.sentences import Sentence

AT_MOST: Final = 2_000_000_000
"""Bytes that are gone through while somebody waits, for an object's voxels or to see that a table is unchanged."""
_METADATA: Final = re.compile(r"(^|/)(zarr\.json|\.zattrs|\.zgroup|\.zarray)$")
_IMAGES: Final = (EntityKind.IMAGE, EntityKind.RAW_IMAGE)


@dataclass(frozen=True, slots=True)
class Pictured:
    """What can be looked at of a thing.

    Parameters
    ----------
    labels
        The label image that it is, or was made from; None if it is an image.
    image
        The nearest image that this was drawn on and whose pixels are still there as recorded; None if there is none.
    lineage
        What the thing descends from.
    layers
        Their pixels.
    remarks
        What is not shown, and why.
    metadata_files
        The files of the image's store that tell of its groups and arrays.
    """

    labels: EntityNode | None
    image: EntityNode | None
    lineage: Lineage
    layers: Layers
    remarks: tuple[str, ...] = ()
    metadata_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PicturedObject:
    """An object of a label image.

    Parameters
    ----------
    label
        Its value.
    found
        Its voxels and its box; None where the label image is too large to go through while somebody waits.
    traces
        What tells of it, made from the label image: rows of tables, regions and meshes, unchanged since.
    """

    label: int
    found: LabelObject | None
    traces: tuple[Trace, ...] = ()

    @property
    def measured(self) -> tuple[Measured, ...]:
        """Rows of tables that tell of it."""
        return tuple(each for each in self.traces if isinstance(each, Measured))

    @property
    def others(self) -> tuple[tuple[str, str], ...]:
        """Regions and meshes of it, each as path and IRI."""
        regions = ((each.table, each.iri) for each in self.traces if isinstance(each, Outlined))
        return (*regions, *((each.path, each.iri) for each in self.traces if isinstance(each, Meshed)))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        told: dict[str, Json] = {"label": self.label}
        if self.found is not None:
            found = self.found
            told |= {
                "voxels": found.voxels,
                "axes": list(found.axes),
                "start": list(found.start),
                "stop": list(found.stop),
                "origin": list(found.origin),
                "extent": list(found.extent),
                "units": list(found.units),
                "properties": dict(found.properties),
                "forebears": list(found.forebears),
            }
        told["measured"] = [{"table": each.table, "iri": each.iri, "row": dict(each.row)} for each in self.measured]
        told["others"] = [{"path": path, "iri": iri} for path, iri in self.others]
        return told


class Pictures:
    """Finds the pixels of things.

    Parameters
    ----------
    index
        The index.
    crates
        The folder of crates, which keep manifests.
    """

    def __init__(self, index: LineageIndex, crates: Path) -> None:
        self._index = index
        self._manifests = Manifests(crates, index.folder_of)

    def of(self, lineage: Lineage) -> Pictured:
        """Return what can be looked at of a thing, given what it descends from.

        Raises
        ------
        NotFoundError
            If nothing of it can be shown; the message says why.
        """
        remarks: list[str] = []
        labels, drawn = self._labels(lineage, remarks)
        start = lineage.roots if labels is None else (labels.iri,)
        image, under = self._image(lineage, start, remarks)
        if drawn is None and under is None:
            none = Sentence("It is no image, and was made from none that was recorded.")
            reasons = Sentence.joined(dict.fromkeys(remarks)) if remarks else none
            raise NotFoundError(
                Sentence("There is nothing to show of {thing}. {reasons}", thing=lineage.thing, reasons=reasons)
            )
        files = () if image is None else tuple(path for path in self.tree(image).paths if _METADATA.search(path))
        return Pictured(labels, image, lineage, Layers(drawn, under), tuple(dict.fromkeys(remarks)), files)

    def tree(self, node: EntityNode) -> RecordedTree:
        """Return the files of a store as recorded, from wherever these bytes were seen and something still is.

        Raises
        ------
        NotFoundError
            If no crate keeps which files it had, or nothing is there any more.
        """
        if node.digest is None or node.digest.kind is not DigestKind.TREE:
            raise NotFoundError(Sentence("{node} is no store, so its pixels are not shown here.", node=node.path))
        alike = self._index.entities(digest=str(node.digest))
        manifest = next((kept for each in alike if (kept := self._manifests.content(each)) is not None), None)
        if manifest is None:
            raise NotFoundError(
                Sentence("No crate keeps which files {node} had, so its pixels are not shown here.", node=node.path)
            )
        place = next((found for each in (node, *alike) if (found := place_of(each)) is not None), None)
        if place is None:
            raise NotFoundError(Sentence("{node} is not where it was recorded.", node=node.path))
        return RecordedTree(place, manifest)

    def _labels(self, lineage: Lineage, remarks: list[str]) -> tuple[EntityNode | None, Multiscale | None]:
        try:
            labels = label_image_of(lineage)
        except BadInputError:
            return None, None
        opened = self._opened(labels, remarks)
        if opened is not None and opened.image_label is None:
            remarks.append(
                Sentence(
                    "{labels} has no 'image-label' metadata, so it is no label image to others.", labels=labels.path
                )
            )
        return labels, opened

    def _image(
        self, lineage: Lineage, start: tuple[str, ...], remarks: list[str]
    ) -> tuple[EntityNode | None, Multiscale | None]:
        for level in by_distance(lineage, _IMAGES, start):
            for node in level:
                if (opened := self._opened(node, remarks)) is not None:
                    return node, opened
        return None, None

    def _opened(self, node: EntityNode, remarks: list[str]) -> Multiscale | None:
        try:
            return open_recorded(self.tree(node))
        except FiliationError as error:
            remarks.append(error.message)
            return None


def describe(
    pictured: Pictured, label: int, following: Callable[[str], Iterable[EntityNode]], cache: DigestCache
) -> PicturedObject:
    """Tell of an object.

    Parameters
    ----------
    pictured
        The label image that it is in.
    label
        Its value.
    following
        Gives what was made directly from a thing of this IRI.
    cache
        Digests of files read before.

    Raises
    ------
    NotFoundError
        If there is no such object.
    BadInputError
        If there is no label image.
    ChangedError
        If a chunk of it is not as recorded.
    """
    if pictured.labels is None or pictured.layers.labels is None:
        raise BadInputError(
            Sentence(
                "{thing} has no objects to ask for: there is no label image to be seen.", thing=pictured.lineage.thing
            )
        )
    store = pictured.layers.labels
    found = find_object_in(store, label) if store.full.array.nbytes <= AT_MOST else None
    unchanged = _unchanged(following(pictured.labels.iri), cache)
    return PicturedObject(label, found, tuple(traces_of_object(label, unchanged)))


def _unchanged(entities: Iterable[EntityNode], cache: DigestCache) -> Iterator[EntityNode]:
    """Yield what lies where it was recorded with the bytes that were recorded."""
    for entity in entities:
        place = place_of(entity)
        if place is None or entity.digest is None or (entity.size or 0) > AT_MOST:
            continue
        try:
            digest = digest_tree(place, cache=cache).digest if place.is_dir() else digest_file(place, cache=cache)
        except FiliationError:
            continue
        if digest == entity.digest:
            yield entity
