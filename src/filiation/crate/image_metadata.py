"""What a server tells of an image as JSON-LD and back: an entity for each object of the server, under its own IRI.

Types are OME's (``ome-xml:Objective``, as omero-rdf writes them), what holds what is ``dcterms:hasPart`` and
``dcterms:isPartOf``, names and makers are schema.org's, and the rest are terms of ours, named as OME's model names
them: a quantity is a number with its unit beside it, as in OME-XML (``pinholeSize``, ``pinholeSizeUnit``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import is_dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from filiation.crate.jsonld import Node, ids, isoformat, local, many, node, reference, references, single
from filiation.crate.profiles import TERMS
from filiation.model import (
    Channel,
    Comment,
    Container,
    Detector,
    Dichroic,
    Filter,
    Group,
    ImageMetadata,
    Instrument,
    KeyValues,
    LightSource,
    Member,
    Objective,
    Owner,
    Pair,
    Quantity,
    Tag,
    kind_of_object,
    members,
)

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
DCTERMS = "http://purl.org/dc/terms/"
SCHEMA = "http://schema.org/"
IMAGE_TYPE = "ome-xml:Image"

_T = TypeVar("_T")

_PRODUCT = "IndividualProduct"
_TYPES: Mapping[type[Any], str] = MappingProxyType(
    {
        Instrument: _PRODUCT, Objective: _PRODUCT, Detector: _PRODUCT, LightSource: _PRODUCT, Filter: _PRODUCT,
        Dichroic: _PRODUCT, Channel: "ImageObject", Tag: "DefinedTerm", Comment: "Comment",
        KeyValues: "StructuredValue", Container: "Collection",
    }
)  # fmt: skip
"""Class -> schema.org's type, which stands beside OME's."""

_KINDS: Mapping[type[Any], tuple[str, ...]] = MappingProxyType(
    {Channel: ("Channel",), Tag: ("TagAnnotation",), Comment: ("CommentAnnotation",), KeyValues: ("MapAnnotation",)}
)
"""Class -> the kinds of objects that are one, where one property leads to objects of several kinds."""

_HAS, _IN = "dcterms:hasPart", "dcterms:isPartOf"
_STANDARD: Mapping[str, str] = MappingProxyType(
    {
        "name": "name", "description": "description", "text": "text", "manufacturer": "manufacturer", "model": "model",
        "serial_number": "serialNumber", "acquired": "dateCreated", "pairs": "additionalProperty",
        "channels": _HAS, "tags": _HAS, "comments": _HAS, "key_values": _HAS, "containers": _IN,
        # In the words of ours, since RO-Crate's have other meanings.
        "instrument": "microscope", "excitation_filters": "excitationFilter", "emission_filters": "emissionFilter",
        "owner": "ownedBy", "group": "inGroup",
    }
)  # fmt: skip
"""Field -> term, where it is not the field's own name."""
_OF_IMAGE: Mapping[str, str] = MappingProxyType({"name": "alternateName", "description": "imageDescription"})
"""The same for an image, whose entity says in its own words what it is."""

_SCHEMA_TERMS = (
    "name", "alternateName", "description", "text", "manufacturer", "model", "serialNumber", "dateCreated",
    "additionalProperty", "value", "position",
)  # fmt: skip
_CLASSES: tuple[type[Any], ...] = (ImageMetadata, *_TYPES, Owner, Group)


def term_of(cls: type[Any], field: str) -> str:
    """Return the term for a field of a class.

    >>> term_of(Objective, "lens_na"), term_of(ImageMetadata, "acquired")
    ('lensNA', 'dateCreated')
    """
    if cls is ImageMetadata and field in _OF_IMAGE:
        return _OF_IMAGE[field]
    first, *rest = field.split("_")
    own = first + "".join("NA" if part == "na" else part.capitalize() for part in rest)
    return _STANDARD.get(field, own)


def _own_terms() -> set[str]:
    used = set()
    for cls in _CLASSES:
        for member in members(cls):
            term = term_of(cls, member.name)
            used |= {term, f"{term}Unit"} if member.type is Quantity else {term}
    return {term for term in used if ":" not in term} - {*_SCHEMA_TERMS, "iri"}


OWN_TERMS: tuple[str, ...] = tuple(sorted(_own_terms()))
"""The terms of ours that images' metadata use; ``docs/reference/crate.md`` says what they mean."""

CONTEXT: Mapping[str, str] = MappingProxyType(
    {"ome-xml": OME, "dcterms": DCTERMS, **{term: TERMS + term for term in OWN_TERMS}}
)
"""What a crate's context needs besides for these terms."""


def expanded(term: str) -> str:
    """Return the IRI of a term.

    >>> expanded("lensNA"), expanded("dcterms:hasPart")
    ('https://w3id.org/ro/terms/filiation#lensNA', 'http://purl.org/dc/terms/hasPart')
    """
    prefix, colon, rest = term.partition(":")
    if colon:
        return CONTEXT[prefix] + rest
    return (SCHEMA if term in _SCHEMA_TERMS else TERMS) + term


class Described(Protocol):
    """Entities that are read: those of a crate's file, or of its graph."""

    def values(self, identifier: str, term: str) -> Sequence[str | int | float]:
        """Return the texts and numbers that an entity has for a term."""

    def links(self, identifier: str, term: str) -> Sequence[str]:
        """Return what an entity refers to by a term."""


class DescribedInCrate:
    """The entities of a crate's file.

    Parameters
    ----------
    nodes
        By @id.
    """

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]]) -> None:
        self._nodes = nodes

    def values(self, identifier: str, term: str) -> Sequence[str | int | float]:
        """Return the texts and numbers that an entity has for a term."""
        found = many(self._nodes.get(identifier, {}).get(term))
        return [value for value in found if isinstance(value, str | int | float)]

    def links(self, identifier: str, term: str) -> Sequence[str]:
        """Return what an entity refers to by a term."""
        return ids(self._nodes.get(identifier, {}).get(term))


def write_image_metadata(images: Iterable[ImageMetadata]) -> dict[str, Node]:
    """Return what is told of images as JSON-LD by @id; what several images share, such as a tag, is one entity."""
    nodes: dict[str, Node] = {}
    for image in images:
        _write(image, nodes)
    return {identifier: _tidy(entity) for identifier, entity in nodes.items()}


def with_metadata(entity: Node, told: Node | None) -> Node:
    """Return the entity of an image with what is told of it; it is called as the server calls it."""
    if told is None:
        return entity
    types = [*many(entity["@type"]), *(kind for kind in many(told["@type"]) if kind not in many(entity["@type"]))]
    named = {"name": told["alternateName"]} if "alternateName" in told else {}
    return {**entity, **told, **named, "@type": types}


def _write(thing: Any, nodes: dict[str, Node]) -> None:
    cls, kind = type(thing), f"ome-xml:{kind_of_object(thing.iri)}"
    entity = nodes.setdefault(thing.iri, {"@id": thing.iri, "@type": [*([_TYPES[cls]] if cls in _TYPES else []), kind]})
    for member in members(cls):
        value = getattr(thing, member.name)
        if member.name == "iri" or value is None or value == ():
            continue
        term = term_of(cls, member.name)
        if member.type is Pair:
            pairs = [_pair(thing.iri, number, pair) for number, pair in enumerate(value)]
            nodes |= {str(pair["@id"]): pair for pair in pairs}
            entity[term] = [reference(str(pair["@id"])) for pair in pairs]
        elif member.type is Quantity:
            entity |= {term: value.value, f"{term}Unit": value.unit}
        elif is_dataclass(member.type):
            for each in value if member.many else (value,):
                _write(each, nodes)
                entity[term] = [*entity.get(term, []), reference(each.iri)]
        else:
            entity[term] = isoformat(value) if isinstance(value, datetime) else list(value) if member.many else value
    if "name" not in entity and cls in (*_KINDS, *_TYPES) and "name" not in (each.name for each in members(cls)):
        entity["name"] = " ".join(filter(None, (entity.get("manufacturer"), entity.get("model")))) or kind[8:]


def _pair(iri: str, number: int, pair: Pair) -> Node:
    host, kind, identifier = iri.rsplit("/", 2)
    at = local("pair", host.rpartition("/")[2], kind, identifier, str(number + 1))
    return node(at, "PropertyValue", name=pair.name, value=pair.value, position=number + 1)


def _tidy(entity: Node) -> Node:
    """Refer to each thing once, and leave out the brackets of single values."""
    return {
        name: references(ids(value)) if isinstance(value, list) and value and isinstance(value[0], dict) else
        single(value) if isinstance(value, list) else value
        for name, value in entity.items()
    }  # fmt: skip


def read_image_metadata(described: Described, iri: str) -> ImageMetadata:
    """Return what :func:`write_image_metadata` wrote of an image.

    Raises
    ------
    ValueError, TypeError
        If a number or a time is none, or something that is always there is missing.
    """
    return _read(ImageMetadata, iri, described, ())


def _read(cls: type[_T], iri: str, described: Described, above: tuple[str, ...]) -> _T:
    found: dict[str, Any] = {"iri": iri}
    for member in members(cls):
        term = term_of(cls, member.name)
        if member.name == "iri":
            continue
        if member.type is Pair:
            found[member.name] = _read_pairs(described, described.links(iri, term))
        elif member.type is Quantity:
            values, units = described.values(iri, term), described.values(iri, f"{term}Unit")
            if values:
                found[member.name] = Quantity(float(values[0]), str(units[0]) if units else "")
        elif is_dataclass(member.type):
            # In a crate that somebody else wrote, a thing may be said to be in itself.
            linked = [each for each in _of_kind(member, described.links(iri, term)) if each not in above]
            read = sorted((_read(member.type, each, described, (*above, iri)) for each in linked), key=_order)
            found |= {member.name: tuple(read)} if member.many else {member.name: read[0]} if read else {}
        else:
            values = [_value(member.type, value) for value in described.values(iri, term)]
            found |= {member.name: tuple(values)} if member.many else {member.name: values[0]} if values else {}
    return cls(**found)


def _value(kind: type[Any], value: str | int | float) -> Any:
    return datetime.fromisoformat(str(value)) if kind is datetime else kind(value)


def _of_kind(member: Member, links: Sequence[str]) -> list[str]:
    kinds = _KINDS.get(member.type)
    return [link for link in links if kinds is None or kind_of_object(link) in kinds]


def _read_pairs(described: Described, links: Sequence[str]) -> tuple[Pair, ...]:
    placed = []
    for link in links:
        name, value, position = (described.values(link, term) for term in ("name", "value", "position"))
        if name and value:
            placed.append((int(position[0]) if position else 0, str(name[0]), str(value[0])))
    return tuple(Pair(name, value) for _, name, value in sorted(placed))


def _order(thing: Any) -> tuple[int, str, int]:
    """Sort channels by their place, and all else by kind and number."""
    last = thing.iri.rpartition("/")[2]
    return getattr(thing, "index", 0), kind_of_object(thing.iri), int(last) if last.isdigit() else 0
