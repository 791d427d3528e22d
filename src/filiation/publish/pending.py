"""Notes on calls that change a server, kept until their record is in the catalogue: for those that are killed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue.waiting import is_running

if TYPE_CHECKING:
    from filiation.catalogue import CatalogueFolder

FOLDER = "registrations"


@dataclass(frozen=True, slots=True)
class Pending:
    """That something is being written, or was when it broke off.

    Parameters
    ----------
    place
        The note's file.
    id
        The call's UUID, which everything carries that it writes.
    run, host
        Of which run, on which server.
    process
        Who writes.
    """

    place: Path
    id: str
    run: str
    host: str
    process: int

    @classmethod
    def of(cls, catalogue: CatalogueFolder, call: str, run: str, host: str) -> Pending:
        """Return the note of a call of this process."""
        return cls(catalogue.root / FOLDER / f"{call}.json", call, run, host, os.getpid())

    def note(self) -> None:
        """Write it down, before the first change."""
        self.place.parent.mkdir(exist_ok=True)
        told = {"run": self.run, "host": self.host, "process": self.process}
        self.place.write_text(json.dumps(told), "ascii")

    def forget(self) -> None:
        """Take it away: everything is recorded."""
        self.place.unlink(missing_ok=True)


def hosts_of(catalogue: Path, run: str) -> set[str]:
    """Return the servers that something of a run may have been written to without a record."""
    return {note.host for note in _notes(catalogue) if note.run == run}


def pending_of(catalogue: CatalogueFolder, run: str, host: str) -> tuple[Pending, ...]:
    """Return the notes on a run and a server whose writers are gone, by id."""
    found = (note for note in _notes(catalogue.root) if (note.run, note.host) == (run, host))
    return tuple(note for note in found if note.process == os.getpid() or not is_running(note.process))


def _notes(catalogue: Path) -> Iterator[Pending]:
    for place in sorted((catalogue / FOLDER).glob("*.json")):
        try:
            told = json.loads(place.read_text("ascii"))
            yield Pending(place, place.stem, str(told["run"]), str(told["host"]), int(told["process"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half a note: nothing was written yet
