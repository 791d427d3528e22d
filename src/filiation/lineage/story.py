"""A lineage in sentences, for somebody who asks where a thing comes from and wants no picture first."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from filiation.catalogue.nodes import CODE, ActionNode, EntityNode
from filiation.lineage import words
from filiation.model import EntityKind

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage

MOST: Final = 20
"""So many sentences are told; a count stands for the rest."""
_MOST_PARAMETERS: Final = 8
_MOST_INPUTS: Final = 4


def tell(lineage: Lineage) -> tuple[str, ...]:
    """Tell what made a thing, then what made that, down to what came from outside; equal jobs are told once.

    Parameters
    ----------
    lineage
        Ancestors of something.
    """
    sentences = list(_sentences(lineage.collapsed))
    more = len(sentences) - MOST
    if more > 0:
        sentences[MOST:] = [f"Before that, {words.counted(more, 'step')} more."]
    return tuple(sentences)


def _sentences(lineage: Lineage) -> Iterator[str]:
    before: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in lineage.edges:
        before[edge.dst].append((edge.src, edge.role))
    told = set(lineage.roots)
    waiting = deque(lineage.roots)
    while waiting:
        thing = lineage.by_iri.get(waiting.popleft())
        if not isinstance(thing, EntityNode):
            continue
        sources = [lineage.by_iri[src] for src, _ in before[thing.iri] if src in lineage.by_iri]
        makers = [node for node in sources if isinstance(node, ActionNode)]
        used = {
            maker.iri: [src for src, role in before[maker.iri] if role != CODE and src in lineage.by_iri]
            for maker in makers
        }
        for maker in makers:
            yield _made(lineage, thing, maker, used[maker.iri])
        same = [node for node in sources if isinstance(node, EntityNode)]
        if same and not makers:
            yield f"{_name(lineage, thing)} is, or is part of, {_listed([_name(lineage, one) for one in same])}."
        if not sources:
            yield _source(lineage, thing)
        for iri in [*(iri for found in used.values() for iri in found), *(one.iri for one in same)]:
            if iri not in told:
                told.add(iri)
                waiting.append(iri)


def _made(lineage: Lineage, thing: EntityNode, action: ActionNode, used: list[str]) -> str:
    when = f" on {words.moment(action.ended)}" if action.ended is not None else ""
    who = f" by {words.plain(action.agent)}" if action.agent else ", it is not recorded by whom"
    where = f" on {words.plain(action.host)}" if action.host else ""
    count = lineage.counted.get(action.iri, 1)
    step = words.plain(action.rule or action.name) + (f" ({count} equal jobs)" if count > 1 else "")
    parameters = [words.parameter(found) for found in action.parameters]
    with_them = ""
    if parameters:
        rest = len(parameters) - _MOST_PARAMETERS
        with_them = f", with {', '.join(parameters[:_MOST_PARAMETERS])}" + (f" and {rest} more" if rest > 0 else "")
    inputs = [_name(lineage, node) for iri in used if isinstance(node := lineage.by_iri[iri], EntityNode)]
    from_them = f", from {_listed(inputs)}" if inputs else ", from nothing that is recorded"
    failed = "" if action.status == "finished" else f" The job that made it is recorded as {action.status}."
    return f"{_name(lineage, thing)} was made{when}{who}{where} in the step {step}{with_them}{from_them}.{failed}"


def _source(lineage: Lineage, thing: EntityNode) -> str:
    name = _name(lineage, thing)
    if thing.iri in lineage.cut or thing.iri in lineage.stopped:
        return f"What {name} comes from was not asked."
    if thing.generated:
        return f"{name} was made by a run, and it is not recorded by which of its jobs."
    kind = "image" if thing.kind in (EntityKind.RAW_IMAGE, EntityKind.IMAGE) else "file"
    seen = f" ({words.short(thing.digest)})" if thing.digest is not None else ", of which no digest is recorded"
    return f"{name} is the {kind} that it all began with: nothing recorded made it{seen}."


def _name(lineage: Lineage, thing: EntityNode) -> str:
    return words.entity_name(thing.path, lineage.counted.get(thing.iri, 1))


def _listed(names: list[str]) -> str:
    shown = names[:_MOST_INPUTS]
    if len(names) > len(shown):
        return f"{', '.join(shown)} and {len(names) - len(shown)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
