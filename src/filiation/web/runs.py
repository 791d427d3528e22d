"""Runs: all of them, and each with what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request

from filiation.catalogue import ActionNode, EntityNode, Json, RunSummary
from filiation.lineage import Ledger, RunDetail
from filiation.lineage.crate_evidence import CrateEvidence
from filiation.web.questions import Asked
from filiation.web.shapes import RunDetailShape, RunsShape
from filiation.web.signposts import Signpost, of_crate
from filiation.web.twins import twins

router = APIRouter(tags=["runs"])

Page = Annotated[int, Query(ge=1, le=1_000_000, description="From 1.")]


@dataclass(frozen=True, slots=True)
class RunsPage:
    """Some of the runs, the newest first.

    Parameters
    ----------
    runs
        On this page.
    total
        How many there are.
    page, pages
        Which page this is, from 1, and how many there are.
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


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run, with a page of its jobs and things.

    Parameters
    ----------
    detail
        The run with all it did.
    crate
        Its crate.
    page, rows
        Which page this is, from 1, and how many jobs and how many things it has at most.
    """

    detail: RunDetail
    crate: CrateEvidence
    page: int
    rows: int

    @property
    def actions(self) -> tuple[ActionNode, ...]:
        """The jobs on this page; those that failed come first of all."""
        failed = [action for action in self.detail.actions if action.status == "failed"]
        others = [action for action in self.detail.actions if action.status != "failed"]
        return (*failed, *others)[self._first : self._first + self.rows]

    @property
    def entities(self) -> tuple[EntityNode, ...]:
        """The things on this page; what the run made comes first."""
        ordered = sorted(self.detail.entities, key=lambda entity: not entity.generated)
        return tuple(ordered[self._first : self._first + self.rows])

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-max(len(self.detail.actions), len(self.detail.entities)) // self.rows))

    @property
    def _first(self) -> int:
        return (self.page - 1) * self.rows

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            **self.detail.to_json(),
            "crate": self.crate.to_json(),
            "actions": [action.to_json() for action in self.actions],
            "entities": [entity.to_json() for entity in self.entities],
            "page": self.page,
            "pages": self.pages,
        }


@twins(router, "/runs", "runs.html.jinja", summary="All runs, the newest first", shape=RunsShape)
def runs(request: Request, catalogue: Asked, page: Page = 1) -> RunsPage:
    """List the runs of the catalogue, a page at a time."""
    rows: int = request.app.state.settings.limits.rows
    with catalogue.asking() as ledger:
        return catalogue.once(ledger, ("runs", page, rows), lambda: _listed(ledger, page, rows))


def _listed(ledger: Ledger, page: int, rows: int) -> RunsPage:
    total = ledger.how_many_runs()
    found = ledger.newest_runs((page - 1) * rows, limit=rows)
    return RunsPage(found, total, page, max(1, -(-total // rows)))


def of_run(page: RunPage) -> tuple[Signpost, ...]:
    """Return what leads on from a run's page."""
    return of_crate(page.crate)


@twins(router, "/run", "run.html.jinja", summary="One run with what it did", shape=RunDetailShape, signposts=of_run)
def run(
    request: Request,
    catalogue: Asked,
    run: Annotated[str, Query(max_length=200, description="The run's id, or the start of it.", examples=["7c9f2c34"])],
    page: Page = 1,
) -> RunPage:
    """Tell what a run did: its jobs, what they used and made, and what came of it."""
    with catalogue.asking() as ledger:
        detail = ledger.show(run)
        crate = ledger.crate_evidence(detail.summary.id)
    return RunPage(detail, crate, page, request.app.state.settings.limits.rows)
