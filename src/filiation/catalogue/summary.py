"""What is counted of a crate when it is taken in, so that counting over all crates reads one row of each."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from filiation.catalogue.nodes import CODE, GENERATED
from filiation.model import EntityKind, encode_path, is_uri

if TYPE_CHECKING:
    from filiation.catalogue.derive import Derived
    from filiation.catalogue.nodes import ActionNode, EntityNode


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
    no_agent, no_version, no_time, backwards
        Actions without who did it, without the version of any program, without a start or an end, and those that
        ended before they began.
    no_digest, two_makers
        Things made or used on disk of which no digest is recorded, and things that two actions say they made.
    unmade
        Things that were found and that no run is known to have made, remote images left out.
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
    no_agent: int
    no_version: int
    no_time: int
    backwards: int
    no_digest: int
    two_makers: int
    unmade: int = 0

    def as_row(self) -> tuple[str | int | float | None, ...]:
        """Return the values of :data:`COLUMNS`."""
        return tuple(getattr(self, name) for name in COLUMNS)


COLUMNS: Final = tuple(field.name for field in fields(CrateSummary) if field.name != "iri")
"""The columns of the index's table of crates that hold a summary."""


GAPS: Final = ("no_agent", "no_version", "no_time", "backwards", "no_digest", "two_makers", "unmade")
"""Those of the columns that count what is missing."""


def summarise(derived: Derived) -> CrateSummary:
    """Count what a crate tells; what other runs say of it (``unmade``) is counted when runs are joined."""
    run, actions = derived.run, derived.actions
    makers: dict[str, int] = {}
    for edge in derived.edges:
        if edge.role == GENERATED:
            makers[edge.dst] = makers.get(edge.dst, 0) + 1
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
        no_agent=sum(action.agent is None for action in actions),
        no_version=sum(not _has_version(action) for action in actions),
        no_time=sum(action.started is None or action.ended is None for action in actions),
        backwards=sum(_is_backwards(action) for action in actions),
        no_digest=sum(entity.digest is None and is_on_disk(entity) for entity in derived.entities),
        two_makers=sum(count > 1 for count in makers.values()),
    )


def is_on_disk(entity: EntityNode) -> bool:
    """Whether a thing has bytes that a run could have read: no remote image, no script, nothing at an address."""
    return entity.kind not in (EntityKind.RAW_IMAGE, CODE) and not is_uri(entity.path)


def _has_version(action: ActionNode) -> bool:
    return action.code is not None or any(software.version for software in action.software)


def _is_backwards(action: ActionNode) -> bool:
    return action.started is not None and action.ended is not None and action.ended < action.started
