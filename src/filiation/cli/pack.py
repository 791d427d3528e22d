"""``filiation pack``: a run's crate from its journal, or a copy of it that carries its data along."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, json_option, tell_of_waiting_graphs
from filiation.cli.output import complain, from_here, remark, say, say_json, steps_bar
from filiation.errors import BadInputError, FiliationError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sized

    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.packing import PackReport


@click.command()
@click.argument("run", required=False)
@click.option(
    "--payload",
    metavar="FOLDER",
    help="Write a self-contained copy of RUN's crate there, with every file and store that is still as recorded "
    "(hard-linked where possible).",
)
@click.option("--after-run", is_flag=True, hidden=True, help="Report in one line, for the logger plugin.")
@click.option("--send-to", type=click.Path(path_type=Path), hidden=True, help="A shared catalogue, for the plugin.")
@json_option
@catalogue_option
@click.pass_context
def pack(
    ctx: click.Context,
    run: str | None,
    payload: str | None,
    after_run: bool,
    send_to: Path | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Make the crate of a run from its journal, or one with its data.

    Runs are packed when they end. This packs those that were killed, or left for later: all that wait, or RUN (its id
    or the start of it). With --payload, RUN's crate is copied together with its data.

    \b
    Example:
      $ filiation pack
      $ filiation pack 7c9f2c34 --payload for-the-repository/
    """
    from filiation.catalogue import CatalogueFolder

    folder = CatalogueFolder.create(Path(catalogue)) if after_run and catalogue else CatalogueFolder.find(catalogue)
    if payload is not None:
        _pack_payload(folder, run, Path(payload), as_json)
        return
    waiting = _waiting(folder, _full_id(folder, run) if run else None, others=run is None or after_run)
    reports, failures = _pack_each(folder, waiting, alone=run is not None and not after_run)
    _tidy(folder)
    if not reports and not failures and not as_json:
        say("Every run has its crate.")
    if as_json:
        say_json([_as_json(report) for report in reports])
    for report in reports:
        if after_run:
            remark(_sentence(report))
        elif not as_json:
            say(_sentence(report))
    if send_to is not None:
        _send(reports, send_to)
    tell_of_waiting_graphs(folder.root)
    for failure in failures:
        complain(str(failure))
    if failures:
        ctx.exit(failures[0].exit_code)


def _send(reports: Iterable[PackReport], shared: Path) -> None:
    """Send crates to a shared catalogue; that it cannot be reached now costs nothing but the sending."""
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.inbox import send

    for report in reports:
        try:
            send(report.crate, CatalogueFolder.find(shared))
        except (FiliationError, OSError) as error:
            complain(
                f"Run {report.run.id[:8]} is recorded, and could not be sent to {shared}: {error} Send it later with: "
                f"filiation send {report.run.id[:8]} --to {shared}"
            )


def _waiting(folder: CatalogueFolder, named: str | None, *, others: bool) -> Iterator[str]:
    """Yield the run that was named, then the others that wait: those killed, or left for later."""
    from filiation.catalogue.waiting import still_waits, unpacked_runs

    if named is not None:
        yield named
    if others:
        # Others may be packing too; each run is for the first who comes to it.
        yield from (run for run in unpacked_runs(folder) if run != named and still_waits(folder, run))


def _tidy(folder: CatalogueFolder) -> None:
    """Clear up after packings that were killed, and take in what arrived without being taken in."""
    from filiation.catalogue import Catalogue
    from filiation.catalogue.waiting import clear_up
    from filiation.errors import CatalogueBusyError

    clear_up(folder)
    with suppress(CatalogueBusyError):  # then the next one who asks a question does it
        Catalogue(folder).catch_up()


def _pack_each(
    folder: CatalogueFolder, waiting: Iterable[str], *, alone: bool
) -> tuple[list[PackReport], list[FiliationError]]:
    from filiation.catalogue.packing import pack as pack_run

    reports: list[PackReport] = []
    failures: list[FiliationError] = []
    for run in waiting:
        try:
            with steps_bar("Reading") as advance:
                reports.append(pack_run(folder, run, lambda done, total: advance(done, total, "")))
        except FiliationError as error:
            if alone:
                raise
            failures.append(error)
        except OSError as error:
            failures.append(_unwritten(run, error))
    return reports, failures


def _unwritten(run: str, error: OSError) -> FiliationError:
    place = f" ({error.filename})" if error.filename else ""
    return BadInputError(
        f"The crate of run {run} could not be written: {error.strerror or error}{place}. "
        f"The journal is kept; pack again when this is mended: filiation pack {run}"
    )


def _pack_payload(folder: CatalogueFolder, run: str | None, target: Path, as_json: bool) -> None:
    from filiation.catalogue.packing_with_data import pack_with_payload

    if run is None:
        raise BadInputError("--payload needs a RUN: its id or the start of it, as `filiation runs` lists them.")
    with steps_bar("Copying") as advance:
        report = pack_with_payload(folder, _full_id(folder, run), target, lambda done, total: advance(done, total, ""))
    if as_json:
        say_json(_as_json(report))
        return
    say(_packed(report))
    for path in report.left_out:
        remark(f"Left out, as it is gone or has changed since: {path}")


def _full_id(folder: CatalogueFolder, start: str) -> str:
    """Return the run id that begins so; journals and crates both count."""
    known = {path.stem for path in folder.journals.glob("*.jsonl")} | {path.name for path in folder.list_crates()}
    found = sorted(run for run in known if run.startswith(start))
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFoundError(f"No run begins with {start!r} in {folder.root}; `filiation runs` lists what there is.")
    raise BadInputError(f"{start!r} is the start of {len(found)} runs: {', '.join(found)}. Give more of it.")


def _sentence(report: PackReport) -> str:
    run = report.run
    failed = [action for action in run.actions if action.status.value == "failed"]
    trouble = f", {len(failed)} failed" if failed else ""
    sentence = (
        f"filiation: run {run.id[:8]} {run.status.value}: {_count(run.actions, 'action')}{trouble}, "
        f"{_count(run.entities, 'thing')} recorded in {from_here(report.crate)}"
    )
    error = next((action.error for action in failed if action.error), run.error)
    # Snakemake's own --quiet may have hidden it.
    return sentence + (f"\n  {error.strip()}".replace("\n", "\n  ") if error and run.status.value == "failed" else "")


def _packed(report: PackReport) -> str:
    along = [
        entity for entity in report.run.entities
        if entity.digest is not None and not entity.is_remote and entity.path not in report.left_out
    ]  # fmt: skip
    total = sum(entity.size or 0 for entity in along)
    return (
        f"Run {report.run.id[:8]} packed with its data in {from_here(report.crate)}: {_count(along, 'thing')}, "
        f"{total / 1e6:.1f} MB; {len(report.left_out)} left out."
    )


def _count(things: Sized, name: str) -> str:
    return f"{len(things)} {name}" + ("" if len(things) == 1 else "s")


def _as_json(report: PackReport) -> dict[str, object]:
    return {
        "run": report.run.id,
        "status": report.run.status.value,
        "crate": str(report.crate),
        "actions": len(report.run.actions),
        "entities": len(report.run.entities),
        "not_captured": list(report.run.not_captured),
        "left_out": list(report.left_out),
    }
