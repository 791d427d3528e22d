"""``filiation forget``: take a run out of the answers, with who and why; nothing is deleted."""

from __future__ import annotations

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import say, say_json


@click.command(epilog=example("filiation forget 7c9f2c34 --why 'recorded twice' --dry-run"))
@click.argument("run")
@click.option("--why", metavar="TEXT", required=True, help="The reason, to be kept with it.")
@click.option("--dry-run", is_flag=True, help="Tell what would be forgotten, and change nothing.")
@json_option
@catalogue_option
def forget(run: str, why: str, dry_run: bool, as_json: bool, catalogue: str | None) -> None:
    """Take RUN out of the answers from now on.

    Its crate is kept beside the catalogue's history, with who had it forgotten, when and why; `--as-of` a time before
    still asks it, and `filiation ingest` of the kept folder brings it back. Files that the run made are not touched.
    """
    from filiation.lineage.words import counted, ending

    with opened(catalogue) as ledger:
        if dry_run:
            detail = ledger.show(run)
            made = sum(entity.generated for entity in detail.entities)
            if as_json:
                say_json({"run": detail.summary.id, "jobs": detail.summary.jobs, "made": made, "forgotten": None})
                return
            jobs, things = counted(detail.summary.jobs, "job"), counted(made, "thing")
            say(f"Run {detail.summary.id} would be forgotten, with {jobs} and {things} that it made.")
            return
        forgotten = ledger.forget(run, why=why)
    place = (ledger.folder / "crates" / str(forgotten.folder)).resolve()
    if as_json:
        say_json(
            {"run": forgotten.crate[len("arcp://uuid,") : -1], "kept": str(place), "forgotten": forgotten.to_json()}
        )
    else:
        say(f"{ending(forgotten)} Its crate is kept: {place}")
