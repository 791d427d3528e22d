"""Two runs, or the lineages of two things, compared."""

from __future__ import annotations

import difflib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Final

from filiation.catalogue import (
    GENERATED,
    PART,
    SAME_CONTENT,
    USED,
    ActionNode,
    EntityNode,
    LineageIndex,
    RunSummary,
)
from filiation.catalogue.workflow_sources import Source, workflow_sources
from filiation.errors import FiliationError
from filiation.lineage.differences import (
    OTHER_VERSIONS,
    SAME_PIXELS,
    Change,
    Changes,
    CodeChange,
    Difference,
    Replaced,
    Timing,
)
from filiation.lineage.sides import Side, rule_of, scripts_of, told_jobs, without_what_was_found_done
from filiation.model import Digest

_CONTEXT: Final = 2
"""Unchanged lines shown around changed ones."""


def compare(index: LineageIndex, crates: Path, first: Side, second: Side) -> Difference:
    """Compare two sides; ``crates`` is the folder that the crates stand in.

    A step that one run did and the other found done, with the same bytes, is no difference but in how much was done.
    """
    whole, (first, second), spared = (first, second), *without_what_was_found_done(first, second)
    scripts = scripts_of(whole[0]) ^ scripts_of(whole[1]) if spared else set()
    jobs = _paired(first, second)
    inputs, alike_inputs = _things(first.found, second.found)
    outputs, alike_outputs = _things(*_outputs(first, second))
    steps, replaced = _steps(first, second)
    return Difference(
        first=first.name,
        second=second.name,
        runs=(first.runs, second.runs),
        facts=_facts(first, second),
        steps=(*spared, *steps),
        replaced=replaced,
        parameters=_parameters(jobs),
        code=tuple(
            change
            for change in _code(_sources(index, crates, first), _sources(index, crates, second))
            if change.kind == "changed" or change.path not in scripts
        ),
        software=(*_software(first, second), *_environment(first, second)),
        inputs=inputs,
        outputs=outputs,
        alike=(alike_inputs, alike_outputs),
        times=_times(first, second),
    )


# --- facts -------------------------------------------------------------------------------------------------------


def _facts(first: Side, second: Side) -> Changes:
    asked: dict[str, Callable[[RunSummary], object]] = {
        "status": lambda run: run.status,
        "workflow": lambda run: run.workflow,
        "version": lambda run: None if run.code is None else run.code + (" with changes" if run.modified else ""),
        "folder's identifier": lambda run: run.swhid,
        "by": lambda run: run.agent,
        "host": lambda run: run.host,
    }
    found = []
    for name, fact in asked.items():
        before, after = (
            ", ".join(sorted({str(fact(run)) for run in side.runs if fact(run) is not None})) or None
            for side in (first, second)
        )
        if before != after:
            found.append(Change(name, before, after))
    return tuple(found)


# --- steps -------------------------------------------------------------------------------------------------------


def _steps(first: Side, second: Side) -> tuple[Changes, tuple[Replaced, ...]]:
    counts = [Counter(map(rule_of, side.actions)) for side in (first, second)]
    found = []
    for rule in sorted(counts[0] | counts[1]):
        before, after = (count[rule] for count in counts)
        if before != after:
            found.append(Change(rule, told_jobs(before), told_jobs(after)))
    links = [_connections(side) for side in (first, second)]
    added = {change.what for change in found if change.kind == "added"}
    removed = {change.what for change in found if change.kind == "removed"}
    replaced = tuple(_replaced(removed, added, *links))
    for link in sorted(links[0] ^ links[1]):
        if not {*link} & (added | removed):  # told by the step itself
            words = "feeds it"
            found.append(Change(" → ".join(link), *((words, None) if link in links[0] else (None, words))))
    return tuple(found), replaced


def _connections(side: Side) -> set[tuple[str, str]]:
    """Return pairs of rules of which the second took what the first made."""
    rules = {action.iri: rule_of(action) for action in side.actions}
    same = {edge.dst: edge.src for edge in side.edges if edge.role in (SAME_CONTENT, PART)}
    makers: dict[str, set[str]] = defaultdict(set)
    takers: dict[str, set[str]] = defaultdict(set)
    for edge in side.edges:
        if edge.role == GENERATED and edge.src in rules:
            makers[edge.dst].add(rules[edge.src])
        elif edge.role == USED and edge.dst in rules:
            takers[same.get(edge.src, edge.src)].add(rules[edge.dst])
    return {(maker, taker) for thing, found in takers.items() for taker in found for maker in makers.get(thing, ())}


def _replaced(
    removed: set[str], added: set[str], before: set[tuple[str, str]], after: set[tuple[str, str]]
) -> Iterable[Replaced]:
    """Pair rules that have the same rules before and after them."""

    def around(rule: str, links: set[tuple[str, str]]) -> tuple[frozenset[str], frozenset[str]]:
        return frozenset(a for a, b in links if b == rule), frozenset(b for a, b in links if a == rule)

    for old in sorted(removed):
        same = [new for new in sorted(added) if around(old, before) == around(new, after) != (frozenset(), frozenset())]
        if len(same) == 1:
            yield Replaced(old, same[0])


# --- parameters --------------------------------------------------------------------------------------------------


def _paired(first: Side, second: Side) -> list[tuple[ActionNode, ActionNode]]:
    """Pair jobs of the same name; of those left over, the only ones of a rule."""
    sides = [_last_attempts(side) for side in (first, second)]
    pairs = [(sides[0].pop(name), sides[1].pop(name)) for name in sorted(sides[0].keys() & sides[1].keys())]
    left: list[dict[str, list[ActionNode]]] = [defaultdict(list), defaultdict(list)]
    for side, by_rule in zip(sides, left, strict=True):
        for action in side.values():
            by_rule[rule_of(action)].append(action)
    alone = (rule for rule in sorted(left[0].keys() & left[1].keys()) if len(left[0][rule]) == len(left[1][rule]) == 1)
    return [*pairs, *((left[0][rule][0], left[1][rule][0]) for rule in alone)]


def _last_attempts(side: Side) -> dict[str, ActionNode]:
    """Return the last attempt of each job by its name; several of one name are numbered by what they made."""
    made = {edge.src: edge.dst for edge in sorted(side.edges, reverse=True) if edge.role == GENERATED}
    last: dict[object, ActionNode] = {}
    for action in sorted(side.actions, key=lambda found: found.attempt or 0):
        last[(action.crate, action.job) if action.job is not None else action.iri] = action
    named: dict[str, ActionNode] = {}
    seen: Counter[str] = Counter()
    for action in sorted(last.values(), key=lambda found: (found.name, made.get(found.iri, ""), found.iri)):
        seen[action.name] += 1
        named[action.name if seen[action.name] == 1 else f"{action.name} #{seen[action.name]}"] = action
    return named


def _parameters(jobs: Iterable[tuple[ActionNode, ActionNode]]) -> Changes:
    """Return what differs, told once for all jobs in which it differs alike."""
    where: dict[tuple[str, str, str | None, str | None], list[str]] = defaultdict(list)
    for before, after in jobs:
        old, new = _values(before), _values(after)
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                where[rule_of(after), name, old.get(name), new.get(name)].append(after.name)
    return tuple(
        Change(f"{rule}: {name}", before, after, tuple(names))
        for (rule, name, before, after), names in sorted(where.items(), key=lambda item: str(item[0]))
    )


def _values(action: ActionNode) -> dict[str, str]:
    return {parameter.name: parameter.value.json for parameter in action.parameters}


# --- code --------------------------------------------------------------------------------------------------------


def _sources(index: LineageIndex, crates: Path, side: Side) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for run in side.runs:
        folder = index.folder_of(run.iri)
        if folder is None:
            continue
        try:
            found |= workflow_sources(crates / folder)
        except FiliationError:
            continue  # a crate that went away since: what is in the index is compared all the same
    return found


def _code(before: Mapping[str, Source], after: Mapping[str, Source]) -> tuple[CodeChange, ...]:
    found = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            digests = None if old is None else old.sha256, None if new is None else new.sha256
            found.append(CodeChange(path, *digests, "added" if old is None else "removed"))
        elif old.sha256 != new.sha256 or (old.sha256 is None and old.text() != new.text()):
            found.append(CodeChange(path, old.sha256, new.sha256, "changed", _lines(old, new)))
    return tuple(found)


def _lines(old: Source, new: Source) -> tuple[str, ...] | None:
    before, after = old.text(), new.text()
    if before is None or after is None:
        return None
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=_CONTEXT, lineterm="")
    return tuple(islice(lines, 2, None))  # without the two that name the files


# --- software ----------------------------------------------------------------------------------------------------


def _software(first: Side, second: Side) -> Changes:
    return _versions(
        *(
            [
                (program.name, program.version or "(no version)", rule_of(a))
                for a in side.actions
                for program in a.software
            ]
            for side in (first, second)
        )
    )


def _environment(first: Side, second: Side) -> Changes:
    return _versions(
        *(
            [(name, value, rule_of(a)) for a in side.actions for name, value in a.environment]
            for side in (first, second)
        )
    )


def _versions(before: list[tuple[str, str, str]], after: list[tuple[str, str, str]]) -> Changes:
    """Return the names whose values differ for rules that both sides have, told once for all rules alike."""
    shared = {rule for _, _, rule in before} & {rule for _, _, rule in after} or {
        rule for _, _, rule in (*before, *after)
    }
    sides: list[dict[tuple[str, str], set[str]]] = [defaultdict(set), defaultdict(set)]
    for side, told in zip(sides, (before, after), strict=True):
        for name, value, rule in told:
            if rule in shared:
                side[name, rule].add(value)
    where: dict[tuple[str, str | None, str | None], list[str]] = defaultdict(list)
    for name, rule in sorted(sides[0].keys() | sides[1].keys()):
        old, new = (", ".join(sorted(side.get((name, rule), ()))) or None for side in sides)
        if old != new:
            where[name, old, new].append(rule)
    return tuple(
        Change(name, old, new, tuple(rules))
        for (name, old, new), rules in sorted(where.items(), key=lambda item: str(item[0]).casefold())
    )


# --- things ------------------------------------------------------------------------------------------------------


def _outputs(first: Side, second: Side) -> tuple[dict[str, EntityNode], dict[str, EntityNode]]:
    """Return what was made, by path; two things that were asked about stand for each other, whatever their names."""
    before, after = first.made, second.made
    if len(first.results) == len(second.results) == 1:
        old = next((entity for entity in first.entities if entity.iri == first.results[0]), None)
        new = next((entity for entity in second.entities if entity.iri == second.results[0]), None)
        if old is not None and new is not None and old.path != new.path:
            before, after = dict(before), dict(after)
            before.pop(old.path, None)
            after.pop(new.path, None)
            name = f"{old.path} | {new.path}"
            before[name], after[name] = old, new
    return before, after


def _about_pixels(old: Digest | None, new: Digest | None) -> str | None:
    if old is None or new is None or old.speaks_against(new):
        return None
    return SAME_PIXELS if old == new else OTHER_VERSIONS


def _things(before: dict[str, EntityNode], after: dict[str, EntityNode]) -> tuple[Changes, int]:
    found, alike = [], 0
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            found.append(Change(path, None if old is None else _content(old), None if new is None else _content(new)))
        elif old.digest != new.digest or (old.digest is None and old.pixels != new.pixels):
            found.append(Change(path, _content(old), _content(new), note=_about_pixels(old.pixels, new.pixels)))
        elif old.digest is not None or old.pixels is not None:
            alike += 1
    return tuple(found), alike


def _content(entity: EntityNode) -> str:
    return str(entity.digest or entity.pixels or "no digest")


# --- times -------------------------------------------------------------------------------------------------------


def _times(first: Side, second: Side) -> tuple[Timing, ...]:
    sides: list[dict[str, list[float | None]]] = [defaultdict(list), defaultdict(list)]
    for side, found in zip((first, second), sides, strict=True):
        for action in side.actions:
            found[rule_of(action)].append(action.seconds)

    def total(seconds: list[float | None]) -> float | None:
        known = [each for each in seconds if each is not None]
        return sum(known) if len(known) == len(seconds) else None

    return tuple(
        Timing(rule, (len(sides[0][rule]), len(sides[1][rule])), (total(sides[0][rule]), total(sides[1][rule])))
        for rule in sorted(sides[0].keys() & sides[1].keys())
    )
