"""The page of an export: where the results come from, what is here, under which licence, and what is not told.

It is the page of any crate of ours with that before it: every value is text, whoever wrote it, nothing is loaded and no
script runs, so it can be shown from a disk and inside another's page.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from filiation.crate.preview import PREVIEW_FILE, render_preview
from filiation.publish.export_settings import ExportedThing, ExportReport

if TYPE_CHECKING:
    from filiation.lineage.answers import Lineage

PAGE: Final = PREVIEW_FILE


def render_export(document: Mapping[str, Any], report: ExportReport, lineage: Lineage, sentences: Sequence[str]) -> str:
    """Return the page.

    Parameters
    ----------
    document
        The metadata of the whole.
    report
        What the export is.
    lineage, sentences
        The answer, and the answer in words.
    """
    picture = replace(lineage, note=None).to_svg()
    return render_preview(
        document,
        files("filiation.publish").joinpath("export.html.jinja").read_text(encoding="utf-8"),
        sentences=sentences,
        picture=base64.b64encode(picture.encode()).decode("ascii"),
        things=[_row(thing) for thing in report.things],
        licence=report.licence,
        licences=report.licences,
        authors=report.authors,
        withheld=report.withheld,
        gaps=report.gaps,
        software=f"filiation {version('filiation')}",
    )


def _row(thing: ExportedThing) -> dict[str, object]:
    link = None if thing.carried is None else "./" + quote(thing.carried.encode("utf-8", "surrogateescape"), safe="/")
    name = thing.path.encode("utf-8", "replace").decode("utf-8")
    return {"path": name, "digest": thing.digest, "size": thing.size, "why": thing.why, "link": link}
