"""Runs: all of them, and each with what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request

from filiation.catalogue import Json, RunSummary
from filiation.lineage import RunDetail
from filiation.web.questions import Asked
from filiation.web.twins import twins

router = APIRouter(tags=["runs"])


@dataclass(frozen=True, slots=True)
class RunsPage:
    """Some of the runs, the newest first.

    Parameters
    ----------
    runs
        On this page.
    total
        How many there are.
    page
        From 1.
    pages
        How many there are.
    """

    runs: tuple[RunSummary, ...]
    total: int
    page: int
    pages: int

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "runs": [run.to_json() for run in self.runs],
            "total": self.total,
            "page": self.page,
            "pages": self.pages,
        }


@twins(router, "/runs", "runs.html.jinja", summary="All runs, the newest first")
def runs(request: Request, catalogue: Asked, page: Annotated[int, Query(ge=1, le=1_000_000)] = 1) -> RunsPage:
    """List the runs of the catalogue, a page at a time."""
    rows: int = request.app.state.settings.limits.rows
    with catalogue.asking() as ledger:
        found = ledger.runs()
    first = (page - 1) * rows
    return RunsPage(found[first : first + rows], len(found), page, max(1, -(-len(found) // rows)))


@twins(router, "/run", "run.html.jinja", summary="One run with all it did")
def run(catalogue: Asked, run: Annotated[str, Query(max_length=200, examples=["7c9f2c34"])]) -> RunDetail:
    """Tell what a run did: its jobs, what they used and made, and what came of it."""
    with catalogue.asking() as ledger:
        return ledger.show(run)
