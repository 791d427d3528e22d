"""A page and its twin: one function answers, and the answer is shown as a page and written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from filiation.catalogue import Json
from filiation.web.pages import API, page


class Answering(Protocol):
    """An answer that can say itself as plain JSON."""

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""


_A = TypeVar("_A", bound=Answering)


def twins(
    router: APIRouter,
    path: str,
    template: str,
    *,
    summary: str,
    shape: type[Any] | None = None,
    linked: Callable[[Request, Any], dict[str, str]] | None = None,
) -> Callable[[Callable[..., _A]], Callable[..., _A]]:
    """Make a function that answers a question a page at ``path`` and JSON at ``/api`` + ``path``.

    Parameters
    ----------
    router
        Of the subject.
    path
        Of the page.
    template
        That shows the answer.
    summary
        What is asked, for the description of the twin.
    shape
        A pydantic model of the JSON, for the description; nothing is validated by it.
    linked
        What gives further headers of both, such as ``Link``.
    """

    def register(answer: Callable[..., _A]) -> Callable[..., _A]:
        def shown(request: Request, found: _A) -> Response:
            return page(request, template, found)

        def told(request: Request, found: _A) -> Response:
            return JSONResponse(found.to_json())

        for write, address in ((shown, path), (told, API + path)):
            router.add_api_route(
                address,
                _endpoint(answer, write, linked),
                methods=["GET"],
                summary=summary,
                description=answer.__doc__,
                name=f"{answer.__name__} {'page' if write is shown else 'JSON'}",
                operation_id=answer.__name__,
                include_in_schema=write is told,
                response_model=None,
                responses={200: {"model": shape}} if shape is not None else None,
            )
        return answer

    return register


def _endpoint(
    answer: Callable[..., _A],
    write: Callable[[Request, _A], Response],
    linked: Callable[[Request, _A], dict[str, str]] | None,
) -> Callable[[Request, _A], Response]:
    def endpoint(request: Request, found: Any = Depends(answer)) -> Response:  # noqa: B008 - FastAPI's own way
        response = write(request, found)
        if linked is not None:
            response.headers.update(linked(request, found))
        return response

    return endpoint
