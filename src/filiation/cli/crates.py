"""``filiation validate``, ``ingest`` and ``rebuild``: crates and the catalogue made from them."""

from __future__ import annotations

from pathlib import Path

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import complain, remark, say, say_json, steps_bar
from filiation.errors import FiliationError, InvalidCrateError, NotFoundError


@click.command(epilog=example("filiation validate my-crate/", "filiation validate 7c9f2c34 --severity recommended"))
@click.argument("crate")
@click.option("--profile", default="provenance-run-crate", show_default=True, help="The profile to check against.")
@click.option(
    "--severity",
    type=click.Choice(["required", "recommended", "optional"]),
    default="required",
    show_default=True,
    help="The least severity to report. Only what is required decides.",
)
@json_option
@catalogue_option
@click.pass_context
def validate(ctx: click.Context, crate: str, profile: str, severity: str, as_json: bool, catalogue: str | None) -> None:
    """Check a crate against the profiles of run crates.

    CRATE is a crate's folder, or a run in the catalogue. Works without a network. Exits with 4 if something that the
    profile requires is missing.
    """
    from filiation.crate.validation import validate as check_crate

    verdict = check_crate(_crate_folder(crate, catalogue), profile=profile, severity=severity)
    if as_json:
        say_json(verdict.to_json())
    else:
        for issue, entities in verdict.findings:
            places = f" ({', '.join(entities)})" if entities else ""
            say(f"{issue.severity.value}: {issue.message}{places} [{issue.check}]")
        say(f"{crate}: {verdict}")
    if not verdict.valid:
        ctx.exit(InvalidCrateError.exit_code)


@click.command(epilog=example("filiation ingest downloads/galaxy-run-crate/"))
@click.argument("crates", metavar="CRATE...", nargs=-1, required=True)
@json_option
@catalogue_option
@click.pass_context
def ingest(ctx: click.Context, crates: tuple[str, ...], as_json: bool, catalogue: str | None) -> None:
    """Take crates into the catalogue, of any workflow engine.

    Each folder is copied; a crate that is there already changes nothing. Where there is no catalogue yet, one is made.
    A crate that cannot be read is named, and the others are taken in all the same.
    """
    _make_catalogue(catalogue)
    reports, failures = [], []
    with opened(catalogue) as ledger, steps_bar("Taking in") as advance:
        for number, crate in enumerate(crates):
            try:
                reports.append(ledger.ingest(Path(crate)))
            except FiliationError as error:
                if len(crates) == 1:
                    raise
                failures.append(error)
            advance(number + 1, len(crates), crate)
    if as_json:
        say_json(
            [
                {
                    "run": report.id,
                    "outcome": report.outcome,
                    "entities": report.entities,
                    "actions": report.actions,
                    "folder": str(report.folder),
                }
                for report in reports
            ]
        )
    else:
        for report in reports:
            say(f"{report.id}: {report.outcome}, {report.actions} actions and {report.entities} things")
    for failure in failures:
        complain(str(failure))
    if failures:
        ctx.exit(failures[0].exit_code)


@click.command(epilog=example("filiation rebuild"))
@json_option
@catalogue_option
@click.pass_context
def rebuild(ctx: click.Context, as_json: bool, catalogue: str | None) -> None:
    """Make the catalogue's store and index again from its crates.

    Both are only caches: after this, every question is answered as before. Exits with 4 if a crate cannot be read.
    """
    from filiation.lineage import Ledger
    from filiation.lineage.words import counted

    ledger = Ledger(catalogue)
    with steps_bar("Rebuilding") as advance:
        report = ledger.rebuild(advance)
    if as_json:
        say_json({"crates": [crate.id for crate in report.crates], "problems": list(report.problems)})
    else:
        say(f"{counted(len(report.crates), 'crate')} taken in")
    for problem in report.problems:
        complain(problem)
    if report.problems:
        ctx.exit(InvalidCrateError.exit_code)


def _crate_folder(crate: str, catalogue: str | None) -> Path:
    """Return the folder of a crate named by path or by run."""
    path = Path(crate)
    if path.exists() or "/" in crate:
        return path
    try:
        with opened(catalogue) as ledger:
            folder: Path = ledger.folder / "crates" / ledger.show(crate).summary.id
            return folder
    except NotFoundError as error:
        raise NotFoundError(f"{crate!r} is neither a crate's folder nor a run: {error}") from error


def _make_catalogue(catalogue: str | None) -> None:
    from filiation.catalogue import CatalogueFolder

    try:
        CatalogueFolder.find(catalogue)
    except NotFoundError:
        place = Path(catalogue or ".filiation")
        CatalogueFolder.create(place)
        remark(f"Made a catalogue in {place}")
