"""The pixel digest: one identity for the same pixels in whatever file.

The specification with test vectors is ``docs/reference/pixel-digest.md``. The digest stays the same when an image is
written again with other chunks, shards, codecs, byte order, Zarr version or pyramid; it changes with any pixel, the
shape, the pixel type or the axes. Beside it stands the tree digest, which answers another question: are the bytes
unchanged?

What is computed anew is of version 2. Version 1, of which records are, differs by its hash function alone
(``docs/decisions/0024-pixels-are-hashed-with-blake3.md``).
"""

from __future__ import annotations

import hashlib
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from blake3 import blake3

from filiation.digest.trees import processors
from filiation.errors import BadInputError
from filiation.images.chunk_files import ChunkFiles
from filiation.images.image import Pixels
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.store_format import write_unit
from filiation.model import Digest, DigestKind

PLANE = 512
"""Length of a block along the last two axes."""
DEPTH = 32
"""Length of a block along an axis ``z`` that is not one of the last two."""
_SLAB = 2**18
"""Bytes that are put in order at a time: they stay in a processor's cache."""


class Hash(Protocol):
    """What takes bytes and comes to 32 of them, as those of :mod:`hashlib` do."""

    def update(self, data: memoryview | bytes, /) -> object:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Return the hash of all that was taken."""


@dataclass(frozen=True, slots=True)
class _Version:
    """What the versions of the definition differ by: the first line of the header, and the hash function."""

    magic: str
    hash: Callable[[], Hash]


_VERSIONS: Final[Mapping[DigestKind, _Version]] = {
    DigestKind.PIXELS: _Version("filiation-pixels-2", blake3),
    DigestKind.PIXELS_1: _Version("filiation-pixels-1", hashlib.sha256),
}


def pixel_digest(path: Path, kind: DigestKind = DigestKind.PIXELS, *, workers: int | None = None) -> Digest:
    """Return the pixel digest of an OME-Zarr image or label image, over its full resolution.

    Parameters
    ----------
    path
        The store's folder; OME-Zarr 0.4 or 0.5.
    kind
        By which version; that of a record, to compare with it.
    workers
        Threads that decode and hash; as many as processors if left out. Each holds one block, at most 64 MiB.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, or a chunk cannot be decoded.
    """
    return pixel_digest_of_store(open_multiscale(path), kind, workers=workers)


def pixel_digest_of_store(
    store: Multiscale, kind: DigestKind = DigestKind.PIXELS, *, workers: int | None = None
) -> Digest:
    """Return the pixel digest of an open image, wherever it lies; raises as :func:`pixel_digest` while it is read."""
    array = store.full.array
    files, buffers = ChunkFiles.of(array), threading.local()

    def hashed(block: tuple[slice, ...]) -> bytes:
        if files is not None and files.holds_nothing(block):
            return _hash_of_zeros(math.prod(side.stop - side.start for side in block) * files.dtype.itemsize, kind)
        digest = _VERSIONS[kind].hash()
        for slab in _slabs(block, write_unit(array)):
            pixels = read_pixels(store, slab, threads=1, into=getattr(buffers, "last", None))
            buffers.last = pixels
            _update(digest, pixels)
        return digest.digest()

    return _digest(hashed, np.dtype(array.dtype), store.axes, array.shape, kind, workers or processors())


def pixel_digest_of_array(data: Pixels, axes: tuple[str, ...], kind: DigestKind = DigestKind.PIXELS) -> Digest:
    """Return the pixel digest of an array in memory, with one axis name for each dimension.

    Raises
    ------
    BadInputError
        If names and dimensions do not match, or the pixels are neither numbers nor booleans.

    Examples
    --------
    >>> import numpy as np
    >>> str(pixel_digest_of_array(np.zeros((2, 3), "uint8"), ("y", "x")))[:20]
    'pixels2:17af030e23dd'
    """
    return _digest(lambda block: block_hash(data[block], kind), data.dtype, axes, data.shape, kind, workers=1)


def pixel_digest_of_blocks(
    dtype: np.dtype[np.generic],
    axes: tuple[str, ...],
    shape: tuple[int, ...],
    hashes: Iterable[bytes],
    kind: DigestKind = DigestKind.PIXELS,
) -> Digest:
    """Return the pixel digest of an image whose blocks were hashed one by one, in the order of :func:`blocks`."""
    total = _VERSIONS[kind].hash()
    total.update(_header(dtype, axes, shape, kind))
    for block in hashes:
        total.update(block)
    return Digest(kind, total.digest().hex())


def blocks(axes: tuple[str, ...], shape: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield the regions of the fixed logical grid, in C order (the last axis runs fastest)."""
    lengths = block_lengths(axes)
    starts = (range(0, length, step) for length, step in zip(shape, lengths, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(
            slice(start, min(start + step, length)) for start, step, length in zip(corner, lengths, shape, strict=True)
        )


def block_lengths(axes: tuple[str, ...]) -> tuple[int, ...]:
    """Return the length of a block of the logical grid along each axis."""
    plane = len(axes) - 2
    return tuple(PLANE if position >= plane else DEPTH if axis == "z" else 1 for position, axis in enumerate(axes))


def _digest(
    hashed: Callable[[tuple[slice, ...]], bytes],
    dtype: np.dtype[np.generic],
    axes: tuple[str, ...],
    shape: tuple[int, ...],
    kind: DigestKind,
    workers: int,
) -> Digest:
    _header(dtype, axes, shape, kind)  # refuses before a pixel is read
    with ThreadPoolExecutor(workers) as pool:
        return pixel_digest_of_blocks(dtype, axes, shape, pool.map(hashed, blocks(axes, shape)), kind)


def _slabs(block: tuple[slice, ...], lengths: tuple[int, ...]) -> Iterator[tuple[slice, ...]]:
    """Yield the parts of a block, in the order of its pixels, that are as deep as a chunk or shard.

    A block is cut along the first axis on which it has more than one pixel; those before it hold it together.
    """
    axis = next((axis for axis, side in enumerate(block) if side.stop - side.start > 1), 0)
    start, stop = block[axis].start, block[axis].stop
    while start < stop:
        end = min(stop, (start // lengths[axis] + 1) * lengths[axis])
        yield (*block[:axis], slice(start, end), *block[axis + 1 :])
        start = end


def _header(dtype: np.dtype[np.generic], axes: tuple[str, ...], shape: tuple[int, ...], kind: DigestKind) -> bytes:
    if dtype.kind not in "iufb" or dtype.itemsize > 8:
        raise BadInputError(f"A pixel digest is over integers, floats or booleans; found {dtype}.")
    if len(axes) != len(shape) or not axes:
        raise BadInputError(
            f"A pixel digest needs one axis name for each dimension; found {len(axes)} for {len(shape)}."
        )
    if not all(axis.isascii() and axis.isalnum() for axis in axes):
        raise BadInputError(f"Axis names are ASCII letters and digits; found {', '.join(map(repr, axes))}.")
    lines = (_VERSIONS[kind].magic, dtype.name, ",".join(axes), ",".join(map(str, shape)))
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def block_hash(block: Pixels, kind: DigestKind = DigestKind.PIXELS) -> bytes:
    """Return the hash of the pixels of one block, little-endian and in C order."""
    digest = _VERSIONS[kind].hash()
    _update(digest, block)
    return digest.digest()


@lru_cache(maxsize=8)
def _hash_of_zeros(length: int, kind: DigestKind) -> bytes:
    """Return the hash of a block of background, which most of a sparse label image is made of."""
    digest, slab = _VERSIONS[kind].hash(), bytes(_SLAB)
    for start in range(0, length, _SLAB):
        digest.update(slab[: length - start])
    return digest.digest()


def _update(digest: Hash, block: Pixels) -> None:
    little = block.dtype.newbyteorder("<")
    whole = block.flags.c_contiguous and block.dtype == little
    rows = len(block) if whole else max(1, len(block) * _SLAB // max(1, block.nbytes))
    for start in range(0, len(block), max(1, rows)):
        slab = np.ascontiguousarray(block[start : start + rows], dtype=little)
        if slab.size:
            digest.update(slab.data.cast("B"))
