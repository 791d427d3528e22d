"""The closure: everything a thing descends from, or everything that descends from it, whichever run made it.

Breadth first with a visited set, so cycles in a foreign crate end, and without recursion, so depth costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from filiation.catalogue import (
    CODE,
    GENERATED,
    PART,
    SAME_CONTENT,
    USED,
    Edge,
    EntityNode,
    Joining,
    LineageIndex,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Walked:
    """What a walk came by.

    Parameters
    ----------
    iris
        Every thing and action, the starting ones included.
    edges
        Every edge between them that the walk followed.
    cut
        Those beyond which there is more that the depth left out.
    """

    iris: set[str] = field(default_factory=set)
    edges: set[Edge] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)


def ancestors(index: LineageIndex, joining: Joining, roots: Iterable[str], depth: int | None = None) -> Walked:
    """Walk against the flow of data: to what the roots descend from.

    Parameters
    ----------
    index, joining
        Edges within runs, and between them.
    roots
        IRIs to start from.
    depth
        How many actions to go back at most; None for all.
    """
    return _walk(_Upwards(index, joining), roots, depth)


def descendants(index: LineageIndex, joining: Joining, roots: Iterable[str], depth: int | None = None) -> Walked:
    """Walk with the flow of data: to what came of the roots; see :func:`ancestors`."""
    return _walk(_Downwards(index, joining), roots, depth)


class _Upwards:
    """One step back."""

    into_action = (GENERATED,)

    def __init__(self, index: LineageIndex, joining: Joining) -> None:
        self._index = index
        self._joining = joining

    def edges(self, iri: str) -> Iterable[Edge]:
        yield from (edge for edge in self._index.edges_into(iri) if edge.role != CODE)
        for entity in self._index.entities(iri=iri):
            for maker in self._joining.makers(entity):
                yield _join(maker, entity)

    @staticmethod
    def other(edge: Edge) -> str:
        return edge.src


class _Downwards:
    """One step forward."""

    into_action = (USED, CODE)

    def __init__(self, index: LineageIndex, joining: Joining) -> None:
        self._index = index
        self._joining = joining

    def edges(self, iri: str) -> Iterable[Edge]:
        yield from self._index.edges_out_of(iri)
        for entity in self._index.entities(iri=iri):
            for taker in self._joining.takers(entity):
                yield _join(entity, taker)

    @staticmethod
    def other(edge: Edge) -> str:
        return edge.dst


def _join(maker: EntityNode, taker: EntityNode) -> Edge:
    role = SAME_CONTENT if maker.digest == taker.digest else PART
    return Edge(maker.iri, taker.iri, role, taker.crate)


def _walk(direction: _Upwards | _Downwards, roots: Iterable[str], depth: int | None) -> Walked:
    walked = Walked(iris=set(roots))
    level = sorted(walked.iris)
    actions_left = depth
    while level:
        beyond: list[str] = []
        while level:  # everything within reach of the same number of actions
            iri = level.pop()
            for edge in direction.edges(iri):
                other = direction.other(edge)
                goes_on = edge.role in direction.into_action
                if goes_on and actions_left == 0:
                    walked.cut.add(iri)
                    continue
                walked.edges.add(edge)
                if other not in walked.iris:
                    walked.iris.add(other)
                    (beyond if goes_on else level).append(other)
        level = sorted(beyond)
        actions_left = None if actions_left is None else actions_left - 1
    return walked
