"""What is open, nobody's, out of date or made twice, over all runs: the questions of an auditor to the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request

from filiation.catalogue import Json
from filiation.lineage import Ledger
from filiation.lineage.observations import Observation, Observations
from filiation.web.questions import Asked
from filiation.web.shapes import FindingsShape
from filiation.web.twins import twins

router = APIRouter(tags=["findings"])


class About(StrEnum):
    """What is looked for."""

    GAPS = "gaps"
    ORPHANS = "orphans"
    STALE = "stale"
    DUPLICATES = "duplicates"


_ASK: Final[dict[About, Callable[[Ledger, int, int], Observations]]] = {
    About.GAPS: lambda ledger, page, lines: ledger.gaps(page=page, lines=lines),
    About.ORPHANS: lambda ledger, page, lines: ledger.orphans(page=page, lines=lines),
    About.STALE: lambda ledger, page, lines: ledger.stale(disk=False, page=page, lines=lines),
    About.DUPLICATES: lambda ledger, _page, _lines: ledger.duplicates(),
}


@dataclass(frozen=True, slots=True)
class Findings:
    """A page of what was noticed.

    Parameters
    ----------
    about
        What was looked for.
    observations
        All of it that was told at once.
    found
        What of it is on this page.
    lines
        How many lines there are.
    page, pages
        Which page this is, from 1, and how many there are.
    """

    about: About
    observations: Observations
    found: tuple[Observation, ...]
    lines: int
    page: int
    pages: int

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "about": self.about.value,
            "title": self.observations.title,
            "summary": self.observations.summary,
            "counts": dict(self.observations.counts),
            "lines": self.lines,
            "found": [each.to_json() for each in self.found],
            "page": self.page,
            "pages": self.pages,
        }


@twins(
    router, "/findings", "findings.html.jinja", summary="What is open, nobody's, out of date or made twice",
    shape=FindingsShape,
)  # fmt: skip
def findings(
    request: Request,
    catalogue: Asked,
    about: Annotated[About, Query(description="What to look for.")] = About.GAPS,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Findings:
    """Tell what the records of all runs leave open or contradict; what lies on disk is not looked at."""
    rows: int = request.app.state.settings.limits.rows
    with catalogue.asking() as ledger:
        if about is About.DUPLICATES:  # all of them at once, which would be much to keep
            return _page_of(about, ledger, page, rows)
        return catalogue.once(ledger, (about, page, rows), lambda: _page_of(about, ledger, page, rows))


def _page_of(about: About, ledger: Ledger, page: int, rows: int) -> Findings:
    observations = _ASK[about](ledger, page, rows)
    found, lines = observations.found, observations.lines
    if lines is None:  # all of it
        lines, found = len(found), found[(page - 1) * rows : page * rows]
    return Findings(about, observations, found, lines, page, max(1, -(-lines // rows)))
