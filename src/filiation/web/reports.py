"""An audit report on a thing: the page that :mod:`filiation.publish` makes for paper, as it is and as PDF."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from filiation.crate.seals.ssh import signers_list
from filiation.lineage import words as facts
from filiation.publish.report import Report, make_report
from filiation.publish.report_page import Texts, render_report, style_sheet
from filiation.web import words
from filiation.web.guard import SANDBOX
from filiation.web.pages import API, address
from filiation.web.questions import Asked
from filiation.web.things import Named

router = APIRouter(tags=["reports"])

STYLE: Final = "/report.css"
Reading = Annotated[
    bool, Query(description="Whether the bytes are read again and compared with what was recorded, if not too many.")
]


def report_on(request: Request, catalogue: Asked, thing: Named, check: Reading = False) -> Report:
    """Tell what a thing comes from, and what its records, their seals and, where asked, its bytes are worth."""
    viewer = getattr(request.state, "viewer", None)
    most = request.app.state.settings.limits.checked_bytes if check else 0
    with catalogue.asking() as ledger:
        return make_report(
            ledger,
            thing,
            asked_by=viewer.name if viewer else "-",
            language=words.language(),
            most=most,
            signers=signers_list(),
        )


Reported = Annotated[Report, Depends(report_on)]


@router.get(API + "/report", summary="An audit report on a thing", response_class=JSONResponse, tags=["reports"])
def told(found: Reported) -> JSONResponse:
    """Tell what a thing comes from, and what its records, their seals and, where asked, its bytes are worth."""
    return JSONResponse(found.to_json())


@router.get("/report", include_in_schema=False)
def shown(request: Request, found: Reported) -> HTMLResponse:
    """Show the report as a page that prints well."""
    query = request.url.query
    elsewhere = {
        "thing": address("/thing", thing=found.thing),
        "pdf": f"/report.pdf?{query}",
        "json": f"{API}/report?{query}",
    }
    return HTMLResponse(render_report(found, texts=_texts(), stylesheet=STYLE, elsewhere=elsewhere))


@router.get("/report.pdf", include_in_schema=False)
def printed(found: Reported) -> Response:
    """Hand the report out as PDF."""
    from filiation.publish.report_pdf import pdf_of

    name = re.sub(r"[^A-Za-z0-9._-]+", "-", facts.plain(found.thing)).strip("-.")[-80:] or "thing"
    headers = {"Content-Disposition": f'attachment; filename="report-{name}.pdf"', "Content-Security-Policy": SANDBOX}
    return Response(pdf_of(render_report(found, texts=_texts())), media_type="application/pdf", headers=headers)


@router.get(STYLE, include_in_schema=False)
def styled() -> Response:
    """Hand out the report's style."""
    return Response(style_sheet(), media_type="text/css")


def _texts() -> Texts:
    return Texts(words.language(), words.gettext, words.ngettext)
