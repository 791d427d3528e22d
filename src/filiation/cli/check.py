"""``filiation check``: bytes against their record."""

from __future__ import annotations

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import bytes_bar, say, say_json
from filiation.errors import ChangedError


@click.command(
    epilog=example("filiation check results/ihc/nuclei.ome.zarr", "filiation check Image:51@omero.example.org --pixels")
)
@click.argument("thing", required=False)
@click.option("--pixels", is_flag=True, help="Of an image in OMERO, read all pixels again.")
@json_option
@catalogue_option
@click.pass_context
def check(ctx: click.Context, thing: str | None, pixels: bool, as_json: bool, catalogue: str | None) -> None:
    """Compare bytes with their record, and name what differs.

    THING is a path, a digest, an IRI or a run; without it, everything is checked whose place the catalogue knows. Every
    byte is read again: times do not matter, and no cache is believed. For a changed file inside an image store, the
    file is named, and so are the labels and tables that were made from the store. Exits with 5 if anything differs.

    Of an image in OMERO (Image:51@server, or a link to it) the server is asked whether it is there and was changed
    since; without THING, no server is asked. Exits with 11 or 12 if the server cannot be asked.
    """
    with opened(catalogue) as ledger, bytes_bar("Reading") as advance:
        report = ledger.check(thing, pixels=pixels, progress=advance)
    if as_json:
        say_json(report.to_json())
    else:
        say(report.text().rstrip("\n"))
    if not report.is_intact:
        ctx.exit(ChangedError.exit_code)
