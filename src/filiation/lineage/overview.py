"""What a catalogue comes to: runs over time and how they ended, what failed, what was made, and by whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from filiation.catalogue import Json, LineageIndex
from filiation.catalogue.summary import KINDS, RULES, DayOfRuns, Tally, WorkOf
from filiation.errors import BadInputError
from filiation.model import Status
from filiation.model.sentences import Sentence

PERIODS: Final = ("day", "week", "month")
MOST: Final = 60
"""Bars that are drawn; what was before them is told as one."""
OTHER: Final = "other"
ENDINGS: Final = (Status.FINISHED.value, Status.FAILED.value, Status.INTERRUPTED.value, OTHER)
"""How runs end, in the order in which bars are stacked: touched and of unknown end are the last."""


@dataclass(frozen=True, slots=True)
class Period:
    """The runs that began in a day, week or month.

    Parameters
    ----------
    name
        Such as ``2026-03-01``, ``2026-W09`` or ``2026-03``; ``before`` and ``no date`` for what is in no other.
    finished, failed, interrupted, other
        How many ended so; ``other`` only touched files, or nobody saw their end.
    jobs, jobs_failed
        Attempts of jobs of these runs, and those that failed.
    """

    name: str
    finished: int = 0
    failed: int = 0
    interrupted: int = 0
    other: int = 0
    jobs: int = 0
    jobs_failed: int = 0

    @property
    def runs(self) -> int:
        """How many there were."""
        return self.finished + self.failed + self.interrupted + self.other

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "name": self.name,
            "finished": self.finished,
            "failed": self.failed,
            "interrupted": self.interrupted,
            "other": self.other,
            "jobs": self.jobs,
            "jobs_failed": self.jobs_failed,
        }


@dataclass(frozen=True, slots=True)
class Overview:
    """What a catalogue comes to.

    Parameters
    ----------
    by
        ``day``, ``week`` or ``month``.
    periods
        The oldest first, those without any run too.
    rules
        Jobs by rule, those that failed most first.
    kinds
        What was made by kind, the most bytes first; what was made twice counts twice, wherever it is now.
    people
        Whose runs, those with the most first.
    """

    by: str
    periods: tuple[Period, ...]
    rules: tuple[Tally, ...]
    kinds: tuple[Tally, ...]
    people: tuple[WorkOf, ...]

    @property
    def failing(self) -> tuple[Tally, ...]:
        """The rules of which jobs failed."""
        return tuple(rule for rule in self.rules if rule.amount)

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return sum(period.runs for period in self.periods)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "by": self.by,
            "periods": [period.to_json() for period in self.periods],
            "rules": [{"rule": rule.name, "jobs": rule.count, "failed": rule.amount} for rule in self.rules],
            "kinds": [{"kind": kind.name, "made": kind.count, "bytes": kind.amount} for kind in self.kinds],
            "people": [
                {"agent": who.agent, "runs": who.runs, "jobs": who.jobs, "failed": who.failed, "first": who.first,
                 "last": who.last}
                for who in self.people
            ],
        }  # fmt: skip


def look_over(index: LineageIndex, by: str | None = None) -> Overview:
    """Count over all runs, from what was counted of each crate when it came in.

    Parameters
    ----------
    index
        The index.
    by
        One of :data:`PERIODS`; None for the shortest of which all fit into a picture.

    Raises
    ------
    BadInputError
        If it is none of these.
    """
    if by not in (None, *PERIODS):
        raise BadInputError(
            Sentence("Runs are told by {listed}; {by!r} is none of these.", listed=", ".join(PERIODS), by=by)
        )
    days = index.runs_by_day_and_status()
    known = sorted({day for row in days if (day := _day(row.day)) is not None})
    by = by or _fitting(known)
    return Overview(by, _periods(days, known, by), index.tally(RULES), index.tally(KINDS), index.work_by_agent())


def _fitting(days: list[date]) -> str:
    span = (days[-1] - days[0]).days + 1 if days else 1
    return "day" if span <= MOST else "week" if span <= 7 * MOST else "month"


def _periods(rows: Iterable[DayOfRuns], known: list[date], by: str) -> tuple[Period, ...]:
    names = _names(known, by)
    counted: dict[str, dict[str, int]] = {name: {} for name in names}
    for row in rows:
        day = _day(row.day)
        name = "no date" if day is None else _name(day, by)
        found = counted.setdefault(name if name in counted or day is None else "before", {})
        ending = row.status if row.status in ENDINGS else OTHER
        for key, number in ((ending, row.runs), ("jobs", row.jobs), ("jobs_failed", row.failed)):
            found[key] = found.get(key, 0) + number
    first = [name for name in ("no date", "before") if name in counted]
    return tuple(Period(name, **counted[name]) for name in (*first, *names))


def _names(days: list[date], by: str) -> list[str]:
    """Return the last periods that are drawn, also those in which nothing ran."""
    if not days:
        return []
    found: dict[str, None] = {}
    day = days[-1]
    while day >= days[0] and len(found) <= MOST:
        found.setdefault(_name(day, by))
        day -= timedelta(days=1)
    return sorted(list(found)[:MOST])


def _name(day: date, by: str) -> str:
    if by == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day:%Y-%m}" if by == "month" else day.isoformat()


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
