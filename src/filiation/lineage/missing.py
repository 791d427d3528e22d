"""What is told when a person's word stands for nothing, for several things, or for what is there no more."""

from __future__ import annotations

import posixpath
import re
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import EntityNode, Joining, LineageIndex, RunSummary, shown_time
from filiation.errors import BadInputError
from filiation.lineage import words
from filiation.model import Digest, Status
from filiation.model.sentences import OR, Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from filiation.catalogue.versions import Version

_HINTS: Final = 5
"""Things of a name that a message lists."""
_LISTED: Final = 10
"""Names that a word may be the start of, and that a message lists."""
_LOOKED_THROUGH: Final = 10
"""Runs, the newest, among whose paths a slip of the pen is looked for."""
_ALIKE: Final = 3
"""Paths much like what was written that a message offers."""
_LIKENESS: Final = 0.85
"""How much alike they are at least, as ``difflib`` measures it: a letter or two of a path."""
_IN_CRATE: Final = re.compile(r"arcp://uuid,[0-9a-f-]{36}/")


class Missing:
    """Tells what the catalogue knows of a word that it cannot answer for, and what to do next.

    Parameters
    ----------
    index, joining
        Where to look.
    """

    def __init__(self, index: LineageIndex, joining: Joining) -> None:
        self._index = index
        self._joining = joining

    def advice(self, places: tuple[str, ...]) -> str:
        """Return what to do about something at a place that no run told of."""
        unfinished = [
            f"{run.id[:8]} ({run.status})"
            for run in self._index.runs()
            if run.status in (Status.FAILED, Status.INTERRUPTED)
            and run.folder is not None
            and any(Path(place).is_relative_to(run.folder) for place in places)
        ]
        if unfinished:
            return Sentence(
                "Run {unfinished} of that folder did not finish, and what a job that did not finish leaves "
                "is claimed by none: `filiation audit` says whether this is such a leftover, and of which "
                "job.",
                unfinished=unfinished[0],
            )
        return Sentence("Run the workflow with `--logger filiation`, or ingest the crate that tells of it.")

    def not_there(self, thing: str, seen: Iterable[EntityNode]) -> str:
        """Return that what was recorded at a path is not there now."""
        when = shown_time(max(map(self._joining.began, seen)))
        return Sentence("{thing} is not there now; this is what the run of {when} recorded.", thing=thing, when=when)

    def other_since(self, thing: str, seen: Iterable[EntityNode]) -> str:
        """Return that a path had other bytes at the time that is asked about than it has now."""
        when = shown_time(max(map(self._joining.began, seen)))
        return Sentence(
            "{thing} has other bytes now; this is what the run of {when} recorded there.", thing=thing, when=when
        )

    def changed(self, thing: str, seen: Sequence[EntityNode], digest: Digest | None) -> str:
        """Return that a path has other bytes now than any that were recorded there."""
        newest = max(seen, key=lambda node: (self._joining.began(node), node.iri))
        run = self._joining.run_of(newest)
        if newest.digest is None:
            return Sentence(
                "{thing} is known, but no digest of it was recorded (run {run}, {presence}), so nothing says "
                "that what is there now ({digest}) is the same. Its recorded lineage: `filiation trace "
                "{newest}`.",
                thing=thing,
                run=_shown_run(run),
                presence=Sentence.term(newest.presence or ""),
                digest=shown_digest(digest),
                newest=newest.iri,
            )
        return Sentence(
            "{thing} has changed since the run {run} recorded it: recorded {digest}, found {found}, "
            "which no run recorded. `filiation check {thing}` names what differs; the lineage of what "
            "was recorded: `filiation trace {digest}`.",
            thing=thing,
            run=_shown_run(run),
            digest=newest.digest,
            found=shown_digest(digest),
        )

    def nothing(self, thing: str) -> str:
        """Return that nothing is called so, with names much like it and former crates."""
        name = posixpath.basename(thing.rstrip("/"))
        known = (self._index.paths_named(name) or self._index.facts.things_named(name, _HINTS)) if name else ()
        hints: list[str] = [Sentence("Of that name are known: {names}.", names=tuple(known))] if known else []
        alike = () if known else self._alike(thing)
        if alike:
            hints += [Sentence("Did you mean {names}?", names=Sentence.joined(alike, OR))]
        hints += map(words.former_crate, self._former(thing)[-1:])
        nothing = Sentence(
            "Nothing in the catalogue is called {thing!r}: there is no such path, digest, IRI or run.", thing=thing
        )
        advice = Sentence("`filiation runs` lists the runs, `filiation show RUN` what they used and made.")
        return Sentence.joined((nothing, *hints, advice))

    def _alike(self, thing: str) -> tuple[str, ...]:
        """Return paths of the newest runs that differ from a written one by a slip, the likest first."""
        newest = self._index.newest_runs(0, _LOOKED_THROUGH)
        told = {node.path for run in newest for node in self._index.entities(crate=run.iri)}
        return tuple(get_close_matches(thing, sorted(told), n=_ALIKE, cutoff=_LIKENESS))

    def digest(self, digest: Digest) -> str:
        """Return that nothing has a digest; it may be that of a former crate's metadata."""
        former = [each for each in self._index.former_versions() if each.digest == str(digest)]
        unknown = Sentence("No thing with the digest {digest} in the catalogue.", digest=digest)
        return Sentence.joined((unknown, *map(words.former_crate, former[-1:])))

    def _former(self, thing: str) -> list[Version]:
        """Return the crates that do not hold any more and that an IRI names, or something in them, the oldest first."""
        named = _IN_CRATE.match(thing)
        former = [each for each in self._index.versions(named[0]) if each.until is not None] if named else []
        return [each for each in former if each.iri == thing] or former


def ambiguous(text: str, candidates: Iterable[str]) -> BadInputError:
    """Return the error that a word is the start of several names.

    Parameters
    ----------
    text
        The word.
    candidates
        The names.
    """
    listed = sorted(candidates)
    more = Sentence(", and {count} more", count=len(listed) - _LISTED) if len(listed) > _LISTED else ""
    return BadInputError(
        Sentence(
            "{text!r} is the start of {count} names: {listed}{more}. Write more of it.",
            text=text,
            count=len(listed),
            listed=tuple(listed[:_LISTED]),
            more=more,
        )
    )


def shown_digest(digest: Digest | None) -> str:
    """Return what was found at a path, as a message says it."""
    return Sentence("nothing that can be read") if digest is None else str(digest)


def _shown_run(run: RunSummary | None) -> str:
    if run is None:
        return "unknown"
    return (
        run.id if run.started is None else Sentence("{run} of {started}", run=run.id, started=shown_time(run.started))
    )
