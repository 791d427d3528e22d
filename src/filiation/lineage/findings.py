"""What a check found, to be read by a person and by a program."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.lineage import words
from filiation.model import DigestKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from filiation.catalogue import EntityNode, Json
    from filiation.digest import Difference
    from filiation.model import Digest

LONGEST_LIST: Final = 20
"""So many files or descendants are named in text; the rest are counted, and stand in the JSON form."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A thing that is not as it was recorded.

    Parameters
    ----------
    record
        What was recorded.
    place
        Where it was looked for.
    what
        ``changed``, ``missing`` or ``unreadable``; of an image on a server also ``modified``: something of it was
        changed there, its pixels perhaps not.
    files
        Files of a tree that differ, with paths inside the tree.
    found
        Digest of what is there, where it was worked out.
    problem
        What else is to be said.
    holds
        An older record of the same place whose bytes are there now.
    downstream
        What was made from it, by path.
    """

    record: EntityNode
    place: str
    what: str
    files: tuple[Difference, ...] = ()
    found: Digest | None = None
    problem: str | None = None
    holds: EntityNode | None = None
    downstream: tuple[EntityNode, ...] = ()

    def text(self) -> str:
        """Say it in lines."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        record = self.record
        kind = f" ({record.kind})" if record.kind != "file" else ""
        yield f"{self.what.upper():<10} {words.plain(record.path)}{kind}"
        for difference in self.files[:LONGEST_LIST]:
            yield f"  {difference.what:<10} {words.plain(posixpath.join(self.place, difference.path))}"
        yield from _counted(len(self.files), "  … and {} more files")
        of_pixels = record.digest is None or (self.found is not None and self.found.kind is DigestKind.PIXELS)
        recorded = record.pixels if of_pixels else record.digest
        if recorded is not None:
            found = f", found {words.short(self.found)}" if self.found is not None else ""
            yield f"  recorded {words.short(recorded)} by run {words.run_name(record.crate)}{found}"
        if self.problem is not None:
            yield f"  {words.plain(self.problem)}"
        if self.holds is not None:
            yield f"  what is there now was recorded by run {words.run_name(self.holds.crate)}"
        if self.downstream:
            yield "  made from it:"
        for entity in self.downstream[:LONGEST_LIST]:
            yield f"    {entity.kind:<12} {words.plain(entity.path)}  (run {words.run_name(entity.crate)})"
        yield from _counted(len(self.downstream), "    … and {} more")

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "what": self.what,
            "place": self.place,
            "record": self.record.to_json(),
            "files": [{"path": found.path, "what": found.what} for found in self.files],
            "found": None if self.found is None else str(self.found),
            "problem": self.problem,
            "holds": None if self.holds is None else self.holds.iri,
            "downstream": [entity.to_json() for entity in self.downstream],
        }


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check found.

    Parameters
    ----------
    findings
        Damage: what is not as it was recorded.
    intact
        How many things are.
    size
        Bytes that their records speak of.
    overwritten
        Older records whose place a later run wrote again, each with the record of that run: no damage.
    away
        What the workflow deleted itself, as ``temp()`` asks, or what was away already: no damage.
    unrecorded
        What has no digest to compare with.
    remarks
        What else must be known of how it was looked at.
    """

    findings: tuple[Finding, ...]
    intact: int
    size: int
    overwritten: tuple[tuple[EntityNode, EntityNode], ...] = ()
    away: tuple[EntityNode, ...] = ()
    unrecorded: tuple[EntityNode, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether there is no damage."""
        return not self.findings

    def text(self) -> str:
        """Say it in lines, damage first."""
        lines = [finding.text() for finding in self.findings]
        total = self.intact + len(self.findings)
        lines.append(f"{self.intact} of {total} things are as they were recorded ({words.size(self.size)}).")
        if self.overwritten:
            lines.append(f"{len(self.overwritten)} older records: a later run wrote there again.")
        if self.away:
            lines.append(f"{len(self.away)} things were deleted by the workflow itself.")
        if self.unrecorded:
            lines.append(f"{len(self.unrecorded)} things have no recorded digest.")
        lines += self.remarks
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "intact": self.intact,
            "size": self.size,
            "findings": [finding.to_json() for finding in self.findings],
            "overwritten": [{"old": old.to_json(), "by": new.iri} for old, new in self.overwritten],
            "away": [entity.to_json() for entity in self.away],
            "unrecorded": [entity.to_json() for entity in self.unrecorded],
            "remarks": list(self.remarks),
        }


def _counted(count: int, text: str) -> Iterator[str]:
    if count > LONGEST_LIST:
        yield text.format(count - LONGEST_LIST)
