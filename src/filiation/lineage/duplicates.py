"""The same bytes, or the same labels in other bytes, made more than once, and what that cost."""

from __future__ import annotations

from filiation.catalogue import GENERATED, ActionNode, EntityNode, Joining, LineageIndex
from filiation.catalogue.nodes import NO_BYTES
from filiation.lineage import words
from filiation.lineage.observations import Observation, Observations
from filiation.model import DigestKind, EntityKind
from filiation.model.sentences import Sentence

AGAIN = "made again"
COPIED = "made in several places"
SAME_LABELS = "same labels in other bytes"
"""A label image says which run made it (docs/reference/store-claim.md), so two runs never write the same bytes."""
EMPTY = tuple(f"{kind.value}:{NO_BYTES}" for kind in (DigestKind.FILE, DigestKind.TREE))
"""The digests of an empty file and of an empty tree."""


def find_duplicates(index: LineageIndex, joining: Joining) -> Observations:
    """Find contents that several actions made: bytes, and the pixels of label images.

    The time of an action counts once, and only if all that it made had been made before; the first action that made
    a content is never counted. Bytes count for each further place where the content was made; a place that was
    written again counts once, an empty file never. Only what was made more than once is read.
    """
    made = {digest: list(index.entities(digest=digest, generated=True)) for digest in index.digests_made_again()}
    empty = {entity.iri for digest in EMPTY for entity in index.entities(digest=digest, generated=True)}
    made = {digest: found for digest, found in made.items() if not found[0].is_empty}
    alike = {digest: _label_images(index, digest) for digest in index.pixels_made_again()}
    alike = {digest: found for digest, found in alike.items() if len({entity.digest for entity in found}) > 1}
    told = {entity.iri for found in alike.values() for entity in found}
    made = {digest: found for digest, found in made.items() if found[0].iri not in told} | alike
    for found in made.values():
        found.sort(key=lambda entity: (joining.began(entity), entity.iri))
    again = empty | {entity.iri for found in made.values() for entity in found[1:]}
    counted: set[str] = set()
    observations = [_observation(index, digest, found, again, counted) for digest, found in sorted(made.items())]
    observations.sort(key=lambda each: (-(each.size or 0), -(each.seconds or 0), each.what, each.iris))
    return Observations("Which bytes were made more than once?", tuple(observations), index.facts.made())


def _label_images(index: LineageIndex, pixels: str) -> list[EntityNode]:
    """Return the label images of such pixels; an image that is put together with its labels is no second one."""
    found = index.entities(pixels=pixels)
    return [entity for entity in found if entity.generated and entity.kind == EntityKind.LABEL_IMAGE]


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
    others = (*names[1:4], *(["…"] if len(names) > 4 else []))
    kind, digits = digest.split(":")
    times = Sentence("{count} times", count=len(found))
    parts = [Sentence("{times}, and as {others}", times=times, others=others) if others else times]
    parts += [Sentence("{kind}:{digits}", kind=kind, digits=digits[:12])]
    parts += [Sentence("{size} more on disk", size=words.size(size))] if size else []
    parts += [Sentence("{time} of computing", time=words.duration(seconds))] if seconds else []
    return Observation(
        kind=SAME_LABELS if DigestKind(kind).is_of_pixels else COPIED if further else AGAIN,
        what=names[0],
        detail=Sentence.joined(parts, "; "),
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
