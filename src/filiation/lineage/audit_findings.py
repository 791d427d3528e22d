"""What an audit found, to be read by a person and by a program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from filiation.lineage import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filiation.catalogue import Json


class Severity(StrEnum):
    """How much a finding matters."""

    SERIOUS = "serious"
    """Something is not what it is taken for: it must be looked into before results are relied on."""
    WARNING = "warning"
    """Something is missing from the record, or has to be done."""
    NOTE = "note"
    """Good to know; nothing has to be done."""


ORDER: Final = tuple(Severity)


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """One thing that an auditor must know.

    Parameters
    ----------
    severity
        How much it matters.
    kind
        A short name that stays the same between versions, for example ``left-behind``.
    what
        What was found, in a sentence.
    where
        The place or file that it is about.
    advice
        What to do.
    run
        Id of the run that the record is of.
    action
        IRI of the action.
    evidence
        What the finding rests on, one fact each.
    """

    severity: Severity
    kind: str
    what: str
    where: str
    advice: str
    run: str | None = None
    action: str | None = None
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "severity": self.severity.value,
            "kind": self.kind,
            "what": self.what,
            "where": self.where,
            "advice": self.advice,
            "run": self.run,
            "action": self.action,
            "evidence": list(self.evidence),
        }

    def lines(self) -> Iterator[str]:
        """Say it in lines."""
        yield f"{self.severity.upper():<8} {words.plain(self.where)}  [{self.kind}]"
        yield f"  {words.plain(self.what)}"
        for fact in self.evidence:
            yield f"  - {words.plain(fact)}"
        if self.run is not None:
            action = f", {self.action.rpartition('/')[2]}" if self.action else ""
            yield f"  recorded by run {self.run[:8]}{action}"
        yield f"  > {words.plain(self.advice)}"


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Parameters
    ----------
    findings
        The serious ones first.
    runs, things
        How many runs and places were looked at.
    place
        What a place is called.
    """

    findings: tuple[AuditFinding, ...]
    runs: int
    things: int
    place: str = "place"

    def count(self, severity: Severity) -> int:
        """Return the number of findings of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def is_clean(self, *, strict: bool = False) -> bool:
        """Tell whether nothing serious and no warning was found; ``strict`` counts notes too."""
        return not any(strict or finding.severity is not Severity.NOTE for finding in self.findings)

    def text(self) -> str:
        """Say it in lines, the serious findings first."""
        lines = ["\n".join(finding.lines()) for finding in self.findings]
        counts = (
            f"{self.count(Severity.SERIOUS)} serious, {words.counted(self.count(Severity.WARNING), 'warning')}, "
            f"{words.counted(self.count(Severity.NOTE), 'note')}"
        )
        looked = f"{words.counted(self.runs, 'run')} and {words.counted(self.things, self.place)}"
        lines.append(f"Looked at {looked}: {counts}.")
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "runs": self.runs,
            "things": self.things,
            "counts": {severity.value: self.count(severity) for severity in ORDER},
            "findings": [finding.to_json() for finding in self.findings],
        }
