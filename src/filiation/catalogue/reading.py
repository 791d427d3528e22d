"""From a crate's metadata file to triples: contexts inlined, ids made IRIs, one spelling, no blank nodes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from filiation.catalogue.crate_on_disk import CrateOnDisk, read_metadata
from filiation.catalogue.graph import XSD
from filiation.catalogue.oxigraph import parse_json_ld
from filiation.catalogue.vocabulary import RDF_TYPE, one_spelling
from filiation.crate.contexts import inline
from filiation.errors import InvalidCrateError

if TYPE_CHECKING:
    from filiation.catalogue.graph import Term, Triple

# What RFC 3987 forbids in an IRI; a parser drops every statement about an entity whose @id has one of these.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20<>\"{}|\\^`\x7f]|%(?![0-9A-Fa-f]{2})")


def read_triples(crate: CrateOnDisk) -> tuple[Triple, ...]:
    """Read a crate's metadata as sorted triples whose subjects are IRIs under the crate's own.

    Things that a crate of filiation describes without carrying (``#work/…``, ``#outside/…``) get the same IRI as if
    it carried them, so a thing has one name whether or not its bytes travel along.

    Raises
    ------
    InvalidCrateError
        If the metadata cannot be read as JSON-LD.
    """
    document, _ = read_metadata(crate.folder)
    try:
        tidy = _tidy(inline(document))
        raw = json.dumps(tidy, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except (RecursionError, UnicodeEncodeError) as error:
        raise InvalidCrateError(f"{crate.metadata} is not JSON-LD that can be read: {error}.") from error
    base = crate.iri
    found = {
        (_thing(subject, base), one_spelling(predicate), _value(predicate, value, base))
        for subject, predicate, value in parse_json_ld(raw, base)
    }
    return tuple(sorted(found, key=_order))


def _order(triple: Triple) -> tuple[str, str, bool, str, str]:
    subject, predicate, value = triple
    if isinstance(value, str):
        return subject, predicate, False, value, ""
    return subject, predicate, True, value.text, value.datatype + value.language


def _value(predicate: str, value: Term, base: str) -> Term:
    if not isinstance(value, str):
        return value
    return one_spelling(value) if predicate == RDF_TYPE else _thing(one_spelling(value), base)


def _thing(iri: str, base: str) -> str:
    """Give a thing of the run the IRI of ``model.entity_iri``: no ``#``, no closing ``/``."""
    if not iri.startswith(base):
        return iri
    reference = iri[len(base) :]
    if reference.startswith(("#work/", "#outside/")):
        reference = reference[1:]
    if reference.startswith(("work/", "outside/")):
        reference = reference.rstrip("/")
    return base + reference


def _tidy(document: dict[str, object]) -> dict[str, object]:
    """Make every ``@id`` an IRI reference and name what has none, in the order of the document."""
    counter = iter(range(1, 1 << 62))

    def visit(node: object) -> object:
        if isinstance(node, list):
            return [visit(item) for item in node]
        if isinstance(node, float):
            # JSON-LD would make 2.0 an integer and 0.1 "1.0E-1"; people wrote neither.
            return {"@value": repr(node), "@type": XSD + "double"}
        if not isinstance(node, dict) or "@value" in node:
            return node
        identifier = node.get("@id")
        if "@list" in node or "@set" in node:
            named = {}
        elif isinstance(identifier, str):
            named = {"@id": _reference(identifier)}
        else:
            named = {"@id": f"#anonymous-{next(counter)}"}
        context = {"@context": node["@context"]} if "@context" in node else {}
        return named | context | {key: visit(value) for key, value in node.items() if key not in ("@id", "@context")}

    graph = document.get("@graph")
    return {"@context": document.get("@context", {}), "@graph": visit(graph)}


def _reference(identifier: str) -> str:
    if identifier.startswith("_:"):
        return "#blank-" + quote(identifier[2:], safe="-._~")
    return _FORBIDDEN.sub(lambda found: quote(found.group().encode("utf-8")), identifier)
