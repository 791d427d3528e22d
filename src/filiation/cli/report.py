"""``filiation report``: an answer with all that it rests on, made for paper."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import bytes_bar, say, say_json
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.publish.report import Report
    from filiation.publish.report_page import Texts

_FORMS: Final = (".pdf", ".html", ".json")


@click.command(
    epilog=example(
        "filiation report results/ihc/nuclei.ome.zarr --to nuclei.pdf",
        "filiation report results/ihc/nuclei.ome.zarr --to nuclei.html --signers allowed_signers --language fr",
    )
)
@click.argument("thing")
@click.option("--to", "target", metavar="FILE", required=True, help="Where: a .pdf, .html or .json file, made anew.")
@click.option("--signers", metavar="FILE", help="Those who may sign, as for `filiation verify`.")
@click.option("--no-bytes", is_flag=True, help="Read no data again; the report then says so.")
@click.option("--language", type=click.Choice(["en", "fr"]), default="en", show_default=True, help="What it speaks.")
@as_of_option
@json_option
@catalogue_option
def report(
    thing: str,
    target: str,
    signers: str | None,
    no_bytes: bool,
    language: str,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Write an audit report on THING.

    In it: who asked and when; what THING comes from, in sentences, as a picture and in tables with people, times,
    parameters and digests; what of it is not as it was recorded, since every byte is read again; what the records leave
    open; who sealed them; and for each of these the command that checks it again. THING is as for `filiation trace`.

    A PDF needs the extra pdf. The page (.html) needs nothing, prints the same, and loads nothing.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.crate.seals.ssh import signers_list
    from filiation.lineage.annotating import author
    from filiation.publish.report import make_report

    place = Path(target)
    if place.suffix not in _FORMS:
        raise BadInputError(f"{target} is a report in no known form; name a file that ends in {', '.join(_FORMS)}.")
    if place.exists():
        raise BadInputError(f"{place} exists already; name another place, so that nothing is overwritten.")
    texts = _texts(language)
    with opened(catalogue, as_of) as ledger:
        asked_by, orcid = author(CatalogueFolder(ledger.folder))
        with bytes_bar("Reading") as advance:
            made = make_report(
                ledger,
                thing,
                asked_by=f"{asked_by} ({orcid})" if orcid else asked_by,
                language=language,
                most=0 if no_bytes else None,
                signers=signers_list(signers),
                progress=advance,
            )
    _write(made, place, texts)
    if as_json:
        say_json({"report": str(place), "state": made.state.value, "gaps": len(made.gaps)})
    else:
        say(f"{place}: {made.state.value}.")


def _texts(language: str) -> Texts:
    from filiation.publish.report_page import ENGLISH, Texts

    if language == ENGLISH.language:
        return ENGLISH
    from filiation.web import words

    words.speak(language)
    return Texts(language, words.gettext, words.ngettext)


def _write(made: Report, place: Path, texts: Texts) -> None:
    from filiation.publish.report_page import render_report

    if place.suffix == ".json":
        content = (json.dumps(made.to_json(), indent=1, ensure_ascii=True) + "\n").encode()
    elif place.suffix == ".html":
        content = render_report(made, texts=texts).encode()
    else:
        from filiation.publish.report_pdf import pdf_of

        content = pdf_of(render_report(made, texts=texts))
    place.absolute().parent.mkdir(parents=True, exist_ok=True)
    with place.open("xb") as file:
        file.write(content)
