"""``filiation ask`` and ``filiation sparql``: questions over one run or all."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import click

from filiation.cli.options import as_of_option, catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say_json, say_table
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.lineage import Answer

_CRATE_IRI = re.compile(r"arcp://uuid,(?P<run>[0-9a-f]{8})[0-9a-f-]{28}/(?P<rest>.*)", re.DOTALL)


@click.command(epilog=example("filiation ask --list", "filiation ask cq5 --run 7c9f2c34"))
@click.argument("name", required=False)
@click.option("--list", "list_all", is_flag=True, help="List the questions.")
@click.option("--run", metavar="RUN", help="Only this run: its id or the start of it. [default: all]")
@click.option("--given", multiple=True, metavar="NAME=VALUE", help="A value that the question takes; can be repeated.")
@as_of_option
@json_option
@catalogue_option
def ask(
    name: str | None,
    list_all: bool,
    run: str | None,
    given: tuple[str, ...],
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Answer a question by its name, over one run or all.

    cq1 to cq11 are the competency questions that the authors of Workflow Run RO-Crate published; the others are
    filiation's own.
    """
    with opened(catalogue, as_of) as ledger:
        if list_all or name is None:
            questions = ledger.questions()
            if as_json:
                say_json([{"name": question.name, "title": question.title} for question in questions])
            else:
                say_table(("question", "what it asks"), [(question.name, question.title) for question in questions])
            return
        answer = ledger.ask(name, run=run, given=_values(given))
        if not as_json:
            remark(answer.title)
        _print(answer, as_json, short=True)


@click.command(
    epilog=example(
        "filiation sparql 'SELECT ?s WHERE { ?s a <http://www.w3.org/ns/prov#Activity> }'",
        "filiation sparql - < query.rq",
    )
)
@click.argument("query")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), default=30.0, show_default=True, help="Seconds to wait."
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=100_000, show_default=True, metavar="N", help="N rows at most."
)
@click.option("--lint/--no-lint", default=True, show_default=True, help="Warn of what takes longer than it has to.")
@click.option("--strict", is_flag=True, help="Ask nothing that is warned of.")
@as_of_option
@json_option
@catalogue_option
def sparql(
    query: str,
    timeout: float,
    limit: int,
    lint: bool,
    strict: bool,
    as_of: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Answer a SPARQL query, read-only.

    QUERY is a SELECT, ASK, CONSTRUCT or DESCRIBE; - reads it from the standard input. All crates are asked together;
    each is a named graph too. Updates, SERVICE and FROM are refused. Patterns that are known to take thousands of
    times as long as they have to are warned of, with what to write instead.
    """
    from filiation.lineage.sparql import refuse_beyond
    from filiation.lineage.sparql_lint import lint as look_at

    text = sys.stdin.read() if query == "-" else query
    refuse_beyond(text)
    warnings = look_at(text) if lint or strict else ()
    if strict and warnings:
        raise BadInputError(f"{' '.join(map(str, warnings))} Without --strict it is asked all the same.")
    for warning in warnings:
        remark(f"This may take long. {warning}")
    with opened(catalogue, as_of) as ledger:
        _print(ledger.sparql(text, timeout=timeout, limit=limit), as_json)


def _print(answer: Answer, as_json: bool, *, short: bool = False) -> None:
    if as_json:
        say_json(answer.to_json())
        return
    # An error of several lines stays one row of the table.
    rows = [[(_short(cell) if short else cell).replace("\n", " ⏎ ") for cell in row] for row in answer.as_text()]
    say_table(answer.columns, rows)
    if not answer.rows:
        remark("Nothing known.")
    if answer.truncated:
        remark(f"There are more rows than these {len(answer.rows)}.")


def _short(cell: str) -> str:
    """Shorten the IRI of a run's crate, or of something in it, to the start of the run's id: ``5187c038:work/…``."""
    match = _CRATE_IRI.fullmatch(cell)
    return cell if match is None else match["run"] + (f":{match['rest']}" if match["rest"] else "")


def _values(given: tuple[str, ...]) -> dict[str, str]:
    values = {}
    for pair in given:
        name, found, value = pair.partition("=")
        if not found or not name:
            raise BadInputError(f"--given {pair!r} is not NAME=VALUE.")
        values[name] = value
    return values
