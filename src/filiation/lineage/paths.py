"""From one thing to another: the shortest ways, with the crate that tells of each step as its evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, GENERATED, PART, SAME_CONTENT, USED, ActionNode, Edge, Json, LineageIndex, Node
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import words
from filiation.lineage.answers import ANCESTORS, THROUGH, Lineage
from filiation.lineage.tracing import WHOLE, Extent
from filiation.lineage.walk import ancestors
from filiation.lineage.ways import Ways, between, shortest_ways, shortest_ways_over

if TYPE_CHECKING:
    from filiation.lineage.publications import Publication
    from filiation.lineage.resolution import Resolution
    from filiation.lineage.tracing import Tracer
    from filiation.lineage.walked import Walked

SHOWN: Final = 10
"""So many of the shortest ways are told step by step; all are counted."""
_SAID: Final = {USED: "went into", GENERATED: "made", SAME_CONTENT: "is the content of", PART: "is part of",
                CODE: "was run by", THROUGH: "led on, over what is left out"}  # fmt: skip
_INTO_JOB: Final = frozenset({USED, CODE})


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
    jobs
        How many actions are on the way, those included that are not shown.
    publications
        Of ways that were to lead over something published: that, with what of the ways is in it.
    """

    origin: str
    result: str
    nodes: tuple[Node, ...]
    ways: tuple[tuple[Edge, ...], ...]
    count: int
    evidence: tuple[Evidence, ...]
    jobs: int
    publications: tuple[Publication, ...] = ()

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
            publications=self.publications,
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
        for each in self.publications:
            yield ""
            yield words.publication(each, by_iri)
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


def find_path(
    index: LineageIndex, tracer: Tracer, first: Resolution, second: Resolution, extent: Extent = WHOLE
) -> LineagePath:
    """Return the shortest ways between two things, whichever was there before.

    Parameters
    ----------
    index, tracer
        Where to walk.
    first, second
        The things.
    extent
        Which ways are asked for: those over so many actions, that lead over nothing that a condition names, over
        something published, to the later thing as a run made it; and what of them is shown.

    Raises
    ------
    BadInputError
        If they are the same thing.
    NotFoundError
        If neither descends from the other; the message names what both descend from.
    """
    if set(first.nodes) & set(second.nodes):
        raise BadInputError(f"{first.thing} and {second.thing} are the same thing.")
    crate = None if extent.run is None else tracer.resolver.run(extent.run).iri
    bounds = tracer.bounds(extent, crate)
    walks: dict[str, Walked] = {}
    elsewhere: list[NotFoundError] = []
    for origin, result in ((first, second), (second, first)):
        try:
            roots = tracer.starts(result, crate, upwards=True)
        except NotFoundError as error:
            elsewhere.append(error)
            continue
        walked = ancestors(index, tracer.joining, roots, bounds)
        walks[result.thing] = walked
        if goals := set(origin.nodes) & walked.iris:
            return _Finder(index, tracer, extent).path(origin, result, walked, roots, goals)
    if len(elsewhere) > 1:
        raise elsewhere[0]
    if extent.is_bounded:
        raise NotFoundError(
            f"Neither of {first.thing} and {second.thing} descends from the other as far as was asked. Without "
            "--depth, --until and --from-run it is told whether one does at all."
        )
    raise NotFoundError(_unrelated(tracer, first, second, walks))


def one_lineage(found: Iterable[LineagePath]) -> Lineage:
    """Return the ways between several things as one lineage, to be drawn or written in any format."""
    told = [each.lineage for each in found]
    nodes = {node.iri: node for each in told for node in each.nodes}
    return Lineage(
        thing=", ".join(dict.fromkeys(each.thing for each in told)),
        direction=ANCESTORS,
        roots=tuple(dict.fromkeys(root for each in told for root in each.roots)),
        nodes=tuple(nodes[iri] for iri in sorted(nodes)),
        edges=tuple(sorted({edge for each in told for edge in each.edges})),
        publications=tuple(sorted({published for each in told for published in each.publications})),
    )


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds the ways between things of which one descends from the other."""

    index: LineageIndex
    tracer: Tracer
    extent: Extent

    def path(
        self, origin: Resolution, result: Resolution, walked: Walked, roots: tuple[str, ...], goals: set[str]
    ) -> LineagePath:
        published: tuple[Publication, ...] = ()
        if self.extent.published:
            on_the_way = between(walked.edges, goals)
            published = self.tracer.publications(on_the_way)
            if not published:
                raise NotFoundError(f"Nothing between {origin.thing} and {result.thing} is marked as published.")
            over = {iri for each in published for iri in each.things}
            found = shortest_ways_over(walked.edges, roots, goals, over, SHOWN)
        else:
            found = shortest_ways(walked.edges, roots, goals, SHOWN)
        jobs = sum(edge.role in _INTO_JOB for edge in found.told[0])
        crates = sorted({edge.crate for way in found.told for edge in way})
        if self.extent.only:
            found = self._only(found, walked)
        iris = sorted({end for way in found.told for edge in way for end in (edge.src, edge.dst)})
        nodes = tuple(node for iri in iris if (node := self.tracer.node(iri)) is not None)
        evidence = tuple(
            Evidence(crate, self.index.folder_of(crate), self.index.metadata_digest(crate)) for crate in crates
        )
        return LineagePath(
            origin.thing, result.thing, nodes, found.told, found.count, evidence, jobs, self._of(published, iris)
        )

    def _only(self, found: Ways, walked: Walked) -> Ways:
        """Leave out of ways, but for their ends, what was not chosen."""
        chosen = self.tracer.all_hold(self.extent.only)
        self.tracer.look_up(walked.numbers.values())
        told = tuple(dict.fromkeys(tuple(_joined(way, chosen)) for way in found.told))
        return Ways(told, found.count - len(found.told) + len(told))

    @staticmethod
    def _of(published: Iterable[Publication], iris: Iterable[str]) -> tuple[Publication, ...]:
        here = set(iris)
        told = (replace(each, things=tuple(iri for iri in each.things if iri in here)) for each in published)
        return tuple(each for each in told if each.things)


def _joined(way: tuple[Edge, ...], chosen: Callable[[str], bool]) -> Iterator[Edge]:
    """Yield a way over what was chosen; where something else lies between, an edge for it, told by the last crate."""
    start = way[0].src
    for edge in way:
        if edge.dst == way[-1].dst or chosen(edge.dst):
            yield edge if edge.src == start else Edge(start, edge.dst, THROUGH, edge.crate)
            start = edge.dst


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
