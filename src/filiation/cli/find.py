"""``filiation find``: actions and things of all runs that are as conditions say."""

from __future__ import annotations

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_json, say_table


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
        "filiation find entity 'kind=label image' 'size>10MB' --names | filiation trace - --format table",
    ),
)
@click.argument("kind", type=click.Choice(["action", "entity"]))
@click.argument("conditions", metavar="[CONDITION]...", nargs=-1)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Print N at most. [default: all]")
@click.option("--count", is_flag=True, help="Print only how many there are.")
@click.option("--names", is_flag=True, help="Print only what they are called, one a line, for `filiation trace -`.")
@as_of_option
@json_option
@catalogue_option
def find(
    kind: str,
    conditions: tuple[str, ...],
    limit: int | None,
    count: bool,
    names: bool,
    as_of: str | None,
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
    with opened(catalogue, as_of) as ledger:
        found = ledger.find(kind, *conditions, limit=limit)
    if as_json:
        say_json(found.to_json())
    elif count:
        say(f"{len(found.nodes)}{' or more' if found.truncated else ''}")
    elif names:
        for name in found.names:
            say(name)
    else:
        say_table(found.columns, found.rows)
        if not found.nodes:
            remark("Nothing is like that.")
    if found.truncated and not as_json:
        remark(f"There are more than these {len(found.nodes)}.")
