"""Which small files stay out of a crate because they hold a secret, and that they do is said.

Values from the command line are known to the run's own process alone, which therefore looks through its files when it
ends and names those that hold one. A run that was killed could not: what may hold such a value then stays out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from filiation.capture.journal import Journal
from filiation.capture.redaction import WITHHELD, Redactor

LARGEST = 1024 * 1024
"""A file larger than this, in bytes, is not put into a crate anyway."""


def files_with_secrets(paths: Iterable[str], folder: str, redactor: Redactor, code: Container[str] = ()) -> list[str]:
    """Return those of a run's files that hold a value which only the run's own process knows to be secret.

    Parameters
    ----------
    paths
        As the run names them.
    folder
        The run's folder.
    redactor
        Knows the run's secrets.
    code
        Those that are program code.
    """
    # What packing will find by itself, it withholds by itself.
    later = Redactor()
    found = []
    for path in sorted(set(paths)):
        text = _read_small(os.path.join(folder, path))
        if text is not None and redactor.knows(later.document(text, code=path in code)):
            found.append(path)
    return found


def _read_small(place: str) -> str | None:
    try:
        if os.path.getsize(place) > LARGEST or not os.path.isfile(place):
            return None
        with open(place, "rb") as stream:
            return stream.read().decode("utf-8", "surrogateescape")
    except OSError:
        return None


class Withholding:
    """Decides which files of a run may travel with its crate, and how.

    Parameters
    ----------
    journal
        The run's journal.
    config_files
        Where the run's config files are: what they hold under a secret's name is not to be found elsewhere.
    """

    def __init__(self, journal: Journal, config_files: Iterable[Path] = ()) -> None:
        self._redactor = Redactor()
        for path in config_files:
            self._redactor.learn(_read_config(path))
        end: Mapping[str, Any] | None = next(
            (event.data for event in reversed(journal.events) if event.kind == "run_ended"), None
        )
        self._named = frozenset(end.get("kept_back", ())) if end is not None else frozenset()
        # Nobody looked for the values that were withheld, and they are known no more.
        self._unknown = end is None and any(WITHHELD in json.dumps(event.data) for event in journal.events)
        self.withheld: list[str] = []
        """Sentences on what stays out."""

    def clean(self, path: str, content: bytes, *, code: bool, written_by_job: bool) -> bytes | None:
        """Return a file as it may travel; None if it may not, which is noted.

        Parameters
        ----------
        path
            As the run names it.
        content
            Its bytes.
        code
            Whether it is program code.
        written_by_job
            A log, or another file that jobs write what they please into.
        """
        if path in self._named:
            self.withheld.append(f"the file {path}, which holds a secret")
            return None
        if self._unknown and written_by_job:
            self.withheld.append(f"the file {path}, which may hold a secret: the run was killed")
            return None
        text = content.decode("utf-8", "surrogateescape")
        return self._redactor.document(text, code=code).encode("utf-8", "surrogateescape")


def _read_config(path: Path) -> object:
    import yaml

    try:
        return yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return None
