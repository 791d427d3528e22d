"""Notes on calls that change a server, kept until their record is in the catalogue: for those that are killed."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.waiting import is_running

if TYPE_CHECKING:
    from filiation.catalogue import CatalogueFolder

FOLDER: Final = "registrations"
_ABANDONED: Final = 24 * 3600.0


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
    machine, process
        Who writes.
    """

    place: Path
    id: str
    run: str
    host: str
    machine: str
    process: int

    @classmethod
    def of(cls, catalogue: CatalogueFolder, call: str, run: str, host: str) -> Pending:
        """Return the note of a call of this process."""
        return cls(catalogue.root / FOLDER / f"{call}.json", call, run, host, platform.node(), os.getpid())

    def note(self) -> None:
        """Write it down, before the first change."""
        self.place.parent.mkdir(exist_ok=True)
        told = {"run": self.run, "host": self.host, "machine": self.machine, "process": self.process}
        self.place.write_text(json.dumps(told), "ascii")

    def forget(self) -> None:
        """Take it away: everything is recorded."""
        self.place.unlink(missing_ok=True)


def hosts_of(catalogue: Path, run: str) -> set[str]:
    """Return the servers that something of a run may have been written to without a record."""
    return {note.host for note in _notes(catalogue) if note.run == run}


def pending_of(catalogue: CatalogueFolder, run: str, host: str) -> tuple[Pending, ...]:
    """Return the notes on a run and a server whose writers are gone, by id."""
    return tuple(note for note in _notes(catalogue.root) if (note.run, note.host) == (run, host) and _is_over(note))


def _is_over(note: Pending) -> bool:
    """Tell whether who writes is gone; a process of another machine cannot be seen, and is given a day."""
    if note.machine != platform.node():
        return time.time() - note.place.stat().st_mtime > _ABANDONED
    return note.process == os.getpid() or not is_running(note.process)


def _notes(catalogue: Path) -> Iterator[Pending]:
    for place in sorted((catalogue / FOLDER).glob("*.json")):
        try:
            told = json.loads(place.read_text("ascii"))
            whose = str(told["run"]), str(told["host"]), str(told["machine"]), int(told["process"])
            yield Pending(place, place.stem, *whose)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half a note: nothing was written yet
