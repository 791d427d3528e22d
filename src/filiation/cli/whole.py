"""``filiation gaps``, ``orphans``, ``duplicates`` and ``stale``: questions over the whole catalogue."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say_json, say_table

if TYPE_CHECKING:
    from filiation.lineage.observations import Observations

_P = ParamSpec("_P")
_R = TypeVar("_R")
_PAGE: Final = 1_000


_count = click.option("--count", is_flag=True, help="Tell only how many of each kind there are.")
_page = click.option("--page", type=click.IntRange(min=1), default=1, metavar="N", help="The N-th thousand lines.")


def _paged(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Add the options of answers that may have a line for every job."""
    only = click.option("--only", multiple=True, metavar="KIND", help="The same as KIND; can be repeated.")
    return _count(_page(only(command)))


@click.command(epilog=example("filiation gaps", "filiation gaps 'no agent' 'no digest'", "filiation gaps --count"))
@click.argument("kinds", metavar="[KIND]...", nargs=-1)
@_paged
@as_of_option
@json_option
@catalogue_option
def gaps(
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    page: int,
    count: bool,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Tell what the records of all runs leave open or contradict.

    KIND is one of: cycle (also one that goes through several runs), two producers, times out of order, dangling input
    (used, and no more than a name), orphan (found up to date, and its maker is not in the catalogue), no digest, no
    agent, no version, no time; all are told if none is named. What lies on disk is not looked at: `filiation audit`
    and `filiation check` do that.
    """
    with opened(catalogue, as_of) as ledger:
        _tell(ledger.gaps(*kinds, *only, page=0 if count else page), as_json, page)


@click.command(
    epilog=example("filiation orphans", "filiation orphans --only 'unknown file'", "filiation orphans --count")
)
@click.argument("kinds", metavar="[KIND]...", nargs=-1)
@_paged
@as_of_option
@json_option
@catalogue_option
def orphans(
    kinds: tuple[str, ...],
    only: tuple[str, ...],
    page: int,
    count: bool,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Tell what nobody made though it is no source, and what leads nowhere.

    \b
    other bytes   found where a run had made something else, and no run made it: changed by hand
    orphan        found up to date, and the run that made it is not in the catalogue
    no maker      a label image, which is never raw, that no run made
    unused        made beside something that was used further, and used by no job and no run itself; what the last
                  jobs of a run made is what the run was for, and not meant
    unknown file  lies on disk in a folder into which runs wrote, and no crate knows it; only told if it is named
    source        any other file that runs found and none made, as raw data are; only told if it is named
    """
    with opened(catalogue, as_of) as ledger:
        _tell(ledger.orphans(*kinds, *only, page=0 if count else page), as_json, page)


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
@click.option(
    "--disk/--no-disk",
    default=None,
    help="Compare with what lies on disk now too. [default: disk, but with --as-of no-disk]",
)
@_count
@_page
@as_of_option
@json_option
@catalogue_option
def stale(
    things: tuple[str, ...],
    disk: bool | None,
    count: bool,
    page: int,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Tell what would be made otherwise today.

    A thing is stale if an input (a raw image, a model's weights, a table) or a script has other bytes since, or if
    the same rule has worked in a later run of the same folder with parameters, software or an environment that no job
    of the thing's own run had; and if it descends from a stale one. THING is as for `filiation trace`; all that was
    made last at its place is looked at if none is named. Files that look untouched are not read again; with --no-disk,
    no file is looked at, which takes no longer for a large catalogue than for what is stale in it.
    """
    with opened(catalogue, as_of) as ledger:
        _tell(ledger.stale(*things, disk=disk, page=0 if count else page), as_json, page)


def _tell(found: Observations, as_json: bool, page: int = 1) -> None:
    if as_json:
        say_json(found.to_json())
        return
    if found.found:
        say_table(found.columns, found.rows)
    remark(found.summary)
    if found.found and found.lines is not None and found.lines > len(found.found):
        first = 1 + (page - 1) * _PAGE
        remark(f"Lines {first} to {first + len(found.found) - 1} of {found.lines}; --page {page + 1} tells more.")
