"""``filiation validate``, ``ingest`` and ``rebuild``: crates and the catalogue made from them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import (
    catalogue_option,
    example,
    found_or_made,
    json_option,
    opened,
    say_that_others_write,
    tell_of_waiting_graphs,
)
from filiation.cli.output import complain, remark, say, say_json, steps_bar
from filiation.errors import FiliationError, InvalidCrateError, NotFoundError

if TYPE_CHECKING:
    from filiation.catalogue import IngestReport


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
@click.argument("crates", metavar="CRATE...", nargs=-1)
@click.option(
    "--inbox", is_flag=True, help="Take in what others have sent to the catalogue's inbox; make one if need be."
)
@click.option("--watch", is_flag=True, help="With --inbox: go on, and look into it again every few seconds.")
@click.option("--every", type=click.FloatRange(min=0.1), default=10.0, show_default=True, help="Seconds between.")
@click.option("--explain", is_flag=True, help="Tell what was assumed of each crate.")
@json_option
@catalogue_option
@click.pass_context
def ingest(
    ctx: click.Context,
    crates: tuple[str, ...],
    inbox: bool,
    watch: bool,
    every: float,
    explain: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Take crates into the catalogue, of any workflow engine.

    CRATE is a crate's folder, its metadata file, a ZIP archive of it (.zip, .eln), a PROV document (PROV-JSON, PROV-N,
    PROV-XML, PROV-O in RDF), the folder of Nextflow's lineage store, or a folder that holds any number of these.

    Each is copied; one that is there already changes nothing. Where there is no catalogue yet, one is made.
    A crate that cannot be read is named, and the others are taken in all the same. --explain tells what a crate does
    not say, and what was taken for granted. With --inbox, the crates are those
    that were sent there (`filiation send`), and leave it; those that cannot be read go to inbox/refused.
    """
    from filiation.catalogue.explaining import explain as explained
    from filiation.incoming import places

    if bool(crates) == inbox:
        raise click.UsageError("Name crates, or say --inbox." if not inbox else "--inbox takes no crates by name.")
    if inbox:
        ctx.exit(_take_from_inbox(catalogue, every if watch else None, as_json))
    found_or_made(catalogue)
    reports: list[IngestReport] = []
    failures = []
    with opened(catalogue) as ledger, steps_bar("Taking in") as advance:
        found = list(places(map(Path, crates)))
        for number, place in enumerate(found):
            try:
                reports += ledger.ingest_runs(place)
            except FiliationError as error:
                if len(found) == 1:
                    raise
                failures.append(error)
            advance(number + 1, len(found), str(place))
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
                | ({"assumed": list(explained(report.folder))} if explain else {})
                for report in reports
            ]
        )
    else:
        for report in reports:
            say(f"{report.id}: {report.outcome}, {report.actions} actions and {report.entities} things")
            for sentence in explained(report.folder) if explain else ():
                say(f"  {sentence}")
    for failure in failures:
        complain(str(failure))
    if failures:
        ctx.exit(failures[0].exit_code)


@click.command(epilog=example("filiation rebuild", "filiation rebuild --from-stores /data/results"))
@click.option(
    "--from-stores",
    "folders",
    multiple=True,
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Make records from what label images in FOLDER say of their own making; can be repeated.",
)
@json_option
@catalogue_option
@click.pass_context
def rebuild(ctx: click.Context, folders: tuple[Path, ...], as_json: bool, catalogue: str | None) -> None:
    """Make the catalogue's store and index again from its crates.

    Both are only caches: after this, every question is answered as before. They are made beside those in use, which
    answer until the new ones are whole, and crates can be taken in meanwhile; killed, it goes on when it is called
    again. A SPARQL server that filiation.toml names
    gets every crate's graph again. Exits with 4 if a crate cannot be read.

    With --from-stores, where the crates are lost too: the label images in FOLDER that say how they were made get
    records of low confidence, which name what is not known. What a crate tells of already is left alone.
    """
    if folders:
        _rebuild_from_stores(folders, catalogue, as_json=as_json)
        return
    from filiation.lineage import Ledger
    from filiation.lineage.words import counted

    ledger = Ledger(catalogue)
    ledger.tell_of_waiting(say_that_others_write)
    with steps_bar("Rebuilding") as advance:
        report = ledger.rebuild(advance)
    if as_json:
        say_json({"crates": [crate.id for crate in report.crates], "problems": list(report.problems)})
    else:
        say(f"{counted(len(report.crates), 'crate')} taken in")
    for problem in report.problems:
        complain(problem)
    tell_of_waiting_graphs(ledger.folder)
    if report.problems:
        ctx.exit(InvalidCrateError.exit_code)


def _rebuild_from_stores(folders: tuple[Path, ...], catalogue: str | None, *, as_json: bool) -> None:
    from filiation.catalogue.from_stores import rebuild_from_stores
    from filiation.lineage.words import counted

    report = rebuild_from_stores(found_or_made(catalogue), folders)
    if as_json:
        left = {str(place): reason for place, reason in report.left_alone}
        recorded = [str(place) for place in report.recorded]
        say_json({"crates": [crate.name for crate in report.crates], "recorded": recorded, "left_alone": left})
        return
    say(f"{counted(len(report.recorded), 'label image')} in {counted(len(report.crates), 'record')} of low confidence")
    for place in report.recorded:
        say(f"  {place}")
    for place, reason in report.left_alone:
        remark(f"Left alone: {place}: {reason}")


@click.command(epilog=example("filiation send --to /lab/catalogue", "filiation send 7c9f2c34 --to /lab/catalogue"))
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--to", required=True, metavar="PATH", type=click.Path(path_type=Path), help="The shared catalogue.")
@json_option
@catalogue_option
def send(runs: tuple[str, ...], to: Path, as_json: bool, catalogue: str | None) -> None:
    """Send crates to a laboratory's shared catalogue.

    A copy of each RUN's crate (of every run's, without) is put into the inbox there, whole or not at all; whoever keeps
    that catalogue takes it in with `filiation ingest --inbox`. What was sent before may be sent again. For every run to
    be sent when it ends: --logger-filiation-send-to.
    """
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.inbox import send as send_crate

    shared = CatalogueFolder.find(to)
    with opened(catalogue) as ledger:
        ids = [ledger.show(run).summary.id for run in runs] or [run.id for run in ledger.runs()]
    places = [send_crate(ledger.folder / "crates" / run, shared) for run in ids]
    if as_json:
        say_json([str(place) for place in places])
        return
    for run in ids:
        say(f"{run}: sent to {shared.inbox}")


def _take_from_inbox(catalogue: str | None, every: float | None, as_json: bool) -> int:
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.inbox import open_inbox, take_out

    found_or_made(catalogue)
    shared = open_inbox(CatalogueFolder.find(catalogue).root)
    while True:
        found = take_out(shared)
        if as_json:
            say_json({"taken": [report.id for report in found.taken], "refused": list(found.refused)})
        else:
            for report in found.taken:
                say(f"{report.id}: {report.outcome}, {report.actions} actions and {report.entities} things")
        for sentence in found.refused:
            complain(sentence)
        tell_of_waiting_graphs(shared.root)
        if every is None:
            return InvalidCrateError.exit_code if found.refused else 0
        time.sleep(every)


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
