"""A tree's bytes against its manifest: which files have changed, are missing, or were not there before."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from filiation.digest.manifest import ManifestEntry, read_manifest
from filiation.digest.trees import hash_files, link_hash
from filiation.digest.walk import Found, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One file of a tree that is not as its manifest says.

    Parameters
    ----------
    path
        Path inside the tree; undecodable bytes as surrogate escapes.
    what
        ``changed`` (other bytes, or a link where a file was), ``missing`` or ``unexpected``.
    """

    path: str
    what: Literal["changed", "missing", "unexpected"]


def compare_tree(
    root: Path,
    manifest: bytes,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Difference, ...]:
    """Read every file of a tree again and name those that differ from its manifest, sorted by path.

    Nothing is believed: no cache is asked, and times do not matter, only bytes.

    Parameters
    ----------
    root
        The directory.
    manifest
        The manifest that the record keeps.
    workers
        Threads; by default one for each processor this process may use.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    NotFoundError
        If there is no such directory, or a file vanishes meanwhile.
    BadInputError
        If the manifest is malformed, or a file cannot be read.
    """
    recorded = {entry.path: entry for entry in read_manifest(manifest)}
    present = _present(os.fsencode(root), workers, progress)
    differences = [
        Difference(path, "changed" if path in recorded else "unexpected")
        for path, entry in present.items()
        if entry is None or recorded.get(path) != entry
    ]
    differences += [Difference(path, "missing") for path in recorded.keys() - present.keys()]
    return tuple(sorted(differences, key=lambda difference: os.fsencode(difference.path)))


def _present(
    root: bytes, workers: int | None, progress: Callable[[int], None] | None
) -> dict[str, ManifestEntry | None]:
    """Return what is on disk, by path; None for a FIFO, socket or device, which is like no entry."""
    present: dict[str, ManifestEntry | None] = {}

    def survey() -> Iterator[Found]:
        for found in walk(root):
            if found.is_file:
                yield found
            else:
                path = os.fsdecode(found.path)
                present[path] = (
                    ManifestEntry(path, link_hash(root, found.path), symlink=True) if found.is_symlink else None
                )

    for batch in hash_files(root, survey(), workers):
        for found, result in batch:
            path = os.fsdecode(found.path)
            present[path] = ManifestEntry(path, result.hex)
        if progress:
            progress(sum(result.size for _, result in batch))
    return present
