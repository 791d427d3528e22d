"""One side of a comparison: a run, or the lineage of a thing; and what one run did that the other found done."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

from filiation.catalogue import CODE, GENERATED, USED, ActionNode, Edge, EntityNode, LineageIndex, RunSummary
from filiation.lineage.differences import UP_TO_DATE, Change, Changes


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Parameters
    ----------
    name
        As it was named.
    runs
        That tell of it.
    actions, entities, edges
        What belongs to it.
    results
        IRIs of the things that were asked about; empty where a whole run was.
    """

    name: str
    runs: tuple[RunSummary, ...]
    actions: tuple[ActionNode, ...]
    entities: tuple[EntityNode, ...]
    edges: tuple[Edge, ...]
    results: tuple[str, ...] = ()

    @property
    def made(self) -> dict[str, EntityNode]:
        """Things that its actions made, by path."""
        made = {edge.dst for edge in self.edges if edge.role == GENERATED}
        return {entity.path: entity for entity in self.entities if entity.iri in made}

    @property
    def found(self) -> dict[str, EntityNode]:
        """Things that went into its actions and that none of them made, by path."""
        used = {edge.src for edge in self.edges if edge.role == USED}
        later = {edge.dst for edge in self.edges if edge.role != CODE}
        return {e.path: e for e in self.entities if e.iri in used and e.iri not in later}


def side_of_run(index: LineageIndex, name: str, run: RunSummary) -> Side:
    """Take all of a run."""
    actions = index.actions(crate=run.iri)
    edges = index.edges_of(run.iri)
    return Side(name, (run,), actions, index.entities(crate=run.iri), edges)


def rule_of(action: ActionNode) -> str:
    """Return what an action is counted under: its rule, or its own name."""
    return action.rule or action.name


def told_jobs(count: int) -> str | None:
    """Write how many jobs there are; None if there are none."""
    return None if count == 0 else "1 job" if count == 1 else f"{count} jobs"


def without_what_was_found_done(first: Side, second: Side) -> tuple[tuple[Side, Side], Changes]:
    """Leave out the steps that one side did and the other found done, with the same bytes; and tell of them."""
    done = _found_done(first, second), _found_done(second, first)
    counts = [Counter(map(rule_of, actions)) for actions in done]
    before, after = counts
    spared = tuple(
        Change(rule, told_jobs(before[rule]) or UP_TO_DATE, told_jobs(after[rule]) or UP_TO_DATE)
        for rule in sorted(before | after)
    )
    return (_without(first, done[0]), _without(second, done[1])), spared


def _found_done(side: Side, other: Side) -> tuple[ActionNode, ...]:
    """Return the actions of one side whose results the other had no need to make, since it found the same bytes."""
    there = {(e.path, e.digest) for e in other.entities if e.digest is not None and e.path not in other.made}
    made: dict[str, set[str]] = defaultdict(set)
    takers: dict[str, set[str]] = defaultdict(set)
    for edge in side.edges:
        if edge.role == GENERATED:
            made[edge.src].add(edge.dst)
        elif edge.role == USED:
            takers[edge.src].add(edge.dst)
    same = {entity.iri for entity in side.entities if (entity.path, entity.digest) in there}
    actions = {action.iri: action for action in side.actions}
    done: dict[str, ActionNode] = {}
    growing = True
    while growing:
        found = {
            iri: action
            for iri, action in actions.items()
            if iri not in done
            and made[iri]
            and all(thing in same or (takers[thing] and takers[thing] <= done.keys()) for thing in made[iri])
        }
        done |= found
        growing = bool(found)
    return tuple(done.values())


def _without(side: Side, actions: tuple[ActionNode, ...]) -> Side:
    gone = {action.iri for action in actions}
    return replace(
        side,
        actions=tuple(action for action in side.actions if action.iri not in gone),
        edges=tuple(edge for edge in side.edges if edge.src not in gone and edge.dst not in gone),
    )


def scripts_of(side: Side) -> set[str]:
    """Return the paths of the scripts that a side ran."""
    ran = {edge.src for edge in side.edges if edge.role == CODE}
    return {entity.path for entity in side.entities if entity.iri in ran}
