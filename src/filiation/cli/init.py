"""``filiation init``: recording switched on for a workflow that exists."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import example, json_option
from filiation.cli.output import from_here, remark, say, say_json

if TYPE_CHECKING:
    from filiation.capture.switch import Switched


@click.command(
    epilog=example("filiation init", "filiation init --dry-run my-workflow", "filiation init --undo my-workflow")
)
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--profile",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Another profile to add the line to, for runs with --workflow-profile. [default: the one that Snakemake "
    "reads by itself]",
)
@click.option("--undo", is_flag=True, help="Take back what init did here, byte for byte; records of runs stay.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@json_option
def init(folder: Path, profile: Path | None, undo: bool, dry_run: bool, as_json: bool) -> None:
    """Record every run of a workflow: add one line to its profile.

    FOLDER is the repository of any Snakemake workflow, the one with the Snakefile. The logger is added to the profile
    that Snakemake reads there by itself (profiles/default or workflow/profiles/default), which is made if there is
    none; comments and other loggers in it stay. A second call changes nothing.
    """
    from filiation.capture.switch import switch_off, switch_on

    done = switch_off(folder, dry=dry_run) if undo else (switch_on(folder, profile=profile, dry=dry_run),)
    if as_json:
        say_json([_as_json(one, dry_run) for one in done])
        return
    for one in done:
        _explain(one, dry_run)
    if not undo:
        _warn_of_another_snakemake()


def _explain(done: Switched, dry: bool) -> None:
    profile = from_here(done.profile)
    said = {
        "created": f"{'Would make' if dry else 'Made'} {profile}:",
        "edited": f"{'Would add' if dry else 'Added'} to {profile}:",
        "already on": f"{profile} names the logger already; nothing was changed.",
        "removed": f"{'Would remove' if dry else 'Removed'} {profile}.",
        "restored": f"{'Would restore' if dry else 'Restored'} {profile} as it was.",
    }
    say(said[done.state])
    if done.state in ("created", "edited"):
        for line in done.added.strip().splitlines():
            say(f"  {line}")
        say(
            "Snakemake reads this profile by itself when it is called in this folder, so every run is now recorded in "
            "the folder .filiation: what ran, with which parameters, on which files, and how it ended. A run and its "
            "exit code stay as they are without it. Take it back with: filiation init --undo"
        )
    for other in done.others:
        remark(
            f"{from_here(other)} is another profile. A run with it as --workflow-profile is not recorded; add the line "
            f"there too with: filiation init --profile {from_here(other)}"
        )


def _warn_of_another_snakemake() -> None:
    program = shutil.which("snakemake")
    here = Path(sys.executable).parent
    if program is not None and Path(program).parent != here and Path(os.path.realpath(program)).parent != here:
        remark(
            f"The snakemake on your path is {program}, another installation than filiation's ({here}). It needs "
            "filiation too, or its runs end with an unknown logger: install filiation beside it."
        )


def _as_json(done: Switched, dry: bool) -> dict[str, object]:
    return {
        "folder": str(done.folder),
        "profile": str(done.profile),
        "state": done.state,
        "added": done.added,
        "others": [str(other) for other in done.others],
        "dry_run": dry,
    }
