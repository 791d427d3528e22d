"""A second, independent reader of crates: which lineage edges the text of a metadata file justifies.

It knows nothing of RDF and nothing of the catalogue: it goes through the JSON as a person would with a finger on the
line, and is generous. An edge that it does not find stands nowhere in the crate.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import unquote

SCHEMA = ("http://schema.org/", "https://schema.org/", "schema:")
NO_DATA = {"PropertyValue", "FormalParameter"}
ACTIONS = {"CreateAction", "UpdateAction", "ActivateAction"}
FAILURES = ("FailedActionStatus", "ActiveActionStatus")
REFERRING = ("object", "result", "instrument", "mainEntity", "hasPart", "value")


class PlainReading:
    """What stands in a document, by the names of its things as the catalogue writes them behind the crate's IRI."""

    def __init__(self, document: dict[str, object]) -> None:
        self.said: dict[str, dict[str, list[object]]] = defaultdict(lambda: defaultdict(list))
        self.aliases = dict(_aliases(document.get("@context")))
        self._nameless = 0
        graph = document["@graph"]
        assert isinstance(graph, list)
        self.ids = {
            entity["@id"] for entity in graph if isinstance(entity, dict) and isinstance(entity.get("@id"), str)
        }
        for entity in graph:
            self._read(entity)

    def _read(self, value: object) -> object:
        """Note an entity and all inside it; return how it is referred to, or the value itself."""
        if not isinstance(value, dict) or "@value" in value:
            return value
        if "@list" in value or "@set" in value:
            return [self._read(one) for one in _each(value.get("@list", value.get("@set")))]
        if isinstance(value.get("@id"), str):
            name = named(value["@id"])
        else:
            self._nameless += 1
            name = f"#anonymous-{self._nameless}"
        for key, content in value.items():
            if key == "@reverse" and isinstance(content, dict):
                for inverse, others in content.items():
                    for one in _each(others):
                        if isinstance(other := self._read(one), Reference):
                            self.said[other][self.term(inverse)].append(Reference(name))
            elif key == "@type":
                self.said[name]["@type"] += [self.term(str(one)) for one in _each(content)]
            elif not key.startswith("@"):
                for one in _each(content):
                    self.said[name][self.term(key)] += _each(self._read(one))
        return Reference(name)

    def term(self, key: str) -> str:
        key = self.aliases.get(key, key)
        for start in SCHEMA:
            key = key.removeprefix(start)
        return {"MediaObject": "File"}.get(key.rpartition("#")[2].rpartition("/")[2], key.rpartition("/")[2])

    def links(self, name: str, key: str) -> Iterator[str]:
        for one in self.said[name][key] if name in self.said else ():
            if isinstance(one, Reference):
                yield one
            elif isinstance(one, str) and one in self.ids:
                yield named(one)

    def types(self, name: str) -> set[object]:
        return set(self.said[name]["@type"]) if name in self.said else set()

    def data(self, names: Iterator[str]) -> set[str]:
        """Return everything that may be meant where these stand as input or output."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [*self.links(one, "hasPart"), *self.links(one, "mainEntity"), *self.links(one, "value")]
        return {one for one in found if not (self.types(one) & NO_DATA)}

    def failed(self, action: str) -> bool:
        return any(str(one).endswith(FAILURES) for one in self.said[action]["actionStatus"]) or any(
            str(one) in ("failed", "interrupted", "touched") for one in self.said[action]["status"]
        )

    def justifies(self, source: str, target: str, role: str) -> bool:
        """Whether an edge may be derived, in the direction in which data flowed."""
        if role == "used":
            return bool(self.types(target) & ACTIONS) and source in self.data(self.links(target, "object"))
        if role == "generated":
            return bool(self.types(source) & ACTIONS) and target in self.data(self.links(source, "result"))
        if role == "code":
            wrapped = {
                one for tool in self.links(target, "instrument") for one in (tool, *self.links(tool, "mainEntity"))
            }
            return source in wrapped
        inner, outer = sorted((source, target), key=len, reverse=True)
        return inner.startswith(outer + "/")


class Reference(str):
    """A thing that is referred to, and no text."""

    __slots__ = ()


def named(identifier: str) -> Reference:
    """Return an ``@id`` as the catalogue writes it."""
    if identifier.startswith("_:"):
        return Reference("#blank-" + identifier[2:])
    if absolute := re.match(r"(file:/|file:///|file://localhost/|/)(?!/)", identifier):
        identifier = "outside/" + identifier[absolute.end() :]
    return Reference(shown(identifier))


def _each(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def _aliases(context: object) -> Iterator[tuple[str, str]]:
    for one in _each(context):
        if isinstance(one, dict):
            for key, meaning in one.items():
                if isinstance(meaning, str):
                    yield key, meaning


def shown(name: str) -> str:
    """Return a name however it is percent-encoded, or ends."""
    return unquote(name).removeprefix("./").rstrip("/")
