"""``filiation agree``: a store, its crate and the graph, held against each other."""

from __future__ import annotations

import click

from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import remark, say, say_json, say_table
from filiation.errors import FindingsError

LONGEST = 40
"""Characters of a value that are shown in the table; --json has all."""


@click.command(
    epilog=example("filiation agree results/ihc/nuclei.ome.zarr", "filiation agree s3://lab/nuclei/51.ome.zarr")
)
@click.argument("store")
@json_option
@catalogue_option
@click.pass_context
def agree(ctx: click.Context, store: str, as_json: bool, catalogue: str | None) -> None:
    """Tell whether a store, its crate and the graph tell the same of it.

    STORE is a folder, one file as ZIP, or s3://bucket/key in an object store; it is only read.

    Asked are the store's own metadata and bytes, the metadata file of the run's crate, and the graph by SPARQL: which
    run and step made it, by which rule, with which parameters, from what, and with which bytes and pixels. Exits with
    9 if one contradicts another, or if the store, the crate or the graph has nothing to tell although another has.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.images import place_of_store
    from filiation.lineage.testimony import hear

    heard = hear(CatalogueFolder.find(catalogue), place_of_store(store))
    if as_json:
        say_json(heard.to_json())
    else:
        columns = ("fact", "store", "crate", "graph", "")
        say_table(columns, [(f.name, *map(_short, (f.store, f.crate, f.graph)), f.verdict.value) for f in heard.facts])
        if heard.mended is not None:
            remark("Its metadata were mended since, which is recorded: compared is what it was before.")
        for sentence in heard.missing:
            remark(sentence)
        if heard.agrees:
            say("Store, crate and graph tell the same.")
        elif not heard.differing:
            say("What is told agrees, and not all three tell of it.")
        else:
            say(f"They do not tell the same: {len(heard.differing)} of {len(heard.facts)} facts differ.")
    if not heard.agrees:
        ctx.exit(FindingsError.exit_code)


def _short(value: str | None) -> str:
    if value is None:
        return "-"
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
