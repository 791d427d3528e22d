"""Digests of files read before, by path and stamp, so that an unchanged tree is not read twice.

A cache saves time and verifies nothing: what it answers is what the file was when it was last read. It may
fail at any moment (read-only folder, locked or damaged database); digesting then goes on without it, and
``DigestCache.problem`` says why.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

from filiation.digest.files import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode TEXT, sha256 BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pixels (tree TEXT PRIMARY KEY, pixels TEXT) WITHOUT ROWID;
"""
_WAIT_SECONDS = 5.0
# A file changed again within one tick of the file system's clock keeps its stamp; so what changed just now is
# not remembered. Linux ticks every 10 ms or faster; file systems that count whole seconds (or two, as FAT) show it.
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000

_Result = TypeVar("_Result")
_Known = dict[bytes, tuple[Stamp, str]]
_stamp = partial(tuple.__new__, Stamp)  # as Stamp._make, which looks at its length too
_DIGEST_SIZE = hashlib.sha256().digest_size
# Every transaction forces the disk; a killed process loses at most what so many files told, and reads them again.
_AT_ONCE = 1000


class DigestCache:
    """A SQLite file with the digests of files read before, and of trees' pixels.

    Parameters
    ----------
    path
        Where the database lies; made, with its folder, when first used.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, DigestCache(pathlib.Path(folder, "digests.sqlite")) as cache:
    ...     cache.put_pixels("0" * 64, "1" * 64)
    ...     cache.get_pixels("0" * 64) == "1" * 64
    True
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        """Why the cache is not in use any more; None while all is well."""
        self._connection: sqlite3.Connection | None = None
        self._unwritten: _Known = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left and close the database; the next use opens it again."""
        self._write_out()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def find(self, path: bytes, stamp: Stamp) -> str | None:
        """Return the SHA-256 that the file had when it last carried this stamp."""
        key = _key(path)
        nothing: _Known = {}
        found = self._attempt(
            lambda db: self._unwritten if key in self._unwritten else _read(db.execute(_FIND, (key,))), nothing
        )
        known, digest = found.get(key, (None, None))
        return digest if known == stamp else None

    def find_tree(self, root: bytes) -> dict[bytes, tuple[Stamp, str]]:
        """Return stamp and SHA-256 of every file known below a directory, by path inside it."""
        prefix = _key(root).rstrip(b"/") + b"/"
        after = prefix[:-1] + b"0"  # "0" follows "/" in the order of bytes
        nothing: _Known = {}
        self._write_out()
        return self._attempt(lambda db: _read(db.execute(_FIND_TREE, (prefix, after)), len(prefix)), nothing)

    def remember(self, hashes: Iterable[tuple[bytes, Stamp, str]]) -> None:
        """Keep path, stamp and SHA-256 of files that have been read and held still meanwhile."""
        now = time.time_ns()
        known = {_key(path): (stamp, digest) for path, stamp, digest in hashes if _is_settled(stamp, now)}
        with self._lock:
            if self.problem is None:
                self._unwritten |= known
        if len(self._unwritten) >= _AT_ONCE:
            self._write_out()

    def forget(self, paths: Iterable[bytes]) -> None:
        """Drop files that are gone."""
        rows = [(_key(path),) for path in paths]
        if rows:
            self._write_out()
            self._attempt(lambda db: _write(db, "DELETE FROM files WHERE path = ?", rows), None)

    def get_pixels(self, tree_hex: str) -> str | None:
        """Return the pixel digest of the store whose tree digest this is."""
        query = "SELECT pixels FROM pixels WHERE tree = ?"
        row = self._attempt(lambda db: db.execute(query, (tree_hex,)).fetchone(), None)
        return str(row[0]) if row else None

    def put_pixels(self, tree_hex: str, pixels_hex: str) -> None:
        """Keep the pixel digest of the store whose tree digest this is."""
        self._attempt(
            lambda db: _write(db, "INSERT OR REPLACE INTO pixels VALUES (?, ?)", [(tree_hex, pixels_hex)]),
            None,
        )

    def _write_out(self) -> None:
        if self._unwritten:
            self._attempt(self._write_rows, None)

    def _write_rows(self, connection: sqlite3.Connection) -> None:
        rows = [
            (path, stamp.size, stamp.mtime_ns, stamp.ctime_ns, str(stamp.inode), bytes.fromhex(digest))
            for path, (stamp, digest) in self._unwritten.items()
        ]
        _write(connection, _REMEMBER, rows)
        self._unwritten = {}

    def _attempt(self, act: Callable[[sqlite3.Connection], _Result], otherwise: _Result) -> _Result:
        """Do something with the database; when that fails, note why and never try again."""
        with self._lock:
            if self.problem is not None:
                return otherwise
            try:
                if self._connection is None:
                    self._connection = _connect(self.path)
                return act(self._connection)
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:  # the last two: damaged rows
                self.problem = (
                    f"The digest cache {str(self.path)!r} cannot be used ({error}); every file is read instead. "
                    "It is safe to delete."
                )
                if self._connection is not None:
                    self._connection.close()
                    self._connection = None
                return otherwise


_FIND = "SELECT path, sha256, size, mtime_ns, ctime_ns, inode FROM files WHERE path = ?"
_FIND_TREE = "SELECT path, sha256, size, mtime_ns, ctime_ns, inode FROM files WHERE path >= ? AND path < ?"
_REMEMBER = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)"


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Used under our own lock. No write-ahead log, which does not work on network file systems.
    connection = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"it has version {version}, written by a newer filiation")
        if version < _SCHEMA_VERSION:
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    except BaseException:
        connection.close()
        raise
    return connection


def _write(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[bytes | int | str, ...]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(statement, rows)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _key(path: bytes) -> bytes:
    return os.path.abspath(path)  # noqa: PTH100 - bytes: a name need not be text


def _read(rows: Iterable[tuple[bytes, bytes, int, int, int, str]], begin: int = 0) -> _Known:
    """Return what rows say, by path from its ``begin`` on."""
    return {
        # Inode numbers may need 64 bits without sign, which SQLite's integers do not hold: hence text.
        path[begin:]: (_stamp((size, mtime_ns, ctime_ns, int(inode))), digest.hex())
        for path, digest, size, mtime_ns, ctime_ns, inode in rows
        if len(digest) == _DIGEST_SIZE
    }


def _is_settled(stamp: Stamp, now: int) -> bool:
    tick = _COARSE_TICK_NS if stamp.ctime_ns % 1_000_000_000 == 0 else _TICK_NS
    return now - stamp.ctime_ns > tick
