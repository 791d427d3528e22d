"""The walk as anybody would write it first: names, one query an edge, joins by their rules. Others must agree."""

from __future__ import annotations

from collections.abc import Iterable

from filiation.catalogue import CODE, PART, SAME_CONTENT, Edge, LineageIndex
from filiation.catalogue.join_rules import JoinRules


def plain_walk(index: LineageIndex, roots: Iterable[str], *, up: bool) -> tuple[set[str], set[Edge]]:
    """Return the things and actions, and the edges."""
    rules = JoinRules(index)
    joins = [
        Edge(maker.iri, found.iri, SAME_CONTENT if maker.digest == found.digest else PART, found.crate)
        for found in index.entities()
        for maker in rules.makers(found)
    ]
    seen, edges = set(roots), set()
    waiting = list(seen)
    while waiting:
        iri = waiting.pop()
        if up:
            steps = {*(e for e in index.edges_into(iri) if e.role != CODE), *(e for e in joins if e.dst == iri)}
        else:
            steps = {*index.edges_out_of(iri), *(e for e in joins if e.src == iri)}
        edges |= steps
        for edge in steps:
            other = edge.src if up else edge.dst
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen, edges
