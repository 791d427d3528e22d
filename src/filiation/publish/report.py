"""What an auditor takes away on paper: an answer, the records that it rests on, and how each of them was checked.

Everything in it is a value; :mod:`filiation.publish.report_page` makes a page of it and
:mod:`filiation.publish.report_pdf` a document.
"""

from __future__ import annotations

import platform
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.catalogue import CatalogueFolder, EntityNode
from filiation.catalogue.crate_gaps import Gap, gaps_of
from filiation.catalogue.log import read_log
from filiation.crate import METADATA
from filiation.crate.metadata import read_metadata
from filiation.crate.seals import Evidence, Outcome, SealReport, verify_crate
from filiation.digest import digest_file
from filiation.errors import FiliationError
from filiation.lineage import words
from filiation.lineage.story import tell

if TYPE_CHECKING:
    from filiation.catalogue import Json
    from filiation.lineage import Ledger
    from filiation.lineage.answers import Lineage
    from filiation.lineage.findings import CheckReport

_BEGIN: Final = "arcp://uuid,"


class State(StrEnum):
    """What the report comes to, in a word; the worst of what was found."""

    CHANGED = "changed"
    """Something is not as it was recorded, or sealed."""
    MISSING = "missing"
    """Something that was recorded is not where it was."""
    UNREAD = "not read again"
    """Nothing was compared with its record."""
    UNSIGNED = "not all signed"
    """All is as it was recorded, and not every record has a seal that somebody signed who is known."""
    HOLDS = "as recorded and signed"
    """All is as it was recorded, and every record is sealed and signed by somebody on the list of signers."""


@dataclass(frozen=True, slots=True)
class RecordLooked:
    """A crate that the answer rests on.

    Parameters
    ----------
    run
        Its id.
    name
        For a person.
    metadata
        Digest of its metadata file as it is now; None if it is not there.
    seals
        What its seals prove; None if it cannot be read.
    problem
        Why it cannot be read.
    """

    run: str
    name: str
    metadata: str | None
    seals: SealReport | None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "run": self.run,
            "name": self.name,
            "metadata": self.metadata,
            "seals": None if self.seals is None else self.seals.to_json(),
            "problem": self.problem,
        }


@dataclass(frozen=True, slots=True)
class LogLooked:
    """The catalogue's log of what was done, looked at.

    Parameters
    ----------
    lines
        How many there are.
    faults
        Where its chain is broken.
    """

    lines: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """An answer with all that it rests on.

    Parameters
    ----------
    thing
        What was asked about, as it was asked.
    asked_by
        Who asked.
    asked
        When, in UTC.
    as_of
        The time as of which the catalogue was asked; None for the present.
    language
        Of the sentences.
    sentences
        The answer in words.
    lineage
        The same for pictures and tables.
    check
        What came of reading all bytes again; None if that was not asked for, or were too many.
    records
        The crates that it rests on.
    gaps
        What those leave open or contradict.
    log
        The catalogue's own log.
    software
        What wrote the report.
    """

    thing: str
    asked_by: str
    asked: datetime
    as_of: datetime | None
    language: str
    sentences: tuple[str, ...]
    lineage: Lineage
    check: CheckReport | None
    records: tuple[RecordLooked, ...]
    gaps: tuple[Gap, ...]
    log: LogLooked
    software: str

    @property
    def root(self) -> EntityNode | None:
        """The thing itself; None if it is a job or a run."""
        found = self.lineage.by_iri[self.lineage.roots[0]]
        return found if isinstance(found, EntityNode) else None

    @property
    def state(self) -> State:
        """What it comes to, the worst first."""
        bad = (Outcome.CHANGED, Outcome.BAD_SIGNATURE)
        found = {finding.what for finding in self.check.findings} if self.check is not None else set()
        unlike = any(record.seals is None or record.seals.outcome in bad for record in self.records)
        if unlike or found - {"missing"}:
            return State.CHANGED
        if found:
            return State.MISSING
        if self.check is None:
            return State.UNREAD
        held = all(record.seals is not None and record.seals.holds for record in self.records)
        return State.HOLDS if held else State.UNSIGNED

    @property
    def named(self) -> str:
        """The thing as an argument of a shell."""
        return words.plain(shlex.quote(self.thing))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "thing": self.thing,
            "asked_by": self.asked_by,
            "asked": self.asked.isoformat(),
            "as_of": None if self.as_of is None else self.as_of.isoformat(),
            "state": self.state.value,
            "sentences": list(self.sentences),
            "lineage": self.lineage.to_json(),
            "check": None if self.check is None else self.check.to_json(),
            "records": [record.to_json() for record in self.records],
            "gaps": [_gap_to_json(gap) for gap in self.gaps],
            "log": {"lines": self.log.lines, "faults": list(self.log.faults)},
            "software": self.software,
        }


def _gap_to_json(gap: Gap) -> Json:
    return {"kind": gap.kind, "what": gap.what, "detail": gap.detail, "count": gap.count}


def make_report(
    ledger: Ledger,
    thing: str,
    *,
    asked_by: str,
    language: str = "en",
    most: int | None = None,
    signers: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Ask where a thing comes from, and look at all that the answer rests on.

    Parameters
    ----------
    ledger
        The catalogue.
    thing
        As for ``trace``.
    asked_by
        Who asks.
    language
        ``en`` or ``fr``.
    most
        So many bytes are read again at most, or none of them; 0 to read none, None for all.
    signers
        The list of those who may sign (``ssh-keygen``'s ``allowed_signers``); without one no signature counts, and it
        is told which key it is by.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    NotFoundError
        If the catalogue has nothing of that name.
    """
    lineage = ledger.trace(thing)
    check = None if most == 0 else ledger.check_lineage(lineage, most=most, progress=progress)
    segments = read_log(ledger.folder)
    faults = tuple(words.plain(f"{each.name}: {fault}") for each in segments for fault in each.faults)
    return Report(
        thing=thing,
        asked_by=asked_by,
        asked=datetime.now(UTC).replace(microsecond=0),
        as_of=ledger.as_of,
        language=language,
        sentences=tell(lineage, language),
        lineage=lineage,
        check=check,
        records=tuple(_look(CatalogueFolder(ledger.folder), iri, signers) for iri in _crates(lineage)),
        gaps=tuple(dict.fromkeys(gaps_of(lineage.actions, lineage.entities, lineage.edges))),
        log=LogLooked(sum(len(each.events) for each in segments), faults),
        software=f"filiation {version('filiation')}, Python {platform.python_version()}",
    )


def _crates(lineage: Lineage) -> list[str]:
    named = {node.crate for node in lineage.nodes} | {edge.crate for edge in lineage.edges}
    return sorted(named | {action.crate for action in lineage.reproductions})


def _look(folder: CatalogueFolder, iri: str, signers: Path | None) -> RecordLooked:
    run = iri.removeprefix(_BEGIN).rstrip("/")
    crate = folder.crates / run
    try:
        metadata = str(digest_file(crate / METADATA))
        seals = verify_crate(crate, evidence=Evidence(signers))
        return RecordLooked(run, _name(crate) or run[:8], metadata, seals)
    except FiliationError as error:
        return RecordLooked(run, run[:8], None, None, str(error))


def _name(crate: Path) -> str:
    graph = read_metadata(crate)["@graph"]
    return str(next((entity.get("name") for entity in graph if entity.get("@id") == "./"), None) or "")
