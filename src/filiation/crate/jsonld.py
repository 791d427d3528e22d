"""Small words for flattened JSON-LD: references, single values without brackets, typed reading."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from filiation.errors import InvalidCrateError

Node = dict[str, Any]


def reference(identifier: str) -> Node:
    """Return a reference to an entity."""
    return {"@id": identifier}


def references(identifiers: Iterable[str]) -> object:
    """Return references to entities, each once, in order; a single one without brackets; None for none."""
    return single([reference(identifier) for identifier in dict.fromkeys(identifiers)])


def single(values: list[Any]) -> object:
    """Return a list of one value without its brackets, as RO-Crate 1.1 recommends; None for an empty list."""
    return (values[0] if len(values) == 1 else values) or None if values else None


def bare(values: list[Any]) -> object:
    """Return a list of one value without its brackets, whatever the value is: 0 and false are said too."""
    return values[0] if len(values) == 1 else values


def node(at: str, types: str | list[str], /, **properties: object) -> Node:
    """Return an entity without the properties that have no value."""
    known = {name: value for name, value in properties.items() if value is not None}
    return {"@id": at, "@type": types, **known}


def join_entity(entities: dict[str, Node], entity: Node) -> None:
    """Add an entity to others by @id, or what it says to one that is there: nothing that one says is replaced."""
    known = entities.get(entity["@id"])
    if known is None:
        entities[entity["@id"]] = entity
        return
    for key, value in entity.items():
        if key == "@id" or known.get(key) == value:
            continue
        together = many(known.get(key))
        together = [*together, *(item for item in many(value) if not any(_is_same(item, each) for each in together))]
        known[key] = bare(together)


def _is_same(first: object, second: object) -> bool:
    """Whether two values are one: 1 and true are not."""
    return first == second and type(first) is type(second)


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a document in which entities have other @ids, and all references to them."""
    if isinstance(value, dict):
        return {
            key: names.get(inner, inner) if key == "@id" and isinstance(inner, str) else renamed(inner, names)
            for key, inner in value.items()
        }
    return [renamed(item, names) for item in value] if isinstance(value, list) else value


def local(*parts: str) -> str:
    """Return a local identifier made of parts: ``#tool-segment``."""
    return "#" + "-".join(quote(part, safe="._~") for part in parts)


def many(value: object) -> list[Any]:
    """Return a property's values as a list, whether it has none, one or several."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def ids(value: object) -> list[str]:
    """Return the identifiers that a property refers to."""
    return [str(item["@id"]) for item in many(value) if isinstance(item, Mapping) and "@id" in item]


def text(entity: Mapping[str, Any], name: str) -> str | None:
    """Return a property's text, or None if it has none."""
    value = entity.get(name)
    return None if value is None else str(value)


def required(entity: Mapping[str, Any], name: str) -> Any:
    """Return a property that a crate of ours always has.

    Raises
    ------
    InvalidCrateError
        If it is missing.
    """
    if name not in entity:
        raise InvalidCrateError(f"The crate's entity {entity.get('@id')!r} has no {name!r}; this crate is damaged.")
    return entity[name]


def moment(entity: Mapping[str, Any], name: str) -> datetime | None:
    """Return a property's time."""
    value = entity.get(name)
    return None if value is None else datetime.fromisoformat(str(value))


def isoformat(value: datetime | None) -> str | None:
    """Return a time as ISO 8601 with milliseconds and zone, the form that the run profiles recommend."""
    return None if value is None else value.isoformat(timespec="milliseconds")
