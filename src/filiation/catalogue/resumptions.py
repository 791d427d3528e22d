"""Which unfinished run a run went on from. Worked out from what the catalogue holds: the records need not say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.catalogue.vocabulary import PROV, RDF_TYPE
from filiation.model import Status, run_iri

if TYPE_CHECKING:
    from filiation.catalogue.graph import Triple
    from filiation.catalogue.index import LineageIndex
    from filiation.catalogue.joining import Joining
    from filiation.catalogue.nodes import Json, RunSummary

_UNFINISHED: Final = frozenset({Status.INTERRUPTED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class Resumption:
    """That a run went on from one that was interrupted or failed.

    Parameters
    ----------
    by
        UUID of the run that went on.
    run, crate
        UUID of the unfinished run, and the IRI of its crate.
    status
        How that one ended: ``interrupted`` or ``failed``.
    again
        Names of jobs, sorted, that it did not finish and that were done again.
    used
        Paths, sorted, of what it had made and the resuming run used or found up to date.
    """

    by: str
    run: str
    crate: str
    status: str
    again: tuple[str, ...]
    used: tuple[str, ...]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "by": self.by,
            "run": self.run,
            "crate": self.crate,
            "status": self.status,
            "again": list(self.again),
            "used": list(self.used),
        }


def resumption_of(index: LineageIndex, joining: Joining, run: RunSummary) -> Resumption | None:
    """Tell which unfinished run a run went on from.

    It is the last one before it in the same folder that did any job, if that one was interrupted or failed, and this
    one did a job again that it had not finished, or took over what it had made. A job is known by its rule and
    wildcards.
    """
    before = _neighbour(index, run, later=False)
    if before is None or before.status not in _UNFINISHED:
        return None
    tried = index.actions(crate=before.iri)
    done = {_job(action.name) for action in tried if action.status == Status.FINISHED}
    left = {_job(action.name) for action in tried if action.status in _UNFINISHED} - done
    again = {_job(action.name) for action in index.actions(crate=run.iri)} & left
    found = (entity for entity in index.entities(crate=run.iri) if not entity.generated)
    used = {entity.path for entity in found if any(maker.crate == before.iri for maker in joining.makers(entity))}
    if not again and not used:
        return None
    return Resumption(run.id, before.id, before.iri, before.status, tuple(sorted(again)), tuple(sorted(used)))


def _job(name: str) -> str:
    """Return a job's name without its attempt."""
    return re.sub(r", attempt \d+$", "", name)


def resumed_in(index: LineageIndex, joining: Joining, run: RunSummary) -> str | None:
    """Return the UUID of the run that went on from an unfinished one, if there is one."""
    if run.status not in _UNFINISHED:
        return None
    after = _neighbour(index, run, later=True)
    resumption = resumption_of(index, joining, after) if after is not None else None
    return after.id if after is not None and resumption is not None and resumption.crate == run.iri else None


def resumptions_among(index: LineageIndex, joining: Joining, crates: set[str]) -> tuple[Resumption, ...]:
    """Return what runs, given by their crates' IRIs, went on from, in order of the runs."""
    runs = [run for crate in sorted(crates) if (run := index.run(crate)) is not None]
    return tuple(found for run in runs if (found := resumption_of(index, joining, run)) is not None)


def runs_after(index: LineageIndex, crate: str) -> tuple[str, ...]:
    """Return the IRI of a run's crate, and of the run that came after it in its folder, if there is one."""
    run = index.run(crate)
    after = None if run is None else _neighbour(index, run, later=True)
    return (crate,) if after is None else (crate, after.iri)


def graph_about(crate: str) -> str:
    """Return the name of the graph that says what a run, given by its crate's IRI, went on from."""
    return f"{crate}#resumption"


def statements_of(found: Resumption) -> tuple[Triple, ...]:
    """Say it in PROV-O: the one run was informed by the other."""
    from filiation.crate.composition import RUN  # those who only ask need not import it

    by, before = (f"{run_iri(run)}{RUN}" for run in (found.by, found.run))
    activities = tuple((run, RDF_TYPE, f"{PROV}Activity") for run in (by, before))
    return ((by, f"{PROV}wasInformedBy", before), *activities)


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
