"""Questions with a name and free SPARQL, each answered in a process that is ended when it takes too much."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from filiation.catalogue import Json
from filiation.errors import AccessError, BadInputError, FiliationError
from filiation.lineage import Answer, Ledger
from filiation.lineage.questions import Question, question, questions
from filiation.lineage.sparql import QueryLimits
from filiation.lineage.words import cell, plain
from filiation.model.sentences import Sentence
from filiation.web.access import AUDITOR, VIEWER, Viewer, require
from filiation.web.guard import SANDBOX
from filiation.web.pages import API, address, page
from filiation.web.questions import Questions
from filiation.web.refusals import Refusal, refusal_of
from filiation.web.settings import WebSettings
from filiation.web.turns import Turns
from filiation.web.words import _

router = APIRouter(tags=["queries"])

PATH: Final = "/queries"
LONGEST: Final = 100_000
"""Bytes of a query."""
_GIVEN: Final = "given."
_FORM: Final = "application/x-www-form-urlencoded"
_QUERY: Final = "application/sparql-query"
_UPDATE: Final = "application/sparql-update"
_GRAPHS: Final = frozenset({"default-graph-uri", "named-graph-uri"})
_CHANGES: Final = frozenset({"update", "using-graph-uri", "using-named-graph-uri"})


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked.

    Parameters
    ----------
    query
        Free SPARQL; empty if a question with a name is asked, or nothing yet.
    question
        Name of a question.
    edit
        Name of a question whose SPARQL is to be changed; it is not answered.
    run
        Only this run, of a question with a name.
    given
        Values for what that question takes.
    form
        ``json`` or ``csv`` for an answer to be kept, else empty.
    """

    query: str = ""
    question: str = ""
    edit: str = ""
    run: str = ""
    given: tuple[tuple[str, str], ...] = ()
    form: str = ""

    @classmethod
    def of(cls, pairs: Mapping[str, str]) -> Asking:
        """Read it from the fields of a form or an address.

        Raises
        ------
        BadInputError
            If something is asked for that is not understood.
        AccessError
            If something is to be changed.
        """
        if changes := sorted(_CHANGES & set(pairs)):
            raise AccessError(
                Sentence(
                    "{changes} is refused: nothing can be changed here, and crates are the truth.", changes=changes[0]
                )
            )
        if graphs := sorted(_GRAPHS & set(pairs)):
            raise BadInputError(
                Sentence(
                    "{graphs} is refused: every graph of the catalogue is asked; GRAPH picks one.", graphs=graphs[0]
                )
            )
        form = pairs.get("format", "")
        if form not in ("", "json", "csv"):
            raise BadInputError(Sentence("An answer is kept as json or csv; asked for was {form!r}.", form=form))
        given = {key.removeprefix(_GIVEN): value for key, value in pairs.items() if key.startswith(_GIVEN) and value}
        return cls(
            pairs.get("query", "").strip(),
            pairs.get("question", "").strip(),
            pairs.get("edit", "").strip(),
            pairs.get("run", "").strip(),
            tuple(sorted(given.items())),
            form,
        )

    @property
    def is_asked(self) -> bool:
        """Whether there is anything to answer."""
        return bool(self.query or self.question)


@dataclass(frozen=True, slots=True)
class QueriesPage:
    """Questions, and the answer to one.

    Parameters
    ----------
    asking
        What is asked.
    answer
        The answer; None if nothing is asked yet, or it could not be answered.
    refusal
        Why it could not.
    limits
        What a query may take.
    """

    asking: Asking
    answer: Answer | None
    refusal: Refusal | None
    limits: QueryLimits

    @property
    def questions(self) -> tuple[Question, ...]:
        """Every question with a name."""
        return questions()

    @property
    def chosen(self) -> Question | None:
        """The question that is asked, or whose SPARQL is to be changed."""
        name = self.asking.question or self.asking.edit
        return next((each for each in questions() if each.name == name.lower()), None)

    @property
    def text(self) -> str:
        """What stands in the editor."""
        return self.asking.query or (self.chosen.text if self.chosen is not None else "")

    @property
    def cells(self) -> list[list[tuple[str, str | None]]]:
        """Rows as texts, each with where it leads: a thing of the catalogue, if its IRI can be one of ours."""
        rows = [] if self.answer is None else self.answer.rows
        return [[("" if value is None else plain(str(value)), _page_of(value)) for value in row] for row in rows]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON: of an answer that, else the questions there are."""
        if self.answer is not None:
            return self.answer.to_json()
        listed: list[Json] = [
            {"name": each.name, "title": each.title, "takes": dict(each.takes), "source": each.source}
            for each in self.questions
        ]
        return {"questions": listed}


Asker = Annotated[Viewer, Depends(require(VIEWER))]
_described: dict[str, Any] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "description": told, "schema": {"type": "string"}}
        for name, told in (
            ("query", "SPARQL: SELECT, ASK, CONSTRUCT or DESCRIBE over all crates; each is a named graph too."),
            ("question", "Name of a question, such as cq5, instead of a query; given.NAME are values that it takes."),
            ("run", "Of a question with a name: only this run."),
        )
    ]
}


@router.get(PATH, include_in_schema=False)
@router.post(PATH, include_in_schema=False)
async def queries_page(request: Request, viewer: Asker) -> Response:
    """Show the questions and the editor, and the answer to what was asked."""
    return await run_in_threadpool(_as_page, request, viewer, await _asking(request))


@router.get(
    API + PATH,
    summary="Questions with a name, and free SPARQL",
    operation_id="queries",
    response_model=None,
    openapi_extra=_described,
)
async def queries(request: Request, viewer: Asker) -> Response:
    """Answer a question with a name or a query as SPARQL Results JSON, or list the questions."""
    return await _told(request, viewer)


@router.post(
    API + PATH,
    summary="Free SPARQL that is too long for an address",
    operation_id="long_queries",
    response_model=None,
    openapi_extra={
        "requestBody": {
            "content": {
                _QUERY: {"schema": {"type": "string", "maxLength": LONGEST}},
                _FORM: {"schema": {"type": "object", "properties": {"query": {"type": "string"}}}},
            }
        }
    },
)
async def long_queries(request: Request, viewer: Asker) -> Response:
    """Answer a query that is posted as a form or as it is; nothing is changed by it."""
    return await _told(request, viewer)


async def _told(request: Request, viewer: Viewer) -> Response:
    return await run_in_threadpool(_as_data, request, viewer, await _asking(request))


def _as_page(request: Request, viewer: Viewer, asking: Asking) -> Response:
    settings: WebSettings = request.app.state.settings
    limits = replace(_limits(settings), rows=settings.limits.query_rows_shown)
    answer, refusal = None, None
    try:
        answer = _answer(request, viewer, asking, limits)
    except FiliationError as error:
        refusal = refusal_of(error)
    shown = QueriesPage(asking, answer, refusal, limits)
    return page(request, "queries.html.jinja", shown, status=200 if refusal is None else refusal.status)


def _as_data(request: Request, viewer: Viewer, asking: Asking) -> Response:
    limits = _limits(request.app.state.settings)
    found = QueriesPage(asking, _answer(request, viewer, asking, limits), None, limits)
    headers = {"Content-Security-Policy": SANDBOX}
    if asking.form:
        headers["Content-Disposition"] = f'attachment; filename="{asking.question or "answer"}.{asking.form}"'
    if asking.form == "csv" and found.answer is not None:
        return Response(as_csv(found.answer), media_type="text/csv", headers=headers)
    return JSONResponse(found.to_json(), headers=headers)


def as_csv(answer: Answer) -> str:
    """Write an answer as CSV (RFC 4180); what a spreadsheet would take for a formula is made a text."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(map(cell, answer.columns))
    writer.writerows([cell(value) for value in row] for row in answer.as_text())
    return written.getvalue()


def _answer(request: Request, viewer: Viewer, asking: Asking, limits: QueryLimits) -> Answer | None:
    if not asking.is_asked:
        return None
    _refuse_those_who_may_not(viewer, asking)
    turns: Turns = request.app.state.turns
    catalogue: Questions = request.app.state.questions
    with turns.taken(viewer.logged_as), catalogue.asking() as ledger:
        return _asked_of(ledger, asking, limits)


def _refuse_those_who_may_not(viewer: Viewer, asking: Asking) -> None:
    if viewer.sees is not None:
        raise AccessError(_("This goes over the whole catalogue, of which you may see a part."))
    if asking.query and AUDITOR not in viewer.roles:
        raise AccessError(_("Free queries are for auditors; questions with a name are for all."))


def _asked_of(ledger: Ledger, asking: Asking, limits: QueryLimits) -> Answer:
    if asking.query:
        return ledger.sparql(asking.query, timeout=limits.seconds, limit=limits.rows, memory=limits.memory, lint=True)
    question(asking.question)  # there is one of that name
    return ledger.ask(asking.question, run=asking.run or None, given=dict(asking.given), limits=limits)


async def _asking(request: Request) -> Asking:
    """Read what is asked, from an address, a form or a body (SPARQL 1.1 Protocol, 2.1)."""
    pairs = dict(request.query_params)
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == _UPDATE:
            raise AccessError(Sentence("Updates are refused: nothing can be changed here, and crates are the truth."))
        if kind not in (_FORM, _QUERY):
            raise HTTPException(415, _("A query is posted as a form, or as application/sparql-query."))
        body = await _body(request)
        fields = dict(parse_qsl(body, keep_blank_values=True)) if kind == _FORM else {"query": body}
        pairs |= fields
    if len(pairs.get("query", "")) > LONGEST:
        raise HTTPException(413, _("The query is too long."))
    return Asking.of(pairs)


async def _body(request: Request) -> str:
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > 3 * LONGEST:  # three bytes for each that a form had to escape
            raise HTTPException(413, _("The query is too long."))
    try:
        return read.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(Sentence("A query is UTF-8; this is not.")) from error


def _limits(settings: WebSettings) -> QueryLimits:
    limits = settings.limits
    return QueryLimits(limits.query_seconds, limits.query_rows, limits.query_memory)


def _page_of(value: object) -> str | None:
    ours = isinstance(value, str) and value.startswith(("arcp://", "ni:///", "urn:filiation:"))
    return address("/search", q=value) if ours else None
