"""``filiation backfill``: records for what was made before recording began."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option
from filiation.cli.output import remark, say, say_json

if TYPE_CHECKING:
    from filiation.catalogue.backfill import BackfillReport

_MOST_NAMED = 20


@click.command(epilog=example("filiation backfill", "filiation backfill --dry-run old-project"))
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--snakefile", type=click.Path(path_type=Path), metavar="PATH", help="The workflow's Snakefile.")
@click.option("--dry-run", is_flag=True, help="Only say what would be recorded.")
@json_option
@catalogue_option
def backfill(folder: Path, snakefile: Path | None, dry_run: bool, as_json: bool, catalogue: str | None) -> None:
    """Record what was made before runs were recorded, with low confidence.

    FOLDER is the one that the workflow ran in. From Snakemake's metadata a crate is made for the outputs that no
    recorded run made. It says what it is: nobody saw how the jobs ended (a failed job leaves the same metadata), names
    of parameters are lost, times are unreliable. What a recorded run made, or left unfinished, and what was changed
    since, is left alone.
    """
    from filiation.capture.place import find_catalogue
    from filiation.catalogue import CatalogueFolder
    from filiation.catalogue.backfill import backfill as record

    root = CatalogueFolder.find(catalogue).root if catalogue else find_catalogue(folder)
    home = CatalogueFolder(root) if dry_run else CatalogueFolder.create(root)
    report = record(home, folder, snakefile=snakefile, dry=dry_run)
    if as_json:
        say_json(_as_json(report, dry_run))
    else:
        _tell(report, dry_run)


def _tell(report: BackfillReport, dry: bool) -> None:
    from filiation.lineage.words import counted

    run = report.run
    if run is None:
        say("Nothing to record.")
    else:
        outputs = [slot.path for action in run.actions for slot in action.outputs]
        did = "Would record" if dry else f"Recorded as run {run.id[:8]}"
        say(f"{did}: {counted(len(outputs), 'output')} of {counted(len(run.actions), 'job')}, with low confidence:")
        for path in outputs[:_MOST_NAMED]:
            say(f"  {path}")
        if len(outputs) > _MOST_NAMED:
            say(f"  … and {len(outputs) - _MOST_NAMED} more")
        say("What is not known:")
        for sentence in run.not_captured:
            say(f"  {sentence}")
    for path, reason in report.left_alone[:_MOST_NAMED]:
        remark(f"Left alone: {path}: {reason}")
    if len(report.left_alone) > _MOST_NAMED:
        remark(f"Left alone: … and {len(report.left_alone) - _MOST_NAMED} more")


def _as_json(report: BackfillReport, dry: bool) -> dict[str, object]:
    run = report.run
    return {
        "run": None if run is None else run.id,
        "crate": None if report.crate is None else str(report.crate),
        "confidence": "low",
        "recorded_by": "snakemake-metadata",
        "outputs": [] if run is None else [slot.path for action in run.actions for slot in action.outputs],
        "not_known": [] if run is None else list(run.not_captured),
        "left_alone": dict(report.left_alone),
        "dry_run": dry,
    }
