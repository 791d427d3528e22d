"""The search box: one word that names a thing leads to it; what names several is listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from filiation.catalogue import EntityNode, Json, RunSummary
from filiation.errors import FiliationError
from filiation.web.questions import Asked
from filiation.web.twins import twins

router = APIRouter(tags=["search"])


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found.

    Parameters
    ----------
    asked
        What was searched for.
    things, runs
        What is called so.
    tried
        Where nothing was found: what was tried, and what to do.
    """

    asked: str
    things: tuple[EntityNode, ...] = ()
    runs: tuple[RunSummary, ...] = ()
    tried: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "asked": self.asked,
            "things": [thing.to_json() for thing in self.things],
            "runs": [run.to_json() for run in self.runs],
            "tried": self.tried,
        }


@twins(router, "/search", "search.html.jinja", summary="Things and runs that a word names")
def search(
    catalogue: Asked, q: Annotated[str, Query(max_length=2000, examples=["results/ihc/nuclei.ome.zarr"])] = ""
) -> Hits:
    """Find what a path, a digest, an OMERO id, a run, a person or a parameter names."""
    asked = q.strip()
    if not asked:
        return Hits(asked)
    with catalogue.asking() as ledger:
        try:
            lineage = ledger.trace(asked, depth=0)
        except FiliationError as error:
            return Hits(asked, tried=str(error))
    return Hits(asked, tuple(node for node in lineage.entities if node.iri in lineage.roots))
