"""Regions of an image that come in one by one, from several readers side by side, and the blocks that they are made of.

A region is one slice for each axis. Its corners lie on the grid of the pixel digest, so that it holds whole blocks.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

from filiation.images.image import Pixels
from filiation.images.pixels import block_lengths

Region = tuple[slice, ...]
Progress = Callable[[int, int], None]
"""Told how many bytes of how many are there."""


class RegionReader(Protocol):
    """Reads an image's full resolution; used by one thread at a time."""

    def read(self, region: Region) -> Pixels:
        """Return the pixels of a region, one slice for each axis."""

    def close(self) -> None:
        """Let go of what reading needed."""


class RegionTaker(Protocol):
    """Takes what was read; used by several threads at once."""

    bytes_done: int
    bytes_in_all: int

    def missing(self) -> Iterator[Region]:
        """Yield the regions that are to be read."""

    def take(self, region: Region, pixels: Pixels) -> None:
        """Take a region."""


def read_all(taker: RegionTaker, open_reader: Callable[[], RegionReader], workers: int, progress: Progress) -> None:
    """Have every region read that is not there yet; after the first failure no further one is begun."""
    regions = iter(taker.missing())
    guard, failed = threading.Lock(), threading.Event()

    def work() -> None:
        reader: RegionReader | None = None
        try:
            while not failed.is_set():
                with guard:
                    region = next(regions, None)
                if region is None:
                    return
                if reader is None:
                    reader = open_reader()
                taker.take(region, reader.read(region))
                progress(taker.bytes_done, taker.bytes_in_all)
        except BaseException:
            failed.set()
            raise
        finally:
            if reader is not None:
                reader.close()

    with ThreadPoolExecutor(workers, "filiation-read") as pool:
        tasks = [pool.submit(work) for _ in range(workers)]
        try:
            wait(tasks, return_when=FIRST_EXCEPTION)
        finally:
            failed.set()
    for task in tasks:
        task.result()


def region_lengths(axes: tuple[str, ...], shape: tuple[int, ...], itemsize: int, most_bytes: int) -> tuple[int, ...]:
    """Return how large a region may be: whole blocks of the digest's grid, growing from the last axis."""
    lengths = list(block_lengths(axes))
    for axis in reversed(range(len(lengths))):
        here = 1
        for length, limit in zip(lengths, shape, strict=True):
            here *= min(length, limit)
        if lengths[axis] < shape[axis]:
            needed = -(-shape[axis] // lengths[axis])
            lengths[axis] *= max(1, min(needed, most_bytes // (here * itemsize)))
        if lengths[axis] < shape[axis]:
            break
    return tuple(lengths)


def regions_of(shape: Sequence[int], lengths: Sequence[int]) -> Iterator[Region]:
    """Yield the regions of some length each that an image is made of, in C order."""
    starts = [range(0, limit, length) for limit, length in zip(shape, lengths, strict=True)]
    for corner in itertools.product(*starts):
        yield tuple(
            slice(start, min(start + length, limit))
            for start, length, limit in zip(corner, lengths, shape, strict=True)
        )


def blocks_of(region: Region, axes: tuple[str, ...]) -> Iterator[Region]:
    """Yield the blocks of the digest's grid that a region is made of."""
    lengths = block_lengths(axes)
    starts = [range(each.start, each.stop, length) for each, length in zip(region, lengths, strict=True)]
    ends = [each.stop for each in region]
    for corner in itertools.product(*starts):
        yield tuple(
            slice(start, min(start + length, end)) for start, length, end in zip(corner, lengths, ends, strict=True)
        )


def inside(inner: Region, outer: Region) -> Region:
    """Return where a region lies in the array of a region around it."""
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))


def corner_of(region: Region) -> tuple[int, ...]:
    """Return where a region begins."""
    return tuple(each.start for each in region)


def size_of(region: Region, itemsize: int) -> int:
    """Return the bytes of a region."""
    for each in region:
        itemsize *= each.stop - each.start
    return itemsize
