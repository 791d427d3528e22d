"""What people noted, as a graph of its own: Web Annotations, with who, when and why in PROV-O.

The Web Annotation Data Model (https://www.w3.org/TR/annotation-model/) has the shape: a body about targets. What holds
is an ``oa:Annotation``. What was replaced or taken back is a ``filiation:FormerAnnotation`` with the time until which
it held, so that who asks for annotations gets those that hold, and who asks for the past finds it. The records on disk
are the truth; the graph is made again when there is a new one.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid4, uuid5

from filiation.catalogue.graph import XSD, Literal
from filiation.catalogue.nodes import shown_time
from filiation.catalogue.vocabulary import PROV, RDF_TYPE, SCHEMA, F
from filiation.model import Digest

if TYPE_CHECKING:
    from filiation.catalogue.annotations import Annotation
    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.graph import Triple
    from filiation.catalogue.nodes import Json

OA: Final = "http://www.w3.org/ns/oa#"
_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_NAME: Final = ".graph"


def annotations_stamp(folder: CatalogueFolder) -> str:
    """Return what tells cheaply whether something was noted since; empty if nothing ever was."""
    try:
        names = os.listdir(folder.annotations)  # noqa: PTH208 - of many names
        return f"{len(names)}:{folder.annotations.stat().st_mtime_ns}"
    except OSError:
        return ""


def annotations_graph(folder: CatalogueFolder) -> str | None:
    """Return the IRI of a catalogue's graph of annotations, which no other has; None if nothing was ever noted.

    It is drawn once and kept beside the records, as several catalogues may share a SPARQL server. Who may not write
    there has only a store of their own, and gets one by the folder's path.
    """
    if not folder.annotations.is_dir():
        return None
    try:
        return _drawn_once(folder.annotations / _NAME)
    except OSError:
        return f"urn:uuid:{uuid5(NAMESPACE_URL, str(folder.root.resolve()))}"


def _drawn_once(place: Path) -> str:
    if not place.is_file():
        making = place.with_name(f"{_NAME}-{uuid4()}")
        making.write_text(f"urn:uuid:{uuid4()}\n", encoding="ascii")
        with suppress(FileExistsError):  # somebody else was first
            os.link(making, place)
        making.unlink()
    return place.read_text("ascii").strip()


def annotation_triples(annotations: Sequence[Annotation], graph: str) -> list[Triple]:
    """Say what was noted.

    Parameters
    ----------
    annotations
        The oldest first.
    graph
        IRI of the graph, under which people without an identifier get theirs.
    """
    told: list[Triple] = []
    last: dict[tuple[tuple[str, ...], str], Annotation] = {}
    until: dict[str, str] = {}
    for each in annotations:
        before = last.get((each.iris, each.key))
        if before is not None:
            until[before.id] = shown_time(each.when)
            told.append((_iri(each), f"{PROV}wasRevisionOf", _iri(before)))
        last[each.iris, each.key] = each
    for each in annotations:
        told += _one(each, graph, until.get(each.id))
    return list(dict.fromkeys(told))


def _one(annotation: Annotation, graph: str, until: str | None) -> list[Triple]:
    iri, body = _iri(annotation), f"{_iri(annotation)}#body"
    person = annotation.by_id or f"{graph}#{quote(annotation.by, safe='')}"
    held = until is None and annotation.value is not None
    kind = f"{OA}Annotation" if held else F + ("TakingBack" if annotation.value is None else "FormerAnnotation")
    told: list[Triple] = [
        (iri, RDF_TYPE, kind),
        *((iri, f"{OA}hasTarget", target) for target in annotation.iris),
        (iri, f"{OA}motivatedBy", f"{OA}describing"),
        (iri, f"{PROV}generatedAtTime", Literal(shown_time(annotation.when), f"{XSD}dateTime")),
        (iri, f"{PROV}wasAttributedTo", person),
        (person, RDF_TYPE, f"{SCHEMA}Person"),
        (person, f"{SCHEMA}name", Literal(annotation.by)),
        (iri, f"{OA}hasBody", body),
        (body, RDF_TYPE, f"{OA}TextualBody"),
        (body, f"{SCHEMA}name", Literal(annotation.key)),
    ]
    if annotation.value is not None:
        told.append((body, f"{_RDF}value", _literal(annotation.value)))
    if annotation.digest is not None:
        told.append((iri, f"{F}aboutContent", Digest.from_text(annotation.digest).iri))
    if annotation.why is not None:
        told.append((iri, f"{F}reason", Literal(annotation.why)))
    if until is not None:
        told.append((iri, f"{PROV}invalidatedAtTime", Literal(until, f"{XSD}dateTime")))
    return told


def _iri(annotation: Annotation) -> str:
    return f"urn:uuid:{annotation.id}"


def _literal(value: Json) -> Literal:
    match value:
        case bool():
            return Literal("true" if value else "false", f"{XSD}boolean")
        case int():
            return Literal(str(value), f"{XSD}integer")
        case float():
            return Literal(repr(value), f"{XSD}double")
        case _:
            return Literal(str(value))
