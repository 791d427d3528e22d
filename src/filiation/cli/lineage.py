"""``filiation trace`` and ``filiation impact``: where things come from, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import say, say_json, write_text

if TYPE_CHECKING:
    from filiation.lineage import Lineage

_depth = click.option("--depth", type=click.IntRange(min=1), metavar="N", help="Go over N jobs at most. [default: all]")
_svg = click.option("--svg", metavar="FILE", help="Draw a picture into FILE as well; - is the standard output.")


@click.command(
    epilog=example("filiation trace results/ihc/nuclei.ome.zarr", "filiation trace tree1:52ba13 --svg lineage.svg")
)
@click.argument("thing")
@_depth
@_svg
@json_option
@catalogue_option
def trace(thing: str, depth: int | None, svg: str | None, as_json: bool, catalogue: str | None) -> None:
    """Show what THING descends from, down to its sources.

    THING is a path, a digest, an IRI, a run, or the start of a digest or run. A path is found by the bytes that are
    there now, so it is traced to the run that really made them, wherever they have been moved.
    """
    with opened(catalogue) as ledger:
        _answer(ledger.trace(thing, depth=depth), svg, as_json)


@click.command(epilog=example("filiation impact data/raw.ome.zarr"))
@click.argument("thing")
@_depth
@_svg
@json_option
@catalogue_option
def impact(thing: str, depth: int | None, svg: str | None, as_json: bool, catalogue: str | None) -> None:
    """Show everything that descends from THING.

    For a raw image, a script or a table that turned out to be wrong: all labels, tables and pictures that were
    made from it, in any run.
    """
    with opened(catalogue) as ledger:
        _answer(ledger.impact(thing, depth=depth), svg, as_json)


def _answer(lineage: Lineage, svg: str | None, as_json: bool) -> None:
    if svg is not None:
        write_text(svg, lineage.to_svg())
    if as_json:
        say_json(lineage.to_json())
    elif svg != "-":
        say(lineage.tree().rstrip("\n"))
