"""Weights as they lie on this machine, and libraries that are kept from fetching others."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from filiation.errors import BadInputError, MissingExtraError, NotFoundError

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


class Tell(Protocol):
    """Hears what a method really worked with, by name."""

    def __call__(self, **values: object) -> None:
        """Hear it."""


def say_nothing(**values: object) -> None:
    """Tell nobody."""


def library(name: str, extra: str) -> Any:
    """Import a library that belongs to an extra, with what would fetch weights switched off.

    Raises
    ------
    MissingExtraError
        If it, or something that it needs, is not installed.
    """
    os.environ |= dict.fromkeys(_OFFLINE, "1")
    try:
        return import_module(name)
    except (ImportError, RuntimeError) as error:  # torchvision built for another torch raises the latter
        raise MissingExtraError(
            f"The method {extra} needs the library {name.partition('.')[0]}, which cannot be imported ({error}). "
            f"Install the extra: `pip install 'filiation[{extra}]'`. In a clone, `make learned` installs it."
        ) from error


def weights_file(weights: str | os.PathLike[str], method: str) -> Path:
    """Return the file of weights, so that no library takes its name for that of a model to be fetched.

    Raises
    ------
    NotFoundError
        If nothing is there.
    BadInputError
        If it is no file.
    """
    path = _there(weights, method)
    if not path.is_file():
        raise BadInputError(f"{method} takes the weights from one file; {path} is a folder.")
    return path


def model_folder(weights: str | os.PathLike[str], method: str, holds: tuple[str, ...]) -> Path:
    """Return the folder of a model.

    Parameters
    ----------
    weights
        Its path.
    method
        Which asks for it.
    holds
        Patterns of the files that must be in it.

    Raises
    ------
    NotFoundError
        If nothing is there.
    BadInputError
        If a file is missing in it.
    """
    path = _there(weights, method)
    missing = [pattern for pattern in holds if not path.is_dir() or not any(path.glob(pattern))]
    if missing:
        raise BadInputError(f"{method} takes the weights from a folder; {path} has no {' and no '.join(missing)}.")
    return path.absolute()


def _there(weights: str | os.PathLike[str], method: str) -> Path:
    path = Path(weights)
    if not path.exists():
        raise NotFoundError(
            f"The weights for {method} are to be at {path}, and nothing is there. Weights are never fetched by their "
            "name: put the file or folder on this machine, and give its path."
        )
    return path
