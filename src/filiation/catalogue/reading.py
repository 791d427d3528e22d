"""From a crate's metadata file to triples: contexts inlined, ids made IRIs, one spelling, no blank nodes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from filiation.catalogue.crate_on_disk import CrateOnDisk, read_metadata
from filiation.catalogue.graph import XSD
from filiation.catalogue.oxigraph import CrateTerms, parse_json_ld
from filiation.catalogue.plain_entities import PlainEntities
from filiation.catalogue.root import root_of
from filiation.catalogue.vocabulary import one_spelling
from filiation.crate.contexts import inline
from filiation.errors import InvalidCrateError
from filiation.model import is_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from filiation.catalogue.graph import Term, Triple

# What RFC 3987 forbids in an IRI; a parser drops every statement about an entity whose @id has one of these.
_FORBIDDEN: Final = re.compile(r"[\x00-\x20<>\"{}|\\^`\x7f]|%(?![0-9A-Fa-f]{2})")


_ABSOLUTE: Final = re.compile(r"(?:file:(?://(?:localhost)?)?)?/(?!/)")
# What may lead out of the crate's folder: seldom there, and then looked at closely.
_SUSPECT: Final = re.compile(r"[\\\x00-\x1f\x7f]|\.\.|%(?:25)*2e|^//|^.:", re.IGNORECASE)
# Properties whose value is a thing, so that a bare text which is the @id of one can only mean that.
_REFERRING: Final = frozenset({"about", "agent", "hasPart", "instrument", "mainEntity", "object", "result"})

# Every text of JSON that is a term, or begins with one as a prefix.
_WORD: Final = re.compile(r'"(\w+)(?=[":])')

# Entities that are turned into triples at a time: what is held besides the document and the triples.
_PART: Final = 1_000


def read_triples(crate: CrateOnDisk, document: dict[str, object] | None = None) -> tuple[Triple, ...]:
    """Read a crate's metadata as sorted triples whose subjects are IRIs under the crate's own.

    Things that a crate of filiation describes without carrying (``#work/…``, ``#outside/…``) get the same IRI as if
    it carried them, so a thing has one name whether or not its bytes travel along.

    Parameters
    ----------
    crate
        The crate.
    document
        Its metadata, if it was read already; it is used up.

    Raises
    ------
    InvalidCrateError
        If the metadata cannot be read as JSON-LD.
    """
    if document is None:
        document, _ = read_metadata(crate.folder)
    base = crate.iri
    stated: dict[str, list[tuple[str, Term]]] = {}
    try:
        root = root_of(document)
        root = root if root is None or is_uri(root) else base + _reference(root).removeprefix("./")
        terms = CrateTerms(base, lambda iri: _thing(one_spelling(iri), base, root))
        contexts = inline(document)["@context"]
        entities = _entities(document)
        refer = _referring(frozenset(str(entity.get("@id")) for entity in entities if isinstance(entity, dict)))
        plain = PlainEntities(document["@context"], contexts, base, terms, _reference, refer)
        left = _read_plain(entities, plain, stated)
        for subject, predicate, value in parse_json_ld(_parts(contexts, left, refer), terms):
            stated.setdefault(subject, []).append((predicate, value))
    except (RecursionError, UnicodeEncodeError) as error:
        raise InvalidCrateError(f"{crate.metadata} is not JSON-LD that can be read: {error}.") from error
    return tuple(_sorted(stated))


def iri_of(identifier: str, base: str) -> str:
    """Return the IRI that an ``@id`` of a crate gets in its graph.

    Parameters
    ----------
    identifier
        The ``@id``.
    base
        The crate's IRI.
    """
    reference = _reference(identifier)
    return reference if is_uri(reference) else _thing(base + reference.removeprefix("./"), base, None)


def _sorted(stated: dict[str, list[tuple[str, Term]]]) -> Iterator[Triple]:
    """Yield each statement once: by subject, predicate, links before literals."""
    for subject in sorted(stated):
        # By subject, so that no more than one subject's keys are held at a time.
        pairs = stated.pop(subject)
        pairs.sort(key=_order)
        before: tuple[str, Term] | tuple[None, None] = None, None
        for pair in pairs:
            # Terms that are alike are one object.
            if pair[1] is not before[1] or pair[0] is not before[0]:
                yield subject, *pair
            before = pair


def _order(pair: tuple[str, Term]) -> tuple[str, bool, str, str]:
    predicate, value = pair
    if isinstance(value, str):
        return predicate, False, value, ""
    return predicate, True, value.text, value.datatype + value.language


def _thing(iri: str, base: str, root: str | None) -> str:
    """Give a thing of the run the IRI of ``model.entity_iri``: no ``#``, no closing ``/``; and the root the crate's."""
    if iri == root:
        return base
    if not iri.startswith(base):
        return iri
    reference = iri[len(base) :]
    if reference.startswith(("#work/", "#outside/")):
        reference = reference[1:]
    if reference.startswith(("work/", "outside/")):
        reference = reference.rstrip("/")
    return base + reference


def _entities(document: dict[str, object]) -> list[object]:
    graph = document["@graph"]
    return graph if isinstance(graph, list) else [graph]


def _read_plain(
    entities: list[object], plain: PlainEntities, stated: dict[str, list[tuple[str, Term]]]
) -> list[object]:
    """Read what is plain, taking it from the entities; return the others in their order."""
    left: list[object] = []
    entities.reverse()
    while entities:
        entity = entities.pop()
        told = plain.read(entity)
        if told is None:
            left.append(entity)
        elif told[1]:
            stated.setdefault(told[0], []).extend(told[1])
    return left


def _parts(
    contexts: list[dict[str, object]], entities: list[object], refer: Callable[[str, object], object]
) -> Iterator[bytes]:
    """Yield entities as JSON-LD in parts, taking from them what was yielded.

    Every ``@id`` is made an IRI reference, and what has none is named, in the order of the entities.
    """
    tidy = _tidying(refer)
    entities.reverse()
    while entities:
        part = _as_text([tidy(entities.pop()) for _ in range(min(_PART, len(entities)))])
        context = _as_text(_needed(contexts, part))
        yield f'{{"@context":{context},"@graph":{part}}}'.encode("utf-8", "surrogatepass")


def _needed(contexts: list[dict[str, object]], text: str) -> list[dict[str, object]]:
    """Return contexts without the terms that a text does not use: there are thousands, to be read for every crate."""
    if not all(isinstance(definition, str) for context in contexts for definition in context.values()):
        return contexts  # a term may say that other terms are its values
    words = set(_WORD.findall(text))
    words.update(
        str(definition).partition(":")[0]
        for context in contexts
        for definition in context.values()
        if not str(definition).startswith("http")
    )
    return [
        {term: definition for term, definition in context.items() if term in words or not term.isidentifier()}
        for context in contexts
    ]


def _as_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _referring(there: frozenset[str]) -> Callable[[str, object], object]:
    def refer(key: str, value: object) -> object:
        """Make a bare text a reference, where it is the ``@id`` of something that is described."""
        if key not in _REFERRING:
            return value
        if isinstance(value, list):
            return [refer(key, item) for item in value]
        return {"@id": value} if isinstance(value, str) and value in there else value

    return refer


def _tidying(refer: Callable[[str, object], object]) -> Callable[[object], object]:
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
        told = {key: visit(refer(key, value)) for key, value in node.items() if key not in ("@id", "@context")}
        return named | context | told

    return visit


def _reference(identifier: str) -> str:
    """Return an ``@id`` as an IRI reference that stays in the crate.

    Raises
    ------
    InvalidCrateError
        If it would lead out of it, or be read as another thing's.
    """
    if _SUSPECT.search(identifier) and (reason := _escape_of(identifier)):
        raise InvalidCrateError(
            f"The crate names {identifier[:200]!r}, which {reason}. No crate that can be trusted does."
        )
    if identifier.startswith("_:"):
        return "#blank-" + quote(identifier[2:], safe="-._~")
    if absolute := _ABSOLUTE.match(identifier):
        # A path on a machine that nobody names: of another crate it would be another file, in this one it is no part.
        identifier = "outside/" + identifier[absolute.end() :]
    return _FORBIDDEN.sub(lambda found: quote(found.group().encode("utf-8")), identifier)


def _escape_of(identifier: str) -> str | None:
    """Return how an ``@id`` would lead out of the crate, or to another thing of it than it says; else None.

    A backslash or a line break that is percent-encoded is part of a file's name, which our own crates write so.
    """
    if is_uri(identifier) and not identifier.lower().startswith("file:"):
        return None
    if re.search(r"[\\\x00-\x1f\x7f]", identifier):
        return "holds a backslash or a control character"
    if identifier.startswith("//"):
        return "starts with a host's name"
    if re.match(r"[A-Za-z]:", identifier):
        return "starts with a drive"
    path = identifier.partition("#")[0].partition("?")[0]
    for _ in range(4):  # %252e%252e is %2e%2e is ..
        path = unquote(path)
    return "leads out of the crate's folder" if ".." in re.split(r"[/\\]", path) else None
