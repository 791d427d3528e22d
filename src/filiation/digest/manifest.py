"""The manifest of a tree: what ``sha256sum -z`` prints for its files, sorted by path bytes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filiation.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

# No path of a file system holds an empty component, so this cannot be the name of a file.
SYMLINK_SUFFIX = b"//symlink"
_ENTRY = re.compile(rb"([0-9a-f]{64})  ([^\0]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """One file or symbolic link of a tree.

    Parameters
    ----------
    path
        Path inside the tree, ``/`` between components; undecodable bytes as surrogate escapes.
    hex
        SHA-256 of the file's bytes, or of the bytes of the link's target.
    symlink
        Whether it is a symbolic link.
    """

    path: str
    hex: str
    symlink: bool = False


def write_manifest(hashes: Iterable[tuple[bytes, str]]) -> bytes:
    """Return the manifest for pairs of entry path (links with their suffix) and SHA-256."""
    return b"".join(b"%b  %b\0" % (digest.encode("ascii"), path) for path, digest in sorted(hashes))


def read_manifest(manifest: bytes) -> tuple[ManifestEntry, ...]:
    """Read the entries of a tree's manifest, in its order.

    Raises
    ------
    BadInputError
        If it is not a manifest of version 1: a torn end, a malformed entry, a path that leaves the tree, or
        entries not in the order of their path's bytes.
    """
    if not manifest:
        return ()
    if not manifest.endswith(b"\0"):
        raise BadInputError("The manifest does not end with a NUL byte: its end is missing.")
    entries = []
    previous = b""
    for number, text in enumerate(manifest[:-1].split(b"\0"), start=1):
        match = _ENTRY.fullmatch(text)
        if not match:
            raise BadInputError(
                f"Entry {number} of the manifest is {text[:80]!r}; expected 64 lower-case hexadecimal digits, two "
                "spaces and a path."
            )
        digest, path = match.groups()
        if path <= previous:
            raise BadInputError(
                f"Entry {number} of the manifest, {os.fsdecode(path)!r}, does not follow "
                f"{os.fsdecode(previous)!r} in the order of bytes."
            )
        entries.append(_entry(number, path, digest.decode("ascii")))
        previous = path
    return tuple(entries)


def _entry(number: int, path: bytes, digest: str) -> ManifestEntry:
    symlink = path.endswith(SYMLINK_SUFFIX)
    inside = path.removesuffix(SYMLINK_SUFFIX)
    if any(part in (b"", b".", b"..") for part in inside.split(b"/")):
        raise BadInputError(
            f"Entry {number} of the manifest, {os.fsdecode(path)!r}, is not a plain path inside the tree."
        )
    return ManifestEntry(os.fsdecode(inside), digest, symlink)
