"""The journal: one append-only file of JSON lines a run, each line chained to the one before by its hash.

While a run lives, its journal is the truth. A line is acknowledged once it was handed to the operating system, so a
killed main process loses none. For the case that the machine stops, lines are forced to disk now and then, and at the
end of the run. The format is ``docs/reference/journal.md``.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from filiation.errors import DamagedJournalError, NotFoundError

FORMAT = 1
BEGINNING = ".beginning"
"""Ending of a journal's name until its first line is whole."""
SYNC_EVERY = 5.0
"""Seconds between two forcings to disk at least: each costs some milliseconds, so not every line is worth one."""
_FIRST = "0" * 64


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a journal.

    Parameters
    ----------
    sequence
        From 0, without gaps.
    time
        Wall clock, UTC.
    monotonic
        Monotonic clock in seconds; comparable within one boot of one machine.
    kind
        ``run_started``, ``job_started``, ``job_finished``, ``job_failed``, …
    data
        What the event says, as plain values.
    """

    sequence: int
    time: datetime
    monotonic: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Journal:
    """A journal as read.

    Parameters
    ----------
    path
        Where it was read.
    events
        Every acknowledged event, in order.
    torn
        Number of bytes of an unfinished last line that were left out; 0 for a whole journal.
    """

    path: Path
    events: tuple[Event, ...]
    torn: int = 0


class JournalWriter:
    """Appends events to a new journal.

    The file appears under its name together with its first line, so a journal is never empty, whenever its writer is
    killed.

    Parameters
    ----------
    path
        The file to make; its folder is made too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None
        self._sequence = 0
        self._previous = _FIRST
        self._unwritten: list[bytes] = []
        self._synced = -math.inf

    def append(self, kind: str, data: Mapping[str, object], moment: tuple[float, float] | None = None) -> None:
        """Write one event at once.

        Raises
        ------
        OSError
            As :meth:`flush`.
        """
        self.add(kind, encode(data), moment)
        self.flush()

    def add(self, kind: str, data: str, moment: tuple[float, float] | None = None) -> None:
        """Take one event, to be written with the next :meth:`flush`.

        Parameters
        ----------
        kind
            What happened.
        data
            As :func:`encode` makes it.
        moment
            When, if not now: by the wall clock (seconds since the epoch) and by the monotonic clock (seconds).
        """
        wall, monotonic = moment or (time.time(), time.monotonic())
        time_text = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
        line = (
            f'{{"seq":{self._sequence},"prev":"{self._previous}","time":"{time_text}",'
            f'"mono":{monotonic:.6f},"event":"{kind}","data":{data}}}'
        ).encode("ascii")
        self._unwritten.append(line)
        self._sequence += 1
        self._previous = hashlib.sha256(line).hexdigest()

    def flush(self) -> None:
        """Hand what was taken to the operating system, in one write: these events are acknowledged then.

        Raises
        ------
        OSError
            If it did not reach the system whole; what follows would not verify, so nothing may follow. With the first
            line, also if there is such a journal already, or none can be made.
        """
        if not self._unwritten:
            return
        lines = b"\n".join((*self._unwritten, b""))
        self._unwritten.clear()
        if self._file is None:
            self._file = self._begin(lines)
        else:
            self._write(self._file, lines)
            if time.monotonic() - self._synced >= SYNC_EVERY:
                self._sync(self._file)

    def _begin(self, lines: bytes) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beginning = self.path.with_name(self.path.name + BEGINNING)
        # O_EXCL: two processes never share a journal. Unbuffered: what is written reaches the system at once.
        file = beginning.open("xb", buffering=0)
        try:
            if self.path.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self.path))
            self._write(file, lines)
            beginning.rename(self.path)
        except OSError:
            file.close()
            beginning.unlink()
            raise
        return file

    def _write(self, file: IO[bytes], lines: bytes) -> None:
        if file.write(lines) != len(lines):  # a disk that is nearly full takes a part
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def close(self) -> None:
        """Write what is left, force it to disk and close the file."""
        self.flush()
        if self._file is not None and not self._file.closed:
            self._sync(self._file)
            self._file.close()

    def _sync(self, file: IO[bytes]) -> None:
        try:
            os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot do it
                raise
        self._synced = time.monotonic()


def encode(data: Mapping[str, object]) -> str:
    """Return an event's data as JSON in ASCII."""
    # ASCII keeps undecodable file name bytes (surrogate escapes) as plain \\udcXX escapes.
    return _ENCODER.encode(data)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=repr)


def read_journal(path: Path) -> Journal:
    """Read a journal and verify its chain.

    An unfinished last line (the process was killed while writing) is left out and counted in ``Journal.torn``.

    Raises
    ------
    NotFoundError
        If there is no such file.
    DamagedJournalError
        If a line inside is not what was written: the first bad line is named. Nothing is repaired.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no journal at {path}.") from error
    whole, _, torn = content.rpartition(b"\n")
    events: list[Event] = []
    previous = _FIRST
    for number, line in enumerate(whole.split(b"\n") if whole else [], start=1):
        events.append(_read_line(path, number, line, previous))
        previous = hashlib.sha256(line).hexdigest()
    return Journal(path=path, events=tuple(events), torn=len(torn))


def _read_line(path: Path, number: int, line: bytes, previous: str) -> Event:
    def damaged(found: str) -> DamagedJournalError:
        return DamagedJournalError(
            f"The journal {path} was changed after it was written: line {number} {found}. "
            f"The {number - 1} lines before it verify. Nothing was repaired; restore the file from a copy."
        )

    try:
        record = json.loads(line)
        event = Event(
            sequence=record["seq"],
            time=datetime.fromisoformat(record["time"]),
            monotonic=record["mono"],
            kind=record["event"],
            data=record["data"],
        )
        carried = record["prev"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged("is not an event") from error
    if carried != previous:
        raise damaged("does not carry the hash of the line before it")
    if event.sequence != number - 1:
        raise damaged(f"has sequence number {event.sequence} where {number - 1} was expected")
    return event
