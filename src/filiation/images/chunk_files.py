"""Chunks that are files of their own, coded in threads: arrays on this machine's disk, read and written straight.

zarr-python takes each chunk through an event loop and several copies, which costs as much as compressing it. Here the
same codecs (``numcodecs``, ``google-crc32c``) are called on the same bytes, for the arrays that nearly all stores are
made of: numbers, without shards, compressed with Blosc or zstd, guarded by ``crc32c`` or not. What lies in the files is
what zarr-python would have written, and it reads every other array. Why not another engine:
``docs/decisions/0021-chunks-are-coded-straight.md``.
"""

from __future__ import annotations

import itertools
import os
import threading
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import google_crc32c
import numcodecs
import numpy as np
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, Endian, ZstdCodec
from zarr.storage import LocalStore

from filiation.digest.written import note
from filiation.images.image import Pixels
from filiation.images.multiscale import ZarrArray

Region = tuple[slice, ...]
_Item = TypeVar("_Item")
_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
_GUARD = 4
"""Bytes of a checksum behind a chunk."""
# Once a block as large as this was freed, glibc keeps the memory of smaller ones (mallopt(3), M_MMAP_THRESHOLD); else
# each chunk is coded in memory that the system has to empty first, a tenth of the time of writing.
np.empty(2**25 - 2**14, "u1")


@dataclass(frozen=True, slots=True)
class ChunkFiles:
    """The chunks of an array, as files.

    Parameters
    ----------
    folder
        Where the array's own metadata are.
    key
        Gives the name of a chunk in the folder, for its position along each axis.
    shape, lengths, dtype
        Of the array, of a chunk, and of a pixel, little-endian.
    fill
        The value of pixels whose chunk is not there.
    codec
        Compresses chunks; None where they are not compressed.
    guarded
        Whether a ``crc32c`` checksum stands behind each chunk (Zarr 3, "crc32c codec").
    """

    folder: Path
    key: Callable[[tuple[int, ...]], str]
    shape: tuple[int, ...]
    lengths: tuple[int, ...]
    dtype: np.dtype[Any]
    fill: Any
    codec: Any
    guarded: bool

    @classmethod
    def of(cls, array: ZarrArray) -> ChunkFiles | None:
        """Return the chunk files of an array; None if it is no such array, and is left to zarr-python."""
        store, metadata = array.store_path.store, cast("Any", array.metadata)  # one class for each version of Zarr
        if not isinstance(store, LocalStore) or array.dtype.kind not in "biuf" or not array.dtype.isnative:
            return None
        coded = _codec_of_2(metadata) if metadata.zarr_format == 2 else _codec_of_3(metadata)
        if coded is None or metadata.fill_value is None or not array.ndim or 0 in array.shape:
            return None
        return cls(
            folder=Path(store.root) / array.path,
            key=metadata.encode_chunk_key,
            shape=array.shape,
            lengths=array.chunks,
            dtype=np.dtype(array.dtype),
            fill=metadata.fill_value,
            codec=coded[0],
            guarded=coded[1],
        )

    def bounds(self, region: tuple[object, ...]) -> Region | None:
        """Return a region with its begin, end and step along each axis; None if it is more than slices forward."""
        if not region:
            return tuple(slice(0, length, 1) for length in self.shape)
        if len(region) != len(self.shape):
            return None
        sides = []
        for side, length in zip(region, self.shape, strict=True):
            if not isinstance(side, slice):
                return None
            start, stop, step = side.indices(length)
            if start >= stop or step < 1:
                return None
            sides.append(slice(start, stop, step))
        return tuple(sides)

    def read(self, region: Region, threads: int, into: Pixels | None = None) -> Pixels:
        """Return the pixels of a region that :meth:`bounds` has given: in ``into`` if it fits, else in a new array.

        Raises
        ------
        ValueError, RuntimeError
            If a chunk is damaged; as zarr-python raises.
        """
        shape = tuple(len(range(side.start, side.stop, side.step)) for side in region)
        fits = into is not None and into.shape == shape and into.dtype == self.dtype
        found: Pixels = into if into is not None and fits else np.empty(shape, self.dtype)

        def fetch(place: tuple[int, ...]) -> None:
            taken, put = _common(place, self.lengths, region)
            chunk = self.decoded(place)
            found[put] = self.fill if chunk is None else chunk[taken]

        in_threads(fetch, self._touched(region), threads)
        return found

    def write(self, region: Region, pixels: Pixels, threads: int) -> bool:
        """Write a region that is made of whole chunks; a chunk without a bit that is set is left out.

        Returns
        -------
        written
            Whether the region is made of whole chunks; if not, nothing is written.
        """
        sides = list(zip(region, self.lengths, self.shape, strict=True))
        whole = all(
            side.step == 1 and side.start % length == 0 and (side.stop % length == 0 or side.stop == limit)
            for side, length, limit in sides
        )
        if not whole or pixels.shape != tuple(side.stop - side.start for side in region):
            return False
        zero = self._is_empty_zero()
        kept = threading.local()

        def store(place: tuple[int, ...]) -> None:
            put, taken = _common(place, self.lengths, region)
            part = pixels[taken]
            if part.shape != self.lengths or part.dtype != self.dtype or not part.flags.c_contiguous:
                scratch = getattr(kept, "scratch", None)
                if scratch is None:
                    scratch = kept.scratch = np.empty(self.lengths, self.dtype)
                if part.shape != self.lengths:
                    scratch.fill(self.fill)  # what reaches beyond the array
                np.copyto(scratch[put], part, casting="unsafe")
                part = scratch
            path = os.path.join(self.folder, self.key(place))  # noqa: PTH118 - one for each chunk
            if zero and not _any_bit(part):
                Path(path).unlink(missing_ok=True)
            else:
                self._put(path, part)

        in_threads(store, self._touched(region), threads)
        return True

    def holds_nothing(self, region: Region) -> bool:
        """Tell whether a region has only pixels without a bit that is set, since none of its chunks is there."""
        paths = (os.path.join(self.folder, self.key(place)) for place in self._touched(region))  # noqa: PTH118
        return self._is_empty_zero() and not any(map(os.path.lexists, paths))

    def _is_empty_zero(self) -> bool:
        return not _any_bit(np.asarray(self.fill, self.dtype).reshape(1))

    def decoded(self, place: tuple[int, ...]) -> Pixels | None:
        """Return a chunk's pixels, not to be written to; None where there is no such file.

        Raises
        ------
        ValueError, RuntimeError
            If it is damaged.
        """
        try:
            with open(os.path.join(self.folder, self.key(place)), "rb") as file:  # noqa: PTH118, PTH123 - each chunk
                content = np.frombuffer(file.read(), "u1")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        if self.guarded:
            content, stored = content[:-_GUARD], content[-_GUARD:].tobytes()
            computed = google_crc32c.value(content).to_bytes(_GUARD, "little")
            if computed != stored:
                raise ValueError(
                    f"Stored and computed checksum do not match. Stored: {stored!r}. Computed: {computed!r}."
                )
        pixels: Pixels = np.frombuffer(content if self.codec is None else self.codec.decode(content), self.dtype)
        return pixels.reshape(self.lengths)

    def _put(self, path: str, chunk: Pixels) -> None:
        flat = chunk.reshape(-1).view("u1")
        encoded = flat.tobytes() if self.codec is None else self.codec.encode(flat)
        guard = google_crc32c.value(encoded).to_bytes(_GUARD, "little") if self.guarded else b""
        beside = f"{path}.{uuid.uuid4().hex}.partial"
        try:
            with _opened(beside) as file:
                file.write(encoded)
                file.write(guard)
                inode = os.fstat(file.fileno()).st_ino
            os.replace(beside, path)  # noqa: PTH105 - one for each chunk
            note(path, inode, (encoded, guard))
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise

    def _touched(self, region: Region) -> list[tuple[int, ...]]:
        """Return the positions of the chunks that a region touches, in C order."""
        sides = zip(region, self.lengths, strict=True)
        return list(itertools.product(*(range(each.start // by, -(-each.stop // by)) for each, by in sides)))


def in_threads(work: Callable[[_Item], object], items: Iterable[_Item], threads: int) -> None:
    """Do the work for each item, in several threads; the first error is raised when those begun are done."""
    items = list(items)
    if threads <= 1 or len(items) <= 1:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(min(threads, len(items)), "filiation-chunks") as pool:
        try:
            for _ in pool.map(work, items):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


def _common(place: tuple[int, ...], lengths: tuple[int, ...], region: Region) -> tuple[Region, Region]:
    """Return what a region takes of a chunk: as an index into the chunk, and into the region."""
    of_chunk, of_region = [], []
    for number, length, side in zip(place, lengths, region, strict=True):
        begin = number * length
        first = max(0, -(-(begin - side.start) // side.step))  # counted in the region
        start = side.start + first * side.step
        stop = min(side.stop, begin + length)
        count = len(range(start, stop, side.step))
        of_chunk.append(slice(start - begin, max(start, stop) - begin, side.step))
        of_region.append(slice(first, first + count))
    return tuple(of_chunk), tuple(of_region)


def _any_bit(chunk: Pixels) -> bool:
    bits = chunk.view(f"u{chunk.dtype.itemsize}")
    return bool(bits.flat[0]) or bool(bits.any())


def _opened(path: str) -> Any:
    try:
        return open(path, "wb")  # noqa: PTH123 - one for each chunk; closed by the caller
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return open(path, "wb")  # noqa: PTH123


def _codec_of_2(metadata: Any) -> tuple[Any, bool] | None:
    coded = metadata.compressor is None or isinstance(metadata.compressor, numcodecs.Blosc | numcodecs.Zstd)
    return (metadata.compressor, False) if coded and not metadata.filters and metadata.order == "C" else None


def _codec_of_3(metadata: Any) -> tuple[Any, bool] | None:
    if not metadata.codecs or metadata.chunk_grid.to_dict()["name"] != "regular" or metadata.storage_transformers:
        return None
    serializer, *others = metadata.codecs
    if not isinstance(serializer, BytesCodec) or (serializer.endian or Endian.little) is not Endian.little:
        return None
    guarded = bool(others) and isinstance(others[-1], Crc32cCodec)
    compressors = others[:-1] if guarded else others
    if not compressors:
        return None, guarded
    if len(compressors) > 1 or not isinstance(compressors[0], BloscCodec | ZstdCodec):
        return None
    settings: Any = compressors[0].to_dict()["configuration"]
    if isinstance(compressors[0], ZstdCodec):
        return numcodecs.Zstd(settings["level"], settings["checksum"]), guarded
    return numcodecs.Blosc(**{**settings, "shuffle": _SHUFFLES[settings["shuffle"]]}), guarded
