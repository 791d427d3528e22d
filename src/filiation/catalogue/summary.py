"""What is counted of a crate when it is taken in, so that counting over all crates reads one row of each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, NamedTuple

from filiation.model import Status, encode_path

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


@dataclass(frozen=True, slots=True)
class Tally:
    """Something counted by name: jobs by their rule, with those that failed, or what was made by kind, with bytes.

    Parameters
    ----------
    name
        Of the rule or kind.
    count
        Attempts of jobs, or things made.
    amount
        Attempts that failed, or bytes of what was made as far as they are known.
    """

    name: str
    count: int
    amount: int


class DayOfRuns(NamedTuple):
    """How the runs that began on one day ended; None for crates that do not tell when."""

    day: str | None
    status: str
    runs: int
    jobs: int
    failed: int


class WorkOf(NamedTuple):
    """What one person's runs were, and the days of the first and the last; None for what crates do not tell."""

    agent: str | None
    runs: int
    jobs: int
    failed: int
    first: str | None
    last: str | None


RULES: Final = "rule"
KINDS: Final = "kind"
"""What is tallied."""

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
        agent=None if run.agent is None else _text(run.agent),
        status=run.status,
        jobs=run.jobs,
        failed=run.failed,
        made=run.outputs,
    )


def tallies(derived: Derived) -> dict[str, tuple[Tally, ...]]:
    """Count a crate's jobs by rule, and what it made by kind."""
    jobs: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for action in derived.actions:
        counted = jobs[action.rule or action.name]
        counted[0] += 1
        counted[1] += action.status == Status.FAILED
    made: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for entity in derived.entities:
        if entity.generated:
            counted = made[entity.kind]
            counted[0] += 1
            counted[1] += entity.size or 0
    return {what: tuple(Tally(_text(name), *both) for name, both in sorted(found.items())) for what, found in
            ((RULES, jobs), (KINDS, made))}  # fmt: skip


def _text(name: str) -> str:
    """Return a name that SQLite keeps."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
