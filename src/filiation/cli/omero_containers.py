"""Options that name a server and images on it: by container, by tag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from filiation.errors import BadInputError

_KINDS = {
    "image": "One image.",
    "dataset": "The images of a dataset.",
    "project": "The images of a project.",
    "plate": "The images of a plate.",
    "well": "The images of a well.",
    "screen": "The images of a screen.",
}
_Command = TypeVar("_Command", bound=Callable[..., Any])


def container_options(command: _Command) -> _Command:
    """Add an option for each kind of container, and ``--tag``."""
    tag = click.option(
        "--tag", "tags", multiple=True, metavar="TEXT", help="Only images tagged so; all, if given again."
    )
    command = tag(command)
    for kind, text in reversed(_KINDS.items()):
        command = click.option(f"--{kind}", type=click.IntRange(min=1), metavar="ID", help=text)(command)
    return command


def container_of(options: Mapping[str, int | None]) -> str | None:
    """Return the container that options name, as it stands in a URI: ``dataset/12``; None if they name none.

    Raises
    ------
    BadInputError
        If they name several.
    """
    named = {kind: number for kind, number in options.items() if number is not None}
    if len(named) > 1:
        raise BadInputError(f"Give one of {', '.join(f'--{kind}' for kind in named)}.")
    return next((f"{kind}/{number}" for kind, number in named.items()), None)
