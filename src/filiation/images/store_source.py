"""OME-Zarr stores as sources of images, wherever they lie: copied region by region, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from filiation.images.colours import colour_of_channel
from filiation.images.image import Image, Pixels
from filiation.images.multiscale import Multiscale
from filiation.images.object_store import ObjectPlace, digest_objects, open_object_multiscale, told
from filiation.images.ome_zarr import image_of, read_pixels
from filiation.images.regions import Region
from filiation.images.rendering import ChannelLook
from filiation.images.sources import SourceIdentity
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat
from filiation.images.streaming import Outline, stream_image
from filiation.model import Digest, ImageFacts

_WORKERS = 2
_COLOUR_DIGITS = 6


@dataclass(frozen=True, slots=True)
class _StoreReader:
    """Reads regions of a store's full resolution."""

    store: Multiscale
    telling: Callable[[], AbstractContextManager[None]] = nullcontext

    def read(self, region: Region) -> Pixels:
        with self.telling():
            return read_pixels(self.store, region)

    def close(self) -> None:
        """Nothing is held."""


def copy_image(
    store: Multiscale,
    path: Path,
    identity: str,
    progress: Callable[[int, int], None],
    form: StoreFormat = DEFAULT_FORMAT,
    telling: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Digest:
    """Write the image of a store once more, in our form, as it is read; return its pixel digest.

    Parameters
    ----------
    store
        Where it is read from.
    path
        Where the new store will be.
    identity
        What tells this image from another: a broken copy of another one is not gone on with.
    progress
        Told how many bytes of how many are there.
    form
        Of the new store.
    telling
        Turns errors of reading into ours.
    """
    array = store.full.array
    outline = Outline(
        axes=store.axes,
        shape=array.shape,
        dtype=np.dtype(array.dtype),
        scale=store.full.scale,
        units=store.units,
        looks=tuple(_looks(store)),
        identity={"copy": identity},
        name=store.name,
    )
    return stream_image(
        path, outline, lambda: _StoreReader(store, telling), form=form, workers=_WORKERS, progress=progress
    )


def _looks(store: Multiscale) -> Iterator[ChannelLook]:
    count = store.full.array.shape[store.axes.index("c")] if "c" in store.axes else 1
    told_of = store.omero.get("channels") or ()
    channels = told_of if len(told_of) == count else [{}] * count
    for number, channel in enumerate(channels):
        colour = str(channel.get("color") or "")
        yield ChannelLook(
            label=str(channel.get("label") or ""),
            colour=colour if len(colour) == _COLOUR_DIGITS else colour_of_channel(number, count),
        )


@dataclass(frozen=True, slots=True)
class ObjectSource:
    """An OME-Zarr image in an object store."""

    place: ObjectPlace

    @classmethod
    def from_uri(cls, uri: str) -> ObjectSource:
        """Read ``s3://<bucket>/<key>``; raises as :meth:`ObjectPlace.from_uri`."""
        return cls(ObjectPlace.from_uri(uri))

    def identify(self) -> SourceIdentity:
        """Return the URI with the tree digest of what lies there, which is all read.

        Raises
        ------
        NotFoundError, BadInputError, AccessError, ServerError, MissingExtraError
            As :func:`open_object_multiscale`.
        """
        return self._identity(open_object_multiscale(self.place))

    def fetch(self) -> Image:
        """Read the image at full resolution; large ones are better fetched into a store. Raises as :meth:`identify`."""
        store = open_object_multiscale(self.place)
        with told(self.place):
            return image_of(store)

    def fetch_into(
        self, path: Path, progress: Callable[[int, int], None], form: StoreFormat = DEFAULT_FORMAT
    ) -> SourceIdentity:
        """Write the image as a store here, in bounded memory; return which it is, by bytes and by pixels.

        Raises
        ------
        BadInputError
            If there is something at ``path`` already.
        NotFoundError, BadInputError, AccessError, ServerError, MissingExtraError
            As :meth:`identify`.
        """
        store = open_object_multiscale(self.place)
        identity = self._identity(store)
        pixels = copy_image(store, path, f"{identity.iri} {identity.digest}", progress, form, lambda: told(self.place))
        return replace(identity, pixels=pixels)

    def _identity(self, store: Multiscale) -> SourceIdentity:
        tree, array = digest_objects(self.place), store.full.array
        return SourceIdentity(
            str(self.place),
            self.place.name,
            digest=tree.digest,
            size=tree.size,
            image=ImageFacts(store.axes, array.shape, np.dtype(array.dtype).name, store.full.scale, store.units),
        )
