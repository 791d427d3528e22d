"""SHA-256 of one file, with few system calls, and proof that it held still meanwhile."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.model import Digest, DigestKind

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.digest.cache import DigestCache

# A file up to this size is read by one call; larger ones go through a fixed buffer, so memory stays flat.
_ONE_READ = 1 << 20
# O_NONBLOCK: a FIFO that took the file's place since it was looked at must not make us wait for a writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_FLAGS_IN_TREE = _FLAGS | getattr(os, "O_NOFOLLOW", 0)


class Stamp(NamedTuple):
    """What the file system says about a file's state; a hint that it is unchanged, never its identity."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def from_stat(cls, status: os.stat_result) -> Stamp:
        """Take the four figures out of a ``stat`` result."""
        return cls(status.st_size, signed(status.st_mtime_ns), signed(status.st_ctime_ns), signed(status.st_ino))


def signed(figure: int) -> int:
    """Return a figure of a ``stat`` result in 64 bits with sign, which SQLite and packed states hold."""
    return ((figure + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


class FileHash(NamedTuple):
    """SHA-256 of what was read, how many bytes that were, and the file's stamp after the last of them."""

    hex: str
    size: int
    stamp: Stamp


def digest_file(path: Path, *, cache: DigestCache | None = None) -> Digest:
    """Return the SHA-256 digest of a file's bytes; a symbolic link is followed.

    Parameters
    ----------
    path
        A regular file.
    cache
        Digests of files read before. What it answers is not read again; use none to verify.

    Raises
    ------
    NotFoundError
        If there is no such file, or it vanishes meanwhile.
    BadInputError
        If it is a directory, FIFO, socket or device (never opened), or cannot be read.
    """
    name = os.fsencode(path)
    try:
        status = os.stat(name)  # noqa: PTH116 - bytes: a name need not be text
    except OSError as error:
        raise reading_failed(error, name) from error
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(
            f"{shown(name)} is a {kind_of(status.st_mode)}; only a regular file has a digest of its bytes."
            + (" Digest it as a tree." if stat.S_ISDIR(status.st_mode) else "")
        )
    before = Stamp.from_stat(status)
    known = cache.find(name, before) if cache else None
    if known:
        return Digest(DigestKind.FILE, known)
    result = hash_file(name, before.size, follow=True)
    if cache and result.stamp == before:
        cache.remember([(name, result.stamp, result.hex)])
    return Digest(DigestKind.FILE, result.hex)


def hash_file(path: bytes, expected_size: int, *, follow: bool = False) -> FileHash:
    """Read one regular file to its end.

    Parameters
    ----------
    path
        The file's name, as bytes.
    expected_size
        Its size in bytes by ``stat``; a file of another size is read rightly too, only less fast.
    follow
        Whether a symbolic link may stand in its place.

    Raises
    ------
    NotFoundError, BadInputError
        As in :func:`digest_file`.
    """
    try:
        descriptor = os.open(path, _FLAGS if follow else _FLAGS_IN_TREE)
        try:
            digest, size, status = _read_to_end(descriptor, expected_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise reading_failed(error, path) from error
    if not stat.S_ISREG(status.st_mode):
        raise BadInputError(
            f"{shown(path)} turned into a {kind_of(status.st_mode)} while it was being digested; "
            "digest it again when nothing writes there."
        )
    return FileHash(digest, size, Stamp.from_stat(status))


def _read_to_end(descriptor: int, expected_size: int) -> tuple[str, int, os.stat_result]:
    if expected_size > _ONE_READ:
        return _read_in_blocks(descriptor, hashlib.sha256())
    data = os.read(descriptor, expected_size + 1)
    status = os.fstat(descriptor)
    if len(data) == status.st_size:
        return hashlib.sha256(data).hexdigest(), len(data), status
    # It grew or shrank, or the file system does not know sizes: go on until nothing more comes.
    return _read_in_blocks(descriptor, hashlib.sha256(data), already=len(data))


def _read_in_blocks(descriptor: int, digest: hashlib._Hash, already: int = 0) -> tuple[str, int, os.stat_result]:
    buffer = memoryview(bytearray(_ONE_READ))
    size = already
    while count := os.readv(descriptor, [buffer]):
        digest.update(buffer[:count])
        size += count
    return digest.hexdigest(), size, os.fstat(descriptor)


def shown(path: bytes) -> str:
    """Write a path for a message: quoted, with control characters and undecodable bytes escaped."""
    return repr(os.fsdecode(path))


def kind_of(mode: int) -> str:
    """Name what a ``stat`` mode stands for."""
    names = {
        stat.S_IFDIR: "directory",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "character device",
        stat.S_IFBLK: "block device",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFREG: "regular file",
    }
    return names.get(stat.S_IFMT(mode), "special file")


def reading_failed(error: OSError, path: bytes) -> FiliationError:
    """Say in one sentence why a file or folder could not be read."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFoundError(f"{shown(path)} is not there (any more).")
    if error.errno == errno.ELOOP:
        return BadInputError(f"{shown(path)} is a symbolic link that leads in a circle, or became one meanwhile.")
    reason = error.strerror or str(error)
    return BadInputError(f"{shown(path)} cannot be read: {reason}. Nothing was digested.")
