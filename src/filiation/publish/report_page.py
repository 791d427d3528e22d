"""An audit report as a page made for paper: it loads nothing, runs nothing, and every value in it is text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from filiation.catalogue import ActionNode, EntityNode
from filiation.crate.seals import SealReport
from filiation.crate.seals.report import SealCheck
from filiation.lineage import words
from filiation.lineage.formats import in_order
from filiation.lineage.phrases import size_in
from filiation.model.sentences import said_in
from filiation.publish.report import RecordLooked, Report

MOST_ROWS: Final = 400
"""Rows of a table on paper; the JSON form has all."""
STYLE: Final = "report.css"


@dataclass(frozen=True, slots=True)
class Texts:
    """How a report's own texts are said.

    Parameters
    ----------
    language
        Code of the language.
    gettext
        Gives a text in it.
    ngettext
        Gives the text for a number: of one, of several, and the number.
    """

    language: str
    gettext: Callable[[str], str]
    ngettext: Callable[[str, str, int], str]


ENGLISH: Final = Texts("en", lambda text: text, lambda one, several, count: one if count == 1 else several)


@dataclass(frozen=True, slots=True)
class ThingRow:
    """A thing, as a row."""

    name: str
    kind: str
    size: str
    digest: str
    run: str


@dataclass(frozen=True, slots=True)
class StepRow:
    """A job, or equal ones, as a row."""

    name: str
    person: str
    host: str
    started: str
    ended: str
    status: str
    parameters: tuple[str, ...]
    software: tuple[str, ...]
    command: str
    run: str


@dataclass(frozen=True, slots=True)
class SealRow:
    """A seal, as a row."""

    number: int
    meaning: str
    stated_by: str
    sealed: str
    signer: str | None
    key: str | None
    faults: tuple[str, ...]


def render_report(
    report: Report, *, texts: Texts = ENGLISH, stylesheet: str | None = None, elsewhere: dict[str, str] | None = None
) -> str:
    """Return the page.

    Parameters
    ----------
    report
        What it says.
    texts
        The language that it says it in.
    stylesheet
        Where a server has the style; None to have it in the page itself, which then says so in its policy.
    elsewhere
        Where a server has the same in other forms: ``pdf``, ``json`` and ``thing``.
    """
    style = style_sheet()
    things, steps = _rows(report, texts.language)
    return _environment(texts).get_template("report.html.jinja").render(
        report=report,
        language=texts.language,
        stylesheet=stylesheet,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        picture=base64.b64encode(report.lineage.to_svg(said=said_in(texts.gettext)).encode()).decode("ascii"),
        things=things[:MOST_ROWS],
        steps=steps[:MOST_ROWS],
        left_out=max(len(things) - MOST_ROWS, 0) + max(len(steps) - MOST_ROWS, 0),
        seals=[(record, _seals(record.seals)) for record in report.records],
        elsewhere=elsewhere or {},
    )  # fmt: skip


def style_sheet() -> str:
    """Return the style of a report, on a screen and on paper."""
    return files("filiation.publish").joinpath(STYLE).read_text(encoding="utf-8")


def _environment(texts: Texts) -> Environment:
    made = Environment(
        loader=PackageLoader("filiation.publish", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_callables(texts.gettext, texts.ngettext, newstyle=True)  # type: ignore[attr-defined]
    said = said_in(texts.gettext)
    made.filters.update(plain=words.plain, moment=words.moment, found=lambda finding: finding.text(said))
    made.filters["sentence"] = lambda text: words.plain(said(text))
    made.filters["term"] = lambda text: words.plain(texts.gettext(text))
    made.filters["size"] = lambda count: size_in(texts.language, count)
    return made


def _rows(report: Report, language: str) -> tuple[list[ThingRow], list[StepRow]]:
    collapsed = report.lineage.collapsed
    nodes = in_order(collapsed)
    counted = collapsed.counted
    things = [_thing(node, counted.get(node.iri, 1), language) for node in nodes if isinstance(node, EntityNode)]
    steps = [_step(node, counted.get(node.iri, 1)) for node in nodes if isinstance(node, ActionNode)]
    return things, steps


def _thing(node: EntityNode, count: int, language: str) -> ThingRow:
    return ThingRow(
        name=words.entity_name(node.path, count),
        kind=words.plain(node.kind),
        size="" if node.size is None else size_in(language, node.size),
        digest="" if node.digest is None else str(node.digest),
        run=words.run_name(node.crate),
    )


def _step(node: ActionNode, count: int) -> StepRow:
    orcid = f" ({words.plain(node.agent_id)})" if node.agent_id else ""
    return StepRow(
        name=words.action_name(node, count),
        person=words.plain(node.agent) + orcid if node.agent else "",
        host=words.plain(node.host or ""),
        started="" if node.started is None else words.moment(node.started),
        ended="" if node.ended is None else words.moment(node.ended),
        status=words.plain(node.status),
        parameters=tuple(words.parameter(parameter) for parameter in node.parameters),
        software=tuple(words.plain(f"{each.name} {each.version or ''}".rstrip()) for each in node.software),
        command=words.plain(node.command or ""),
        run=words.run_name(node.crate),
    )


def _seals(seals: SealReport | None) -> list[SealRow]:
    return [] if seals is None else [_seal(check) for check in seals.seals]


def _seal(check: SealCheck) -> SealRow:
    stated, signature = check.statement, check.signature
    differences = tuple(words.plain(f"{each.what}: {each.path}") for each in check.differences)
    return SealRow(
        number=check.number,
        meaning="" if stated is None else words.plain(stated.meaning),
        stated_by="" if stated is None else words.plain(stated.signer + (f" ({stated.orcid})" if stated.orcid else "")),
        sealed="" if stated is None else words.moment(stated.sealed),
        signer=None if signature is None or signature.signer is None else words.plain(signature.signer),
        key=None if signature is None else words.plain(f"{signature.kind} {signature.key}"),
        faults=(*(words.plain(fault) for fault in check.faults), *differences),
    )


__all__ = ["ENGLISH", "MOST_ROWS", "RecordLooked", "Texts", "render_report", "style_sheet"]
