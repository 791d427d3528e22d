"""What an audit has to go through: every run as its crate or journal tells it, and what is wrong with those."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from filiation.capture.assembly import assemble
from filiation.capture.journal import Event, Journal, read_journal
from filiation.catalogue import CatalogueFolder, identify
from filiation.catalogue.waiting import is_going_on
from filiation.crate import read_crate
from filiation.errors import DamagedJournalError, FiliationError
from filiation.lineage.audit_findings import AuditFinding, Severity
from filiation.model import Status, WorkflowRun

# Clocks that are kept by the network step by less; a step of more than this is told.
_CLOCK_STEP: Final = timedelta(seconds=2)


@dataclass(slots=True)
class Gathered:
    """Every run that is over, and the findings that need nothing else.

    Parameters
    ----------
    runs
        As recorded; those without a crate from their journals.
    unpacked
        Ids of the runs without a crate.
    findings
        On journals and crates.
    """

    runs: list[WorkflowRun] = field(default_factory=list)
    unpacked: set[str] = field(default_factory=set)
    findings: list[AuditFinding] = field(default_factory=list)


def gather(folder: CatalogueFolder) -> Gathered:
    """Read every crate of ours and every journal; what cannot be read becomes a finding."""
    gathered = Gathered()
    for crate in folder.list_crates():
        try:
            if identify(crate).own:
                gathered.runs.append(read_crate(crate))
        except FiliationError as error:
            gathered.findings.append(_unreadable(crate, error))
    packed = {run.id for run in gathered.runs}
    for path in sorted(folder.journals.glob("*.jsonl")):
        gathered.findings += _journal(path, folder, packed, gathered)
    return gathered


def _unreadable(crate: Path, error: FiliationError) -> AuditFinding:
    return AuditFinding(
        Severity.SERIOUS,
        "crate-unreadable",
        f"The crate cannot be read: {error}",
        str(crate),
        "Restore it from a copy, or, if the journal is still there, move the crate away and make it again: "
        f"filiation pack {crate.name}",
        run=crate.name,
    )


def _journal(path: Path, folder: CatalogueFolder, packed: set[str], gathered: Gathered) -> Iterator[AuditFinding]:
    run = path.stem
    try:
        journal = read_journal(path)
    except (DamagedJournalError, OSError) as error:
        yield AuditFinding(
            Severity.SERIOUS,
            "journal-damaged",
            str(error),
            str(path),
            "Restore it from a copy; the copy in the run's crate, if it has one, is as it was when the run was packed.",
            run=run,
        )
        return
    if is_going_on(journal):
        return
    if run not in packed and journal.events:
        yield from _not_packed(journal, gathered)
    yield from _against_copy(journal, folder.crates / run / "journal.jsonl")
    yield from _clock(journal)
    if journal.torn:
        yield AuditFinding(
            Severity.NOTE,
            "journal-torn",
            f"The last line was never finished ({journal.torn} bytes); the {len(journal.events)} events before it "
            "verify.",
            str(path),
            "Nothing: the main process was stopped while it wrote.",
            run=run,
        )


def _not_packed(journal: Journal, gathered: Gathered) -> Iterator[AuditFinding]:
    run = journal.path.stem
    gathered.unpacked.add(run)
    try:
        gathered.runs.append(assemble(journal))
    except FiliationError as error:
        yield AuditFinding(
            Severity.SERIOUS, "journal-damaged", str(error), str(journal.path), "Restore it from a copy.", run=run
        )
        return
    yield AuditFinding(
        Severity.WARNING,
        "not-packed",
        "The run has a journal and no crate, so no question is answered from it yet.",
        str(journal.path),
        f"filiation pack {run[:8]}",
        run=run,
        evidence=(f"last event: {journal.events[-1].kind} at {journal.events[-1].time:%Y-%m-%d %H:%M:%S} UTC",),
    )


def _against_copy(journal: Journal, copy: Path) -> Iterator[AuditFinding]:
    """Compare a journal with its copy in the crate: it only ever grows."""
    if not copy.is_file():
        return
    kept, now = copy.read_bytes(), journal.path.read_bytes()
    if now.startswith(kept):
        return
    shorter = kept.startswith(now)
    yield AuditFinding(
        Severity.SERIOUS,
        "journal-differs",
        "The journal is shorter than when the run was packed: lines were cut off at its end."
        if shorter
        else "The journal is not the one that the run was packed from, though its own chain verifies.",
        str(journal.path),
        f"Find out who changed which; the copy is {copy}.",
        run=journal.path.stem,
        evidence=(f"journal: {len(now)} bytes", f"copy in the crate: {len(kept)} bytes"),
    )


def _clock(journal: Journal) -> Iterator[AuditFinding]:
    """Find events whose wall clock is before that of an earlier one: the monotonic clock tells the order."""
    before: Event | None = None
    for event in journal.events:
        if before is not None and before.time - event.time > _CLOCK_STEP:
            yield AuditFinding(
                Severity.WARNING,
                "times",
                f"The clock was set back by {(before.time - event.time).total_seconds():.0f} s during the run: times "
                "after it do not compare with those before.",
                str(journal.path),
                "Order events by their sequence number, not by time; find out who sets the machine's clock.",
                run=journal.path.stem,
                evidence=(
                    f"event {before.sequence} ({before.kind}) at {before.time.isoformat()}",
                    f"event {event.sequence} ({event.kind}) at {event.time.isoformat()}",
                ),
            )
            return
        before = event


def place_of(run: WorkflowRun, path: str, home: Path) -> Path:
    """Return where a thing of a run is now: beside the catalogue, if the run's folder was moved with it."""
    folder = Path(run.folder)
    if path.startswith("/") or folder.exists():
        return folder / path
    return home / path


def recorded_place(run: WorkflowRun, path: str) -> str:
    """Return where a thing of a run was when it was recorded, as the catalogue's index writes it."""
    return posixpath.join(run.folder, path)


def unfinished_statuses() -> frozenset[Status]:
    """Return how actions end that leave nothing to rely on."""
    return frozenset({Status.FAILED, Status.INTERRUPTED})
