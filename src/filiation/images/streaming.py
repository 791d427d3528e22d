"""An image of any size written as OME-Zarr while it comes in, region by region, from where it is read slowly.

Memory stays bounded, several readers work side by side, and what a break leaves behind is gone on with. Until the last
pixel is there the store stands beside its place, without the metadata that would make it an image, so nobody takes a
part for the whole. The pixel digest is computed over what was read, on the way.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from filiation.errors import BadInputError
from filiation.images.image import Pixels, check_axes
from filiation.images.multiscale import ZarrArray
from filiation.images.ome_blocks import multiscale_block
from filiation.images.ome_zarr import place_beside, read_region, write_region
from filiation.images.pixels import block_hash, blocks, pixel_digest_of_blocks
from filiation.images.pyramid import plan_pyramid, shrink_by_mean, steps_between
from filiation.images.regions import (
    Progress,
    Region,
    RegionReader,
    blocks_of,
    corner_of,
    inside,
    read_all,
    region_lengths,
    regions_of,
    size_of,
)
from filiation.images.rendering import ChannelLook, rendering_block
from filiation.images.store_format import DEFAULT_FORMAT, VERSION, Content, StoreFormat, write_unit
from filiation.images.streaming_state import StreamingState
from filiation.model import Digest, DigestKind
from filiation.model.plain_facts import ORIGIN

DEFAULT_MEMORY = 512 * 1024 * 1024
_COPIES = 4
"""Copies of a region that are in memory at once: as read, as arranged, a lower resolution, chunks being compressed."""
_MOST_SAMPLED = 2**22


@dataclass(frozen=True, slots=True)
class Outline:
    """An image of which the pixels are still to come.

    Parameters
    ----------
    axes, shape, scale, units, name
        As in :class:`filiation.images.Image`.
    dtype
        Pixel type.
    looks
        How each channel is shown.
    identity
        What tells this image from another; a broken copy of another one is not gone on with.
    omero
        What else goes into the store's ``omero`` block.
    origin
        Where the image is from, for the store to tell; the digest of its pixels is added. Nothing is told if empty.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    looks: tuple[ChannelLook, ...]
    identity: Mapping[str, str]
    name: str = ""
    omero: Mapping[str, Any] = field(default_factory=dict)
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_axes(self.axes, where=f"The image {self.name!r}")
        if self.dtype.kind not in "iufb":
            raise BadInputError(f"An image holds integers, floats or booleans; {self.name!r} has {self.dtype}.")


def stream_image(
    path: Path,
    outline: Outline,
    open_reader: Callable[[], RegionReader],
    *,
    form: StoreFormat = DEFAULT_FORMAT,
    workers: int = 1,
    memory: int = DEFAULT_MEMORY,
    progress: Progress = lambda done, total: None,
    beside: Callable[[Path], None] = lambda store: None,
) -> Digest:
    """Write an image as an OME-Zarr store with lower resolutions, as it is read; return its pixel digest.

    Parameters
    ----------
    path
        Where the store will be.
    outline
        What is known of the image beforehand.
    open_reader
        Opens a reader; called once for each worker.
    form
        OME-Zarr version, and whether there are shards.
    workers
        Readers that work side by side.
    memory
        Bytes that pixels may take in memory, about; at least a block of 32 x 512 x 512 pixels a worker is needed, or a
        shard.
    progress
        Told now and then how far it is.
    beside
        Writes further metadata into the store before it takes its place.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already.
    Exception
        Whatever a reader raises. What was written stays beside the place, and the next attempt goes on from there.
    """
    partial = place_beside(path)
    writer = _Writer(partial, outline, form, memory // workers // _COPIES)
    with writer.state:
        read_all(writer, open_reader, workers, progress)
        writer.finish(path.name.removesuffix(".zarr").removesuffix(".ome"), workers)
        beside(partial)
        digest = writer.digest()
    if path.exists():
        path.rmdir()  # an empty folder, see place_beside
    partial.replace(path)
    writer.state.remove()
    return digest


def digest_image(
    outline: Outline,
    open_reader: Callable[[], RegionReader],
    kind: DigestKind = DigestKind.PIXELS,
    *,
    workers: int = 1,
    memory: int = DEFAULT_MEMORY,
    progress: Progress = lambda done, total: None,
) -> Digest:
    """Return the pixel digest of an image that is read and not kept, by one version; see :func:`stream_image`."""
    taker = _Digester(outline, kind, memory // workers // _COPIES)
    read_all(taker, open_reader, workers, progress)
    return taker.digest()


class _Digester:
    """Hashes blocks as they come."""

    def __init__(self, outline: Outline, kind: DigestKind, region_bytes: int) -> None:
        self._outline, self._kind = outline, kind
        self._lengths = region_lengths(outline.axes, outline.shape, outline.dtype.itemsize, region_bytes)
        self._hashes: dict[tuple[int, ...], bytes] = {}
        self._guard = threading.Lock()
        self.bytes_done = 0
        self.bytes_in_all = int(np.prod(outline.shape, dtype=object)) * outline.dtype.itemsize

    def missing(self) -> Iterator[Region]:
        """Yield every region."""
        yield from regions_of(self._outline.shape, self._lengths)

    def take(self, region: Region, pixels: Pixels) -> None:
        """Hash the blocks of a region."""
        blocks_here = blocks_of(region, self._outline.axes)
        hashes = {corner_of(block): block_hash(pixels[inside(block, region)], self._kind) for block in blocks_here}
        with self._guard:
            self._hashes |= hashes
            self.bytes_done += size_of(region, self._outline.dtype.itemsize)

    def digest(self) -> Digest:
        """Return the digest over all pixels."""
        axes, shape = self._outline.axes, self._outline.shape
        hashes = (self._hashes[corner_of(block)] for block in blocks(axes, shape))
        return pixel_digest_of_blocks(self._outline.dtype, axes, shape, hashes, self._kind)


class _Writer:
    """A store that is being written: regions of full resolution with the next lower one, then the rest."""

    def __init__(self, store: Path, outline: Outline, form: StoreFormat, region_bytes: int) -> None:
        self._store, self._outline, self._form = store, outline, form
        self._levels = plan_pyramid(outline.axes, outline.shape, outline.scale)
        self._blocks = list(blocks(outline.axes, outline.shape))
        self.state = StreamingState(store, {**outline.identity, **_described(outline, form)})
        self._hashes = self.state.hashes
        if not self.state.resumed:
            shutil.rmtree(store, ignore_errors=True)
        self._arrays = self._open(store)
        lengths = region_lengths(outline.axes, outline.shape, outline.dtype.itemsize, region_bytes)
        self._lengths = _whole(lengths, write_unit(self._arrays[0]))
        # A region's part of a shard of the next resolution is no whole one, which only one writer may write to.
        self._on_the_way = 1 if form.sharded else min(2, len(self._levels))
        self._forget_what_is_damaged()
        self.bytes_in_all = int(np.prod(outline.shape, dtype=object)) * outline.dtype.itemsize
        self.bytes_done = sum(size_of(self._blocks[number], outline.dtype.itemsize) for number in self._hashes)
        self._numbers = {corner_of(block): number for number, block in enumerate(self._blocks)}
        self._guard = threading.Lock()

    def _open(self, store: Path) -> list[ZarrArray]:
        if self.state.resumed:
            group = zarr.open_group(store, mode="r+", use_consolidated=False)
            return [_array(group, number) for number in range(len(self._levels))]
        group, axes, dtype = self._form.create_root(store), self._outline.axes, self._outline.dtype
        return [
            self._form.create_level(group, number, axes, level.shape, dtype, Content.IMAGE)
            for number, level in enumerate(self._levels)
        ]

    def _forget_what_is_damaged(self) -> None:
        """Read what an earlier attempt left and keep only what is as it was; a crash may have lost the last of it."""
        for number in list(self._hashes):
            try:
                found = block_hash(read_region(self._arrays[0], self._blocks[number]))
            except (ValueError, RuntimeError, OSError):
                found = b""
            if found != self._hashes[number]:
                del self._hashes[number]

    def missing(self) -> Iterator[Region]:
        """Yield the regions that are to be read."""
        done = {corner_of(self._blocks[number]) for number in self._hashes}
        for region in regions_of(self._outline.shape, self._lengths):
            inside = {corner_of(block) for block in blocks_of(region, self._outline.axes)}
            if not inside <= done:
                yield region

    def take(self, region: Region, pixels: Pixels) -> None:
        """Write a region, its part of the next resolution, and the hashes of its blocks."""
        expected = tuple(each.stop - each.start for each in region)
        if pixels.shape != expected:
            raise BadInputError(f"A region of {expected} pixels was asked for, and {pixels.shape} came.")
        write_region(self._arrays[0], region, pixels)
        hashes: dict[int, bytes] = {}
        for block in blocks_of(region, self._outline.axes):
            part = pixels[inside(block, region)]
            hashes[self._numbers[corner_of(block)]] = block_hash(part)
        if self._on_the_way > 1:
            steps = steps_between(*self._levels[:2])
            write_region(self._arrays[1], _shrunk(region, steps), shrink_by_mean(pixels, steps))
        with self._guard:
            self.state.add(hashes)
            self.bytes_done += size_of(region, self._outline.dtype.itemsize)

    def finish(self, name: str, workers: int) -> None:
        """Make the lower resolutions, each from the one before it, and then the metadata."""
        with ThreadPoolExecutor(workers, "filiation-shrink") as pool:
            for number in range(self._on_the_way, len(self._levels)):
                regions = regions_of(self._arrays[number].shape, write_unit(self._arrays[number]))
                for _ in pool.map(partial(self._shrink_into, number), regions):
                    pass
        outline = self._outline
        channels = range(outline.shape[outline.axes.index("c")]) if "c" in outline.axes else range(1)
        samples = [_sample(self._arrays[-1], outline.axes, channel) for channel in channels]
        rendering = rendering_block(outline.looks, samples, np.concatenate([each.ravel() for each in samples]))
        block: dict[str, Any] = {
            "version": VERSION,
            "multiscales": [
                multiscale_block(outline.axes, outline.units, self._levels, outline.name or name, "local mean")
            ],
            "omero": {**outline.omero, **rendering},
        }
        origin = {ORIGIN: {**outline.origin, "pixels": str(self.digest())}} if outline.origin else {}
        self._form.finish(self._store, {**self._form.attributes(block), **origin})

    def _shrink_into(self, number: int, region: Region) -> None:
        """Make a region of a lower resolution from the next finer one, a chunk at a time, and write it at once."""
        finer, coarser = self._arrays[number - 1], self._arrays[number]
        steps = steps_between(*self._levels[number - 1 : number + 1])
        made = np.empty([each.stop - each.start for each in region], coarser.dtype)
        for part in regions_of(made.shape, coarser.chunks):
            wider = tuple(
                slice((each.start + side.start) * step, min((each.stop + side.start) * step, length))
                for each, side, step, length in zip(part, region, steps, finer.shape, strict=True)
            )
            made[part] = shrink_by_mean(read_region(finer, wider), steps)
        write_region(coarser, region, made)

    def digest(self) -> Digest:
        """Return the digest over all pixels as they were read."""
        hashes = (self._hashes[number] for number in range(len(self._blocks)))
        return pixel_digest_of_blocks(self._outline.dtype, self._outline.axes, self._outline.shape, hashes)


def _array(group: zarr.Group, number: int) -> ZarrArray:
    array = group[str(number)]
    if not isinstance(array, zarr.Array):
        raise BadInputError(f"{group.store_path} holds no array {number}; remove it and start again.")
    return array


def _whole(lengths: tuple[int, ...], unit: tuple[int, ...]) -> tuple[int, ...]:
    """Return the lengths, or more, of regions that are made of whole units."""
    return tuple(-(-length // each) * each for length, each in zip(lengths, unit, strict=True))


def _described(outline: Outline, form: StoreFormat) -> dict[str, str]:
    return {
        "form": f"{form.version}{' in shards' if form.sharded else ''}",
        "axes": ",".join(outline.axes),
        "shape": ",".join(map(str, outline.shape)),
        "dtype": outline.dtype.name,
        "scale": ",".join(map(repr, outline.scale)),
    }


def _shrunk(region: Region, steps: tuple[int, ...]) -> Region:
    return tuple(slice(each.start // step, -(-each.stop // step)) for each, step in zip(region, steps, strict=True))


def _sample(array: ZarrArray, axes: tuple[str, ...], channel: int) -> Pixels:
    """Return enough planes of one channel's lowest resolution to take a window from."""
    plane = array.shape[-1] * array.shape[-2]
    others = [axis for axis in axes[:-2] if axis != "c"]
    room = max(1, _MOST_SAMPLED // plane)
    each = max(1, round(room ** (1 / max(1, len(others)))))
    region = []
    for axis, length in zip(axes, array.shape, strict=True):
        if axis == "c":
            region.append(slice(channel, channel + 1))
        elif axis in others:
            region.append(slice(0, length, max(1, -(-length // each))))
        else:
            region.append(slice(None))
    return read_region(array, tuple(region))
