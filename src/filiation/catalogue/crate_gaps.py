"""What one crate leaves open or contradicts: after the constraints of W3C PROV.

It is worked out when a crate is taken in and counted in the index, so that a count over all crates reads no node, and
again for the crates that are told of, since the words are not kept.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from filiation.catalogue.nodes import CODE, GENERATED, USED, ActionNode, Edge, EntityNode, shown_time
from filiation.model import EntityKind, is_uri
from filiation.model.sentences import COLON, Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_N = TypeVar("_N", int, str)
NO_AGENT: Final = "no agent"
NO_VERSION: Final = "no version"
NO_DIGEST: Final = "no digest"
NO_TIME: Final = "no time"
TIME: Final = "times out of order"
DANGLING: Final = "dangling input"
ORPHAN: Final = "orphan"
PRODUCERS: Final = "two producers"
CYCLE: Final = "cycle"
KINDS: Final = (CYCLE, PRODUCERS, TIME, DANGLING, ORPHAN, NO_DIGEST, NO_AGENT, NO_VERSION, NO_TIME)
"""The gravest first."""

OTHER_BYTES: Final = "other bytes"
"""Found where runs had made something else, and made by none."""
NO_MAKER: Final = "no maker"
"""A label image, which is never raw, and no run made it."""
SOURCE: Final = "source"
"""Found and made by none, as raw data are."""


_NO_TIMES: Final = {
    (True, True): Sentence("no start and no end"),
    (True, False): Sentence("no start"),
    (False, True): Sentence("no end"),
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that is not told, or cannot be so.

    Parameters
    ----------
    kind
        Of :data:`KINDS`, or of those of orphans.
    what
        The thing, job or rule that it concerns, as a person names it.
    detail
        The evidence.
    iris
        Everything that it concerns, sorted.
    count
        How many things or jobs it concerns.
    """

    kind: str
    what: str
    detail: str
    iris: tuple[str, ...]
    count: int = 1


def gaps_of(actions: Sequence[ActionNode], entities: Sequence[EntityNode], edges: Sequence[Edge]) -> tuple[Gap, ...]:
    """Return what a crate leaves open or contradicts, whatever other crates tell."""
    return (*_of_actions(actions), *_of_entities(entities, edges), *_of_edges(actions, entities, edges))


def gaps_of_found(
    found: EntityNode, *, is_made: bool, made_otherwise: Callable[[EntityNode], str | None]
) -> Iterator[Gap]:
    """Yield what is open of a thing that a run found, by what other runs made.

    Parameters
    ----------
    found
        The thing.
    is_made
        Whether a run is known to have made it.
    made_otherwise
        Returns the crate of the run that made other bytes at its place, if any.
    """
    if is_made:
        return
    if found.reused:
        detail = Sentence("the run found it up to date, and the run that made it is not in the catalogue")
        yield Gap(ORPHAN, found.path, detail, (found.iri,))
    elif is_on_disk(found):
        other = made_otherwise(found) if found.digest is not None else None
        if other is not None:
            run = other.removeprefix("arcp://uuid,")[:8]
            detail = Sentence("run {run} made other bytes there, and no run made these", run=run)
            yield Gap(OTHER_BYTES, found.path, detail, (found.iri,))
        elif found.kind == EntityKind.LABEL_IMAGE:
            yield Gap(NO_MAKER, found.path, Sentence("a label image that no run made"), (found.iri,))
        else:
            yield Gap(SOURCE, found.path, Sentence("no run made it"), (found.iri,))


def out_of_order(thing: EntityNode, maker: ActionNode, taker: ActionNode) -> Gap | None:
    """Tell of a job that ended before what it used began to be made."""
    if taker.ended is None or maker.started is None or taker.ended >= maker.started:
        return None
    detail = Sentence(
        "{taker} ended {ended}, before {maker} that made it started {started}",
        taker=taker.name,
        ended=shown_time(taker.ended),
        maker=maker.name,
        started=shown_time(maker.started),
    )
    return Gap(TIME, thing.path, detail, (thing.iri, maker.iri, taker.iri))


def is_on_disk(entity: EntityNode) -> bool:
    """Whether a thing has bytes that a run could have read: no remote image, no script, nothing at an address."""
    return entity.kind not in (EntityKind.RAW_IMAGE, CODE) and not is_uri(entity.path)


def counted(gaps: Iterable[Gap]) -> dict[str, tuple[int, int]]:
    """Return by kind how many things or jobs are concerned, and in how many lines that is told."""
    found: dict[str, tuple[int, int]] = {}
    for gap in gaps:
        count, lines = found.get(gap.kind, (0, 0))
        found[gap.kind] = count + gap.count, lines + 1
    return found


def _of_actions(actions: Sequence[ActionNode]) -> Iterator[Gap]:
    """Tell what is not known of actions, once for all of a rule."""
    lacking: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for action in actions:
        rule = action.rule or action.name
        if action.agent is None:
            lacking[NO_AGENT, rule, Sentence("nobody is named who ran it")].append(action.iri)
        if action.code is None and not any(program.version for program in action.software):
            lacking[NO_VERSION, rule, Sentence("neither of its code nor of any software")].append(action.iri)
        if action.started is None or action.ended is None:
            lacking[NO_TIME, rule, _NO_TIMES[action.started is None, action.ended is None]].append(action.iri)
        elif action.ended < action.started:
            times = Sentence(
                "starts {started}, ends {ended}", started=shown_time(action.started), ended=shown_time(action.ended)
            )
            yield Gap(TIME, action.name, times, (action.iri,))
    for (kind, rule, detail), iris in lacking.items():
        yield Gap(kind, rule, detail, tuple(sorted(iris)), len(iris))


def _of_entities(entities: Sequence[EntityNode], edges: Sequence[Edge]) -> Iterator[Gap]:
    made = {edge.dst for edge in edges if edge.role == GENERATED}
    used = {edge.src for edge in edges if edge.role in (USED, CODE)}
    for entity in entities:
        known = entity.digest is not None or entity.pixels is not None
        if not known and entity.presence != "deleted":
            detail = Sentence("nobody can tell whether it changed")
            if entity.presence:
                detail = Sentence.joined((detail, Sentence.term(entity.presence)), COLON)
            yield Gap(NO_DIGEST, entity.path, detail, (entity.iri,))
        if entity.iri in used and entity.iri not in made and not entity.reused and _leads_nowhere(entity):
            detail = Sentence("it was used, is neither described nor there, and no run made it")
            yield Gap(DANGLING, entity.path, detail, (entity.iri,))


def _leads_nowhere(entity: EntityNode) -> bool:
    """Whether a thing is no more than a name: no bytes that anybody saw, and no image of a server."""
    if entity.kind == EntityKind.RAW_IMAGE or entity.presence in ("present", "remote", "deleted", "changed"):
        return False
    return entity.digest is None and entity.pixels is None


def _of_edges(actions: Sequence[ActionNode], entities: Sequence[EntityNode], edges: Sequence[Edge]) -> Iterator[Gap]:
    by_iri = {action.iri: action for action in actions}
    things = {entity.iri: entity for entity in entities}
    makers: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.role == GENERATED:
            makers[edge.dst].append(edge.src)
    for iri, found in makers.items():
        if len(found) > 1:
            names = ", ".join(sorted({by_iri[action].name for action in found if action in by_iri}))
            what = things[iri].path if iri in things else iri
            yield Gap(PRODUCERS, what, Sentence("made by each of: {names}", names=names), (iri, *sorted(set(found))))
    for edge in edges:
        taker, thing = by_iri.get(edge.dst), things.get(edge.src)
        if edge.role == USED and taker is not None and thing is not None:
            for maker in (by_iri[iri] for iri in makers.get(edge.src, ()) if iri in by_iri):
                gap = out_of_order(thing, maker, taker)
                if gap is not None:
                    yield gap
    for circle in circles((edge.src, edge.dst) for edge in edges if edge.role != CODE):
        called = [by_iri[iri].name if iri in by_iri else things[iri].path if iri in things else iri for iri in circle]
        yield Gap(
            CYCLE, called[0], Sentence("descends from itself, over {listed}", listed=", ".join(called[1:])), circle
        )


def circles(edges: Iterable[tuple[_N, _N]]) -> Iterator[tuple[_N, ...]]:
    """Yield the nodes of each circle, sorted: those that are left when all that nothing leads into is taken away.

    The way back from those is asked for only where any are left, which is hardly ever.
    """
    following: dict[_N, list[_N]] = defaultdict(list)
    leading: dict[_N, int] = defaultdict(int)
    for src, dst in edges:
        following[src].append(dst)
        leading[dst] += 1
    free = [node for node in following if node not in leading]
    while free:
        for node in following[free.pop()]:
            leading[node] -= 1
            if not leading[node]:
                free.append(node)
    left = {node for node, count in leading.items() if count}
    if left:
        import networkx as nx

        graph: nx.DiGraph[_N] = nx.DiGraph((src, dst) for src in left for dst in following[src] if dst in left)
        for part in nx.strongly_connected_components(graph):
            if len(part) > 1 or any(graph.has_edge(iri, iri) for iri in part):
                yield tuple(sorted(part))
