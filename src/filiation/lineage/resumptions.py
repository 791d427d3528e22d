"""Which interrupted run a run went on from. Worked out when it is asked, as joins are: the records need not say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from filiation.model import Status

if TYPE_CHECKING:
    from filiation.catalogue import Joining, Json, LineageIndex, RunSummary


@dataclass(frozen=True, slots=True)
class Resumption:
    """That a run went on from an interrupted one.

    Parameters
    ----------
    run, crate
        The interrupted run's UUID, and the IRI of its crate.
    again
        Names of jobs, sorted, that were under way when it was interrupted and were done again.
    used
        Paths, sorted, of what it had made before and the resuming run used or found up to date.
    """

    run: str
    crate: str
    again: tuple[str, ...]
    used: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"run": self.run, "crate": self.crate, "again": list(self.again), "used": list(self.used)}


def resumption_of(index: LineageIndex, joining: Joining, run: RunSummary) -> Resumption | None:
    """Tell which interrupted run a run went on from.

    It is the last one before it in the same folder that did any job, if that one was interrupted, and this one did a
    job again that was under way then, or took over what was made before. A job is known by its rule and wildcards.
    """
    before = _neighbour(index, run, later=False)
    if before is None or before.status != Status.INTERRUPTED:
        return None
    left = {action.name for action in index.actions(crate=before.iri) if action.status == Status.INTERRUPTED}
    again = {action.name for action in index.actions(crate=run.iri)} & left
    found = (entity for entity in index.entities(crate=run.iri) if not entity.generated)
    used = {entity.path for entity in found if any(maker.crate == before.iri for maker in joining.makers(entity))}
    if not again and not used:
        return None
    return Resumption(before.id, before.iri, tuple(sorted(again)), tuple(sorted(used)))


def resumed_in(index: LineageIndex, joining: Joining, run: RunSummary) -> str | None:
    """Return the UUID of the run that went on from an interrupted one, if there is one."""
    if run.status != Status.INTERRUPTED:
        return None
    after = _neighbour(index, run, later=True)
    resumption = resumption_of(index, joining, after) if after is not None else None
    return after.id if after is not None and resumption is not None and resumption.crate == run.iri else None


def _neighbour(index: LineageIndex, run: RunSummary, *, later: bool) -> RunSummary | None:
    """Return the run next to one in time that did jobs in its folder."""
    if run.folder is None or run.started is None:
        return None
    times = [
        (other.started, other.iri, other)
        for other in index.runs_in(run.folder)
        if other.jobs and other.recorded_by is None and other.started is not None
        if (other.started > run.started if later else other.started < run.started)
    ]
    return (min(times) if later else max(times))[2] if times else None
