"""What the record leaves open or contradicts: after the constraints of W3C PROV, over every run of the catalogue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from filiation.catalogue import (
    CODE,
    GENERATED,
    USED,
    ActionNode,
    Edge,
    EntityNode,
    Joining,
    LineageIndex,
    RunSummary,
    shown_time,
)
from filiation.lineage.observations import Observation, Observations
from filiation.lineage.sides import rule_of
from filiation.model import EntityKind

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


def find_gaps(index: LineageIndex, joining: Joining, kinds: Iterable[str] = ()) -> Observations:
    """Look through every run for what is not told, or cannot be so.

    Parameters
    ----------
    index, joining
        The lineage within runs, and between them.
    kinds
        Of :data:`KINDS`; all if there are none.
    """
    wanted = set(kinds) or set(KINDS)
    found: list[Observation] = []
    looked_at = 0
    for run in index.runs():
        actions, entities = index.actions(crate=run.iri), index.entities(crate=run.iri)
        edges = list(index.edges_of(run.iri))
        looked_at += len(actions) + len(entities)
        for each in (
            *_of_actions(run, actions),
            *_of_entities(run, joining, entities, edges),
            *_of_edges(run, actions, entities, edges),
        ):
            if each.kind in wanted:
                found.append(each)
    order = sorted(found, key=lambda each: (KINDS.index(each.kind), each.crates, each.what, each.iris))
    return Observations("What is not told, or cannot be so?", tuple(order), looked_at)


def _of_actions(run: RunSummary, actions: tuple[ActionNode, ...]) -> Iterator[Observation]:
    """Tell what is not known of actions, once for all of a rule."""
    lacking: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for action in actions:
        if action.agent is None:
            lacking[NO_AGENT, rule_of(action), "nobody is named who ran it"].append(action.iri)
        if action.code is None and not any(program.version for program in action.software):
            lacking[NO_VERSION, rule_of(action), "neither of its code nor of any software"].append(action.iri)
        if action.started is None or action.ended is None:
            which = [name for name, when in (("start", action.started), ("end", action.ended)) if when is None]
            lacking[NO_TIME, rule_of(action), f"no {' and no '.join(which)}"].append(action.iri)
        if action.started is not None and action.ended is not None and action.ended < action.started:
            times = f"starts {shown_time(action.started)}, ends {shown_time(action.ended)}"
            yield Observation(TIME, action.name, times, (action.iri,), (run.iri,))
    for (kind, rule, detail), iris in lacking.items():
        yield Observation(kind, rule, detail, tuple(sorted(iris)), (run.iri,), len(iris))


def _of_entities(
    run: RunSummary, joining: Joining, entities: tuple[EntityNode, ...], edges: list[Edge]
) -> Iterator[Observation]:
    made = {edge.dst for edge in edges if edge.role == GENERATED}
    used = {edge.src for edge in edges if edge.role in (USED, CODE)}
    for entity in entities:
        known = entity.digest is not None or entity.pixels is not None
        if not known and entity.presence != "deleted":
            detail = "nobody can tell whether it changed" + (f": {entity.presence}" if entity.presence else "")
            yield Observation(NO_DIGEST, entity.path, detail, (entity.iri,), (run.iri,))
        if entity.reused and not joining.makers(entity):
            detail = "the run found it up to date, and the run that made it is not in the catalogue"
            yield Observation(ORPHAN, entity.path, detail, (entity.iri,), (run.iri,))
        elif entity.iri in used and entity.iri not in made and _leads_nowhere(entity) and not joining.makers(entity):
            detail = "it was used, is neither described nor there, and no run made it"
            yield Observation(DANGLING, entity.path, detail, (entity.iri,), (run.iri,))


def _leads_nowhere(entity: EntityNode) -> bool:
    """Whether a thing is no more than a name: no bytes that anybody saw, and no image of a server."""
    if entity.kind == EntityKind.RAW_IMAGE or entity.presence in ("present", "remote", "deleted", "changed"):
        return False
    return entity.digest is None and entity.pixels is None


def _of_edges(
    run: RunSummary, actions: tuple[ActionNode, ...], entities: tuple[EntityNode, ...], edges: list[Edge]
) -> Iterator[Observation]:
    by_iri = {action.iri: action for action in actions}
    paths = {entity.iri: entity.path for entity in entities}
    makers: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.role == GENERATED:
            makers[edge.dst].append(edge.src)
    for thing, found in sorted(makers.items()):
        if len(set(found)) > 1:
            names = ", ".join(sorted({by_iri[iri].name for iri in found if iri in by_iri}))
            yield Observation(
                PRODUCERS,
                paths.get(thing, thing),
                f"made by each of: {names}",
                (thing, *sorted(set(found))),
                (run.iri,),
            )
    for edge in edges:
        taker = by_iri.get(edge.dst)
        if edge.role != USED or taker is None or taker.ended is None:
            continue
        for maker in (by_iri[iri] for iri in makers.get(edge.src, ()) if iri in by_iri):
            if maker.started is not None and taker.ended < maker.started:
                detail = (
                    f"{taker.name} ended {shown_time(taker.ended)}, before {maker.name} that made it started "
                    f"{shown_time(maker.started)}"
                )
                concerned = (edge.src, maker.iri, taker.iri)
                yield Observation(TIME, paths.get(edge.src, edge.src), detail, concerned, (run.iri,))
    for circle in _circles(edges):
        round_it = [by_iri[iri].name if iri in by_iri else paths.get(iri, iri) for iri in circle]
        detail = f"descends from itself, over {', '.join(round_it[1:])}"
        yield Observation(CYCLE, round_it[0], detail, circle, (run.iri,))


def _circles(edges: list[Edge]) -> Iterator[tuple[str, ...]]:
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph((edge.src, edge.dst) for edge in edges if edge.role != CODE)
    for part in nx.strongly_connected_components(graph):
        if len(part) > 1 or any(graph.has_edge(iri, iri) for iri in part):
            yield tuple(sorted(part))
