"""Digests of files read before, by path and stamp, so that an unchanged tree is not read twice.

Of trees it keeps one record a directory, which is compared as a whole (:mod:`filiation.digest.folders`); of other files
one row each.

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
from typing import TYPE_CHECKING, Self, TypeVar

from filiation.digest.files import Stamp
from filiation.digest.folders import KnownFolder
from filiation.model import Digest, DigestKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path
    from types import TracebackType

_SCHEMA_VERSION = 2
_SCHEMA = """
DROP TABLE IF EXISTS files;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, sha256 BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS folders (
    path BLOB PRIMARY KEY, names BLOB, states BLOB, size INTEGER, entries BLOB, checksum INTEGER
);
CREATE TABLE IF NOT EXISTS pixels (tree TEXT PRIMARY KEY, pixels TEXT) WITHOUT ROWID;
"""
_WAIT_SECONDS = 5.0
# A file changed again within one tick of the file system's clock keeps its stamp; so what changed just now is
# not remembered. Linux ticks every 10 ms or faster; file systems that count whole seconds (or two, as FAT) show it.
_TICK_NS = 20_000_000
_COARSE_TICK_NS = 2_000_000_000

_Result = TypeVar("_Result")
_Known = dict[bytes, tuple[Stamp, str]]
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
    ...     cache.put_pixels("0" * 64, Digest(DigestKind.PIXELS, "1" * 64))
    ...     str(cache.get_pixels("0" * 64))[:12]
    'pixels2:1111'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem: str | None = None
        """Why the cache is not in use any more; None while all is well."""
        self._connection: sqlite3.Connection | None = None
        self._unwritten: _Known = {}
        self._unwritten_folders: dict[bytes, KnownFolder] = {}
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

    def find_folders(self, root: bytes) -> dict[bytes, KnownFolder]:
        """Return every directory known of a tree, by its path inside it, ended by a slash; the root's is empty."""
        prefix = _key(root).rstrip(b"/") + b"/"
        after = prefix[:-1] + b"0"  # "0" follows "/" in the order of bytes
        nothing: dict[bytes, KnownFolder] = {}
        self._write_out()
        return self._attempt(lambda db: _read_folders(db.execute(_FIND_FOLDERS, (prefix, after)), len(prefix)), nothing)

    def remember(self, hashes: Iterable[tuple[bytes, Stamp, str]]) -> None:
        """Keep path, stamp and SHA-256 of files that have been read and held still meanwhile."""
        now = time.time_ns()
        known = {_key(path): (stamp, digest) for path, stamp, digest in hashes if is_settled(stamp, now)}
        with self._lock:
            if self.problem is None:
                self._unwritten |= known
        if len(self._unwritten) >= _AT_ONCE:
            self._write_out()

    def remember_folders(self, root: bytes, folders: dict[bytes, KnownFolder], gone: Iterable[bytes]) -> None:
        """Keep directories of a tree that have been read, and drop others that are gone or cannot be believed.

        Parameters
        ----------
        root
            The tree.
        folders
            By path inside the tree, ended by a slash. Of what changed just now they must know nothing
            (:func:`is_settled`).
        gone
            Paths of what is dropped.
        """
        prefix = _key(root).rstrip(b"/") + b"/"
        rows = [(prefix + path,) for path in gone]
        if rows:
            self._write_out()
            self._attempt(lambda db: _write(db, "DELETE FROM folders WHERE path = ?", rows), None)
        with self._lock:
            if self.problem is None:
                self._unwritten_folders |= {prefix + path: folder for path, folder in folders.items()}
        if sum(folder.files for folder in self._unwritten_folders.values()) >= _AT_ONCE:
            self._write_out()

    def get_pixels(self, tree_hex: str) -> Digest | None:
        """Return the pixel digest of the store whose tree digest this is; one of an earlier version is not known."""
        query = "SELECT pixels FROM pixels WHERE tree = ?"
        row = self._attempt(lambda db: db.execute(query, (tree_hex,)).fetchone(), None)
        prefix, _, digits = str(row[0]).partition(":") if row else ("", "", "")
        return Digest(DigestKind.PIXELS, digits) if prefix == DigestKind.PIXELS else None

    def put_pixels(self, tree_hex: str, pixels: Digest) -> None:
        """Keep the pixel digest of the store whose tree digest this is."""
        self._attempt(
            lambda db: _write(db, "INSERT OR REPLACE INTO pixels VALUES (?, ?)", [(tree_hex, str(pixels))]),
            None,
        )

    def _write_out(self) -> None:
        if self._unwritten or self._unwritten_folders:
            self._attempt(self._write_rows, None)

    def _write_rows(self, connection: sqlite3.Connection) -> None:
        rows = [(path, *stamp, bytes.fromhex(digest)) for path, (stamp, digest) in self._unwritten.items()]
        folders = [(path, *folder, folder.check) for path, folder in self._unwritten_folders.items()]
        if rows:
            _write(connection, _REMEMBER, rows)
        if folders:
            _write(connection, _REMEMBER_FOLDERS, folders)
        self._unwritten, self._unwritten_folders = {}, {}

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
_FIND_FOLDERS = "SELECT path, names, states, size, entries, checksum FROM folders WHERE path >= ? AND path < ?"
_REMEMBER_FOLDERS = "INSERT OR REPLACE INTO folders VALUES (?, ?, ?, ?, ?, ?)"
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


def _read(rows: Iterable[tuple[bytes, bytes, int, int, int, int]]) -> _Known:
    """Return what rows say, by path."""
    return {path: (Stamp._make(stamp), digest.hex()) for path, digest, *stamp in rows if len(digest) == _DIGEST_SIZE}


def _read_folders(rows: Iterable[tuple[bytes, bytes, bytes, int, bytes, int]], begin: int) -> dict[bytes, KnownFolder]:
    """Return what rows say of directories, by path from its ``begin`` on."""
    found = {}
    for path, names, states, size, entries, checksum in rows:
        folder = KnownFolder(names, states, size, entries)
        if folder.check == checksum:
            found[path[begin:]] = folder
    return found


def is_settled(stamp: Stamp, now: int) -> bool:
    """Whether a file has held still long enough for its stamp to change when it does; the time is in nanoseconds."""
    tick = _COARSE_TICK_NS if stamp.ctime_ns % 1_000_000_000 == 0 else _TICK_NS
    return now - stamp.ctime_ns > tick
