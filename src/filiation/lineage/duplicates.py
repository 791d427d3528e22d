"""The same bytes made more than once, and what that cost."""

from __future__ import annotations

from collections import defaultdict

from filiation.catalogue import GENERATED, ActionNode, EntityNode, Joining, LineageIndex
from filiation.lineage import words
from filiation.lineage.observations import Observation, Observations

AGAIN = "made again"
COPIED = "made in several places"


def find_duplicates(index: LineageIndex, joining: Joining) -> Observations:
    """Find contents that several actions made.

    The time of an action counts once, and only if all that it made had been made before; the first action that made
    a content is never counted. Bytes count for each further place where the content was made; a place that was
    written again counts once, an empty file never.
    """
    made: dict[str, list[EntityNode]] = defaultdict(list)
    empty: set[str] = set()
    looked_at = 0
    for run in index.runs():
        for entity in index.entities(crate=run.iri):
            if entity.generated:
                looked_at += 1
                if entity.is_empty:
                    empty.add(entity.iri)
                elif entity.digest is not None:
                    made[str(entity.digest)].append(entity)
    for found in made.values():
        found.sort(key=lambda entity: (joining.began(entity), entity.iri))
    again = empty | {entity.iri for found in made.values() for entity in found[1:]}
    counted: set[str] = set()
    observations = []
    for digest, found in made.items():
        if len(found) > 1:
            observations.append(_observation(index, digest, found, again, counted))
    observations.sort(key=lambda each: (-(each.size or 0), -(each.seconds or 0), each.what, each.iris))
    return Observations("Which bytes were made more than once?", tuple(observations), looked_at)


def _observation(
    index: LineageIndex, digest: str, found: list[EntityNode], again: set[str], counted: set[str]
) -> Observation:
    places = dict.fromkeys(entity.place or entity.iri for entity in found)
    further = len(places) - 1
    size = (found[0].size or 0) * further
    seconds = 0.0
    for entity in found[1:]:
        for maker in _makers(index, entity):
            if maker.iri not in counted and _made_nothing_new(index, maker, again):
                counted.add(maker.iri)
                seconds += maker.seconds or 0.0
    names = list(dict.fromkeys(entity.path for entity in found))
    others = f", and as {', '.join(names[1:4])}{' …' if len(names) > 4 else ''}" if len(names) > 1 else ""
    kind, digits = digest.split(":")
    parts = [f"{len(found)} times{others}", f"{kind}:{digits[:12]}"]
    parts += [f"{words.size(size)} more on disk"] if size else []
    parts += [f"{words.duration(seconds)} of computing"] if seconds else []
    return Observation(
        kind=COPIED if further else AGAIN,
        what=names[0],
        detail="; ".join(parts),
        iris=tuple(sorted(entity.iri for entity in found)),
        crates=tuple(sorted({entity.crate for entity in found})),
        seconds=seconds,
        size=size,
    )


def _makers(index: LineageIndex, entity: EntityNode) -> list[ActionNode]:
    edges = index.edges_into(entity.iri)
    return [action for edge in edges if edge.role == GENERATED for action in index.actions(iri=edge.src)]


def _made_nothing_new(index: LineageIndex, action: ActionNode, again: set[str]) -> bool:
    made = [edge.dst for edge in index.edges_out_of(action.iri) if edge.role == GENERATED]
    return all(iri in again for iri in made)
