"""``filiation diff``: what differs between two runs, or between the lineages of two things."""

from __future__ import annotations

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import say, say_json


@click.command(
    epilog=example("filiation diff 7c9f2c34 5187c038", "filiation diff old/nuclei.ome.zarr results/nuclei.ome.zarr")
)
@click.argument("first", metavar="BEFORE")
@click.argument("second", metavar="AFTER")
@as_of_option
@json_option
@catalogue_option
def diff(first: str, second: str, as_of: str | None, as_json: bool, catalogue: str | None) -> None:
    """Tell what differs between two runs, or the lineages of two things.

    BEFORE and AFTER are two runs, by their ids or the start of them, or two things as for `filiation trace`: then all
    that each descends from is compared. Told are steps, parameters, the changed lines of the code as far as the
    crates carry it, software, inputs, outputs, who and where, and times.
    """
    with opened(catalogue, as_of) as ledger:
        found = ledger.diff(first, second)
    if as_json:
        say_json(found.to_json())
    else:
        say(found.text().rstrip("\n"))
