"""The application: every subject's pages behind one guard."""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import as_file, files
from typing import Final

from fastapi import Depends, FastAPI
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from filiation.web import (
    crate_files,
    dropped,
    findings,
    graph,
    home,
    overview,
    pictures,
    queries,
    reports,
    runs,
    search,
    things,
)
from filiation.web.access import VIEWER, require
from filiation.web.access.door import Door
from filiation.web.access.entrance import views_of, way_into
from filiation.web.access.ways import LEAVE
from filiation.web.guard import Guard
from filiation.web.languages import Languages
from filiation.web.pages import API, Corner, read_templates
from filiation.web.questions import Questions
from filiation.web.refusals import refuse_in_sentences
from filiation.web.settings import WebSettings
from filiation.web.shapes import RefusalShape
from filiation.web.shared import Shared
from filiation.web.states import States
from filiation.web.turns import Turns

ROUTERS: Final = (
    home.router,
    search.router,
    things.router,
    graph.router,
    runs.router,
    dropped.router,
    reports.router,
    findings.router,
    crate_files.router,
    pictures.router,
    queries.router,
    overview.router,
)
"""Every subject's pages."""
CORNERS: Final = (
    Corner("/runs", "Runs"),
    Corner("/overview", "Overview"),
    Corner("/findings", "Findings"),
    Corner("/drop", "Drop a file"),
    Corner("/queries", "Queries"),
)
"""The navigation, in order."""
POSTS: Final[frozenset[str]] = frozenset({queries.PATH, API + queries.PATH, LEAVE})
"""Paths that may be posted to; everything else is only read."""

REFUSED: Final[dict[int | str, dict[str, object]]] = {
    "4XX": {"model": RefusalShape, "description": "What cannot be asked, is not known, or is not for this reader."},
    "5XX": {"model": RefusalShape, "description": "What others are using, or a fault."},
}
"""What is said instead of an answer, for the description."""


def create_app(settings: WebSettings) -> FastAPI:
    """Return the application that serves a catalogue.

    Parameters
    ----------
    settings
        What to serve, and to whom.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    AccessError
        If every view is to be logged, and nothing can be written there.
    """
    app = FastAPI(
        title="filiation",
        summary="What the catalogue knows of each label image, table and picture, read-only.",
        version=version("filiation"),
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # their scripts come from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=REFUSED,
    )
    shared = Shared(settings.sharing)
    way = way_into(settings.access, settings.token, shared)
    app.state.settings = settings
    app.state.shared = shared
    app.state.questions = Questions(settings.catalogue, shared)
    app.state.states = States(app.state.questions.folder, settings.limits.checked_bytes, shared)
    app.state.turns = Turns(shared, each=settings.limits.queries_each, all_together=settings.limits.queries)
    app.state.leave = LEAVE if way.has_sessions else None
    app.state.corners = CORNERS
    app.state.paths = frozenset(route.path for router in ROUTERS for route in router.routes if isinstance(route, Route))
    for router in ROUTERS:
        app.include_router(router, dependencies=[Depends(require(VIEWER))])
    with as_file(files("filiation.web").joinpath("static")) as static:
        app.mount("/static", StaticFiles(directory=static), name="static")
    refuse_in_sentences(app)
    # The last is the outermost: whatever answers, and whoever is refused, the guard's headers are there.
    app.add_middleware(
        Door,
        way=way,
        log=views_of(settings.access, app.state.questions.folder, shared),
        must_log=settings.access.must_log,
    )
    app.add_middleware(Languages, spoken=settings.languages)
    app.add_middleware(Guard, hosts=settings.allowed_hosts, posts=POSTS)
    return app


def prepare(app: FastAPI) -> None:
    """Do what the first reader of each page would otherwise wait for."""
    read_templates()
    app.state.questions.begin()
