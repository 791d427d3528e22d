"""The entities of a metadata document, asked by property: whatever stands there, the answer is text or entities."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from filiation.crate.jsonld import many

Entity = Mapping[str, Any]

LONGEST: Final = 100_000
"""Characters of one text that are taken over; nobody reads more, and no repository takes it."""
_UNSEEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_SCHEMA: Final = ("", "schema:", "http://schema.org/", "https://schema.org/")


class Entities:
    """A document's entities by their ``@id``.

    Parameters
    ----------
    document
        As :func:`filiation.crate.metadata.read_metadata` gives it.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.all: tuple[Entity, ...] = tuple(document["@graph"])
        self._by_id = {str(entity["@id"]): entity for entity in self.all if "@id" in entity}

    def get(self, identifier: str) -> Entity:
        """Return an entity; one of which nothing is said is empty."""
        return self._by_id.get(identifier, {})

    def linked(self, entity: Entity, *names: str) -> tuple[Entity, ...]:
        """Return what an entity's properties lead to: entities, described in place or elsewhere, or a name alone."""
        return tuple(found for name in names for value in _values(entity, name) if (found := self._entity(value)))

    def typed(self, *types: str) -> Iterator[Entity]:
        """Yield the entities of one of some types."""
        return (entity for entity in self.all if types_of(entity) & set(types))

    def _entity(self, value: object) -> Entity | None:
        if isinstance(value, Mapping):
            identifier = value.get("@id")
            if isinstance(identifier, str) and set(value) == {"@id"}:
                return self._by_id.get(identifier, value)
            return (
                None
                if "@value" in value and not plain(value)
                else ({"name": plain(value)} if "@value" in value else value)
            )
        return {"name": found} if (found := plain(value)) else None


def types_of(entity: Entity) -> set[str]:
    """Return an entity's types, without their namespace."""
    return {re.split(r"[/#:]", str(found))[-1] for found in many(entity.get("@type"))}


def text(entity: Entity, *names: str) -> str | None:
    """Return the first text that one of some properties has, cleaned; None if there is none."""
    return next((found for name in names for found in texts(entity, name)), None)


def texts(entity: Entity, name: str) -> tuple[str, ...]:
    """Return the texts of a property; of a reference, what it refers to."""
    found = (
        plain(value.get("@id")) if isinstance(value, Mapping) and "@value" not in value else plain(value)
        for value in _values(entity, name)
    )
    return tuple(one for one in found if one)


def plain(value: object) -> str | None:
    """Return a value as text without what cannot be seen, and no longer than anybody reads; None if nothing is left."""
    if isinstance(value, Mapping):
        value = value.get("@value")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _UNSEEN.sub("", str(value)[:LONGEST]).strip()
    return found or None


def line(value: str) -> str:
    """Return a text in one line."""
    return " ".join(value.split())


def _values(entity: Entity, name: str) -> list[Any]:
    return next((many(entity[prefix + name]) for prefix in _SCHEMA if prefix + name in entity), [])
