"""The search box: one word that names a thing leads to it; what names several is listed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from filiation.lineage.lookup import LookedUp
from filiation.web.pages import address
from filiation.web.questions import Asked
from filiation.web.shapes import SearchShape
from filiation.web.twins import twins

router = APIRouter(tags=["search"])


def to_what_was_meant(found: LookedUp) -> str | None:
    """Return the page of the one thing or run that a word names."""
    if found.run is not None:
        return address("/run", run=found.run)
    if found.thing is None:
        return None
    if found.label is not None:
        return address("/picture", thing=found.thing, label=found.label)
    return address("/thing", thing=found.thing)


@twins(
    router, "/search", "search.html.jinja", summary="Things, jobs, runs and people that a word names",
    shape=SearchShape, leads=to_what_was_meant,
)  # fmt: skip
def search(
    request: Request,
    catalogue: Asked,
    q: Annotated[
        str,
        Query(
            max_length=2000,
            description="A path, digest, IRI, OMERO image or link, run id, person, parameter, condition, or any text.",
            examples=["results/ihc/nuclei.ome.zarr", "sigma=2", "0000-0002-1825-0097"],
        ),
    ] = "",
) -> LookedUp:
    """Find what a word means: one thing or run exactly, else whatever is called so, by kind."""
    with catalogue.asking() as ledger:
        return ledger.look_up(q, limit=request.app.state.settings.limits.hits)
