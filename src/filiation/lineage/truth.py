"""Label images that were the truth once: what of them was corrected, made anew, changed or taken back since.

A training set, or a model, rests on the label images that it descends from. What became of these later is what a person
has to know before they rely on it, or train again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import GENERATED, EntityNode, Joining, LineageIndex, shown_time
from filiation.catalogue.sites import is_elsewhere
from filiation.digest import digest_file, digest_tree
from filiation.lineage import words
from filiation.lineage.observations import Observation, Observations
from filiation.lineage.pairs import BY_A_PERSON
from filiation.lineage.walk import Bounds, ancestors, descendants
from filiation.model import EntityKind, is_uri

if TYPE_CHECKING:
    from filiation.catalogue import ActionNode
    from filiation.digest import DigestCache
    from filiation.lineage.fields import Surroundings

CORRECTED: Final = "corrected"
REMADE: Final = "made anew"
CHANGED: Final = "changed on disk"
RETRACTED: Final = "retracted"
_TAKEN_BACK: Final = ("retracted", "withdrawn")
"""Keys by which people note that something must not be used any more."""


def changes_since(
    index: LineageIndex, joining: Joining, around: Surroundings, roots: Iterable[str], cache: DigestCache | None
) -> Observations:
    """Return what became of the label images that things descend from, after those were made of them.

    Parameters
    ----------
    index, joining
        Lineage within runs, and between them.
    around
        What people noted.
    roots
        IRIs of the things: training sets, models.
    cache
        To compare with what lies on disk now; None if the disk is not to be looked at.
    """
    walked = ancestors(index, joining, roots)
    # Of those that tell of a thing, the run that made it knows its path.
    told = sorted((thing for iri in walked.iris for thing in index.entities(iri=iri)), key=lambda each: each.generated)
    seen = {thing.iri: thing for thing in told}
    labels = sorted(
        (thing for thing in seen.values() if thing.kind == EntityKind.LABEL_IMAGE), key=lambda thing: thing.path
    )
    found: list[Observation] = []
    for thing in labels:
        found += _corrections(index, joining, thing, walked.iris)
        found += _later(index, joining, thing)
        found += _on_disk(index, thing, cache)
    for thing in sorted(seen.values(), key=lambda thing: thing.path):
        found += _taken_back(thing, around)
    return Observations("What changed of the truth since?", tuple(_once(found)), len(labels))


def _once(found: Iterable[Observation]) -> Iterator[Observation]:
    """Yield each only once: a label image is known from each run that used it."""
    yield from {(each.kind, each.what, each.detail): each for each in found}.values()


def _corrections(
    index: LineageIndex, joining: Joining, labels: EntityNode, used: AbstractSet[str]
) -> Iterator[Observation]:
    """Tell of label images that a person made of one, and that are not among what was used."""
    walked = descendants(index, joining, [labels.iri], Bounds(depth=1))
    for edge in sorted(walked.edges):
        if edge.role != GENERATED or edge.dst in used or not edge.src.endswith(BY_A_PERSON):
            continue
        for later in index.entities(iri=edge.dst, crate=edge.crate):
            if later.kind == EntityKind.LABEL_IMAGE and later.digest != labels.digest:
                by = _by(next(iter(index.actions(iri=edge.src)), None))
                yield Observation(
                    CORRECTED, labels.path, f"{later.path} was made of it{by}", (labels.iri, later.iri), (edge.crate,)
                )


def _by(action: ActionNode | None) -> str:
    if action is None:
        return ""
    who = f" by {action.agent}" if action.agent else ""
    what = f" ({action.rule})" if action.rule else ""
    return f"{who}{what}" + (f" on {shown_time(action.ended)[:10]}" if action.ended else "")


def _later(index: LineageIndex, joining: Joining, labels: EntityNode) -> Iterator[Observation]:
    """Tell of other labels that a later run left in the same place."""
    if labels.place is None or labels.digest is None:
        return
    began = joining.began(labels)
    later = [
        other
        for other in index.entities(place=labels.place, generated=True)
        if other.digest is not None and joining.began(other) > began
    ]
    newest = max(later, key=lambda other: (joining.began(other), other.iri), default=None)
    if newest is not None and newest.digest != labels.digest:
        detail = (
            f"run {words.run_name(newest.crate)} made other labels there on {shown_time(joining.began(newest))[:10]}"
        )
        yield Observation(REMADE, labels.path, detail, (labels.iri, newest.iri), (newest.crate,))


def _on_disk(index: LineageIndex, labels: EntityNode, cache: DigestCache | None) -> Iterator[Observation]:
    place = labels.place
    if cache is None or place is None or labels.digest is None or is_uri(place) or is_elsewhere(place):
        return
    path = Path(place)
    try:
        now = digest_tree(path, cache=cache).digest if path.is_dir() else digest_file(path, cache=cache)
    except (OSError, LookupError, ValueError):
        return  # what is gone or cannot be read is no other truth; `filiation check` tells of it
    if now != labels.digest and not index.entities(digest=str(now)):
        detail = f"recorded {words.short(labels.digest)}, found {words.short(now)}, which no run recorded"
        yield Observation(CHANGED, labels.path, detail, (labels.iri,), (labels.crate,))


def _taken_back(thing: EntityNode, around: Surroundings) -> Iterator[Observation]:
    for name, value in around.annotations.get(thing.iri, ()):
        if name.lower() in _TAKEN_BACK and value not in (False, "no"):
            yield Observation(RETRACTED, thing.path, f"{name} = {value}", (thing.iri,), (thing.crate,))
