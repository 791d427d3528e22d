"""What an object of a corrected label image came of: which objects of the one before, and who changed them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.catalogue import ActionNode, EntityNode, Json
from filiation.crate.record_names import CORRECTION, DIFFERENCES, MENDING
from filiation.errors import FiliationError
from filiation.images.label_differences import changes_in
from filiation.images.tables import read_table
from filiation.lineage import words
from filiation.lineage.answers import Lineage
from filiation.lineage.drawing import WIDTH

UNCHANGED: Final = "unchanged"
CrateFolder = Callable[[str], Path | None]
"""Returns the folder of a crate by its IRI."""


@dataclass(frozen=True, slots=True)
class CameOf:
    """What an object was before a correction.

    Parameters
    ----------
    change
        ``unchanged``, or what happened, such as ``split``.
    before
        Labels of the objects that it came of; none for one that was added.
    image
        The label image that they are in, and its place.
    place
        Where that is.
    action
        Who corrected it, when, with what, why.
    gained, lost
        Voxels that the objects of this change gained and lost.
    """

    change: str
    before: tuple[int, ...]
    image: str
    place: str | None
    action: ActionNode
    gained: int
    lost: int

    def lines(self) -> Iterator[str]:
        """Say it on one line or a few."""
        came = ", ".join(f"object {label}" for label in self.before[:10]) or "no object"
        moved = f", {self.gained} voxels gained, {self.lost} lost" if self.gained or self.lost else ""
        why = next((str(each.value) for each in self.action.parameters if each.name == "why"), "")
        by = self.action.agent_id or self.action.agent or "somebody"
        told = f"{came} of {self.image} ({self.change}{moved}); by {by}" + (f": {why}" if why else "")
        first, *rest = textwrap.wrap(words.plain(told), WIDTH - 15)
        yield f"   was         {first}"
        yield from (f"               {line}" for line in rest)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "change": self.change,
            "before": list(self.before),
            "image": self.image,
            "place": self.place,
            "action": self.action.iri,
            "by": self.action.agent_id or self.action.agent,
            "gained": self.gained,
            "lost": self.lost,
        }


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
                        waiting.append((used, tuple(sorted({value for each in told for value in each.before}))))
    return tuple(found)


def _digest(lineage: Lineage, iri: str) -> object:
    node = lineage.by_iri.get(iri)
    return node.digest if isinstance(node, EntityNode) and node.digest is not None else None


def _came_of(
    action: ActionNode, old: EntityNode, labels: tuple[int, ...], crate_folder: CrateFolder
) -> Iterator[CameOf]:
    folder = crate_folder(action.crate)
    try:
        changes = () if folder is None else changes_in(read_table(folder / DIFFERENCES))
    except FiliationError:
        return  # the file is gone from the crate, and what it said is not made up
    for label in labels:
        change = next((each for each in changes if label in each.after), None)
        if change is None:
            yield CameOf(UNCHANGED, (label,), old.path, old.place, action, 0, 0)
        else:
            yield CameOf(change.change.value, change.before, old.path, old.place, action, change.gained, change.lost)
