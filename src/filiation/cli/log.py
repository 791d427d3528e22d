"""``filiation log``: what was done to the catalogue, by whom and when; signed, and verified."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import remark, say, say_json, say_table, steps_bar
from filiation.errors import BadInputError, ChangedError

if TYPE_CHECKING:
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.log_heads import LogReport


@click.command(
    epilog=example("filiation log", "filiation log --sign", "filiation log --verify --signers allowed_signers")
)
@click.option("--last", default=20, show_default=True, metavar="N", help="So many events, the newest first; 0 for all.")
@click.option("--sign", "signing", is_flag=True, help="State how far the log goes, and sign it with an SSH key.")
@click.option("--key", metavar="FILE", help="SSH key to sign with, as for `filiation seal`.")
@click.option("--verify", "verifying", is_flag=True, help="See that no line was changed, cut off or left out.")
@click.option("--views", "viewed", is_flag=True, help="Tell who looked at what in `filiation serve` instead.")
@click.option("--signers", metavar="FILE", help="Those who may sign, as for `filiation verify`.")
@json_option
@catalogue_option
@click.pass_context
def log(
    ctx: click.Context,
    last: int,
    signing: bool,
    key: str | None,
    verifying: bool,
    viewed: bool,
    signers: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Tell what was done to the catalogue; sign that, or verify it.

    Crates that were taken in, forgotten or sealed, and notes that were made. Each line of the log carries the hash of
    the line before it. --sign states how far the log goes now; keep a copy of that file and its signature elsewhere.
    --verify reads the log and every crate's metadata: exits with 5 if a line was changed or cut off, or a crate came,
    went or was changed without a word. --views tells who looked at what in the pages of `filiation serve`, and with
    --verify whether lines of that were changed.
    """
    from filiation.catalogue import CatalogueFolder

    if signing and verifying:
        raise BadInputError("--sign and --verify do not go together; verify first, then sign.")
    if viewed and signing:
        raise BadInputError("--views and --sign do not go together: what is signed is what was done.")
    folder = CatalogueFolder.find(catalogue)
    if viewed:
        if not _list_views(folder, last, verifying=verifying, as_json=as_json):
            ctx.exit(ChangedError.exit_code)
    elif signing:
        _sign(folder, key, as_json=as_json)
    elif verifying:
        report = _verified(folder, signers, as_json=as_json)
        if not report.is_whole:
            ctx.exit(ChangedError.exit_code)
    else:
        _list(folder, last, as_json=as_json)


def _list(folder: CatalogueFolder, last: int, *, as_json: bool) -> None:
    from filiation.catalogue.log import last_events, read_log

    segments = read_log(folder.root)
    events = list(islice(last_events(segments), last or None))
    if as_json:
        say_json([event.to_json() for event in events])
        return
    rows = [
        (f"{event.when:%Y-%m-%d %H:%M:%S} UTC", event.event, event.about, event.user, event.host) for event in events
    ]
    if rows:
        say_table(("when", "event", "about", "user", "host"), rows)
    else:
        remark("Nothing was done to this catalogue since logs are kept.")
    if broken := sum(len(segment.faults) for segment in segments):
        remark(f"The chain is broken at {broken} places. See: filiation log --verify")


def _list_views(folder: CatalogueFolder, last: int, *, verifying: bool, as_json: bool) -> bool:
    """Tell who looked at what, or whether that was changed; return whether it was not, where that is asked."""
    from filiation.catalogue.views import read_views
    from filiation.lineage.words import counted

    read = read_views(folder.root)
    shown = [] if verifying else list(islice(read.views, last or None))
    if as_json:
        say_json(
            {"views": [view.to_json() for view in shown], "faults": list(read.faults), "remarks": list(read.remarks)}
        )
    elif verifying:
        state = "NOT WHOLE" if read.faults else "whole"
        say(f"{counted(len(read.views), 'view')} in {counted(read.files, 'file')}: {state}.")
        for fault in read.faults:
            say(f"FAULT  {fault}")
    elif shown:
        rows = [
            (f"{view.when:%Y-%m-%d %H:%M:%S} UTC", view.who or "somebody unknown", view.address or "", view.what,
             view.about or "", str(view.status))
            for view in shown
        ]  # fmt: skip
        say_table(("when", "who", "from", "page", "about", "status"), rows)
    else:
        remark("Nobody looked at this catalogue's pages since views are logged.")
    if not as_json:
        for note in read.remarks:
            remark(note)
        if read.faults and not verifying:
            remark(f"The chain is broken at {len(read.faults)} places. See: filiation log --views --verify")
    return not (verifying and read.faults)


def _sign(folder: CatalogueFolder, key: str | None, *, as_json: bool) -> None:
    from filiation.catalogue.log_heads import sign_log
    from filiation.cli.seal import signer_of

    place = sign_log(folder.root, signer_of(folder.root, key))
    if as_json:
        say_json({"head": str(place), "signature": f"{place}.sig"})
    else:
        say(f"Signed: {place}. Keep a copy of it and of {place.name}.sig where nobody who writes here can change it.")


def _verified(folder: CatalogueFolder, signers: str | None, *, as_json: bool) -> LogReport:
    from filiation.catalogue.log_heads import verify_log
    from filiation.crate.seals.ssh import signers_list
    from filiation.lineage.words import counted

    with steps_bar("Reading") as advance:
        report = verify_log(folder, signers_list(signers), lambda done, total: advance(done, total, ""))
    if as_json:
        say_json(_as_json(report))
        return report
    lines = sum(len(segment.events) for segment in report.segments)
    state = "whole" if report.is_whole else "NOT WHOLE"
    say(f"{counted(lines, 'line')} in {counted(len(report.segments), 'file')} of the log: {state}.")
    if report.before:
        say(f"{counted(report.before, 'crate')} came before the log began; it tells nothing of them.")
    for head in report.heads:
        when = "" if head.when is None else f", {head.when:%Y-%m-%d %H:%M:%S} UTC"
        whose = "nobody" if head.signature is None else head.signature.signer or f"key {head.signature.key}"
        say(f"Head {head.number}{when}, stated by {head.by or 'nobody'}, signed by {whose}")
    if not report.heads and lines:
        say("No head was signed, so whoever can write here can write the whole log anew: filiation log --sign")
    for fault in _faults(report):
        say(f"FAULT  {fault}")
    for segment in report.segments:
        for note in segment.remarks:
            remark(f"{segment.name}: {note}")
    return report


def _faults(report: LogReport) -> list[str]:
    return [
        *(f"{segment.name}: {fault}" for segment in report.segments for fault in segment.faults),
        *(fault for head in report.heads for fault in head.faults),
        *report.faults,
    ]


def _as_json(report: LogReport) -> dict[str, object]:
    return {
        "whole": report.is_whole,
        "lines": sum(len(segment.events) for segment in report.segments),
        "before": report.before,
        "heads": [
            {
                "number": head.number,
                "when": None if head.when is None else f"{head.when:%Y-%m-%dT%H:%M:%SZ}",
                "by": head.by,
                "signer": None if head.signature is None else head.signature.signer,
                "key": None if head.signature is None else head.signature.key,
            }
            for head in report.heads
        ],
        "faults": _faults(report),
        "remarks": [f"{segment.name}: {note}" for segment in report.segments for note in segment.remarks],
    }
