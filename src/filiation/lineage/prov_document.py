"""A lineage as a document of W3C PROV, through the ``prov`` library: PROV-JSON (member submission) and PROV-N.

Things are entities, actions activities, people agents. Each relation names the crate that tells of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

from prov.model import PROV, Namespace, ProvDocument, QualifiedName

from filiation.catalogue import CODE, GENERATED, PART, SAME_CONTENT, USED, ActionNode, Edge
from filiation.lineage import words
from filiation.lineage.answers import THROUGH, Lineage
from filiation.lineage.formats import attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from prov.identifier import Identifier
    from prov.model.records import AttributeValue

_Attributes: TypeAlias = "dict[QualifiedName | str | Identifier, AttributeValue | None]"
_TERMS: Final = Namespace("filiation", "https://w3id.org/ro/terms/filiation#")
_RUN: Final = re.compile(r"arcp://uuid,(?P<run>[0-9a-f]{8})[0-9a-f-]*/")
_SAFE: Final = "/:?@!$&'()*+,;=-._~%#[]"
_KNOWN_OTHERWISE: Final = frozenset({"type", "label", "started", "ended", "agent", "agent_id"})


def to_prov_json(lineage: Lineage) -> str:
    """Write a lineage as PROV-JSON."""
    return str(_document(lineage).serialize(format="json", indent=2)) + "\n"


def to_prov_n(lineage: Lineage) -> str:
    """Write a lineage in PROV-N, the notation for people."""
    return str(_document(lineage).get_provn()) + "\n"


def _document(lineage: Lineage) -> ProvDocument:
    document = ProvDocument()
    document.add_namespace(_TERMS)
    name = _Names(document)
    agents: set[str] = set()
    for node in lineage.nodes:
        known = attributes(node)
        told: _Attributes = {PROV["label"]: known["label"]}
        told.update((_TERMS[quote(key, safe="-._")], known[key]) for key in known if key not in _KNOWN_OTHERWISE)
        if not isinstance(node, ActionNode):
            document.entity(name(node.iri), told)
            continue
        document.activity(name(node.iri), node.started, node.ended, told)
        if node.agent is not None:
            agent = node.agent_id or f"{node.crate}#agent-{quote(node.agent, safe='')}"
            if agent not in agents:
                agents.add(agent)
                # Only who has an identifier of their own is known to be a person.
                person: _Attributes = {PROV["type"]: PROV["Person"]} if node.agent_id else {}
                document.agent(name(agent), {**person, PROV["label"]: words.plain(node.agent)})
            document.wasAssociatedWith(name(node.iri), name(agent))
    for edge in lineage.edges:
        _RELATIONS[edge.role](document, name, edge)
    return document


class _Names:
    """IRIs as qualified names: a prefix for each run, and one for each place that other IRIs share."""

    def __init__(self, document: ProvDocument) -> None:
        self._document = document
        self._spaces: dict[str, Namespace] = {}
        self._taken: set[str] = set()

    def __call__(self, iri: str) -> QualifiedName:
        iri = quote(iri, safe=_SAFE)
        match = _RUN.match(iri)
        if match is not None:
            space, prefix = match.group(), f"run_{match['run']}"
        else:
            space = iri[: max(iri.rfind(mark) for mark in "/#:") + 1]
            prefix = "place"
        if space not in self._spaces:
            number = 1
            while (f"{prefix}_{number}" if number > 1 or prefix == "place" else prefix) in self._taken:
                number += 1
            prefix = f"{prefix}_{number}" if number > 1 or prefix == "place" else prefix
            self._taken.add(prefix)
            self._spaces[space] = Namespace(prefix, space or "urn:")
            self._document.add_namespace(self._spaces[space])
        return self._spaces[space][iri[len(space) :]]


def _told(edge: Edge) -> _Attributes:
    told: _Attributes = {_TERMS["crate"]: edge.crate}
    if edge.role == CODE:
        told[PROV["role"]] = "code"
    elif edge.role not in (USED, GENERATED):
        told[_TERMS["how"]] = edge.role
    return told


def _used(document: ProvDocument, name: _Names, edge: Edge) -> None:
    document.used(name(edge.dst), name(edge.src), other_attributes=_told(edge))


def _generated(document: ProvDocument, name: _Names, edge: Edge) -> None:
    document.wasGeneratedBy(name(edge.dst), name(edge.src), other_attributes=_told(edge))


def _derived(document: ProvDocument, name: _Names, edge: Edge) -> None:
    if edge.role == SAME_CONTENT:
        document.alternateOf(name(edge.dst), name(edge.src))
    document.wasDerivedFrom(name(edge.dst), name(edge.src), other_attributes=_told(edge))


def _influenced(document: ProvDocument, name: _Names, edge: Edge) -> None:
    document.wasInfluencedBy(name(edge.dst), name(edge.src), other_attributes=_told(edge))


_RELATIONS: Final[dict[str, Callable[[ProvDocument, _Names, Edge], None]]] = {
    USED: _used,
    CODE: _used,
    GENERATED: _generated,
    SAME_CONTENT: _derived,
    PART: _derived,
    THROUGH: _influenced,
}
