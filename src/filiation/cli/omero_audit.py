"""``filiation omero audit``: a server and the catalogue, held against each other."""

from __future__ import annotations

import click

from filiation.cli.omero_containers import container_of, container_options
from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import say, say_json
from filiation.errors import FindingsError


@click.command(
    epilog=example("filiation omero audit", "filiation omero audit --server omero.example.org --dataset 12 --json")
)
@click.option(
    "--server",
    metavar="HOST[:PORT]",
    envvar="OMERO_HOST",
    help="The server. [default: OMERO_HOST, else the one that the catalogue knows]",
)
@container_options
@click.option("--strict", is_flag=True, help="Exit with 9 for notes too.")
@json_option
@catalogue_option
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    server: str | None,
    tags: tuple[str, ...],
    strict: bool,
    as_json: bool,
    catalogue: str | None,
    **containers: int | None,
) -> None:
    """Find where an OMERO server and the catalogue differ.

    Looked for are: runs registered on images that no crate here tells of, images that runs read and that are gone or
    were changed since, what was registered and is not there any more, another server under the name; and, where a
    container or a tag is given, images in it that no run read. Nothing is changed, and no pixel is read.

    Exits with 9 if anything serious or to be warned of was found; notes alone leave it 0.
    """
    with opened(catalogue) as ledger:
        report = ledger.audit_server(server, container_of(containers), tags)
    if as_json:
        say_json(report.to_json())
    else:
        say(report.text().rstrip("\n"))
    if not report.is_clean(strict=strict):
        ctx.exit(FindingsError.exit_code)
