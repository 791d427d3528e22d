"""``filiation find``: actions and things of all runs that are as conditions say."""

from __future__ import annotations

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_csv, say_json, say_table
from filiation.errors import BadInputError


class _Command(click.Command):
    """A command whose help lists the fields, which are read only when somebody asks for help."""

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the help text, then the fields."""
        super().format_help_text(ctx, formatter)
        from filiation.lineage.finding import fields_in_words

        listed = list(fields_in_words())
        for title, of in (("Fields of an action", "action"), ("Fields of an entity", "entity"),
                          ("Fields of both", "action or entity")):  # fmt: skip
            with formatter.section(title):
                formatter.write_dl([(name, meaning) for name, kind, meaning in listed if kind == of])


@click.command(
    cls=_Command,
    epilog=example(
        "filiation find action rule=segment 'parameter.sigma>=2' 'software.cellpose>=3' after=2026-01-01",
        "filiation find action status=failed agent~carberry",
        "filiation find action workflow=Snakefile 'duration>1h' machine=node7 before=2026-03 --csv",
        "filiation find entity 'kind=label image' 'size>10MB' --names | filiation trace - --format table",
        "filiation find entity 'name=*.ome.zarr' 'shape.z>=10' tag=control --count",
    ),
)
@click.argument("kind", type=click.Choice(["action", "entity"]))
@click.argument("conditions", metavar="[CONDITION]...", nargs=-1)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Print N at most. [default: all]")
@click.option("--count", is_flag=True, help="Print only how many there are.")
@click.option("--names", is_flag=True, help="Print only what they are called, one a line, for `filiation trace -`.")
@as_of_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the table as CSV, with commas, for a spreadsheet.")
@json_option
@catalogue_option
def find(
    kind: str,
    conditions: tuple[str, ...],
    limit: int | None,
    count: bool,
    names: bool,
    as_of: str | None,
    as_csv: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Find jobs (action) or files, stores and images (entity) of all runs.

    What is found is as every CONDITION says. A condition is one word: a field, an operator and a value, such as
    rule=segment; a field alone asks whether it is known, and ! before a condition turns it round. Quote what the
    shell would take for itself: < > ! * and spaces.

    = and != compare a number as a number, a version as a version, a time as a time; in a text, * and ? stand for
    what they do in a shell, and a value in double quotes is a text and nothing else. < <= > >= order numbers,
    versions, sizes (10MB) and times (2026-03, 2026-03-01, 2026-03-01T10:30Z). ~ asks for a part of a text, whatever
    its capitals.
    """
    if sum((count, names, as_csv, as_json)) > 1:
        raise BadInputError("--count, --names, --csv and --json contradict each other: ask for one of them.")
    with opened(catalogue, as_of) as ledger:
        if count and limit is None:
            say(f"{ledger.how_many(kind, *conditions)}")
            return
        found = ledger.find(kind, *conditions, limit=limit)
    if as_json:
        say_json(found.to_json())
    elif count:
        say(f"{len(found.nodes)}{' or more' if found.truncated else ''}")
    elif names:
        for name in found.names:
            say(name)
    elif as_csv:
        say_csv(found.columns, found.rows)
    else:
        say_table(found.columns, found.rows)
        if not found.nodes:
            remark("Nothing is like that.")
    for text in found.remarks:
        remark(text)
    if found.truncated and not as_json:
        remark(f"There are more than these {len(found.nodes)}: {found.total} in all.")
