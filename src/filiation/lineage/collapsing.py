"""Equal jobs as one: "segment x 384".

Two jobs are equal if nothing that decides their outcome tells them apart, neither in them nor in all that the answer
shows before and after them: rule, run, ending, parameters, code, software and environment, and the same of the jobs
that they took from and gave to. Things between equal jobs are alike in the same way. This is the coarsest partition
of the answer's graph that its edges respect (bisimulation), found by splitting classes until none splits.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Final

from filiation.catalogue import USED, ActionNode, EntityNode, Node
from filiation.lineage.answers import Lineage
from filiation.model import EntityKind

FEWEST: Final = 4
"""So many equal jobs are told as one; fewer are shown each."""


def collapse(lineage: Lineage) -> Lineage:
    """Return an answer in which equal jobs, and things that are alike, are told once, with how many they are.

    The one that stands for all is the first by IRI. Its times reach from the first start to the last end, its size is
    that of all; ``lineage.alike`` tells how many each stands for.
    """
    colours = _colours(lineage)
    groups: dict[int, list[str]] = defaultdict(list)
    for iri in sorted(colours):
        groups[colours[iri]].append(iri)
    large = {colour for colour, iris in groups.items() if len(iris) >= FEWEST}
    if not large:
        return lineage
    stands = {iri: iris[0] for colour, iris in groups.items() if colour in large for iri in iris}
    nodes = []
    for node in lineage.nodes:
        if stands.get(node.iri, node.iri) == node.iri:
            iris = groups[colours[node.iri]] if node.iri in stands else [node.iri]
            nodes.append(_together([lineage.by_iri[iri] for iri in iris]))
    edges = {
        edge._replace(src=stands.get(edge.src, edge.src), dst=stands.get(edge.dst, edge.dst)) for edge in lineage.edges
    }
    return replace(
        lineage,
        roots=tuple(dict.fromkeys(stands.get(iri, iri) for iri in lineage.roots)),
        nodes=tuple(nodes),
        edges=tuple(sorted(edges)),
        cut=tuple(sorted({stands.get(iri, iri) for iri in lineage.cut})),
        stopped=tuple(sorted({stands.get(iri, iri) for iri in lineage.stopped})),
        alike=tuple(sorted((groups[colour][0], len(groups[colour])) for colour in large)),
    )


def _colours(lineage: Lineage) -> dict[str, int]:
    """Return the class of each node, by its IRI."""
    roots, cut = set(lineage.roots), {*lineage.cut, *lineage.stopped}
    paths = {entity.iri: entity.path for entity in lineage.entities}
    used: dict[str, set[str]] = defaultdict(set)
    for edge in lineage.edges:
        if edge.role == USED and edge.src in paths:
            used[edge.dst].add(paths[edge.src])
    classes: dict[object, set[str]] = defaultdict(set)
    for node in lineage.nodes:
        classes[_likeness(node, used[node.iri]), node.iri in roots, node.iri in cut].add(node.iri)
    around: dict[str, list[tuple[str, str]]] = {node.iri: [] for node in lineage.nodes}
    for edge in lineage.edges:
        if edge.src in around and edge.dst in around:
            around[edge.src].append((f">{edge.role} {edge.crate}", edge.dst))
            around[edge.dst].append((f"<{edge.role} {edge.crate}", edge.src))
    return _Partition(list(classes.values()), around).refine()


class _Partition:
    """Classes of nodes, split until all of a class have the same classes around them.

    The largest part of a class that splits keeps its number, so only what stands beside the smaller parts is looked
    at again: a long chain costs no more than a wide plate (Paige and Tarjan 1987).
    """

    def __init__(self, classes: list[set[str]], around: dict[str, list[tuple[str, str]]]) -> None:
        self._members = classes
        self._around = around
        self._colour = {iri: number for number, members in enumerate(classes) for iri in members}
        self._seen: dict[int, frozenset[tuple[str, int]]] = {}
        """What all of a class had around them when they were last looked at."""

    def refine(self) -> dict[str, int]:
        waiting = set(self._colour)
        while waiting:
            concerned: dict[int, list[str]] = defaultdict(list)
            for iri in waiting:
                concerned[self._colour[iri]].append(iri)
            views = {
                iri: frozenset((role, self._colour[other]) for role, other in self._around[iri]) for iri in waiting
            }
            moved = [iri for number, iris in concerned.items() for iri in self._split(number, iris, views)]
            waiting = {other for iri in moved for _, other in self._around[iri]}
        return self._colour

    def _split(self, number: int, iris: list[str], views: dict[str, frozenset[tuple[str, int]]]) -> list[str]:
        """Split a class, of which some are looked at again; return those that got another number."""
        parts: dict[frozenset[tuple[str, int]], set[str]] = defaultdict(set)
        for iri in iris:
            parts[views[iri]].add(iri)
        if len(iris) < len(rest := self._members[number]):
            rest.difference_update(iris)  # in place: a class of which one is looked at must not cost as many as it has
            rest |= parts.get(self._seen[number], set())
            parts[self._seen[number]] = rest
        (kept, members), *smaller = sorted(parts.items(), key=lambda part: -len(part[1]))
        self._members[number], self._seen[number] = members, kept
        for view, part in smaller:
            new = len(self._members)
            self._members.append(part)
            self._seen[new] = view
            for iri in part:
                self._colour[iri] = new
        return [iri for _, part in smaller for iri in part]


def _likeness(node: Node, used: set[str]) -> object:
    if isinstance(node, ActionNode):
        # A parameter that only names what the job used tells nothing that this does not.
        parameters = tuple(each for each in node.parameters if not used or str(each.value) not in used)
        return (
            node.crate, node.rule or node.name, node.status, parameters, node.software, node.code,
            node.environment, node.agent, node.error,
        )  # fmt: skip
    # Objects on a server have no endings; those of a kind, such as the regions of one label image, are alike.
    ending = PurePosixPath(node.path).suffix if node.kind in set(EntityKind) else ""
    return node.crate, node.kind, node.presence, node.generated, node.reused, ending


def _together(nodes: list[Node]) -> Node:
    first = nodes[0]
    if len(nodes) == 1:
        return first
    if isinstance(first, ActionNode):
        actions = [node for node in nodes if isinstance(node, ActionNode)]
        return replace(
            first,
            name=first.rule or first.name,
            job=None,
            attempt=None,
            started=min((action.started for action in actions if action.started), default=None),
            ended=max((action.ended for action in actions if action.ended), default=None),
            host=first.host if len({action.host for action in actions}) == 1 else None,
            parameters=tuple(each for each in first.parameters if all(each in action.parameters for action in actions)),
            command=first.command if len({action.command for action in actions}) == 1 else None,
        )
    things = [node for node in nodes if isinstance(node, EntityNode)]
    sizes = [thing.size for thing in things if thing.size is not None]
    files = [thing.files for thing in things if thing.files is not None]
    same_bytes = len({thing.digest for thing in things}) == 1
    return replace(
        first,
        size=sum(sizes) if len(sizes) == len(things) else None,
        files=sum(files) if len(files) == len(things) else None,
        digest=first.digest if same_bytes else None,
        image=first.image if len({thing.image for thing in things}) == 1 else None,
    )
