"""``filiation gaps``, ``duplicates`` and ``stale``: questions over the whole catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say_json, say_table

if TYPE_CHECKING:
    from filiation.lineage.observations import Observations


@click.command(epilog=example("filiation gaps", "filiation gaps 'no agent' 'no digest'"))
@click.argument("kinds", metavar="[KIND]...", nargs=-1)
@as_of_option
@json_option
@catalogue_option
def gaps(kinds: tuple[str, ...], as_of: str | None, as_json: bool, catalogue: str | None) -> None:
    """Tell what the records of all runs leave open or contradict.

    KIND is one of: cycle, two producers, times out of order, dangling input (used, and no more than a name), orphan
    (found up to date, and its maker is not in the catalogue), no digest, no agent, no version, no time; all are told
    if none is named. What lies on disk is not looked at: `filiation audit` and `filiation check` do that.
    """
    with opened(catalogue, as_of) as ledger:
        _tell(ledger.gaps(*kinds), as_json)


@click.command(epilog=example("filiation duplicates"))
@as_of_option
@json_option
@catalogue_option
def duplicates(as_of: str | None, as_json: bool, catalogue: str | None) -> None:
    """Tell which bytes were made more than once, at what cost.

    Time counts for jobs that made nothing new, space for each further place where the same bytes were made.
    """
    with opened(catalogue, as_of) as ledger:
        _tell(ledger.duplicates(), as_json)


@click.command(epilog=example("filiation stale", "filiation stale results/ihc/nuclei.ome.zarr --no-disk"))
@click.argument("things", metavar="[THING]...", nargs=-1)
@click.option("--disk/--no-disk", default=True, help="Compare with what lies on disk now too. [default: disk]")
@json_option
@catalogue_option
def stale(things: tuple[str, ...], disk: bool, as_json: bool, catalogue: str | None) -> None:
    """Tell what would be made otherwise today.

    A thing is stale if an input (a raw image, a model's weights, a table) or a script has other bytes since, or if
    the same rule has worked in a later run of the same folder with parameters, software or an environment that no job
    of the thing's own run had; and if it descends from a stale one. THING is as for `filiation trace`; all that was
    made last at its place is looked at if none is named. Files that look untouched are not read again.
    """
    with opened(catalogue) as ledger:
        _tell(ledger.stale(*things, disk=disk), as_json)


def _tell(found: Observations, as_json: bool) -> None:
    if as_json:
        say_json(found.to_json())
        return
    if found.found:
        say_table(found.columns, found.rows)
    remark(found.summary)
