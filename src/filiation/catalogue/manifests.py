"""What stands inside a tree that a run made, as the tree's manifest in its crate tells."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from typing import TYPE_CHECKING

from filiation.model import Digest, DigestKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from filiation.catalogue.nodes import EntityNode


class Manifests:
    """The manifests of the trees in a folder of crates.

    Parameters
    ----------
    crates
        The folder of crates; None if there is none, so that nothing is inside anything.
    folder_of
        Tells the name of a crate's folder by its IRI.
    """

    def __init__(self, crates: Path | None, folder_of: Callable[[str], str | None]) -> None:
        self._crates = crates
        self._folder_of = folder_of
        self._read = lru_cache(maxsize=16)(_read)

    def path_of(self, tree: EntityNode) -> Path | None:
        """Return the manifest file of a tree, if its crate has it."""
        name = self._folder_of(tree.crate)
        if self._crates is None or name is None or tree.digest is None or tree.digest.kind is not DigestKind.TREE:
            return None
        path = self._crates / name / "manifests" / f"{tree.digest.hex}.sha256"
        return path if path.is_file() else None

    def content(self, tree: EntityNode) -> bytes | None:
        """Return the manifest of a tree, if its crate has it, and it is the one that the tree's digest was made of."""
        path = self.path_of(tree)
        if path is None or tree.digest is None:
            return None
        content = path.read_bytes()
        return content if hashlib.sha256(content).hexdigest() == tree.digest.hex else None

    def holds(self, tree: EntityNode, inner: str, digest: Digest) -> bool:
        """Tell whether a tree held, at the path ``inner``, a file or a tree of just this digest.

        A manifest that is not the one its tree's digest was made of is not believed.
        """
        path = self.path_of(tree)
        if path is None or tree.digest is None:
            return False
        manifest = self._read(path, tree.digest.hex)
        wanted = os.fsencode(inner)
        if digest.kind is DigestKind.FILE:
            return manifest.get(wanted) == digest.hex.encode("ascii")
        below = wanted + b"/"
        # The order of whole paths is that of the paths below one folder of them.
        part = b"".join(
            b"%b  %b\0" % (found, name[len(below) :]) for name, found in manifest.items() if name.startswith(below)
        )
        return bool(part) and hashlib.sha256(part).hexdigest() == digest.hex


def _read(path: Path, expected: str) -> dict[bytes, bytes]:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected:
        return {}
    return {entry[66:]: entry[:64] for entry in content.split(b"\0") if entry}
