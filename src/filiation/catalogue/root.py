"""Which entity of a metadata document is the crate itself, however it is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

# RO-Crate 1.0 called its file .jsonld; a crate at an address may name it by that address.
_DESCRIPTOR: Final = re.compile(r"(?:.*/)?ro-crate-metadata\.json(?:ld)?")
_SPECIFICATION: Final = re.compile(r"https?://w3id\.org/ro/crate(?:/.*)?")
_USUAL: Final = ("./", ".", "")


def root_of(document: Mapping[str, object]) -> str | None:
    """Return the ``@id`` of the root data entity; None if nothing says which it is.

    It is ``./`` where there is such an entity; else the Dataset that the metadata descriptor is ``about``: the entity
    with the file's name, or one that conforms to the specification (RO-Crate 1.1, "Finding the Root Data Entity").

    >>> root = {"@id": "https://example.org/crate/", "@type": "Dataset"}
    >>> root_of({"@graph": [{"@id": "ro-crate-metadata.json", "about": {"@id": root["@id"]}}, root]})
    'https://example.org/crate/'
    """
    graph = document["@graph"]
    entities = [entity for entity in graph if isinstance(entity, dict)] if isinstance(graph, list) else []
    there = {entity.get("@id") for entity in entities}
    if usual := next((name for name in _USUAL if name in there), None):
        return usual  # whatever else is said to be: two things are never made one
    datasets = {entity["@id"] for entity in entities if _is_dataset(entity)}
    named = [entity for entity in entities if _DESCRIPTOR.fullmatch(str(entity.get("@id", "")))]
    by_type = [entity for entity in entities if any(map(_SPECIFICATION.fullmatch, _ids(entity.get("conformsTo"))))]
    for found in (named, by_type):
        roots = {root for entity in found for root in _ids(entity.get("about"))} & datasets
        if len(roots) == 1:
            return roots.pop()
    return None


def _is_dataset(entity: Mapping[str, object]) -> bool:
    types = entity.get("@type")
    known = types if isinstance(types, list) else [types]
    return "Dataset" in known and isinstance(entity.get("@id"), str)


def _ids(value: object) -> Iterable[str]:
    for one in value if isinstance(value, list) else [value]:
        identifier = one.get("@id") if isinstance(one, dict) else one
        if isinstance(identifier, str):
            yield identifier
