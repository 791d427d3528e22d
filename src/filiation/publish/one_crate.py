"""Several crates as one: every statement of each is in it, and everything has the name that the catalogue has for it.

What a crate carries stands in ``crates/<run>/`` of the whole, so its name there is a path. Files and folders that it
only names are ``#<run>/…`` of the whole, since readers look for what has the form of a path or an address. All else has
the IRI that it has in the catalogue, ``arcp://uuid,<run>/…``, but for programs that have an address of the web
(:mod:`filiation.publish.web_names`). Entities that crates share (people, software, licences) are one entity, which says
what each crate says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from filiation.catalogue.graph import Literal, Triple
from filiation.catalogue.reading import iri_of
from filiation.catalogue.root import root_of
from filiation.catalogue.vocabulary import RDF_TYPE
from filiation.crate.jsonld import Node, bare, join_entity, many
from filiation.model import run_iri
from filiation.publish.subset import DESCRIPTOR
from filiation.publish.terms import OneContext, Terms
from filiation.publish.web_names import tell_names

_DATA: Final = frozenset({"File", "Dataset", "MediaObject"})
CRATES: Final = "crates/"
"""Where in the whole each crate stands, under its run's id."""


@dataclass(frozen=True, slots=True)
class Part:
    """A crate that becomes a part of one.

    Parameters
    ----------
    run
        Its id.
    document
        Its metadata.
    carried
        Paths of the files that it carries, and of the folders that they are in, as its metadata names them.
    triples
        Its statements, where its context is not plain enough for its JSON to be taken over.
    addresses
        What has an address of the web in the whole, by its IRI in the crate.
    """

    run: str
    document: Mapping[str, Any]
    carried: frozenset[str]
    triples: tuple[Triple, ...] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where it stands in the whole."""
        return f"{CRATES}{self.run}/"


class Names:
    """What the entities of a crate are called in the whole.

    Parameters
    ----------
    part
        The crate.
    """

    def __init__(self, part: Part) -> None:
        self._part, self._base = part, run_iri(part.run)
        self._root = root_of(part.document) or "./"
        self._data = {
            self._iri(str(node["@id"])): str(node["@id"])
            for node in part.document["@graph"]
            if isinstance(node.get("@id"), str) and set(many(node.get("@type"))) & _DATA
        }
        # Of two spellings of a folder the one with a slash comes last, and counts.
        self._carried = {self._iri(at): at for at in sorted(part.carried)}

    def _iri(self, identifier: str) -> str:
        return iri_of(identifier, self._base)

    def of(self, identifier: str) -> str:
        """Return the @id in the whole, by the @id or the IRI in the crate."""
        part = self._part
        if identifier in (self._root, "./", ".", "", self._base):
            return part.folder
        iri = self._iri(identifier)
        if iri in part.addresses:
            return part.addresses[iri]
        if iri == self._base + DESCRIPTOR:
            return f"{self._base}#metadata"  # a name that ends like the file's would be taken for the whole's own
        if iri in self._carried:
            return part.folder + self._carried[iri].removeprefix("./")
        if iri in self._data and iri.startswith(self._base):
            return f"#{part.run}/" + self._data[iri].removeprefix("./").removeprefix("#")
        return iri


def merge_parts(parts: Iterable[Part], context: OneContext) -> dict[str, Node]:
    """Return the entities of several crates by their @ids in the whole.

    Parameters
    ----------
    parts
        The crates.
    context
        The context of the whole, to which their words are added.
    """
    whole: dict[str, Node] = {}
    for part in parts:
        entities = _from_triples(part, context) if part.triples else _from_json(part, context)
        for entity in entities:
            join_entity(whole, entity)
        tell_names(whole, part.addresses)
    return whole


def _from_json(part: Part, context: OneContext) -> Iterable[Node]:
    terms, names = Terms(part.document["@context"]), Names(part)
    for entity in part.document["@graph"]:
        if isinstance(entity.get("@id"), str):
            yield _renamed(entity, terms, context, names.of, run_iri(part.run))


def _renamed(
    value: Mapping[str, Any], terms: Terms, context: OneContext, renamed: Callable[[str], str], base: str
) -> Node:
    told: Node = {}
    for key, inner in value.items():
        if key == "@id":
            told[key] = renamed(inner)
        elif key == "@type":
            is_datatype = "@value" in value
            types = [
                (terms.iri(each) or each) if is_datatype else context.word(each, terms, base) for each in many(inner)
            ]
            told[key] = types[0] if len(types) == 1 else types
        elif key.startswith("@"):
            told[key] = inner
        else:
            word, coercion = context.word(key, terms), terms.coercion(key)
            found = [_typed(item, coercion) for item in many(inner)]
            found = [
                _renamed(item, terms, context, renamed, base) if isinstance(item, dict) else item for item in found
            ]
            together = [*many(told.get(word)), *found]
            told[word] = together if isinstance(inner, list) and len(inner) != 1 else bare(together)
    return told


def _typed(item: object, coercion: str | None) -> object:
    if coercion is None or coercion == "@none" or isinstance(item, dict | list):
        return item
    if coercion == "@id":
        return {"@id": item} if isinstance(item, str) else item
    return {"@value": item, "@type": coercion}


def _from_triples(part: Part, context: OneContext) -> Iterable[Node]:
    nothing, renamed = Terms([]), Names(part).of
    entities: dict[str, Node] = {}
    for subject, predicate, value in part.triples:
        entity = entities.setdefault(subject, {"@id": renamed(subject), "@type": []})
        if predicate == RDF_TYPE and isinstance(value, str):
            entity["@type"].append(context.word(value, nothing))
            continue
        word = context.word(predicate, nothing)
        entity[word] = [*many(entity.get(word)), _as_json(value, renamed)]
    for entity in entities.values():
        types = entity.pop("@type") or ["Thing"]
        values = {key: bare(found) if isinstance(found, list) else found for key, found in entity.items()}
        yield {"@id": values.pop("@id"), "@type": types[0] if len(types) == 1 else types, **values}


def _as_json(value: str | Literal, renamed: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return {"@id": renamed(value)}
    if value.language:
        return {"@value": value.text, "@language": value.language}
    return value.text if value.datatype.endswith("#string") else {"@value": value.text, "@type": value.datatype}


def untold(whole: Iterable[Triple], base: str, parts: Iterable[Part]) -> Iterator[Triple]:
    """Yield the statements of crates that one crate made of them does not make.

    Parameters
    ----------
    whole
        The statements of the whole, as :func:`filiation.catalogue.reading.read_triples` gives them.
    base
        Its IRI.
    parts
        The crates, each with its statements.
    """
    told = set(whole)
    for part in parts:
        names = Names(part)
        for subject, predicate, value in part.triples:
            here = value if isinstance(value, Literal) else iri_of(names.of(value), base)
            there = iri_of(names.of(subject), base), predicate, here
            if there not in told:
                yield there
