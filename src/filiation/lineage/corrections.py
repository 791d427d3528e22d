"""What an object of a corrected label image came of, or became: which objects before and after, who changed them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from filiation.catalogue import ActionNode, EntityNode, Json
from filiation.crate.record_names import CORRECTION, DIFFERENCES, MENDING
from filiation.errors import FiliationError
from filiation.images.label_differences import ObjectChange, changes_in
from filiation.images.tables import read_table
from filiation.lineage import words
from filiation.lineage.answers import Lineage
from filiation.lineage.drawing import WIDTH
from filiation.model import EntityKind

UNCHANGED: Final = "unchanged"
CrateFolder = Callable[[str], Path | None]
"""Returns the folder of a crate by its IRI."""


@dataclass(frozen=True, slots=True)
class _Corrected:
    """What a correction tells of an object.

    Parameters
    ----------
    change
        ``unchanged``, or what happened, such as ``split``.
    objects
        Labels of the objects on the correction's other side; none for one that was added or removed.
    image
        The label image that they are in, and its place.
    place
        Where that is.
    action
        Who corrected it, when, with what, why.
    gained, lost
        Voxels that the objects of this change gained and lost.
    """

    verb: ClassVar[str]
    side: ClassVar[str]
    change: str
    objects: tuple[int, ...]
    image: str
    place: str | None
    action: ActionNode
    gained: int
    lost: int

    def lines(self) -> Iterator[str]:
        """Say it on one line or a few."""
        named = ", ".join(f"object {label}" for label in self.objects[:10]) or "no object"
        moved = f", {self.gained} voxels gained, {self.lost} lost" if self.gained or self.lost else ""
        text = f"{named} of {self.image} ({self.change}{moved}); by {_by(self.action) or 'somebody'}"
        first, *rest = textwrap.wrap(words.plain(text + (f": {why}" if (why := _why(self.action)) else "")), WIDTH - 15)
        yield f"   {self.verb:<11} {first}"
        yield from (f"               {line}" for line in rest)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "change": self.change,
            self.side: list(self.objects),
            "image": self.image,
            "place": self.place,
            "action": self.action.iri,
            "by": _by(self.action),
            "gained": self.gained,
            "lost": self.lost,
        }


class CameOf(_Corrected):
    """What an object was before a correction: ``objects`` are those that it came of."""

    __slots__ = ()
    verb = "was"
    side = "before"


class Became(_Corrected):
    """What an object became by a correction: ``objects`` are those after it."""

    __slots__ = ()
    verb = "became"
    side = "after"


def _by(action: ActionNode) -> str | None:
    return action.agent_id or action.agent


def _why(action: ActionNode) -> str:
    return next((str(each.value) for each in action.parameters if each.name == "why"), "")


def fate_of_object(label: int, following: Lineage, crate_folder: CrateFolder) -> tuple[Became, ...]:
    """Return what an object became by each correction of its label image.

    Parameters
    ----------
    label
        Its value.
    following
        What was made from the label image directly.
    crate_folder
        Where crates stand, which hold the differences.
    """
    return tuple(
        _became(node, new, label, changes)
        for node in following.actions
        if node.iri.endswith(CORRECTION) and (changes := _changes(node, crate_folder)) is not None
        for new in _made_by(node, following)
    )


def removal_of_object(label: int, labels: str, lineage: Lineage, crate_folder: CrateFolder) -> str | None:
    """Say who took an object out of a label image, if that was its last correction; None if nobody is known to.

    Parameters
    ----------
    label
        Its value in the label image before.
    labels, lineage, crate_folder
        As for :func:`history_of_object`.
    """
    makers = {edge.src for edge in lineage.edges if edge.dst == labels}
    for node in lineage.actions:
        if node.iri not in makers or not node.iri.endswith(CORRECTION):
            continue
        change = next((each for each in _changes(node, crate_folder) or () if label in each.before), None)
        old = next((lineage.by_iri.get(edge.src) for edge in lineage.edges if edge.dst == node.iri), None)
        if change is None or not isinstance(old, EntityNode):
            continue
        became = ", ".join(f"object {each}" for each in change.after)
        how = f"became {became}" if became else "was removed"
        why = f": {text}" if (text := _why(node)) else ""
        return (
            f"Object {label} of {old.path} {how} when {_by(node) or 'somebody'} corrected it{why}. "
            f"`filiation trace '{old.place or old.path}#label={label}'` tells of it."
        )
    return None


def _became(action: ActionNode, new: EntityNode, label: int, changes: tuple[ObjectChange, ...]) -> Became:
    change = next((each for each in changes if label in each.before), None)
    if change is None:
        return Became(UNCHANGED, (label,), new.path, new.place, action, 0, 0)
    return Became(change.change.value, change.after, new.path, new.place, action, change.gained, change.lost)


def _made_by(action: ActionNode, lineage: Lineage) -> Iterator[EntityNode]:
    for edge in lineage.edges:
        node = lineage.by_iri.get(edge.dst)
        if edge.src == action.iri and isinstance(node, EntityNode) and node.kind == EntityKind.LABEL_IMAGE:
            yield node


def _changes(action: ActionNode, crate_folder: CrateFolder) -> tuple[ObjectChange, ...] | None:
    """Return the differences that a correction's crate holds; None if they are gone: what they said is not made up."""
    folder = crate_folder(action.crate)
    try:
        return None if folder is None else changes_in(read_table(folder / DIFFERENCES))
    except FiliationError:
        return None


def history_of_object(label: int, labels: str, lineage: Lineage, crate_folder: CrateFolder) -> tuple[CameOf, ...]:
    """Return what an object was before each correction that led to it, the last first.

    Parameters
    ----------
    label
        Its value.
    labels
        IRI of its label image.
    lineage
        What that descends from, at least.
    crate_folder
        Where crates stand, which hold the differences.
    """
    into: dict[str, list[str]] = {}
    for edge in lineage.edges:
        into.setdefault(edge.dst, []).append(edge.src)
    found: list[CameOf] = []
    waiting: list[tuple[str, tuple[int, ...]]] = [(labels, (label,))]
    seen: set[str] = set()
    while waiting:
        iri, values = waiting.pop(0)
        if iri in seen or not values:
            continue
        seen.add(iri)
        for source in into.get(iri, ()):
            node = lineage.by_iri.get(source)
            if isinstance(node, EntityNode) and node.digest == _digest(lineage, iri):
                waiting.append((source, values))  # the same bytes, as another run saw them
            elif isinstance(node, ActionNode) and source.endswith(MENDING):
                waiting += [(used, values) for used in into.get(source, ())]
            elif isinstance(node, ActionNode) and source.endswith(CORRECTION):
                for used in into.get(source, ()):
                    old = lineage.by_iri.get(used)
                    if isinstance(old, EntityNode):
                        told = tuple(_came_of(node, old, values, crate_folder))
                        found += told
                        waiting.append((used, tuple(sorted({value for each in told for value in each.objects}))))
    return tuple(found)


def _digest(lineage: Lineage, iri: str) -> object:
    node = lineage.by_iri.get(iri)
    return node.digest if isinstance(node, EntityNode) and node.digest is not None else None


def _came_of(
    action: ActionNode, old: EntityNode, labels: tuple[int, ...], crate_folder: CrateFolder
) -> Iterator[CameOf]:
    changes = _changes(action, crate_folder)
    if changes is None:
        return
    for label in labels:
        change = next((each for each in changes if label in each.after), None)
        if change is None:
            yield CameOf(UNCHANGED, (label,), old.path, old.place, action, 0, 0)
        else:
            yield CameOf(change.change.value, change.before, old.path, old.place, action, change.gained, change.lost)
