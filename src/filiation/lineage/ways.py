"""The shortest ways between things of a graph: all counted, each to be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeAlias

from filiation.catalogue import Edge

_BEFORE: Final = "\0"
"""Before the name of a thing that was come to without going over what ways are to lead over."""
_Steps: TypeAlias = "dict[str, tuple[int, tuple[Edge, ...]]]"


@dataclass(frozen=True, slots=True)
class Ways:
    """The shortest ways between things.

    Parameters
    ----------
    told
        Some of them, each as its edges in the direction in which data flowed.
    count
        How many there are.
    """

    told: tuple[tuple[Edge, ...], ...] = ()
    count: int = 0


def shortest_ways(edges: Iterable[Edge], roots: Collection[str], goals: Collection[str], most: int) -> Ways:
    """Return the shortest ways from the nearest of some goals to the roots.

    Parameters
    ----------
    edges
        The graph, each edge pointing from what was there before to what came of it.
    roots
        IRIs that the ways lead to.
    goals
        IRIs that they come from.
    most
        How many to tell.
    """
    steps = _towards(edges, roots, set(goals))
    starts = sorted(goal for goal in goals if goal in steps)  # all as near as the nearest: there the search ends
    told = tuple(islice((way for start in starts for way in _each(start, steps)), most))
    return Ways(told, sum(_counts(starts, steps)))


def shortest_ways_over(
    edges: Iterable[Edge], roots: Collection[str], goals: Collection[str], over: Collection[str], most: int
) -> Ways:
    """Return the shortest of those ways that lead over something; see :func:`shortest_ways`.

    Parameters
    ----------
    edges, roots, goals, most
        As there.
    over
        IRIs of which at least one is on each way, its ends included.
    """
    doubled = []
    for edge in edges:
        doubled.append(edge)
        before = f"{_BEFORE}{edge.src}" if edge.src not in over else edge.src
        doubled.append(edge._replace(src=before, dst=f"{_BEFORE}{edge.dst}"))
    starts = [root if root in over else f"{_BEFORE}{root}" for root in roots]
    found = shortest_ways(doubled, starts, goals, most)
    plain = tuple(
        tuple(edge._replace(src=edge.src.lstrip(_BEFORE), dst=edge.dst.lstrip(_BEFORE)) for edge in way)
        for way in found.told
    )
    return replace(found, told=plain)


def between(edges: Iterable[Edge], goals: Iterable[str]) -> set[str]:
    """Return the goals and all that comes of them by some edges.

    Parameters
    ----------
    edges
        The graph.
    goals
        IRIs to start from.
    """
    after: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        after[edge.src].append(edge.dst)
    found = set(goals)
    waiting = list(found)
    while waiting:
        further = set(after[waiting.pop()]) - found
        found |= further
        waiting.extend(further)
    return found


def _towards(edges: Iterable[Edge], roots: Iterable[str], goals: set[str]) -> _Steps:
    """Return how far each thing is from the roots, with the edges towards them, as far as the nearest goal."""
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in sorted(edges):
        into[edge.dst].append(edge)
    distance = dict.fromkeys(roots, 0)
    towards: dict[str, list[Edge]] = {root: [] for root in distance}
    level = list(distance)
    while level and not goals & distance.keys():
        beyond: list[str] = []
        for iri in level:
            for edge in into[iri]:
                if edge.src not in distance:
                    distance[edge.src] = distance[iri] + 1
                    towards[edge.src] = []
                    beyond.append(edge.src)
                if distance[edge.src] == distance[iri] + 1:
                    towards[edge.src].append(edge)
        level = beyond
    return {iri: (distance[iri], tuple(found)) for iri, found in towards.items()}


def _each(start: str, steps: _Steps) -> Iterator[tuple[Edge, ...]]:
    """Yield each way from ``start`` to a root."""
    waiting: list[tuple[str, tuple[Edge, ...]]] = [(start, ())]
    while waiting:
        iri, so_far = waiting.pop()
        following = steps[iri][1]
        if not following:
            yield so_far
        waiting.extend((edge.dst, (*so_far, edge)) for edge in reversed(following))


def _counts(starts: Iterable[str], steps: _Steps) -> Iterator[int]:
    counts: dict[str, int] = {}
    for iri in sorted(steps, key=lambda found: steps[found][0]):
        following = steps[iri][1]
        counts[iri] = sum(counts[edge.dst] for edge in following) if following else 1
    return (counts[start] for start in starts)
