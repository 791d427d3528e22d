"""What the processes of one server have in common: who came in, who asks what, and what was read again.

It is one SQLite file, in a folder that nobody else can read and that goes when the server ends; of one process alone it
is in memory. It holds no cookie: a session stands there under the SHA-256 of what its cookie says.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_WAIT: Final = 10.0
"""Seconds that one process waits for another that writes, which takes no millisecond."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS session (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL, key TEXT NOT NULL UNIQUE, told TEXT NOT NULL, until REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS spent (token TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS turn (
    number INTEGER PRIMARY KEY, what TEXT NOT NULL, reader TEXT NOT NULL, process INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS state (place TEXT NOT NULL, digest TEXT NOT NULL, told TEXT NOT NULL,
    PRIMARY KEY (place, digest));
CREATE TABLE IF NOT EXISTS look (
    one INTEGER PRIMARY KEY CHECK (one = 1), began REAL NOT NULL, every REAL NOT NULL, problems TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Where processes of one server meet, and what they sign cookies with.

    Parameters
    ----------
    place
        The file; None for the memory of one process.
    mark
        Part of the cookies' names: browsers keep cookies by host, whatever the port.
    key
        That cookies are signed with.
    """

    place: Path | None = None
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def beside(self, name: str) -> Path | None:
        """Return a file of the same private folder; None where there is none."""
        return None if self.place is None else self.place.with_name(name)


class Shared:
    """What processes have in common, opened by one of them; its threads take turns.

    Parameters
    ----------
    sharing
        Where; None for this process alone.
    """

    def __init__(self, sharing: Sharing | None = None) -> None:
        self.sharing = sharing or Sharing()
        self._lock = threading.Lock()
        place = self.sharing.place
        if place is not None:
            os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        # Everything here is gone with the server, so nothing has to reach the disk.
        self._connection = sqlite3.connect(
            place or ":memory:", timeout=_WAIT, isolation_level=None, check_same_thread=False
        )
        weakref.finalize(self, self._connection.close)
        with self._lock:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.executescript(_SCHEMA)

    def ask(self, query: str, *values: object) -> list[Any]:
        """Return the rows that a query finds."""
        with self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Cursor]:
        """Change something, while no other process or thread does."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    def forget_process(self, process: int) -> None:
        """Take back the turns of a process that ended."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM turn WHERE process = ?", (process,))
