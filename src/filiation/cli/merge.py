"""``filiation merge``: other catalogues' runs taken into this one, without what is private."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, tell_of_waiting_graphs
from filiation.cli.output import complain, remark, say, say_json, steps_bar
from filiation.errors import InvalidCrateError

if TYPE_CHECKING:
    from filiation.catalogue.merging import MergeReport


@click.command(
    epilog=example(
        "filiation merge ../partner/.filiation",
        "filiation merge . --catalogue shared --policy private.yaml --dry-run",
    )
)
@click.argument("others", metavar="OTHER...", nargs=-1, required=True)
@click.option(
    "--policy", metavar="FILE", type=click.Path(path_type=Path), help="What is private, in YAML or TOML; it stays out."
)
@click.option("--site", metavar="NAME", help="What OTHER's site is called in places, such as //NAME/data/raw.tif.")
@click.option("--same-paths", is_flag=True, help="A path means the same file at OTHER as here: one file system.")
@click.option("--dry-run", is_flag=True, help="Write nothing; tell what would be merged and withheld.")
@json_option
@catalogue_option
@click.pass_context
def merge(
    ctx: click.Context,
    others: tuple[str, ...],
    policy: Path | None,
    site: str | None,
    same_paths: bool,
    dry_run: bool,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Take the runs and annotations of other catalogues into this one.

    OTHER is a catalogue's folder, or one that holds it as .filiation; it is only read. What both have is there once. A
    run that both have with other records is told of, and the other record kept in the folder differing/. Where there is
    no catalogue yet, one is made.

    --policy names what of OTHER is private: docs/how-to/merge-catalogues.md tells how. A run with something private
    gets a crate of its own, in which it is withheld, and which says what it was made from. Exits with 4 if a crate
    cannot be read.
    """
    from filiation.catalogue import Catalogue, CatalogueFolder
    from filiation.catalogue.merging import merge as merge_catalogue
    from filiation.catalogue.policy import read_policy
    from filiation.errors import NotFoundError

    private = None if policy is None else read_policy(policy)
    sources = [CatalogueFolder.find(other) for other in others]
    try:
        folder = CatalogueFolder.find(catalogue)
    except NotFoundError:
        place = Path(catalogue or ".filiation")
        folder = CatalogueFolder(place.absolute()) if dry_run else CatalogueFolder.create(place)
        remark(f"{'Would make' if dry_run else 'Made'} a catalogue in {place}")
    reports = []
    for source in sources:
        with steps_bar("Merging") as advance:
            reports.append(
                merge_catalogue(
                    Catalogue(folder), source, private, site=site, same_paths=same_paths, dry=dry_run, progress=advance
                )
            )
    if as_json:
        say_json([report.to_json() for report in reports])
    else:
        for report in reports:
            _tell(report)
    for problem in (problem for report in reports for problem in report.problems):
        complain(problem)
    if not dry_run:
        tell_of_waiting_graphs(folder.root)
    if any(report.problems for report in reports):
        ctx.exit(InvalidCrateError.exit_code)


def _tell(report: MergeReport) -> None:
    from filiation.lineage.words import counted

    outcomes = {outcome: report.count(outcome) for outcome in ("new", "same", "differs")}
    told = [f"{count} {word}" for word, count in zip(("new", "here already", "with other records"), outcomes.values(),
                                                     strict=True)]  # fmt: skip
    verb = "would be merged" if report.dry else "merged"
    say(f"{report.other}: {counted(len(report.crates), 'run')} {verb}: {', '.join(told)}")
    for crate in report.crates:
        if crate.outcome == "differs":
            say(f"  {crate.run[:8]} has another record here; that of {report.other} is in {crate.folder}. To let it "
                f"hold: filiation ingest {crate.folder}")  # fmt: skip
        elif crate.withheld is not None:
            what = ", ".join(f"{count} {kind}" for kind, count in crate.withheld.items())
            say(f"  {crate.run[:8]} is here as {crate.id[:8]}; withheld: {what}")
    if report.withheld:
        say(f"  withheld in all: {', '.join(f'{count} {kind}' for kind, count in report.withheld.items())}")
    if report.annotations:
        say(f"  annotations: {', '.join(f'{count} {what}' for what, count in report.annotations.items())}")
    if report.waiting:
        names = ", ".join(run[:8] for run in report.waiting[:5]) + (", …" if len(report.waiting) > 5 else "")
        remark(f"Not merged, since not packed yet: {names}. Pack there with: filiation pack")
