"""What lies around a thing: some steps back and some on, and a step each way from whatever was expanded besides."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from filiation.catalogue import CODE, ROLES, ActionNode, Edge
from filiation.catalogue.nearby import Nearby
from filiation.lineage.collapsing import collapse
from filiation.lineage.walked import Walked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from filiation.catalogue import LineageIndex
    from filiation.lineage.answers import Lineage
    from filiation.lineage.tracing import Tracer

AROUND: Final = "around"
MOST_DRAWN: Final = 300
"""Nodes beyond which a drawing tells nothing any more."""
MOST_READ: Final = 3_000
"""Nodes that are read for one answer; of larger ones the nearest."""


@dataclass(frozen=True, slots=True)
class Steps:
    """How far to look around.

    Parameters
    ----------
    back, on
        Over how many jobs: to what a thing descends from, and to what came of it.
    expanded
        IRIs of things and jobs from which to go one step each way besides.
    each
        Whether equal jobs are told each; else as one, with how many they are.
    read
        How many things and jobs are read each way, of more the nearest; None for 3,000.
    """

    back: int = 1
    on: int = 1
    expanded: tuple[str, ...] = ()
    each: bool = False
    read: int | None = None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What lies around a thing.

    Parameters
    ----------
    whole
        What was read of it, its roots first and then what is nearest to them.
    drawn
        As much of that as can be drawn.
    before, after
        For each IRI how many things and jobs next to it are not drawn: those that it came of, and that came of it.
        IRIs without any are left out.
    left_out
        How many things and jobs are within the steps and not drawn.
    """

    whole: Lineage
    drawn: Lineage
    before: tuple[tuple[str, int], ...]
    after: tuple[tuple[str, int], ...]
    left_out: int


def look_around(
    index: LineageIndex, tracer: Tracer, thing: str, steps: Steps, *, most: int = MOST_DRAWN
) -> Neighbourhood:
    """Return what lies around a thing; see :meth:`filiation.lineage.Ledger.around`."""
    found = tracer.resolver.resolve(thing)
    roots = tuple(dict.fromkeys((*found.origins, *found.nodes)))
    expanded = [iri for iri in dict.fromkeys(steps.expanded) if tracer.node(iri) is not None]
    numbers = index.numbers_of({*roots, *expanded})
    nearby = Nearby(index.adjacency())
    walks = [
        nearby.within([numbers[iri] for iri in found.origins if iri in numbers], steps.back, up=True),
        nearby.within([numbers[iri] for iri in found.nodes if iri in numbers], steps.on, up=False),
    ]
    for iri in expanded:
        depth = 0 if isinstance(tracer.node(iri), ActionNode) else 1
        walks += [nearby.within([numbers[iri]], depth, up=up) for up in (True, False)]
    most_read = MOST_READ if steps.read is None else steps.read
    read = {number for walk in walks for number in walk[:most_read].tolist()}
    unread = np.unique(np.concatenate(walks)).size - len(read)
    names = index.adjacency().names(read)
    walked = Walked(set(roots) | set(names.values()), _edges_between(index, nearby, names))
    walked.numbers = {iri: number for number, iri in names.items()}
    lineage = replace(tracer.lineage(found.thing, AROUND, roots, walked), note=found.note)
    whole = _nearest_first(lineage if steps.each else _collapsed(lineage, expanded))
    drawn = _first(whole, most)
    dropped = [node.iri for node in whole.nodes[most:]]
    shown = read - {walked.numbers[iri] for iri in dropped}
    of = {walked.numbers[node.iri]: node.iri for node in drawn.nodes if node.iri in walked.numbers}
    before, after = (nearby.beyond(of, shown, up=up) for up in (True, False))
    return Neighbourhood(
        whole,
        drawn,
        tuple((of[number], count) for number, count in before.items()),
        tuple((of[number], count) for number, count in after.items()),
        unread + sum(whole.counted.get(iri, 1) for iri in dropped),
    )


def _edges_between(index: LineageIndex, nearby: Nearby, names: dict[int, str]) -> list[Edge]:
    """Return every edge between nodes: also those that no walk to or from a root comes by."""
    edges = nearby.among(names)
    crates = index.adjacency().names(set(edges.crate.tolist()))
    columns = (edges.near.tolist(), edges.far.tolist(), edges.role.tolist(), edges.crate.tolist())
    return [
        Edge(names[near], names[far], ROLES[role], crates[crate])
        for near, far, role, crate in set(zip(*columns, strict=True))
    ]


def _collapsed(lineage: Lineage, expanded: Iterable[str]) -> Lineage:
    """Tell equal jobs as one, but for those that a reader chose."""
    told = collapse(replace(lineage, stopped=tuple(sorted(expanded))))
    return replace(told, stopped=())


def _nearest_first(lineage: Lineage) -> Lineage:
    """Put the nodes in the order in which they are come by from the roots, whichever way."""
    beside: dict[str, list[str]] = defaultdict(list)
    for edge in lineage.edges:
        beside[edge.src].append(edge.dst)
        beside[edge.dst].append(edge.src)
    waiting = deque(lineage.roots)
    order = dict.fromkeys(lineage.roots)
    while waiting:
        for iri in beside[waiting.popleft()]:
            if iri not in order:
                order[iri] = None
                waiting.append(iri)
    order |= dict.fromkeys(node.iri for node in lineage.nodes)  # what was expanded and is joined to nothing else
    return replace(lineage, nodes=tuple(node for iri in order if (node := lineage.by_iri.get(iri)) is not None))


def _first(lineage: Lineage, most: int) -> Lineage:
    if len(lineage.nodes) <= most:
        return lineage
    kept = {node.iri for node in lineage.nodes[:most]}
    return replace(
        lineage,
        nodes=lineage.nodes[:most],
        edges=tuple(edge for edge in lineage.edges if edge.src in kept and edge.dst in kept),
        alike=tuple((iri, count) for iri, count in lineage.alike if iri in kept),
    )


def order_of_flow(nodes: Sequence[str], edges: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """Return for each node after how many others it comes at least, for a list that reads from source to result.

    Parameters
    ----------
    nodes
        IRIs.
    edges
        From, to and role; what closes a circle, as in a damaged crate, counts for nothing.
    """
    after: dict[str, list[str]] = defaultdict(list)
    waits = dict.fromkeys(nodes, 0)
    for source, target, role in edges:
        if role != CODE and source in waits and target in waits:
            after[source].append(target)
            waits[target] += 1
    ready = deque(node for node in nodes if waits[node] == 0)
    level = dict.fromkeys(nodes, 0)
    while ready:
        node = ready.popleft()
        for following in after[node]:
            level[following] = max(level[following], level[node] + 1)
            waits[following] -= 1
            if waits[following] == 0:
                ready.append(following)
    return level
