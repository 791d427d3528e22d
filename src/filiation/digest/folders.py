"""Directories of a tree as they were read before: what each held, and its part of the manifest.

An unchanged directory is known by comparing two strings of bytes, whatever the number of its files, and its part of the
manifest is taken as it is.
"""

from __future__ import annotations

import stat
import zlib
from array import array
from typing import TYPE_CHECKING, NamedTuple

from filiation.digest.manifest import SYMLINK_SUFFIX
from filiation.digest.walk import FIGURES, STATE_BYTES, each_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

# Stands where an entry's folder belongs; no path holds three slashes, and only a link's suffix holds two.
_HERE = b"///"
_NAME = 64 + len(b"  ") + len(_HERE)


class KnownFolder(NamedTuple):
    """What a directory held when it was read.

    Parameters
    ----------
    names, states
        As a listing has them.
    size
        Bytes of its files; a link counts none.
    entries
        Its part of the manifest, sorted, with three slashes in the place of its path.
    """

    names: bytes
    states: bytes
    size: int
    entries: bytes

    @classmethod
    def from_lines(cls, names: bytes, states: bytes, lines: Iterable[bytes]) -> KnownFolder:
        """Take names and states as they were listed, and the :func:`line` of each in any order."""
        entries = list(lines)
        entries.sort(key=_path_of)
        return cls(names, states, size_of(states), b"".join(entries))

    @property
    def files(self) -> int:
        """How many files and links it held."""
        return len(self.states) // STATE_BYTES

    @property
    def check(self) -> int:
        """Checksum over all of it, so that a damaged record is not believed."""
        return zlib.crc32(self.entries, zlib.crc32(self.states, zlib.crc32(self.names))) ^ (self.size & 0xFFFFFFFF)

    def manifest(self, folder: bytes) -> bytes:
        """Return its part of the manifest of a tree in which this is its path."""
        return self.entries.replace(_HERE, folder)

    def parts(self, folder: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Return path and line of the manifest of each of its entries."""
        for found in self.entries.split(b"\0")[:-1]:
            path = folder + found[_NAME:]
            yield path, found[: _NAME - len(_HERE)] + path + b"\0"

    def by_name(self) -> dict[bytes, tuple[bytes, bytes]]:
        """Return state and line of each name."""
        lines = {found[_NAME:].removesuffix(SYMLINK_SUFFIX): found + b"\0" for found in self.entries.split(b"\0")[:-1]}
        return {name: (state, lines[name]) for name, state in each_state(self.names, self.states)}

    def without(self, names: Collection[bytes]) -> KnownFolder:
        """Return what it would be if it had never held these."""
        kept = {name: each for name, each in self.by_name().items() if name not in names}
        states = b"".join(state for state, _ in kept.values())
        return self.from_lines(b"\0".join(kept), states, [found for _, found in kept.values()])


def line(name: bytes, mode: int, digest: str) -> bytes:
    """Return the manifest's line of a file or link, with three slashes in the place of its directory's path."""
    suffix = SYMLINK_SUFFIX if stat.S_ISLNK(mode) else b""
    return b"%b  %b%b%b\0" % (digest.encode("ascii"), _HERE, name, suffix)


def _path_of(entry: bytes) -> bytes:
    return entry[_NAME:]


def size_of(states: bytes) -> int:
    """Return the bytes of all files; a link counts none."""
    figures = array("q", states)
    modes, sizes = (figures[FIGURES.index(which) :: len(FIGURES)] for which in ("st_mode", "st_size"))
    return sum(size for mode, size in zip(modes, sizes, strict=True) if stat.S_ISREG(mode))
