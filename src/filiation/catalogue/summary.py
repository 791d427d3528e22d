"""What is counted of a crate when it is taken in, so that counting over all crates reads one row of each."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from filiation.model import encode_path

if TYPE_CHECKING:
    from filiation.catalogue.derive import Derived


@dataclass(frozen=True, slots=True)
class CrateSummary:
    """One crate in numbers.

    Parameters
    ----------
    iri
        The crate's IRI.
    began, ended
        Of its run, in seconds since 1970; None if the crate does not tell.
    place
        The run's folder, percent-encoded.
    day, agent
        Day on which it began, UTC, as ``2026-01-31``; who ran it.
    status
        A ``Status`` value.
    jobs, failed, made
        Attempts of jobs; those that failed; things made.
    """

    iri: str
    began: float | None
    ended: float | None
    place: str | None
    day: str | None
    agent: str | None
    status: str
    jobs: int
    failed: int
    made: int

    def as_row(self) -> tuple[str | int | float | None, ...]:
        """Return the values of :data:`COLUMNS`."""
        return tuple(getattr(self, name) for name in COLUMNS)


class DayOfWork(NamedTuple):
    """What one person's runs of one day were, as many as began on it; None for what crates do not tell."""

    day: str | None
    agent: str | None
    runs: int
    jobs: int
    failed: int


COLUMNS: Final = tuple(field.name for field in fields(CrateSummary) if field.name != "iri")
"""The columns of the index's table of crates that hold a summary."""


def summarise(derived: Derived) -> CrateSummary:
    """Count what a crate tells."""
    run = derived.run
    return CrateSummary(
        iri=run.iri,
        began=None if run.started is None else run.started.timestamp(),
        ended=None if run.ended is None else run.ended.timestamp(),
        place=None if run.folder is None else encode_path(run.folder),
        day=None if run.started is None else f"{run.started:%Y-%m-%d}",
        agent=None if run.agent is None else run.agent.encode("utf-8", "backslashreplace").decode("utf-8"),
        status=run.status,
        jobs=run.jobs,
        failed=run.failed,
        made=run.outputs,
    )
