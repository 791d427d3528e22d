"""What cannot be answered, said in a sentence: as a page to a reader, as JSON to a program, never as a traceback."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from filiation.errors import (
    AccessError,
    BadInputError,
    CatalogueBusyError,
    ChangedError,
    FiliationError,
    MissingExtraError,
    NotFoundError,
    QueryEndedError,
    ServerError,
)
from filiation.lineage.words import plain
from filiation.web.pages import API, page
from filiation.web.turns import TooManyError
from filiation.web.words import _, said

_STATUS: Final[tuple[tuple[type[FiliationError], int], ...]] = (
    (QueryEndedError, 504),
    (BadInputError, 400),
    (AccessError, 403),
    (NotFoundError, 404),
    (ChangedError, 409),
    (MissingExtraError, 501),
    (ServerError, 502),
    (TooManyError, 429),
    (CatalogueBusyError, 503),
)
_log = logging.getLogger("filiation.web")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is said instead of an answer.

    Parameters
    ----------
    status
        HTTP's.
    title
        In a few words.
    message
        What happened, and what to do next.
    again
        An address here that may be tried again, as a link.
    """

    status: int
    title: str
    message: str
    again: str | None = None


def refuse_in_sentences(app: FastAPI) -> None:
    """Have an application tell every failure so."""
    app.add_exception_handler(FiliationError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_a_fault)


def respond(request: Request, refusal: Refusal) -> Response:
    """Write a refusal, as what was asked for."""
    if request.url.path.startswith(f"{API}/"):
        return JSONResponse({"error": refusal.message, "status": refusal.status}, refusal.status)
    return page(request, "refusal.html.jinja", refusal, status=refusal.status)


def refusal_of(error: Exception) -> Refusal:
    """Return what is said instead of an answer, given why there is none."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    message = said(error.message) if isinstance(error, FiliationError) else str(error)
    return Refusal(status, _title(status), plain(message))


async def _of_ours(request: Request, error: Exception) -> Response:
    return respond(request, refusal_of(error))


async def _of_parameters(request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{each['loc'][-1]}: {_expected(each)}" for each in found[:5])
    return respond(request, Refusal(400, _title(400), plain(told)))


async def _of_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    message = detail if detail and detail != HTTPStatus(status).phrase else ""
    if status == HTTPStatus.NOT_FOUND and not message:
        message = _("There is no page here. The search box finds what the catalogue knows.")
    return respond(request, Refusal(status, _title(status), plain(message)))


async def _of_a_fault(request: Request, error: Exception) -> Response:
    _log.error("%s failed", request.url.path, exc_info=error)
    message = _("This is a fault of filiation, and nothing is lost. What happened stands in the log of the server.")
    return respond(request, Refusal(500, _title(500), message))


def _expected(problem: dict[str, Any]) -> str:
    """Say what is wrong with a parameter; what is rare is told as the library that checks it tells it."""
    about = problem.get("ctx", {})
    told = {
        "missing": _("is missing"),
        "int_parsing": _("has to be a whole number"),
        "float_parsing": _("has to be a number"),
        "bool_parsing": _("has to be true or false"),
    } | {
        kind: text % about[name]
        for kind, name, text in (
            ("greater_than_equal", "ge", _("has to be at least %s")),
            ("less_than_equal", "le", _("has to be at most %s")),
            ("string_too_long", "max_length", _("has to have at most %s characters")),
            ("enum", "expected", _("has to be one of %s")),
            ("literal_error", "expected", _("has to be one of %s")),
        )
        if name in about
    }
    return str(told.get(problem["type"], problem["msg"]))


def _title(status: int) -> str:
    return {
        400: _("This cannot be asked"),
        401: _("Not signed in"),
        403: _("Not for you"),
        404: _("Not found"),
        409: _("Changed"),
        429: _("Too many at once"),
        503: _("Busy"),
        504: _("Ended"),
    }.get(status, _("This did not work"))
