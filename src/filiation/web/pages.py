"""Answers as pages: one environment of templates, in which every value is text whoever wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from secrets import token_hex
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import escape
from starlette.responses import HTMLResponse

from filiation.lineage import words as facts
from filiation.lineage.phrases import duration_in, size_in
from filiation.web import words
from filiation.web.access.viewer import Viewer
from filiation.web.answers import Answers
from filiation.web.words import _

_UNITS: Final = {"SEC": "s", "MegaBYTE": "MB", "PERCENT": "%"}
"""How people write units that records have by their QUDT names."""
API: Final = "/api"
"""Where the twins of pages are."""
_SOMEBODY: Final = f"somebody-{token_hex(16)}"
"""Stands for the reader's name until a page is sent; nobody can know it."""


@dataclass(frozen=True, slots=True)
class Corner:
    """An entry of the navigation.

    Parameters
    ----------
    path
        Where it leads.
    label
        In English.
    """

    path: str
    label: str


def page(request: Request, template: str, answer: object, *, status: int = 200, **more: object) -> HTMLResponse:
    """Show an answer.

    Parameters
    ----------
    request
        What was asked; its JSON twin is linked if there is one.
    template
        Name of a template, such as ``thing.html.jinja``; it knows the answer as ``answer``.
    answer
        What it shows.
    status
        The response's status.
    more
        What else the template is to know.
    """
    viewer: Viewer | None = getattr(request.state, "viewer", None)
    # The reader's name is put in last, so that what is kept of a page can be shown to others who may see the same.
    nobody = None if viewer is None else Viewer(_SOMEBODY, viewer.roles)

    def show() -> str:
        return environment().get_template(template).render(
            answer=answer,
            path=request.url.path,
            twin=twin_of(request),
            language=words.language(),
            languages=request.app.state.settings.languages,
            here=_here(request),
            corners=request.app.state.corners,
            leave=request.app.state.leave,
            asked=request.query_params.get("q", ""),
            viewer=nobody,
            **{"signposts": (), **more},
        )  # fmt: skip

    answers: Answers = request.app.state.questions.answers
    how = (template, str(request.url), words.language(), nobody, status)
    text = show() if any(more.values()) else answers.shown(answer, how, show)
    if viewer is not None:
        text = text.replace(_SOMEBODY, escape(viewer.name))
    return HTMLResponse(text, status)


def twin_of(request: Request) -> str | None:
    """Return the address of the JSON that says what a page says, if there is one."""
    path = API + request.url.path
    query = f"?{request.url.query}" if request.url.query else ""
    return path + query if path in request.app.state.paths else None


def address(path: str, /, **query: object) -> str:
    """Return the address of a page here: ``address("/thing", thing=iri)``; what is None is left out."""
    asked = urlencode([(key, str(value)) for key, value in query.items() if value is not None], errors="replace")
    return f"{path}?{asked}" if asked else path


@cache
def environment() -> Environment:
    """Return the environment of all templates."""
    made = Environment(
        loader=PackageLoader("filiation.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(words.gettext, words.ngettext, newstyle=True)  # type: ignore[attr-defined]
    filters: Mapping[str, Callable[..., Any]] = {
        "plain": facts.plain,
        # What a record holds is said by this: gettext in a template makes markup of what it is given.
        "said": lambda text: facts.plain(words.gettext(text)),
        "sentence": lambda text: facts.plain(words.said(text)),
        "size": lambda count: size_in(words.language(), count),
        "unit": lambda name: words.gettext(_UNITS.get(name) or name),
        "moment": facts.moment,
        "duration": lambda seconds: duration_in(words.language(), seconds),
        "run_name": facts.run_name,
        "parameter": lambda found: words.said(facts.parameter(found)),
        "short": facts.short,
        "registration": lambda found: words.said(facts.registration(found)),
        "reproduction": lambda action: words.said(facts.reproduction(action)),
        "went_on": lambda found: words.said(facts.went_on(found)),
        "date": _date,
    }
    made.filters.update(filters)
    made.globals.update(address=address, href=href)
    return made


def read_templates() -> None:
    """Read every template, so that the first reader of each does not wait for that."""
    for name in environment().list_templates():
        environment().get_template(name)


def href(target: str | None) -> str | None:
    """Return an address of the web that may become a link; None for ``javascript:``, ``data:`` and all else."""
    if target is None or not target.isprintable() or not target.lower().startswith(("https://", "http://")):
        return None
    return target


def _date(when: datetime) -> str:
    return when.strftime("%Y-%m-%d")


def _here(request: Request) -> Callable[[str], str]:
    """Return what gives the address of this page in another language."""

    def in_language(name: str) -> str:
        rest = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]
        return f"{request.url.path}?{urlencode([*rest, ('lang', name)], errors='replace')}"

    return in_language


__all__ = ["API", "Corner", "_", "address", "environment", "href", "page", "twin_of"]
