"""A lineage in sentences, for somebody who asks where a thing comes from and wants no picture first."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from filiation.catalogue.crate_gaps import gaps_of
from filiation.catalogue.nodes import CODE, ActionNode, EntityNode
from filiation.lineage import words
from filiation.lineage.phrases import Making, Phrases, phrases
from filiation.model import EntityKind

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage

MOST: Final = 20
"""So many sentences are told; a count stands for the rest."""


def tell(lineage: Lineage, language: str = "en", *, beyond: bool = True) -> tuple[str, ...]:
    """Tell what made a thing, then what made that, down to what came from outside; equal jobs are told once.

    Parameters
    ----------
    lineage
        Ancestors of something.
    language
        Of :data:`filiation.lineage.phrases.LANGUAGES`.
    beyond
        Whether it is said that there is more, where the answer ends before its sources and where sentences are left
        out.

    Raises
    ------
    BadInputError
        If the language is not known.
    """
    speech = phrases(language)
    sentences = list(_sentences(lineage.collapsed, speech, beyond=beyond))
    more = len(sentences) - MOST
    if more > 0:
        sentences[MOST:] = [speech.further(more)] if beyond else []
    return tuple(sentences)


def left_open(lineage: Lineage) -> tuple[str, ...]:
    """Tell what the records of a lineage leave open or contradict, each once."""
    found = gaps_of(lineage.actions, lineage.entities, lineage.edges)
    return tuple(dict.fromkeys(words.plain(f"{gap.kind}: {gap.what}: {gap.detail}") for gap in found))


def making_of(action: ActionNode, jobs: int = 1, inputs: Iterable[str] = ()) -> Making:
    """Return what is known of how a job made something."""
    return Making(
        when=action.ended,
        who=words.plain(action.agent) if action.agent else None,
        host=words.plain(action.host) if action.host else None,
        step=words.plain(action.rule or action.name),
        jobs=jobs,
        parameters=action.parameters,
        inputs=tuple(inputs),
        status=action.status,
    )


def _sentences(lineage: Lineage, speech: Phrases, *, beyond: bool) -> Iterator[str]:
    before: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for edge in lineage.edges:
        before[edge.dst].append((edge.src, edge.role))
    told = set(lineage.roots)
    waiting = deque(lineage.roots)

    def name(thing: EntityNode) -> str:
        return speech.named(thing.path, lineage.counted.get(thing.iri, 1))

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
            inputs = [name(node) for iri in used[maker.iri] if isinstance(node := lineage.by_iri[iri], EntityNode)]
            yield speech.made(name(thing), making_of(maker, lineage.counted.get(maker.iri, 1), inputs))
        same = [node for node in sources if isinstance(node, EntityNode)]
        if same and not makers:
            yield speech.same(name(thing), [name(one) for one in same])
        if not sources:
            yield from _source(lineage, thing, name(thing), speech, beyond=beyond)
        for iri in [*(iri for found in used.values() for iri in found), *(one.iri for one in same)]:
            if iri not in told:
                told.add(iri)
                waiting.append(iri)


def _source(lineage: Lineage, thing: EntityNode, name: str, speech: Phrases, *, beyond: bool) -> Iterator[str]:
    if thing.iri in lineage.cut or thing.iri in lineage.stopped:
        if beyond:
            yield speech.not_asked(name)
    elif thing.generated:
        yield speech.made_somehow(name)
    else:
        digest = None if thing.digest is None else words.short(thing.digest)
        yield speech.source(name, digest, is_image=thing.kind in (EntityKind.RAW_IMAGE, EntityKind.IMAGE))
