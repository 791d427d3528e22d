"""Where a label image comes to lie while it is made: beside its place on a disk, or in an object store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from filiation.images.object_store import ObjectPlace
from filiation.images.ome_zarr import place_beside
from filiation.images.store_format import StoreFormat

if TYPE_CHECKING:
    from zarr.abc.store import Store


class Site(Protocol):
    """How a store is begun and finished at some kind of place."""

    @property
    def begun(self) -> bool:
        """Whether the store has been begun and is not finished."""

    def clear(self) -> None:
        """Make room: what an attempt that broke off has left is removed.

        Raises
        ------
        BadInputError
            If there is something that no such attempt has left.
        """

    def opened(self) -> Path | Store:
        """Return the store, for Zarr to write to."""

    def telling(self) -> AbstractContextManager[None]:
        """Turn errors of what keeps the store into ours."""

    def finish(self, form: StoreFormat, attributes: Mapping[str, Any]) -> None:
        """Write the metadata of the root, last of all, and have the store at its place."""


@dataclass(frozen=True, slots=True)
class DiskSite:
    """A folder: written beside its place, without the metadata that make it an image, and moved there when whole."""

    path: Path

    @property
    def begun(self) -> bool:
        """Whether the store has been begun and is not finished."""
        return (place_beside(self.path) / "0").is_dir()

    def clear(self) -> None:
        """Remove what an attempt that broke off has left; raises BadInputError if there is something at the place."""
        shutil.rmtree(place_beside(self.path), ignore_errors=True)

    def opened(self) -> Path:
        """Return the folder beside the place."""
        return place_beside(self.path)

    def telling(self) -> AbstractContextManager[None]:
        """Leave errors as they are."""
        return nullcontext()

    def finish(self, form: StoreFormat, attributes: Mapping[str, Any]) -> None:
        """Write the metadata of the root, and move the store to its place."""
        beside = place_beside(self.path)
        form.finish(beside, attributes)
        if self.path.exists():
            self.path.rmdir()  # an empty folder, see place_beside
        beside.replace(self.path)


def site_of(place: Path | ObjectPlace) -> Site:
    """Return how a store is written at a place."""
    if isinstance(place, Path):
        return DiskSite(place)
    from filiation.images.object_writing import ObjectSite

    return ObjectSite(place)
