"""How far a run is, from its journal alone: while it lives, from any process that can read the file, and afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from filiation.capture.assembly import assemble
from filiation.capture.attempts import Attempt, split_attempts
from filiation.capture.journal import Event, read_journal
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.nodes import Json
from filiation.catalogue.waiting import is_going_on
from filiation.errors import BadInputError, NotFoundError
from filiation.model import Status

RUNNING = "running"
UNSEEN = "running or stopped"
"""There is no end in the journal, and the process is on a machine that this is not."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """The last try of one job.

    Parameters
    ----------
    job, attempt
        Snakemake's number, and which try.
    rule, wildcards
        What it is.
    state
        ``running``, ``done``, ``failed`` or ``stopped``.
    since, until
        When Snakemake started or submitted it, and when it told of its end.
    scheduler_job
        The cluster's job id.
    error
        What it failed with.
    """

    job: int
    attempt: int
    rule: str
    wildcards: tuple[tuple[str, str], ...]
    state: str
    since: datetime
    until: datetime | None = None
    scheduler_job: str | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        """The job for a person: ``count (sample=a)``."""
        wildcards = ", ".join(f"{name}={value}" for name, value in self.wildcards)
        return f"{self.rule} ({wildcards})" if wildcards else self.rule

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "job": self.job,
            "attempt": self.attempt,
            "rule": self.rule,
            "wildcards": dict(self.wildcards),
            "state": self.state,
            "since": self.since.isoformat(),
            "until": None if self.until is None else self.until.isoformat(),
            "scheduler_job": self.scheduler_job,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is, or how it ended.

    Parameters
    ----------
    id
        The run's UUID.
    state
        ``running``, ``running or stopped``, or how it ended: a ``Status`` value.
    started, last, ended
        When it began, when its journal last told something, when it ended.
    now
        When this was worked out.
    folder, host, process
        Where it runs.
    jobs
        In order of first submission.
    planned
        How many jobs of each rule there are to do, those included that checkpoints added so far. Empty if unknown.
    error
        What ended the run.
    torn
        Whether the journal's last line is unfinished: it is being written, or its writer was killed.
    """

    id: str
    state: str
    started: datetime
    last: datetime
    ended: datetime | None
    now: datetime
    folder: str
    host: str
    process: int | None
    jobs: tuple[JobProgress, ...]
    planned: Mapping[str, int]
    error: str | None
    torn: bool

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to come."""
        return self.state not in (RUNNING, UNSEEN)

    @property
    def elapsed(self) -> float:
        """Seconds from the start to the end, or until now; of a killed run, until its last word."""
        until = (self.ended or self.last) if self.is_over else self.now
        return max(0.0, (until - self.started).total_seconds())

    def counts(self) -> dict[str, Counter[str]]:
        """Return how many jobs of each rule are in each state."""
        found: dict[str, Counter[str]] = {}
        for job in self.jobs:
            found.setdefault(job.rule, Counter())[job.state] += 1
        return found

    def expected(self) -> dict[str, int]:
        """Return how many jobs of each rule there are, as far as is known: planned, or begun; empty if unknown."""
        begun = Counter(job.rule for job in self.jobs)
        return (
            {rule: max(begun[rule], number) for rule, number in {**begun, **self.planned}.items()}
            if self.planned
            else {}
        )

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        total = Counter(job.state for job in self.jobs)
        return {
            "run": self.id,
            "state": self.state,
            "over": self.is_over,
            "started": self.started.isoformat(),
            "last": self.last.isoformat(),
            "ended": None if self.ended is None else self.ended.isoformat(),
            "elapsed": round(self.elapsed, 3),
            "folder": self.folder,
            "host": self.host,
            "process": self.process,
            "counts": {state: total[state] for state in _STATES},
            "rules": {rule: {state: count[state] for state in _STATES} for rule, count in self.counts().items()},
            "planned": sum(self.expected().values()) or None,
            "jobs": [job.to_json() for job in self.jobs],
            "error": self.error,
            "torn": self.torn,
        }


_STATES = ("done", "running", "failed", "stopped")


def journals_of(folder: CatalogueFolder, start: str | None) -> tuple[Path, ...]:
    """Return the journals of the runs to tell of: the one that is named, else those going on, else the newest.

    Raises
    ------
    NotFoundError
        If there is no such run, or none at all.
    BadInputError
        If several runs' ids start so.
    """
    journals = {path.stem: path for path in folder.journals.glob("*.jsonl")}
    for crate in folder.list_crates():
        if (crate / "journal.jsonl").is_file():
            journals.setdefault(crate.name, crate / "journal.jsonl")
    if start is not None:
        found = [path for run, path in sorted(journals.items()) if run.startswith(start)]
        if not found:
            raise NotFoundError(f"No run begins with {start!r} in {folder.root}; `filiation runs` lists what there is.")
        if len(found) > 1:
            raise BadInputError(f"{start!r} is the start of {len(found)} runs. Give more of it.")
        return tuple(found)
    written = sorted((path for path in journals.values() if path.stat().st_size), key=lambda path: path.stat().st_mtime)
    # Only a run's own journal grows; the copies in crates are of runs that are over.
    living = [path for path in written if path.parent == folder.journals and not follow(path).is_over]
    if not written:
        raise NotFoundError(f"No run is recorded in {folder.root}. Track one with: snakemake --logger filiation")
    return tuple(living) or (written[-1],)


def follow(path: Path) -> RunProgress:
    """Tell how far a run is.

    Raises
    ------
    NotFoundError
        If there is no such journal, or not one whole event in it yet.
    DamagedJournalError
        If the journal was changed after it was written.
    """
    journal = read_journal(path)
    if not journal.events:
        raise NotFoundError(f"The journal {path} holds no whole event yet.")
    run = assemble(journal)
    last = journal.events[-1]
    going_on = is_going_on(journal)
    state = run.status.value if going_on is False else RUNNING if going_on else UNSEEN
    attempts = split_attempts(journal.events, ())
    latest = {int(attempt.facts["job"]): attempt for attempt in attempts}
    jobs = (_job(number, attempt, over=going_on is False) for number, attempt in latest.items() if _works(attempt))
    return RunProgress(
        id=run.id,
        state=state,
        started=run.started,
        last=last.time,
        ended=run.ended,
        now=datetime.now(UTC),
        folder=run.folder,
        host=run.machine.host,
        process=journal.events[0].data.get("pid"),
        jobs=tuple(jobs),
        planned=_planned(journal.events),
        error=run.error,
        torn=bool(journal.torn),
    )


def _planned(events: Sequence[Event]) -> dict[str, int]:
    """Return what was planned last: a checkpoint changes the plan."""
    planned: dict[str, int] = {}
    for event in events:
        if event.kind == "run_planned":
            planned = event.data["jobs"]
    return dict(planned)


def _works(attempt: Attempt) -> bool:
    """Tell a job from a rule such as ``all``, which runs nothing and makes nothing."""
    return attempt.facts.get("kind") != "none" or bool(attempt.facts.get("output"))


def _job(number: int, attempt: Attempt, *, over: bool) -> JobProgress:
    open_state = "stopped" if over else RUNNING
    state = {Status.FINISHED: "done", Status.TOUCHED: "done", Status.FAILED: "failed"}.get(attempt.status, open_state)
    return JobProgress(
        job=number,
        attempt=attempt.number,
        rule=str(attempt.facts["rule"]),
        wildcards=tuple(sorted((str(k), str(v)) for k, v in attempt.facts.get("wildcards", {}).items())),
        state=state,
        since=attempt.submitted,
        until=attempt.ended,
        scheduler_job=attempt.external,
        error=attempt.error if state == "failed" else None,
    )
