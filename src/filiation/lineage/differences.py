"""What differs between two runs, or between the lineages of two things: the facts, each with before and after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from filiation.catalogue import Json, RunSummary

SAME_PIXELS = "same pixels, other bytes"
OTHER_VERSIONS = "pixels digested by different versions, so whether they are the same is not told"
UP_TO_DATE = "found up to date"
"""Stands for the jobs of a rule that one run had no need to do, since it found the bytes that the other made."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not the same on both sides.

    Parameters
    ----------
    what
        Its name.
    before, after
        As a person writes it; None where it is not there.
    where
        What it concerns: names of jobs, or rules; empty where it concerns all.
    note
        What else is to be said.
    """

    what: str
    before: str | None
    after: str | None
    where: tuple[str, ...] = ()
    note: str | None = None

    @property
    def kind(self) -> str:
        """``added``, ``removed`` or ``changed``."""
        return "added" if self.before is None else "removed" if self.after is None else "changed"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        told: dict[str, Json] = {
            "what": self.what, "kind": self.kind, "before": self.before, "after": self.after,
        }  # fmt: skip
        return told | ({"where": list(self.where)} if self.where else {}) | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A source file that is not the same on both sides.

    Parameters
    ----------
    path
        As the workflow names it.
    before, after
        SHA-256 of it; None where it is not there, or the crate does not tell.
    kind
        ``added``, ``removed`` or ``changed``.
    lines
        The changed lines in the form of ``diff -u``; None where a crate does not carry the text.
    """

    path: str
    before: str | None
    after: str | None
    kind: str
    lines: tuple[str, ...] | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        lines: Json = None if self.lines is None else list(self.lines)
        return {"path": self.path, "kind": self.kind, "before": self.before, "after": self.after, "lines": lines}


@dataclass(frozen=True, slots=True)
class Replaced:
    """A step that stands in another's place: it takes from the same and gives to the same.

    Parameters
    ----------
    before, after
        Names of the rules.
    """

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the jobs of a rule took in all.

    Parameters
    ----------
    rule
        Name of the rule.
    jobs
        How many ran, before and after.
    seconds
        In all, before and after; None where that is not known.
    """

    rule: str
    jobs: tuple[int, int]
    seconds: tuple[float | None, float | None]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"rule": self.rule, "jobs": list(self.jobs), "seconds": list(self.seconds)}


Changes: TypeAlias = "tuple[Change, ...]"


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two runs, or the lineages of two things.

    Parameters
    ----------
    first, second
        What was compared, as it was named.
    runs
        The runs that tell of the first, and of the second.
    facts
        Who, where, which version of the workflow, how it ended.
    steps
        Rules that are added or removed, and connections between rules; a rule that only changed its number of jobs
        is changed.
    replaced
        Rules among the added and removed that stand in each other's place.
    parameters
        By rule and name; ``where`` are the jobs.
    code
        Sources of the workflow: code, configuration, environment files.
    software
        Packages, containers and environments; ``where`` are the rules.
    inputs, outputs
        What nothing in the comparison made, and what was made; by path.
    alike
        How many inputs and outputs are byte for byte the same.
    times
        By rule, for those that both have.
    """

    first: str
    second: str
    runs: tuple[tuple[RunSummary, ...], tuple[RunSummary, ...]]
    facts: Changes = ()
    steps: Changes = ()
    replaced: tuple[Replaced, ...] = ()
    parameters: Changes = ()
    code: tuple[CodeChange, ...] = ()
    software: Changes = ()
    inputs: Changes = ()
    outputs: Changes = ()
    alike: tuple[int, int] = (0, 0)
    times: tuple[Timing, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing differs that could make a result differ: who, when and how much was done do not count."""
        steps = [change for change in self.steps if UP_TO_DATE not in (change.before, change.after)]
        return not (steps or self.parameters or self.code or self.software or self.inputs or self.outputs)

    def text(self) -> str:
        """Tell what differs, section by section, what is decisive first."""
        from filiation.lineage.difference_text import tell

        return tell(self)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        first, second = self.runs
        return {
            "first": self.first,
            "second": self.second,
            "runs": [[run.to_json() for run in first], [run.to_json() for run in second]],
            "same": self.is_same,
            "facts": [change.to_json() for change in self.facts],
            "steps": [change.to_json() for change in self.steps],
            "replaced": [{"before": found.before, "after": found.after} for found in self.replaced],
            "parameters": [change.to_json() for change in self.parameters],
            "code": [change.to_json() for change in self.code],
            "software": [change.to_json() for change in self.software],
            "inputs": [change.to_json() for change in self.inputs],
            "outputs": [change.to_json() for change in self.outputs],
            "alike": {"inputs": self.alike[0], "outputs": self.alike[1]},
            "times": [timing.to_json() for timing in self.times],
        }
