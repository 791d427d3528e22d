"""``filiation import``: a published crate verified, and its runs taken into the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, found_or_made, json_option, tell_of_waiting_graphs
from filiation.cli.output import bytes_bar, complain, remark, say, say_json
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.publish.importing import ImportReport


@click.command(
    "import",
    epilog=example(
        "filiation import nuclei.zip --signers allowed_signers --require-signer ada@example.org",
        "filiation import nuclei.zip --data-to downloaded/",
    ),
)
@click.argument("crate", type=click.Path(path_type=Path))
@click.option("--signers", metavar="FILE", help="Those who may sign, as for `filiation verify`.")
@click.option("--require-signer", "required", metavar="WHO", multiple=True,
              help="WHO of that list must have signed it; nothing is taken in else.")  # fmt: skip
@click.option("--data-to", metavar="FOLDER", type=click.Path(path_type=Path),
              help="Put the data that it carries here too, under the paths that the runs had.")  # fmt: skip
@click.option("--site", metavar="NAME", help="What the other site is called in places, such as //NAME/data/raw.tif.")
@click.option("--same-paths", is_flag=True, help="A path there means the same file here: one file system.")
@click.option("--dry-run", is_flag=True, help="Write nothing; verify, and tell what would be taken in.")
@json_option
@catalogue_option
@click.pass_context
def import_(
    ctx: click.Context,
    crate: Path,
    signers: str | None,
    required: tuple[str, ...],
    data_to: Path | None,
    site: str | None,
    same_paths: bool,
    dry_run: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Verify a published CRATE, and take its runs in.

    CRATE is what `filiation export` wrote, or a bundle of evidence: a folder, an archive (.zip, .eln), a bag. Its seals
    and the digests of all that it carries are checked first, and nothing comes in if one is wrong. Each run comes in
    under its own id, so that `filiation trace` answers as where it was exported; paths of the other site are told as
    such. A part of a run never takes the place of the whole. What only `filiation ingest` does is to take a crate in as
    it stands, unverified.

    Exits with 5 if a byte changed, 15 if a signature is bad, 16 if WHO did not sign, 4 if it cannot be read or another
    record of a run is here.
    """
    from filiation.catalogue import Catalogue, CatalogueFolder
    from filiation.cli.seal import evidence_for
    from filiation.crate.seals.ssh import signers_list
    from filiation.errors import InvalidCrateError
    from filiation.publish.importing import import_crate

    if site is not None and same_paths:
        raise BadInputError("--site and --same-paths contradict each other; give one of them.")
    folder = CatalogueFolder.find(catalogue) if dry_run else found_or_made(catalogue)
    with bytes_bar("Reading") as advance:
        report = import_crate(
            Catalogue(folder),
            crate,
            evidence=evidence_for(signers_list(signers)),
            required=required,
            data_to=data_to,
            site=site,
            same_paths=same_paths,
            dry=dry_run,
            progress=advance,
        )
    if as_json:
        say_json(report.to_json())
    else:
        _tell(report)
    if not dry_run:
        tell_of_waiting_graphs(folder.root)
    for run in report.differing:
        complain(f"{run}: another record of this run is here and stays. To let that of {crate} hold: unpack it, then "
                 f"filiation ingest crates/{run}")  # fmt: skip
    if report.differing:
        ctx.exit(InvalidCrateError.exit_code)


def _tell(report: ImportReport) -> None:
    from filiation.lineage.words import counted, plain

    say(f"{plain(report.title)}: {'would be taken in' if report.dry else 'taken in'}")
    for run, outcome in report.runs:
        say(f"  run {run}: {outcome}")
    say(f"Seals: {report.seals.outcome.value}. {plain(report.seals.reason)}")
    say(f"{counted(report.checked, 'thing')} read and as recorded")
    for place in report.placed:
        say(f"  {'would be' if report.dry else 'is'} at {plain(str(place))}")
    if report.withheld:
        say("Withheld by its authors: " + ", ".join(f"{count} {plain(kind)}" for kind, count in report.withheld))
    if report.missing:
        say(f"Named by digest and not in it: {counted(len(report.missing), 'thing')}")
        for thing in report.missing[:20]:
            say(f"  {plain(thing.path)} {thing.digest}")
        if len(report.missing) > 20:
            remark(f"{len(report.missing) - 20} more; --json lists all.")
