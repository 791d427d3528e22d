"""``filiation demo``: the whole path on a real image, with the commands a person would type."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click

import filiation
from filiation.cli.output import say
from filiation.errors import BadInputError, FiliationError

_PARTS = ("Snakefile", "workflow", "config", "profiles")
_LABELS = "results/tissue/nuclei.ome.zarr"

_SETTINGS = """# Who runs the workflows of this folder. Nothing here is guessed: state your own.
[agent]
affiliation = "Demonstration of filiation"
# name = "Your Name"
# orcid = "https://orcid.org/0000-0000-0000-0000"
"""


@click.command()
@click.option("--folder", default="filiation-demo", show_default=True, metavar="FOLDER", help="Where to work.")
@click.option("--cores", default=2, show_default=True, help="How many jobs at once.")
def demo(folder: str, cores: int) -> None:
    """Segment a real micrograph and show what its labels descend from.

    Copies the workflow into FOLDER, runs it with Snakemake under the logger, and prints the lineage of the label image
    of the tissue micrograph, and the crate's validation. Nothing is downloaded. A second call shows the answers again.

    \b
    Example:
      $ filiation demo --folder try-it
    """
    place = Path(folder)
    _lay_out(place)
    _step(place, "The workflow, recorded by one line of its profile",
          ["snakemake", "--cores", str(cores), "--quiet", "all"])  # fmt: skip
    _step(place, "Where does this label image come from?", ["filiation", "trace", _LABELS])
    _step(place, "What was run, and how did it end?", ["filiation", "runs"])
    run = _latest_run(place)
    _step(place, "Is the crate valid?", ["filiation", "validate", run, "--severity", "recommended"])
    _step(place, "Are the bytes still those recorded?", ["filiation", "check", _LABELS])
    say("")
    say(f"Look at the nuclei: {place / 'results/tissue/overlay.png'}")
    program = Path(sys.executable).with_name("filiation")
    say(f"Ask more: cd {place}, then {program if program.exists() else 'filiation'} --help")


def _lay_out(place: Path) -> None:
    """Copy the workflow; what is there already and differs is the person's own and stays."""
    package = Path(filiation.__file__).parent
    source = next(
        (root for root in (package / "demonstration", package.parents[1]) if (root / "Snakefile").is_file()), None
    )
    if source is None:
        raise BadInputError(f"The demonstration's workflow was not found beside {package}; reinstall filiation.")
    if place.exists() and not place.is_dir():
        raise BadInputError(f"{place} is a file; name a folder with --folder.")
    place.mkdir(parents=True, exist_ok=True)
    settings = place / ".filiation" / "filiation.toml"
    if not settings.exists():
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(_SETTINGS, "utf-8")
    for part in _PARTS:
        if not (place / part).exists():
            _copy(source / part, place / part)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".snakemake", "README.md"))
    else:
        shutil.copy2(source, target)


def _step(place: Path, heading: str, command: list[str]) -> None:
    say("")
    say(f"## {heading}")
    say(f"$ {' '.join(command)}")
    sys.stdout.flush()
    # The modules of this interpreter, so that an installation that is not on the PATH works too.
    result = subprocess.run([sys.executable, "-m", *command], cwd=place, check=False)
    if result.returncode:
        raise DemoError(f"`{' '.join(command)}` in {place} ended with exit status {result.returncode}; see above.")


class DemoError(FiliationError):
    """A command of the demonstration failed."""


def _latest_run(place: Path) -> str:
    return filiation.open(place).runs()[0].id
