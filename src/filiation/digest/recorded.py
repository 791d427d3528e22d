"""A tree as it was recorded: of its files exactly the bytes that its manifest names are handed out, or nothing.

So what is shown of a store is what a run saw, whatever lies in its place now, and nothing else on this machine can be
read through it: only names that the manifest has are opened, one part of a path after another and through no link.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from filiation.digest.files import shown
from filiation.digest.manifest import read_manifest
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.model.sentences import Sentence

LARGEST: Final = 512 << 20
"""Bytes of a file that is read; a chunk is far smaller, a shard mostly."""
_KEPT: Final = 64 << 20
"""Bytes that stay in memory: parts of a shard are asked for one after another."""
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a FIFO in a file's place must not make us wait for a writer.
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RecordedTree:
    """Reads files of a tree.

    Parameters
    ----------
    root
        Where the tree lies; may itself be a link, but no link inside it is followed.
    manifest
        As its record keeps it, already held against the tree's digest.

    Raises
    ------
    BadInputError
        If the manifest is malformed.
    """

    def __init__(self, root: Path, manifest: bytes) -> None:
        self.root = root
        self._files = _files(manifest)
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()  # zarr reads several chunks at once

    def __contains__(self, path: str) -> bool:
        """Whether the tree had such a file."""
        return path in self._files

    @property
    def paths(self) -> Mapping[str, str]:
        """The files that it had, with their SHA-256."""
        return self._files

    def read(self, path: str) -> bytes:
        """Return the bytes of a file, after they were held against their SHA-256.

        Parameters
        ----------
        path
            Inside the tree, ``/`` between components.

        Raises
        ------
        NotFoundError
            If the tree had no such file, or the tree is not there.
        ChangedError
            If there is another one now, or none.
        BadInputError
            If it is larger than :data:`LARGEST`.
        """
        if path not in self._files:
            raise NotFoundError(
                Sentence(
                    "{root} had no file {path!r} when it was recorded.", root=shown(os.fsencode(self.root)), path=path
                )
            )
        with self._lock:
            kept = self._kept.get(path)
        if kept is not None:
            return kept
        content = self._read(path)
        if hashlib.sha256(content).hexdigest() != self._files[path]:
            raise self._changed(path, "has other bytes")
        self._keep(path, content)
        return content

    def _read(self, path: str) -> bytes:
        try:
            folder = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
        except OSError as error:
            raise NotFoundError(
                Sentence(
                    "{root} is not there any more: {error}.", root=shown(os.fsencode(self.root)), error=error.strerror
                )
            ) from error
        try:
            *parts, name = path.split("/")
            for part in parts:
                inner = os.open(part, _FOLDER, dir_fd=folder)
                os.close(folder)
                folder = inner
            with os.fdopen(os.open(name, _FILE, dir_fd=folder), "rb") as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise self._changed(path, "is no file")
                if status.st_size > LARGEST:
                    raise BadInputError(
                        Sentence(
                            "{path} of {root} has {size} bytes; at most {largest} are read for a picture. Write the "
                            "store with smaller chunks or shards.",
                            path=path,
                            root=shown(os.fsencode(self.root)),
                            size=status.st_size,
                            largest=LARGEST,
                        )
                    )
                return file.read(LARGEST)
        except OSError as error:  # not there, a link, or not ours to read
            raise self._changed(path, "cannot be read: " + (error.strerror or str(error))) from error
        finally:
            os.close(folder)

    def _keep(self, path: str, content: bytes) -> None:
        if len(content) > _KEPT:
            return
        with self._lock:
            self._kept[path] = content
            while sum(map(len, self._kept.values())) > _KEPT:
                self._kept.popitem(last=False)

    def _changed(self, path: str, how: str) -> ChangedError:
        return ChangedError(
            f"{shown(os.fsencode(self.root))} is not as it was recorded: {path!r} {how}. `filiation check` names every "
            "file that differs."
        )


@lru_cache(maxsize=16)
def _files(manifest: bytes) -> Mapping[str, str]:
    """Return the files of a manifest; links are left out, since none is followed."""
    return {entry.path: entry.hex for entry in read_manifest(manifest) if not entry.symlink}
