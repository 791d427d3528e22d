"""Stores written to an object store (S3): finished ones put there whole, label images chunk by chunk as they are made.

What lies there is a store from the moment on when its root says what it is, which is the last thing that is written.
While a label image is being written, an object beside it says so: what an attempt that broke off has left is then known
for what it is, and cleared away by the next one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zarr

from filiation.digest import LEFT_OUT, TreeDigest, digest_tree
from filiation.errors import BadInputError, ServerError
from filiation.images.object_store import (
    ObjectPlace,
    digest_objects,
    object_names,
    put_objects,
    read_objects,
    remove_objects,
    told,
    written_store,
)
from filiation.images.store_format import StoreFormat, without_checksums

if TYPE_CHECKING:
    from zarr.storage import ObjectStore

_ROOT = ("zarr.json", ".zgroup", ".zattrs")
_NOTE = "unfinished"


@dataclass(frozen=True, slots=True)
class ObjectSite:
    """Where a label image comes to lie in an object store, and how it is begun and finished there.

    Parameters
    ----------
    place
        The store.
    """

    place: ObjectPlace

    @property
    def mark(self) -> ObjectPlace:
        """Where it is said that the store is not finished."""
        above, _, name = self.place.key.rpartition("/")
        return ObjectPlace(self.place.bucket, f"{above}/.{name}.partial".lstrip("/"))

    @property
    def begun(self) -> bool:
        """Whether the store has been begun and is not finished."""
        return bool(object_names(self.mark))

    def clear(self) -> None:
        """Make room: what an attempt that broke off has left is removed.

        Raises
        ------
        BadInputError
            If there is something that no such attempt has left.
        AccessError, ServerError, MissingExtraError
            As :func:`filiation.images.object_store.open_object_multiscale`.
        """
        names = object_names(self.place)
        if names and (self._is_whole() or not self.begun):
            raise BadInputError(f"There is something at {self.place} already; a store is never written to again.")
        put_objects(self.mark, [(_NOTE, f"{self.place} is being written, or was and broke off.\n".encode())])
        remove_objects(self.place, names)

    def _is_whole(self) -> bool:
        """Whether the root says that it is an image: nobody may have had the time to take the mark away."""
        return any(b'"multiscales"' in content for _, content in read_objects(self.place, ("zarr.json", ".zattrs")))

    def opened(self) -> ObjectStore[Any]:
        """Return the store, for Zarr to write to."""
        return written_store(self.place)

    def telling(self) -> AbstractContextManager[None]:
        """Turn what the client raises into errors of ours."""
        return told(self.place)

    def finish(self, form: StoreFormat, attributes: Mapping[str, Any]) -> None:
        """Write the metadata of the root, last of all: from now on it is an image."""
        levels = [name for name in object_names(self.place) if name.endswith("/.zarray")]
        mended = [(name, without_checksums(content)) for name, content in read_objects(self.place, levels)]
        put_objects(self.place, mended)
        with self.telling():
            zarr.open_group(self.opened(), mode="r+", use_consolidated=False).attrs.put(dict(attributes))
        remove_objects(self.mark, [_NOTE])


def put_store(path: Path, place: ObjectPlace) -> TreeDigest:
    """Put a store on disk into an object store; return the tree digest of what is there then.

    The metadata of its root come last: until then nobody takes a part for the whole.

    Raises
    ------
    BadInputError
        If there is something at the place already, or a link in the store.
    NotFoundError
        If there is no store at ``path``.
    AccessError, ServerError, MissingExtraError
        As :func:`open_object_multiscale`; a ServerError also if what is there then is not what was put.
    """
    tree = digest_tree(path)
    names = [entry for entry in _files(path) if entry.name != LEFT_OUT.decode()]
    ordered = sorted(names, key=lambda each: each.name in _ROOT and each.parent == path)
    if object_names(place):
        raise BadInputError(f"There is something at {place} already; a store is never written to again.")
    for _, files in itertools.groupby(ordered, lambda each: each.name in _ROOT and each.parent == path):
        put_objects(place, ((file.relative_to(path).as_posix(), file) for file in files))
    put = digest_objects(place)
    if put.digest != tree.digest:
        raise ServerError(f"{place} has the tree digest {put.digest}, and {path}, which was put there, {tree.digest}.")
    return put


def _files(path: Path) -> Iterator[Path]:
    for each in sorted(path.rglob("*")):
        if each.is_symlink():
            raise BadInputError(
                f"{each} is a symbolic link, which an object store does not have. Put a copy without links."
            )
        if each.is_file():
            yield each
