"""``filiation path``: how one thing came of another."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click

from filiation.cli.lineage import FORMATS, names_from_input, refuse_both, write_lineage
from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import say, write_text
from filiation.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from filiation.lineage.paths import LineagePath


@click.command(
    epilog=example(
        "filiation path data/raw.ome.zarr results/ihc/nuclei.parquet",
        "filiation path --where 'kind=raw image' results/summary.csv --only 'kind=label image'",
    )
)
@click.argument("things", metavar="THING... OTHER", nargs=-1, required=True)
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="All things that are as CONDITION says, as THING; can be repeated, then all of them hold.",
)
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Only ways over N jobs at most.")
@click.option(
    "--until",
    multiple=True,
    metavar="CONDITION",
    help="No ways that lead on over what is as CONDITION says, such as rule=segment; can be repeated.",
)
@click.option(
    "--only",
    multiple=True,
    metavar="CONDITION",
    help="Of the ways show only what is as CONDITION says, joined over what is left out; can be repeated.",
)
@click.option("--from-run", metavar="RUN", help="The later thing as this run made or found it, if several did.")
@click.option("--published", is_flag=True, help="Only ways over something published, as of `filiation trace`.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    metavar="FORMAT",
    help=f"Print the ways as {', '.join(FORMATS)}. [default: step by step]",
)
@click.option("-o", "--output", default="-", metavar="FILE", help="Write into FILE instead of the standard output.")
@as_of_option
@json_option
@catalogue_option
def path(
    things: tuple[str, ...],
    where: tuple[str, ...],
    depth: int | None,
    until: tuple[str, ...],
    only: tuple[str, ...],
    from_run: str | None,
    published: bool,
    form: str | None,
    output: str,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:  # fmt: skip
    """Show how OTHER came of THING, each step with its evidence.

    The shortest ways are shown, in the direction in which data flowed, whichever is named first. The evidence of a
    step is the crate that tells of it, with its folder and the digest of its metadata.

    Of several THINGs, the shortest ways between each and OTHER are shown, and how many have none is told. THING is as
    for `filiation trace`.
    """
    refuse_both(form, as_json)
    named = names_from_input(things)
    *first, other = named or ("",)
    if not first and not where:
        raise click.UsageError("Name a THING and OTHER, or choose things by --where CONDITION.")
    with opened(catalogue, as_of) as ledger:
        if where:
            first += ledger.find("entity", *where).names
        way = partial(
            ledger.path, depth=depth, until=until, only=only, from_run=from_run, published=published
        )  # fmt: skip
        found, without = _paths(way, tuple(dict.fromkeys(first)), other)
    _say_paths(found, without, other, "json" if as_json else form, output, several=len(first) > 1 or bool(where))


def _paths(
    way: Callable[[str, str], LineagePath], first: tuple[str, ...], other: str
) -> tuple[tuple[LineagePath, ...], tuple[str, ...]]:
    """Return the ways between each of some things and another, and which of them have none."""
    if len(first) == 1:
        return (way(first[0], other),), ()
    found: list[LineagePath] = []
    without: list[str] = []
    for thing in first:
        try:
            found.append(way(thing, other))
        except NotFoundError as error:
            without.append(thing)
            last = error
    if not first:
        raise NotFoundError("Nothing is like that, so no way leads from it.")
    if not found:
        raise NotFoundError(f"Of {len(first)} things none has a way to or from {other}. Of the last: {last.message}")
    return tuple(found), tuple(without)


def _say_paths(
    found: tuple[LineagePath, ...],
    without: tuple[str, ...],
    other: str,
    form: str | None,
    output: str,
    *,
    several: bool,
) -> None:
    from filiation.lineage.paths import one_lineage

    if form == "json":
        told = [each.to_json() for each in found]
        plain = {"paths": told, "without": list(without)} if several else told[0]
        write_text(output, json.dumps(plain, indent=2) + ("" if output == "-" else "\n"))
    elif form is not None:
        write_lineage(one_lineage(found), form, output, each=True)
    else:
        text = "\n".join(each.text() for each in found)
        if without:
            text += f"\n{len(without)} of {len(found) + len(without)} things have no way to or from {other}.\n"
        say(text.rstrip("\n")) if output == "-" else write_text(output, text)
