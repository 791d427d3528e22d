"""What of a run was written to servers, and what of that was removed again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from filiation.catalogue import GENERATED, USED
from filiation.crate.record_names import AS_THE_USER, REGISTRATION, REMOVAL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.catalogue import ActionNode, EntityNode, Json, LineageIndex


@dataclass(frozen=True, slots=True)
class Registered:
    """One act of writing to an object on a server.

    Parameters
    ----------
    action
        Who wrote, when.
    objects
        What it created on the server, by IRI.
    removed
        IRIs of those that were removed again.
    """

    action: ActionNode
    objects: tuple[EntityNode, ...]
    removed: frozenset[str]

    @property
    def there(self) -> tuple[EntityNode, ...]:
        """What was not removed."""
        return tuple(thing for thing in self.objects if thing.iri not in self.removed)

    @property
    def target(self) -> tuple[str, int]:
        """Class and id of what was written to."""
        kind, _, number = self.action.iri.partition(REGISTRATION)[2].rpartition("-")
        return kind, int(number)

    @property
    def user(self) -> str:
        """Login name, on the server, of who wrote."""
        return (self.action.command or "").rpartition(AS_THE_USER)[2]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "action": self.action.to_json(),
            "objects": [*(thing.iri for thing in self.objects)],
            "removed": [*sorted(self.removed)],
        }


def registrations_of(index: LineageIndex, run: str) -> tuple[Registered, ...]:
    """Return what of a run was written to servers, the oldest first.

    Parameters
    ----------
    index
        The index.
    run
        IRI of the run's crate.
    """
    return registrations_using(index, (run, run.rstrip("/")))


def registrations_using(index: LineageIndex, things: Iterable[str]) -> tuple[Registered, ...]:
    """Return what was written to servers of some things, by their IRIs, the oldest first."""
    taken = {edge.dst for iri in things for edge in index.edges_out_of(iri) if edge.role == USED}
    actions = [action for iri in taken if REGISTRATION in iri for action in index.actions(iri=iri)]
    found = (_registered(index, action) for action in actions)
    return tuple(sorted(found, key=lambda each: (str(each.action.started), each.action.iri)))


def _registered(index: LineageIndex, action: ActionNode) -> Registered:
    made = sorted(edge.dst for edge in index.edges_out_of(action.iri) if edge.role == GENERATED)
    objects = (thing for iri in made for thing in index.entities(iri=iri, crate=action.crate))
    removed = (iri for iri in made if any(edge.dst.endswith(REMOVAL) for edge in index.edges_out_of(iri)))
    return Registered(action, tuple(objects), frozenset(removed))
