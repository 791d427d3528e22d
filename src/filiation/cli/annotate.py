"""``filiation annotate``: note something of a thing, with who, when and why."""

from __future__ import annotations

import json

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say_json, say_table


@click.command(
    epilog=example(
        "filiation annotate results/ihc/nuclei.ome.zarr quality=good --why 'looked at every tenth nucleus'",
        "filiation annotate results/ihc/nuclei.ome.zarr",
        "filiation find entity annotation.quality=good",
    )
)
@click.argument("thing", required=False)
@click.argument("pairs", metavar="[KEY=VALUE]...", nargs=-1)
@click.option("--why", metavar="TEXT", help="The reason, to be kept with it.")
@as_of_option
@json_option
@catalogue_option
def annotate(
    thing: str | None,
    pairs: tuple[str, ...],
    why: str | None,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Note KEY=VALUE of THING, or list what was noted.

    THING is as for `filiation trace`; a job is named by its IRI, or as RUN:#job-3-attempt-1. A number is kept as one,
    a text in double quotes as a text, and `KEY=` takes a value back; what was noted before stays on record. What is
    noted holds for the same bytes wherever they are, and can be asked for: `filiation find entity annotation.KEY`.
    """
    with opened(catalogue, as_of) as ledger:
        made = ledger.annotate(str(thing), *pairs, why=why) if pairs else ()
        found = made or ledger.annotations(thing)
    if as_json:
        say_json([annotation.to_json() for annotation in found])
    elif found:
        from filiation.lineage.words import moment

        columns = ("thing", "key", "value", "by", "when", "why")
        rows = [
            (each.thing, each.key, "(taken back)" if each.value is None else json.dumps(each.value, ensure_ascii=False),
             each.by, moment(each.when), each.why or "")
            for each in found
        ]  # fmt: skip
        say_table(columns, rows)
    else:
        remark("Nothing was noted.")
