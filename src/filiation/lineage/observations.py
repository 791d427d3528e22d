"""What was noticed over the whole catalogue: one line each, with what it concerns and who tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from filiation.catalogue import Json
from filiation.lineage import words
from filiation.model.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Observation:
    """Something that was noticed.

    Parameters
    ----------
    kind
        What sort of thing it is, such as ``no agent`` or ``code``.
    what
        The thing, job or rule that it concerns, as a person names it.
    detail
        The facts.
    iris
        Everything that it concerns, sorted.
    crates
        IRIs of the crates that tell of it, sorted.
    count
        How many things or jobs it concerns.
    seconds, size
        Time and bytes that it stands for, where that is meant.
    """

    kind: str
    what: str
    detail: str
    iris: tuple[str, ...]
    crates: tuple[str, ...]
    count: int = 1
    seconds: float | None = None
    size: int | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON; what is not known is left out."""
        told: dict[str, Json] = {
            "kind": self.kind,
            "what": self.what,
            "detail": self.detail,
            "count": self.count,
            "iris": list(self.iris),
            "crates": list(self.crates),
        }
        measured: dict[str, Json] = {"seconds": self.seconds, "size": self.size}
        return told | {name: value for name, value in measured.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Observations:
    """All that was noticed of one sort.

    Parameters
    ----------
    title
        What was looked for, in words.
    found
        The gravest first.
    looked_at
        How many things or jobs were looked at.
    told
        How many things or jobs each kind concerns, where ``found`` is not all of it.
    lines
        Of how many ``found`` is a part; None if it is all.
    """

    title: str
    found: tuple[Observation, ...]
    looked_at: int = 0
    told: Mapping[str, int] | None = None
    lines: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many things or jobs each kind concerns."""
        if self.told is not None:
            return dict(self.told)
        counts: Counter[str] = Counter()
        for each in self.found:
            counts[each.kind] += each.count
        return dict(counts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :attr:`rows`."""
        return ("kind", "what", "detail", "run")

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """One a line."""
        return tuple(
            (each.kind, each.what, each.detail, ", ".join(words.run_name(crate) for crate in each.crates[:3]))
            for each in self.found
        )

    @property
    def summary(self) -> str:
        """How much there is in all."""
        if not self.counts:
            return Sentence("None, of {count} looked at.", count=self.looked_at)
        told = ((Sentence.term(kind), count) for kind, count in self.counts.items())
        kinds = tuple(Sentence("{count} {kind}", count=count, kind=kind) for kind, count in told)
        parts = [Sentence("{kinds}, of {count} looked at", kinds=kinds, count=self.looked_at)]
        spent = [each.seconds for each in self.found if each.seconds is not None]
        kept = [each.size for each in self.found if each.size is not None]
        parts += [Sentence("{time} of computing", time=words.duration(sum(spent)))] if spent else []
        parts += [Sentence("{size} on disk", size=words.size(sum(kept)))] if kept and sum(kept) else []
        return Sentence("{parts}.", parts=Sentence.joined(parts, "; "))

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "title": self.title,
            "looked_at": self.looked_at,
            "counts": dict(self.counts),
            "lines": len(self.found) if self.lines is None else self.lines,
            "found": [each.to_json() for each in self.found],
        }
