"""From one thing to another: the shortest ways, with the crate that tells of each step as its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from filiation.catalogue import CODE, GENERATED, PART, SAME_CONTENT, USED, ActionNode, Edge, Json, LineageIndex, Node
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import words
from filiation.lineage.answers import ANCESTORS, Lineage
from filiation.lineage.resolution import Resolution
from filiation.lineage.tracing import Tracer
from filiation.lineage.walk import ancestors
from filiation.lineage.walked import Walked

SHOWN: Final = 10
"""So many of the shortest ways are told step by step; all are counted."""
_SAID: Final = {USED: "went into", GENERATED: "made", SAME_CONTENT: "is the content of", PART: "is part of",
                CODE: "was run by"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a step is told.

    Parameters
    ----------
    crate
        IRI of the crate.
    folder
        Name of its folder in the catalogue.
    metadata
        Digest of its metadata file, as it was read; None if that is not known.
    """

    crate: str
    folder: str | None
    metadata: str | None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"crate": self.crate, "folder": self.folder, "metadata": self.metadata}


@dataclass(frozen=True, slots=True)
class LineagePath:
    """How one thing came of another.

    Parameters
    ----------
    origin, result
        What was named: the thing that was there before, and the one that came of it.
    nodes
        Everything on the way, sorted by IRI.
    ways
        Up to ten of the shortest ways, each as its edges from the origin to the result.
    count
        How many shortest ways there are.
    evidence
        The crates that tell of the steps, sorted by IRI.
    """

    origin: str
    result: str
    nodes: tuple[Node, ...]
    ways: tuple[tuple[Edge, ...], ...]
    count: int
    evidence: tuple[Evidence, ...]

    @property
    def jobs(self) -> int:
        """How many actions are on the way."""
        known = {node.iri for node in self.nodes if isinstance(node, ActionNode)}
        return sum(edge.src in known for edge in self.ways[0])

    @property
    def lineage(self) -> Lineage:
        """The ways as one lineage of the result, to be drawn or written in any format."""
        edges = {edge for way in self.ways for edge in way}
        return Lineage(
            thing=self.result,
            direction=ANCESTORS,
            roots=tuple(dict.fromkeys(way[-1].dst for way in self.ways)),
            nodes=self.nodes,
            edges=tuple(sorted(edges)),
        )

    def text(self) -> str:
        """Tell the first way step by step, where each step is written down, and how many ways there are."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        by_iri = {node.iri: node for node in self.nodes}
        jobs = words.counted(self.jobs, "job")
        yield f"{words.plain(self.result)} descends from {words.plain(self.origin)} over {jobs}."
        for number, way in enumerate(self.ways, start=1):
            yield ""
            if len(self.ways) > 1:
                yield f"Way {number}"
            yield from _station(by_iri.get(way[0].src), way[0].src)
            for edge in way:
                yield f"    {_SAID.get(edge.role, edge.role)}, as run {words.run_name(edge.crate)} tells"
                yield from _station(by_iri.get(edge.dst), edge.dst)
        if self.count > len(self.ways):
            yield ""
            yield f"{self.count - len(self.ways)} more ways are as short."
        yield ""
        yield "Evidence"
        for found in self.evidence:
            digest = f", metadata {found.metadata}" if found.metadata else ""
            yield f"    run {words.run_name(found.crate)}: crates/{words.plain(found.folder or '?')}{digest}"

    def to_json(self) -> dict[str, Json]:
        """Return the ways as plain JSON."""
        return {
            "origin": self.origin,
            "result": self.result,
            "jobs": self.jobs,
            "count": self.count,
            "ways": [
                [{"src": edge.src, "dst": edge.dst, "role": edge.role, "crate": edge.crate} for edge in way]
                for way in self.ways
            ],
            "nodes": [
                {"type": "action" if isinstance(node, ActionNode) else "entity", **node.to_json()}
                for node in self.nodes
            ],
            "evidence": [found.to_json() for found in self.evidence],
        }


def find_path(index: LineageIndex, tracer: Tracer, first: Resolution, second: Resolution) -> LineagePath:
    """Return the shortest ways between two things, whichever was there before.

    Raises
    ------
    BadInputError
        If they are the same thing.
    NotFoundError
        If neither descends from the other; the message names what both descend from.
    """
    if set(first.nodes) & set(second.nodes):
        raise BadInputError(f"{first.thing} and {second.thing} are the same thing.")
    walks = {}
    for origin, result in ((first, second), (second, first)):
        walked = ancestors(index, tracer.joining, result.origins)
        walks[result.thing] = walked
        if goals := set(origin.nodes) & walked.iris:
            return _path(index, tracer, origin.thing, result, walked, goals)
    raise NotFoundError(_unrelated(tracer, first, second, walks))


def _path(
    index: LineageIndex, tracer: Tracer, origin: str, result: Resolution, walked: Walked, goals: set[str]
) -> LineagePath:
    steps = _shortest(walked.edges, result.origins, goals)
    starts = sorted(goal for goal in goals if goal in steps)  # all as near as the nearest: there the search ends
    ways = tuple(islice((way for start in starts for way in _ways(start, steps)), SHOWN))
    iris = sorted({end for way in ways for edge in way for end in (edge.src, edge.dst)})
    nodes = tuple(node for iri in iris if (node := tracer.node(iri)) is not None)
    crates = sorted({edge.crate for way in ways for edge in way})
    evidence = tuple(Evidence(crate, index.folder_of(crate), index.metadata_digest(crate)) for crate in crates)
    return LineagePath(origin, result.thing, nodes, ways, sum(_counts(starts, steps)), evidence)


_Steps = dict[str, tuple[int, tuple[Edge, ...]]]


def _shortest(edges: Iterable[Edge], roots: Iterable[str], goals: set[str]) -> _Steps:
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


def _ways(start: str, steps: _Steps) -> Iterator[tuple[Edge, ...]]:
    """Yield each way from ``start`` to a root."""
    waiting: list[tuple[str, tuple[Edge, ...]]] = [(start, ())]
    while waiting:
        iri, so_far = waiting.pop()
        following = steps[iri][1]
        if not following:
            yield so_far
        waiting.extend((edge.dst, (*so_far, edge)) for edge in reversed(following))


def _counts(starts: list[str], steps: _Steps) -> Iterator[int]:
    counts: dict[str, int] = {}
    for iri in sorted(steps, key=lambda found: steps[found][0]):
        following = steps[iri][1]
        counts[iri] = sum(counts[edge.dst] for edge in following) if following else 1
    return (counts[start] for start in starts)


def _unrelated(tracer: Tracer, first: Resolution, second: Resolution, walks: dict[str, Walked]) -> str:
    said = f"Neither of {first.thing} and {second.thing} descends from the other."
    both = walks[first.thing].iris & walks[second.thing].iris
    edges = walks[first.thing].edges
    later = {edge.src for edge in edges if edge.dst in both}
    nearest = [node for iri in sorted(both - later) if (node := tracer.node(iri)) is not None]
    if not nearest:
        return f"{said} As far as is known, nothing is an ancestor of both."
    names = [node.name if isinstance(node, ActionNode) else node.path for node in nearest]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{said} Both descend from {', '.join(names[:3])}{more}."


def _station(node: Node | None, iri: str) -> Iterator[str]:
    if node is None:
        yield f"  {words.plain(iri)}"
    elif isinstance(node, ActionNode):
        yield f"  {words.action_name(node)}"
        for fact in words.action_facts(node)[:1]:
            yield f"      {fact}"
        if node.parameters:
            yield f"      {', '.join(words.parameter(parameter) for parameter in node.parameters)}"
    else:
        yield f"  {words.plain(node.path)}"
        yield f"      {' · '.join(words.entity_facts(node))}"
