"""``filiation omero register``: what a run made, put on the images that it was made from."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import complain, remark, say, say_json, steps_bar
from filiation.errors import FiliationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from filiation.images.omero import Host
    from filiation.images.omero.objects import ObjectId
    from filiation.images.omero.shapes import Drawing
    from filiation.lineage import Ledger
    from filiation.publish import RegistrationReport
    from filiation.publish.pieces import Piece

MOST_NAMED = 10
"""Objects on a server that are named one by one."""


@click.command(
    epilog=example("filiation omero register 7c9f2c34 --dry-run", "filiation omero register 7c9f2c34 --undo")
)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--server", metavar="HOST[:PORT]", help="The server, where a run has images on several.")
@click.option("--dry-run", is_flag=True, help="Only tell what would be written.")
@click.option("--replace", is_flag=True, help="Remove what is there of the run, and write it anew.")
@click.option("--undo", "take_away", is_flag=True, help="Remove exactly what was registered of the run, nothing else.")
@click.option("--tables/--no-tables", default=True, show_default=True, help="Whether tables of objects are written.")
@click.option("--crate/--no-crate", default=True, show_default=True, help="Whether the crate goes to the dataset.")
@click.option("--rois", type=click.Choice(["masks", "polygons"]), help="Draw the objects of label images, as these.")
@click.option(
    "--tolerance", type=float, metavar="PIXELS", help="How far a polygon may be off the outline.  [default: 1]"
)
@click.option("--labels-url", metavar="URL", help="Where the run's folder is served: label images get their address.")
@click.option("--labels-into", metavar="FOLDER", help="Write label images once more there, with the ids of their ROIs.")
@click.option("--most-rois", type=int, metavar="N", help="Draw no label image of more objects.  [default: 5000]")
@json_option
@catalogue_option
@click.pass_context
def register(
    ctx: click.Context,
    runs: tuple[str, ...],
    server: str | None,
    dry_run: bool,
    replace: bool,
    take_away: bool,
    tables: bool,
    crate: bool,
    rois: str | None,
    tolerance: float | None,
    most_rois: int | None,
    labels_url: str | None,
    labels_into: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Write what RUN made to the OMERO images that it was made from.

    Each image gets key-value pairs (the run, its workflow, parameters as used, digests, where the label image is) and
    the table of its objects; its dataset gets the metadata of the run's crate, once. What was made from which image is
    known by lineage. A second call changes nothing; after a break it does the rest. Each call that changes the server
    is recorded, with the ids that it created.

    With --rois each object of a label image becomes a region of interest on the image, with the label as its name, and
    tables get its id. Masks are exact; polygons are within the tolerance and fill holes.
    """
    if take_away and (dry_run or replace or rois):
        raise click.UsageError("--undo goes with none of --dry-run, --replace and --rois.")
    if labels_into is not None and rois is None:
        raise click.UsageError("--labels-into goes with --rois.")
    if labels_url is not None and not labels_url.startswith(("https://", "http://", "s3://")):
        raise click.BadParameter(
            f"{labels_url!r} is no address of a folder: it begins with https://, http:// or s3://.",
            param_hint="--labels-url",
        )
    write = _writing(
        dry_run=dry_run,
        renew=replace,
        tables=tables,
        crate=crate,
        drawing=_drawing(rois, tolerance, most_rois),
        copies=None if labels_into is None else Path(labels_into),
    )
    reports: list[RegistrationReport] = []
    failures: list[FiliationError] = []
    with opened(catalogue) as ledger:
        for run in runs:
            try:
                if take_away:
                    reports += _undone(ledger, run, server)
                else:
                    reports.append(_registered(ledger, run, server, write, labels_url))
            except FiliationError as error:
                if len(runs) == 1:
                    raise
                failures.append(error)
    if as_json:
        say_json([report.to_json() for report in reports])
    else:
        for report in reports:
            say("\n".join(_lines(report, dry_run=dry_run)))
    for failure in failures:
        complain(str(failure))
    if failures:
        ctx.exit(failures[0].exit_code)


def _writing(**wanted: Any) -> Callable[..., RegistrationReport]:
    from filiation.publish import register as write

    return partial(write, **wanted)


def _registered(
    ledger: Ledger,
    run: str,
    server: str | None,
    write: Callable[..., RegistrationReport],
    labels_url: str | None,
) -> RegistrationReport:
    from filiation.publish import plan_registration

    named = _host(server) if server else None
    plan = plan_registration(ledger, run, named.name if named else None, labels_url)
    host = named or _host(plan.host)
    with steps_bar(f"Writing to {host}") as advance:
        return write(ledger, plan, host, progress=advance)


def _drawing(form: str | None, tolerance: float | None, most: int | None) -> Drawing | None:
    if form is None:
        if tolerance is not None or most is not None:
            raise click.UsageError("--tolerance and --most-rois go with --rois.")
        return None
    from filiation.images.omero.shapes import DEFAULT_MOST, DEFAULT_TOLERANCE, Drawing, Form

    return Drawing(
        Form(form), DEFAULT_TOLERANCE if tolerance is None else tolerance, DEFAULT_MOST if most is None else most
    )


def _undone(ledger: Ledger, run: str, server: str | None) -> Iterator[RegistrationReport]:
    from filiation.images.omero.objects import object_named
    from filiation.publish import undo
    from filiation.publish.pending import hosts_of

    detail = ledger.show(run)
    registered = {
        place[0] for each in detail.registrations for thing in each.there if (place := object_named(thing.iri))
    }
    known = sorted(registered | hosts_of(ledger.folder, detail.summary.id))
    wanted = _host(server) if server else None
    hosts = [wanted] if wanted else [_host(name) for name in known]
    if not hosts:
        remark(f"Nothing of run {detail.summary.id[:8]} is on a server, as far as this catalogue knows.")
    for host in hosts:
        yield undo(ledger, detail.summary.id, host)


def _host(text: str) -> Host:
    from filiation.images.omero import Address

    return Address.from_uri(f"omero://{text}/images").host


def _lines(report: RegistrationReport, *, dry_run: bool) -> Iterator[str]:
    from filiation.publish import Outcome

    yield f"Run {report.run[:8]} on {report.host}"
    target = None
    for piece in report.pieces:
        if piece.target != target:
            target = piece.target
            yield f"  {target.object} {target.name}".rstrip()
        yield f"    {piece.what}: {_outcome(piece, dry_run=dry_run)}"
    if report.removed:
        yield f"  removed: {_named(report.removed)}"
    if report.gone:
        yield f"  was gone already: {_named(report.gone)}"
    if any(piece.outcome is Outcome.DIFFERENT for piece in report.pieces):
        yield "  What differs stays as it is; --replace renews it."
    if report.record is not None:
        yield f"  Recorded as {report.record.name[:8]}."
    elif not dry_run:
        yield "  Nothing to do."


def _named(objects: Sequence[ObjectId]) -> str:
    """Name objects, the first of many alone: --json has all."""
    more = f" and {len(objects) - MOST_NAMED} more" if len(objects) > MOST_NAMED else ""
    return ", ".join(map(str, objects[:MOST_NAMED])) + more


def _outcome(piece: Piece, *, dry_run: bool) -> str:
    would = "would be " if dry_run and piece.to_be_written else ""
    number = f" ({piece.object})" if piece.object is not None else ""
    if piece.regions is not None and piece.regions.ids:
        number = f" ({len(piece.regions.ids)} objects)"
        if piece.regions.filled:
            number += f", holes filled in {piece.regions.filled}"
    return f"{would}{piece.outcome.value}{number}{f': {piece.reason}' if piece.reason else ''}"
