"""Which profile files a call of Snakemake took its options from, by its own rules (``--help``, --workflow-profile)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_NONE = "none"
"""What Snakemake takes as the word for no profile at all."""
_NAMES = ("config.v8+.yaml", "config.yaml", "profile.yaml")
_SNAKEFILES = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")


def profile_files(arguments: Sequence[str], typed_in: Path) -> list[str]:
    """List the profile files in use: those named, and the default one of the workflow.

    Parameters
    ----------
    arguments
        Snakemake's command line.
    typed_in
        The folder that it was called in.
    """
    named = _values("--profile", arguments) or [os.environ.get("SNAKEMAKE_PROFILE") or _NONE]
    found = [_file_of(_places(name, typed_in)) for name in named if name != _NONE]
    (of_workflow,) = _values("--workflow-profile", arguments)[-1:] or [""]
    if of_workflow != _NONE:
        found.append(_file_of(_workflow_places(of_workflow or "default", arguments, typed_in)))
    return list(dict.fromkeys(str(path.absolute()) for path in found if path is not None))


def _values(option: str, arguments: Sequence[str]) -> list[str]:
    """Return what an option was given, which may be several words and several times."""
    values: list[str] = []
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name != option:
            continue
        if equals:
            values.append(value)
            continue
        for word in arguments[index + 1 :]:
            if word.startswith("-"):
                break
            values.append(word)
    return values


def _places(name: str, typed_in: Path) -> Iterator[Path]:
    yield typed_in / name
    homes = (os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "/etc/xdg")
    for home in homes:
        yield Path(home) / "snakemake" / name


def _workflow_places(name: str, arguments: Sequence[str], typed_in: Path) -> Iterator[Path]:
    # "default" itself is looked for under profiles/ only where nobody has a folder of that name.
    yield typed_in / name
    yield typed_in / "profiles" / name
    snakefile = (_values("-s", arguments) + _values("--snakefile", arguments))[-1:]
    for candidate in snakefile or _SNAKEFILES:
        if (typed_in / candidate).exists():
            yield typed_in / Path(candidate).parent / "profiles" / name
            return


def _file_of(places: Iterator[Path]) -> Path | None:
    """Return the profile's file in the first of the places that is there."""
    for place in places:
        if place.is_file():
            return place
        if place.is_dir():
            return next((place / name for name in _NAMES if (place / name).is_file()), None)
    return None
