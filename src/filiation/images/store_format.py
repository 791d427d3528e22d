"""In which form a store is written: OME-Zarr 0.5 or 0.4, with shards or without, how it is compressed and guarded.

0.5 lies on Zarr 3: images are compressed with blosc-zstd and shuffle, labels with plain zstd, and each chunk carries a
``crc32c`` checksum. 0.4 lies on Zarr 2, which has no checksum codec that every reader knows; images and labels are
compressed with zstd there, whose own frames carry a checksum that every decoder of zstd compares. So in both a flipped
bit is an error on reading. ``docs/decisions/0012-ome-zarr-over-plain-zarr.md`` has the figures.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numcodecs
import zarr
from zarr.codecs import BloscCodec, BloscShuffle, Crc32cCodec, ZstdCodec

from filiation.errors import BadInputError
from filiation.images.multiscale import Multiscale, ZarrArray

if TYPE_CHECKING:
    import numpy as np
    from zarr.abc.store import Store

VERSION = "0.5"
WRITTEN_VERSIONS = ("0.4", "0.5")
LARGEST_SHARD = 64 * 2**20
"""Bytes of pixels in a shard at most: whoever writes one holds it, and about twice as much besides, in memory."""
_PLANE_CHUNK = 256
_DEPTH_CHUNK = 16
_GROWING = ("x", "y", "z")

_JsonDict: TypeAlias = dict[str, Any]


class Content(Enum):
    """What pixels mean, on which depends how they are compressed best."""

    IMAGE = "image"
    LABELS = "labels"


@dataclass(frozen=True, slots=True)
class StoreFormat:
    """In which form a store is written.

    Parameters
    ----------
    version
        OME-Zarr version, ``0.5`` or ``0.4``.
    sharded
        Whether many chunks lie in one file or object, as object stores need it; with 0.5 only.

    Raises
    ------
    BadInputError
        If the version is another, or shards are asked for with 0.4.
    """

    version: str = VERSION
    sharded: bool = False

    def __post_init__(self) -> None:
        if self.version not in WRITTEN_VERSIONS:
            raise BadInputError(
                f"OME-Zarr {self.version} cannot be written; {' and '.join(WRITTEN_VERSIONS)} can. Ask for one of them."
            )
        if self.sharded and self.version == "0.4":
            raise BadInputError("OME-Zarr 0.4 has no shards; write 0.5, or leave the shards out.")

    @classmethod
    def from_settings(cls, settings: Mapping[str, object] | None) -> StoreFormat:
        """Read what a config says: ``version`` and ``shards``, each of which may be left out.

        Raises
        ------
        BadInputError
            If a name is unknown, or the form cannot be written.
        """
        given = dict(settings or {})
        form = cls(str(given.pop("version", VERSION)), bool(given.pop("shards", False)))
        if given:
            raise BadInputError(f"The form of a store has no {', '.join(map(repr, given))}; it has version and shards.")
        return form

    @classmethod
    def like(cls, store: Multiscale) -> StoreFormat:
        """Return the form of a store, for what is made from it; 0.5 if it is of a version that is only read."""
        if store.version not in WRITTEN_VERSIONS:
            return cls()
        return cls(store.version, store.full.array.shards is not None)

    @property
    def zarr_format(self) -> int:
        """The version of Zarr below it."""
        return 2 if self.version == "0.4" else 3

    def create_root(self, place: Path | Store) -> zarr.Group:
        """Make the group of a store, without metadata so far."""
        return zarr.create_group(place, zarr_format=3 if self.zarr_format == 3 else 2)

    def finish(self, place: Path, attributes: Mapping[str, Any]) -> None:
        """Write the metadata of a store's group: from now on it is an image."""
        zarr.open_group(place, mode="r+", use_consolidated=False).attrs.put(dict(attributes))
        for level in place.glob("*/.zarray"):
            level.write_bytes(without_checksums(level.read_bytes()))

    def attributes(self, block: Mapping[str, Any]) -> _JsonDict:
        """Return a group's attributes for an ``ome`` block as 0.5 has it: in 0.4 its keys stand at the root."""
        if self.zarr_format == 3:
            return {"ome": dict(block)}
        spread = {key: value for key, value in block.items() if key != "version"}
        if "multiscales" in spread:
            spread["multiscales"] = [{"version": self.version, **each} for each in spread["multiscales"]]
        if "image-label" in spread:
            spread["image-label"] = {**spread["image-label"], "version": self.version}
        return spread

    def create_level(
        self,
        group: zarr.Group,
        number: int,
        axes: tuple[str, ...],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        content: Content,
        written_in: tuple[int, ...] | None = None,
    ) -> ZarrArray:
        """Make the array of one resolution.

        Parameters
        ----------
        group, number
            Where, and which.
        axes, shape, dtype
            Of its pixels.
        content
            What they mean.
        written_in
            Lengths of the regions that will be written at a time; shards are then made to fit into them.
        """
        dtype = dtype.newbyteorder("=")
        chunks = chunk_lengths(axes, shape)
        if self.zarr_format == 2:
            return group.create_array(
                str(number),
                shape=shape,
                dtype=dtype,
                chunks=chunks,
                compressors=numcodecs.Zstd(level=1, checksum=True),
                chunk_key_encoding={"name": "v2", "separator": "/"},
            )
        return group.create_array(
            str(number),
            shape=shape,
            dtype=dtype,
            chunks=chunks,
            shards=shard_lengths(axes, shape, dtype.itemsize, written_in) if self.sharded else None,
            compressors=_codecs(dtype, content),
            chunk_key_encoding={"name": "default", "separator": "/"},
            dimension_names=axes,
        )


DEFAULT_FORMAT = StoreFormat()


def without_checksums(metadata: bytes) -> bytes:
    """Return the metadata of a level of 0.4 that say no more that frames of zstd carry a checksum.

    Every decoder sees that in the frame, and tensorstore refuses to read what has the word in its metadata.
    """
    content = json.loads(metadata)
    content["compressor"].pop("checksum", None)
    return json.dumps(content, indent=4).encode("utf-8")


def write_unit(array: ZarrArray) -> tuple[int, ...]:
    """Return what only one writer may write to at a time: a shard, or a chunk where there are no shards."""
    return array.shards or array.chunks


def chunk_lengths(axes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the length of a chunk along each axis."""
    longest = {"y": _PLANE_CHUNK, "x": _PLANE_CHUNK, "z": _DEPTH_CHUNK}
    return tuple(max(1, min(length, longest.get(axis, 1))) for axis, length in zip(axes, shape, strict=True))


def shard_lengths(
    axes: tuple[str, ...], shape: tuple[int, ...], itemsize: int, written_in: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """Return the length of a shard along each axis: chunks, doubled along x, y and z in turn while they are small.

    Parameters
    ----------
    axes, shape
        Of the array.
    itemsize
        Bytes of a pixel.
    written_in
        Lengths of the regions that are written at a time; each is then made of whole shards.

    Examples
    --------
    >>> shard_lengths(("z", "y", "x"), (512, 2048, 2048), 2)
    (32, 1024, 1024)
    >>> shard_lengths(("z", "y", "x"), (512, 2048, 2048), 2, written_in=(48, 512, 512))
    (16, 512, 512)
    """
    chunks = chunk_lengths(axes, shape)
    lengths = list(chunks)
    growing = [axes.index(axis) for axis in _GROWING if axis in axes]
    while growing:
        axis = growing.pop(0)
        doubled = lengths[axis] * 2
        fits = written_in is None or written_in[axis] % doubled == 0 or written_in[axis] >= shape[axis]
        if lengths[axis] < shape[axis] and fits and math.prod(lengths) * 2 * itemsize <= LARGEST_SHARD:
            lengths[axis] = doubled
            growing.append(axis)
    return tuple(lengths)


def _codecs(dtype: np.dtype[Any], content: Content) -> tuple[BloscCodec | ZstdCodec, Crc32cCodec]:
    if content is Content.LABELS:
        return ZstdCodec(level=1), Crc32cCodec()
    blosc = BloscCodec(cname="zstd", clevel=1, shuffle=BloscShuffle.shuffle, typesize=dtype.itemsize, blocksize=0)
    return blosc, Crc32cCodec()
