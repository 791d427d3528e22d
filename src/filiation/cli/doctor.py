"""``filiation doctor``: whether store and index agree with the crates."""

from __future__ import annotations

import click

from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import say, say_json, steps_bar
from filiation.errors import FindingsError


@click.command(epilog=example("filiation doctor", "filiation doctor --json"))
@json_option
@catalogue_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, catalogue: str | None) -> None:
    """Tell whether store and index agree with the crates.

    Every crate's metadata is digested and compared with what was read of it; its edges in the store are compared with
    those in the index, and the index's arrays with the index. Each finding says what to do. Nothing is changed.

    Exits with 9 if something has to be done.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.lineage.doctor import examine

    with steps_bar("Comparing") as advance:
        diagnosis = examine(CatalogueFolder.find(catalogue), progress=advance)
    if as_json:
        say_json(diagnosis.to_json())
    else:
        say(diagnosis.text().rstrip("\n"))
    if not diagnosis.is_sound:
        ctx.exit(FindingsError.exit_code)
