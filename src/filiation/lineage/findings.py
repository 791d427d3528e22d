"""What a check found, to be read by a person and by a program."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from filiation.lineage import words
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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

    def text(self, said: Callable[[str], str] = str) -> str:
        """Say it in lines.

        Parameters
        ----------
        said
            Says a :class:`~filiation.model.sentences.Sentence` in the language that is wanted.
        """
        return "\n".join(map(said, self.lines))

    @property
    def lines(self) -> Iterator[str]:
        """Each line of it."""
        record = self.record
        what, path = Sentence.term(self.what.upper()), words.plain(record.path)
        if record.kind == "file":
            yield Sentence("{what:<10} {path}", what=what, path=path)
        else:
            yield Sentence("{what:<10} {path} ({kind})", what=what, path=path, kind=Sentence.term(record.kind))
        for difference in self.files[:LONGEST_LIST]:
            place = words.plain(posixpath.join(self.place, difference.path))
            yield Sentence("  {what:<10} {path}", what=Sentence.term(difference.what), path=place)
        if (more := len(self.files) - LONGEST_LIST) > 0:
            yield Sentence("  … and {more} more files", more=more)
        of_pixels = record.digest is None or (self.found is not None and self.found.kind.is_of_pixels)
        recorded = record.pixels if of_pixels else record.digest
        if recorded is not None:
            then, run = words.short(recorded), words.run_name(record.crate)
            if self.found is None:
                yield Sentence("  recorded {recorded} by run {run}", recorded=then, run=run)
            else:
                now = words.short(self.found)
                yield Sentence("  recorded {recorded} by run {run}, found {found}", recorded=then, run=run, found=now)
        if self.problem is not None:
            yield f"  {words.plain(self.problem)}"
        if self.holds is not None:
            run = words.run_name(self.holds.crate)
            yield Sentence("  what is there now was recorded by run {run}", run=run)
        if self.downstream:
            yield Sentence("  made from it:")
        for entity in self.downstream[:LONGEST_LIST]:
            yield Sentence(
                "    {kind:<12} {path}  (run {run})",
                kind=Sentence.term(entity.kind),
                path=words.plain(entity.path),
                run=words.run_name(entity.crate),
            )
        if (more := len(self.downstream) - LONGEST_LIST) > 0:
            yield Sentence("    … and {more} more", more=more)

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
