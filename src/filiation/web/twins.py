"""A page and its twin: one function answers, and the answer is shown as a page and written as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from filiation.catalogue import Json
from filiation.web.pages import API, page
from filiation.web.signposts import LINKSET, Signpost, linkset


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
    signposts: Callable[[Any], tuple[Signpost, ...]] | None = None,
    leads: Callable[[Any], str | None] | None = None,
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
    signposts
        What gives the typed links that lead on from an answer; there is a link set of them at ``/linkset`` + ``path``.
    leads
        What gives the address that a reader is sent on to, where the answer is another page.
    """

    def register(answer: Callable[..., _A]) -> Callable[..., _A]:
        asked = Depends(answer)

        def shown(request: Request, found: Any = asked) -> Response:
            further = None if leads is None else leads(found)
            if further is not None:
                return RedirectResponse(further, 303)
            posts = () if signposts is None else (*signposts(found), _to_linkset(request))
            response = page(request, template, found, signposts=posts)
            return _signposted(response, posts)

        def told(request: Request, found: Any = asked) -> Response:
            posts = () if signposts is None else signposts(found)
            return _signposted(JSONResponse(found.to_json()), posts)

        def linked(request: Request, found: Any = asked) -> Response:
            posts = () if signposts is None else signposts(found)
            base = str(request.base_url).rstrip("/")
            anchor = f"{base}{path}?{request.url.query}"
            return JSONResponse(linkset(anchor, posts, base), media_type=LINKSET)

        described: dict[str, Any] = {
            "summary": summary,
            "description": answer.__doc__,
            "operation_id": answer.__name__,
            "response_model": None,
            "responses": None if shape is None else {200: {"model": shape}},
        }
        router.add_api_route(path, shown, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)
        router.add_api_route(API + path, told, methods=["GET"], **described)
        router.add_api_route(API + path, told, methods=["HEAD"], include_in_schema=False, response_model=None)
        if signposts is not None:
            router.add_api_route(
                f"/linkset{path}", linked, methods=["GET"], include_in_schema=False, response_model=None
            )
        return answer

    return register


def _to_linkset(request: Request) -> Signpost:
    return Signpost("linkset", f"/linkset{request.url.path}?{request.url.query}", LINKSET)


def _signposted(response: Response, posts: tuple[Signpost, ...]) -> Response:
    if posts:
        response.headers["Link"] = ", ".join(post.header() for post in posts)
    return response
