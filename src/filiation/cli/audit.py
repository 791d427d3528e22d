"""``filiation audit``: what must be known before results are relied on."""

from __future__ import annotations

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import bytes_bar, say, say_json
from filiation.errors import FindingsError


@click.command(epilog=example("filiation audit", "filiation audit --strict --json"))
@click.option("--strict", is_flag=True, help="Exit with 9 for notes too.")
@json_option
@catalogue_option
@click.pass_context
def audit(ctx: click.Context, strict: bool, as_json: bool, catalogue: str | None) -> None:
    """Find what an auditor must know: leftovers, gaps, changes.

    Looked for are: outputs of failed or interrupted jobs that are still on disk, things without a recorded maker,
    things changed or gone since, runs interrupted or not packed, journals damaged, what was not captured, label images
    that do not lead to the image they were made from, and times that cannot be. Each finding says what, where, on which
    evidence, and what to do. Files that look untouched are not read again; `filiation check` reads every byte.

    Exits with 9 if anything serious or to be warned of was found; notes alone leave it 0.
    """
    with opened(catalogue) as ledger, bytes_bar("Reading") as advance:
        report = ledger.audit(progress=advance)
    if as_json:
        say_json(report.to_json())
    else:
        say(report.text().rstrip("\n"))
    if not report.is_clean(strict=strict):
        ctx.exit(FindingsError.exit_code)
