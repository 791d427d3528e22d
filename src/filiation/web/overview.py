"""The overview: what the catalogue comes to, as charts with a table under each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query

from filiation.catalogue import Json
from filiation.lineage import words as facts
from filiation.lineage.overview import PERIODS, Overview, Period
from filiation.web.charts import Chart, Part, bars, columns
from filiation.web.questions import Asked
from filiation.web.twins import twins
from filiation.web.words import _

router = APIRouter(tags=["overview"])

DRAWN: Final = 15
"""Bars of rules, kinds and people that are drawn; the tables have more."""
_STYLES: Final = (("finished", "good"), ("failed", "bad"), ("interrupted", "unsure"), ("other", "soft"))


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """What the catalogue comes to.

    Parameters
    ----------
    overview
        In numbers.
    """

    overview: Overview

    @property
    def choices(self) -> tuple[str, ...]:
        """By what runs can be told."""
        return PERIODS

    @property
    def runs_chart(self) -> Chart:
        """Runs over time, by how they ended."""
        return columns([(_named(period), _endings(period)) for period in self.overview.periods])

    @property
    def failures_chart(self) -> Chart:
        """Jobs that failed, by rule."""
        return bars(
            [
                (facts.plain(rule.name), str(rule.amount), [Part(rule.amount, "bad", f"{rule.amount} / {rule.count}")])
                for rule in self.overview.failing[:DRAWN]
            ]
        )

    @property
    def storage_chart(self) -> Chart:
        """Bytes that were made, by kind."""
        return bars(
            [
                (_(kind.name), facts.size(kind.amount), [Part(kind.amount, "link", str(kind.count))])
                for kind in self.overview.kinds[:DRAWN]
            ]
        )

    @property
    def people_chart(self) -> Chart:
        """Runs, by person."""
        return bars(
            [
                (facts.plain(who.agent or _("not recorded")), str(who.runs), [Part(who.runs, "link", str(who.jobs))])
                for who in self.overview.people[:DRAWN]
            ]
        )

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return self.overview.to_json()


@twins(router, "/overview", "overview.html.jinja", summary="Runs over time, failures, storage and people")
def overview(
    catalogue: Asked,
    by: Annotated[
        str | None, Query(max_length=10, description="`day`, `week` or `month`; by itself what fits.")
    ] = None,
) -> OverviewPage:
    """Tell how many runs there were when and how they ended, what failed, what was made, and by whom."""
    with catalogue.asking() as ledger:
        return catalogue.once(ledger, ("overview", by), lambda: OverviewPage(ledger.overview(by or None)))


def _named(period: Period) -> str:
    return {"before": _("before"), "no date": _("no date")}.get(period.name, period.name)


def _endings(period: Period) -> list[Part]:
    counts = ((ending, style, getattr(period, ending)) for ending, style in _STYLES)
    return [Part(count, style, f"{_named(period)}: {count} {_(ending)}") for ending, style, count in counts]
