"""SHA-256 of files as they are written, so that a tree just made is not read again to be digested.

Who writes a file and puts it in its place by renaming tells :func:`note` of its bytes; that costs nothing while nobody
listens. A file counts only while its size, times and inode are what they were when it took its place, so one that
anybody changed since is read. Who verifies must not use this: it tells what was handed to the system, not what the disk
gives back.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from filiation.digest.files import Stamp, signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_MOST = 500_000
"""Files that one keeps in mind; further ones are read."""
_listening: list[WrittenFiles] = []


class WrittenFiles:
    """What this process writes while this is open, in whatever thread, by the state of each file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder, WrittenFiles() as written:
    ...     path = pathlib.Path(folder, "0")
    ...     _ = path.write_bytes(b"ab")
    ...     note(str(path), path.stat().st_ino, (b"a", b"b"))
    ...     written.find(Stamp.from_stat(path.stat())) == hashlib.sha256(b"ab").hexdigest()
    True
    """

    def __init__(self) -> None:
        self._hashes: dict[Stamp, str] = {}

    def __enter__(self) -> WrittenFiles:
        _listening.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _listening.remove(self)

    def find(self, stamp: Stamp) -> str | None:
        """Return the SHA-256 of the file that was written and is still in this state."""
        return self._hashes.get(stamp)

    def keep(self, stamp: Stamp, digest: str) -> None:
        """Keep a file in mind."""
        if len(self._hashes) < _MOST:
            self._hashes[stamp] = digest


def note(path: str, inode: int, parts: Sequence[bytes]) -> None:
    """Tell those who listen what was written to a file that has just taken its place.

    Parameters
    ----------
    path
        Its place.
    inode
        Of the file that was written; another that took the place meanwhile is not taken for it.
    parts
        All its bytes, one after the other.
    """
    if not _listening:
        return
    digest = hashlib.sha256()
    size = 0
    for part in parts:
        digest.update(part)
        size += len(part)
    stamp = Stamp.from_stat(os.stat(path))  # noqa: PTH116 - one for each chunk
    if stamp.inode == signed(inode) and stamp.size == size:
        for each in tuple(_listening):
            each.keep(stamp, digest.hexdigest())
