"""What a crate holds, as a seal lists it, and whether that is what the crate's own metadata says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.crate.metadata import METADATA_FILE, escape_of, read_metadata
from filiation.crate.seals.statement import SEALS, SealedTree
from filiation.crate.things import thing_path
from filiation.digest import Difference, compare_tree, digest_file, digest_tree
from filiation.errors import BadInputError, ChangedError
from filiation.model import Digest, DigestKind, decode_path, is_uri

ELSEWHERE: Final = "#work/"
"""How the identifier begins of what a run's crate names without holding it; see :mod:`filiation.crate.things`."""
MINISIG: Final = f"{METADATA_FILE}.minisig"
"""A signature of the metadata file; it comes and goes beside the seals, as they do."""
_SEALS_BEGIN: Final = os.fsencode(SEALS) + b"/"
_MINISIG: Final = os.fsencode(MINISIG)


@dataclass(frozen=True, slots=True)
class Contents:
    """Every file of a crate but its seals and the signature of its metadata.

    Parameters
    ----------
    manifest
        SHA-256 and path of each, as ``sha256sum -z`` prints them, sorted by path bytes.
    hashes
        The same by path bytes; of a link, the path ends with ``//symlink``.
    """

    manifest: bytes
    hashes: Mapping[bytes, str]

    def tree(self, path: str) -> Digest:
        """Return the tree digest of a folder of the crate."""
        below = os.fsencode(path) + b"/"
        # The order of whole paths is that of the paths below one folder of them.
        part = b"".join(
            b"%b  %b\0" % (found.encode("ascii"), name[len(below) :])
            for name, found in self.hashes.items()
            if name.startswith(below)
        )
        return Digest(DigestKind.TREE, hashlib.sha256(part).hexdigest())


@dataclass(frozen=True, slots=True)
class Named:
    """What a crate's metadata names by a digest.

    Parameters
    ----------
    path
        Inside the crate; of a thing elsewhere, inside the run's folder.
    digest
        As recorded.
    elsewhere
        Whether the crate names it without holding it.
    redacted
        Whether the crate holds a copy from which secrets were withheld; the digest is the original's.
    """

    path: str
    digest: Digest
    elsewhere: bool
    redacted: bool


def read_contents(crate: Path, progress: Callable[[int], None] | None = None) -> Contents:
    """Read every file of a crate but its seals and the signature of its metadata.

    Raises
    ------
    NotFoundError
        If there is no such folder.
    BadInputError
        If it holds something that has no bytes, or that cannot be read.
    """
    entries = [
        entry
        for entry in digest_tree(crate, progress=progress).manifest.split(b"\0")
        if entry and entry[66:] != _MINISIG and not entry[66:].startswith(_SEALS_BEGIN)
    ]
    return Contents(
        b"".join(entry + b"\0" for entry in entries), {entry[66:]: entry[:64].decode("ascii") for entry in entries}
    )


def named_in(crate: Path) -> tuple[tuple[Named, ...], int]:
    """Return what the metadata names by digest, and how many things that it does not hold it names without one.

    Raises
    ------
    InvalidCrateError
        If the metadata cannot be read.
    """
    named: list[Named] = []
    without = 0
    for entity in read_metadata(crate)["@graph"]:
        if not isinstance(entity, Mapping) or not isinstance(identifier := entity.get("@id"), str):
            continue
        elsewhere = identifier.startswith(ELSEWHERE)
        if identifier in ("./", ".", METADATA_FILE) or escape_of(identifier) is not None:
            continue
        if not elsewhere and (identifier.startswith("#") or is_uri(identifier)):
            continue
        path = thing_path(identifier) if elsewhere else decode_path(identifier).removeprefix("./").rstrip("/")
        digest = _digest_of(entity)
        if digest is not None:
            named.append(Named(path, digest, elsewhere, entity.get("redacted") is True))
        elif elsewhere or ("File" in _types(entity) and not (crate / path).exists()):
            without += 1
    return tuple(named), without


def sealed_trees(crate: Path, contents: Contents, named: tuple[Named, ...]) -> tuple[SealedTree, ...]:
    """Return the stores and folders that a crate holds, after seeing that all it holds is as its metadata says.

    Raises
    ------
    ChangedError
        If a file or a store is not as recorded: nobody should stand for that.
    """
    trees: list[SealedTree] = []
    wrong: list[str] = []
    for thing in named:
        if thing.elsewhere or thing.redacted:
            continue
        if thing.digest.kind is DigestKind.TREE:
            if contents.tree(thing.path) == thing.digest:
                trees.append(SealedTree(thing.path, thing.digest))
            elif (crate / thing.path).is_dir():
                wrong.append(thing.path)
        elif contents.hashes.get(os.fsencode(thing.path), thing.digest.hex) != thing.digest.hex:
            wrong.append(thing.path)
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise ChangedError(
            f"{crate} is not sealed: {shown} differ from what its own metadata records, so they were changed after the "
            "crate was made. Make the crate again (filiation pack RUN --payload FOLDER), or bring the files back."
        )
    return tuple(sorted(trees, key=lambda tree: tree.path))


def compare_elsewhere(
    crate: Path, folder: Path, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[Named, tuple[Difference, ...] | None]]:
    """Compare what a crate names without holding it with what is in a folder now.

    Parameters
    ----------
    crate
        The crate; its metadata has been verified.
    folder
        What was the run's folder, or a copy of it.
    progress
        Called with the number of bytes read since the last call.

    Yields
    ------
    tuple
        Each thing, with the files that differ (of a single file: itself); None if it is not there.
    """
    root = folder.resolve()
    for thing in named_in(crate)[0]:
        place = folder / thing.path
        if not thing.elsewhere or thing.digest.kind.is_of_pixels:
            continue
        if not place.exists() or not place.resolve().is_relative_to(root):
            yield thing, None
        elif thing.digest.kind is DigestKind.TREE and place.is_dir():
            yield thing, _differences(crate, thing, place, progress)
        elif thing.digest.kind is DigestKind.FILE and place.is_file() and digest_file(place) == thing.digest:
            yield thing, ()
        else:
            yield thing, (Difference(thing.path, "changed"),)


def _differences(
    crate: Path, thing: Named, place: Path, progress: Callable[[int], None] | None
) -> tuple[Difference, ...]:
    if digest_tree(place, progress=progress).digest == thing.digest:
        return ()
    manifest = crate / "manifests" / f"{thing.digest.hex}.sha256"
    if manifest.is_file() and hashlib.sha256(content := manifest.read_bytes()).hexdigest() == thing.digest.hex:
        return compare_tree(place, content, progress=progress)
    return (Difference(thing.path, "changed"),)


def _digest_of(entity: Mapping[str, Any]) -> Digest | None:
    for key, kind in (("sha256", DigestKind.FILE), ("treeDigest", DigestKind.TREE)):
        text = entity.get(key)
        if isinstance(text, str):
            try:
                return Digest.from_text(text) if ":" in text else Digest(kind, text.strip().lower())
            except BadInputError:
                continue  # a checksum of another kind, as some engines write
    return None


def _types(entity: Mapping[str, Any]) -> tuple[str, ...]:
    types = entity.get("@type")
    return tuple(types) if isinstance(types, list) else (str(types),)
