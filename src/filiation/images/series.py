"""Time series read and written a time point at a time: in memory is one, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import EllipsisType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from filiation.errors import BadInputError
from filiation.images.image import Pixels, channel_number, counted
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.regions import Region

if TYPE_CHECKING:
    import numpy.typing as npt

    from filiation.images.label_writing import LabelStore

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ChannelSeries:
    """One channel of an OME-Zarr image, or a label image, of which pixels are read when they are asked for.

    A time point is asked for as an array's: ``series[3]``. An image without time is had whole: ``image[...]``.

    Parameters
    ----------
    path
        The store.
    channel
        Its name, or its position along ``c``, counted from 0.
    axes
        Those that are wanted, of the image's but ``c``; time may be left out where there is one time point. All if
        left out.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, or has no such channel, or other axes.
    """

    path: Path
    channel: int | str = 0
    axes: tuple[str, ...] = ()
    _store: Multiscale = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        store = open_multiscale(self.path)
        object.__setattr__(self, "_store", store)
        lengths = dict(zip(store.axes, store.full.array.shape, strict=True))
        names = tuple(str(channel.get("label") or "") for channel in store.omero.get("channels", ()))
        names = names if len(names) == lengths.get("c", 1) else ()
        number = channel_number(self.channel, names, lengths.get("c", 1), where=f"Image {store.name!r}")
        object.__setattr__(self, "channel", number)
        there = tuple(axis for axis in store.axes if axis != "c")
        single = there[1:] if lengths.get("t") == 1 else there
        if self.axes not in ((), there, single):
            raise BadInputError(
                f"{self.path} has the axes {', '.join(there)}, of {', '.join(str(lengths[axis]) for axis in there)} "
                f"pixels; {', '.join(self.axes)} were asked for."
            )
        object.__setattr__(self, "axes", self.axes or there)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._of_axes(self._store.full.array.shape)

    @property
    def scale(self) -> tuple[float, ...]:
        """Pixel size along each axis."""
        return self._of_axes(self._store.full.scale)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each axis, empty where it is not known."""
        return self._of_axes(self._store.units)

    @property
    def source(self) -> str | None:
        """The image that was labelled, as a label image tells it."""
        return self._store.source

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: int | EllipsisType) -> Pixels:
        """Return a time point, or all of it.

        Raises
        ------
        IndexError
            If there is no such time point; so a series can be gone through.
        BadInputError
            If a chunk is damaged, or it does not fit into memory.
        """
        if isinstance(part, EllipsisType):
            return self.read(tuple(slice(0, length) for length in self.shape))
        if self.axes[0] != "t" or not 0 <= part < len(self):
            raise IndexError(part)
        frame: Pixels = self.read((slice(part, part + 1), *(slice(0, length) for length in self.shape[1:])))[0]
        return frame

    def read(self, region: Region) -> Pixels:
        """Return the pixels of a region, one slice for each axis; raises as above."""
        sides = dict(zip(self.axes, region, strict=True))
        here = int(self.channel)
        fixed = {"c": slice(here, here + 1), "t": slice(0, 1)}
        whole = tuple(sides[axis] if axis in sides else fixed[axis] for axis in self._store.axes)
        pixels: Pixels = read_pixels(self._store, whole).reshape([side.stop - side.start for side in region])
        return pixels

    def _of_axes(self, values: tuple[_Value, ...]) -> tuple[_Value, ...]:
        return tuple(value for axis, value in zip(self._store.axes, values, strict=True) if axis in self.axes)


@dataclass(frozen=True, slots=True)
class LabelFrame:
    """One time point of a label image that is being written; another process that is handed it writes to the same.

    Parameters
    ----------
    store
        All of it, time being its first axis; or an image without time.
    time
        Which time point.
    before
        Is added to each label, so that those of different time points differ.
    """

    store: LabelStore
    time: int
    before: int = 0

    def write(self, region: Region, labels: npt.NDArray[np.uint32]) -> None:
        """Write the labels of a region along the axes of space; raises as :meth:`LabelStore.write`."""
        if self.before:
            labels = np.where(labels > 0, labels + np.uint32(self.before), np.uint32(0))
        if self.store.axes[0] == "t":
            region, labels = (slice(self.time, self.time + 1), *region), labels[np.newaxis]
        self.store.write(region, labels)


def write_frames(store: LabelStore, frames: Iterable[npt.NDArray[np.uint32]]) -> dict[int, int]:
    """Write a label image that has been begun a time point at a time; return the pixels of each label.

    Parameters
    ----------
    store
        The label image. One without time is a single frame.
    frames
        The labels of each time point, in their order.

    Raises
    ------
    BadInputError
        If they are more or fewer than the image has, or have another shape.
    """
    timed = store.axes[0] == "t"
    space, times = (store.shape[1:], store.shape[0]) if timed else (store.shape, 1)
    sizes: dict[int, int] = {}
    written = 0
    for time, labels in enumerate(frames):
        if labels.shape != space or time >= times:
            raise BadInputError(
                f"{store.path} has {times} time point(s) of {space} pixels; number {time + 1} came with {labels.shape}."
            )
        LabelFrame(store, time).write(tuple(slice(0, length) for length in space), labels)
        add_sizes(sizes, labels)
        written = time + 1
    if written != times:
        raise BadInputError(f"{store.path} has {times} time points; labels of {written} came.")
    return sizes


def add_sizes(sizes: dict[int, int], labels: Pixels) -> None:
    """Add to the pixels of each label those that it has here."""
    for value, count in zip(*(each.tolist() for each in counted(labels)), strict=True):
        if value:
            sizes[value] = sizes.get(value, 0) + count


def slabs_of(store: LabelStore, most_bytes: int = 2**26) -> Iterator[Region]:
    """Yield the regions of a time point, along the axes of space, that can be read and written one after another.

    Each reaches over the whole length of all axes but the first, so pixels come in C order, and is made of whole chunks
    or shards.
    """
    timed = store.axes[0] == "t"
    space = store.shape[1:] if timed else store.shape
    unit = store.unit[1:] if timed else store.unit
    row = 4 * int(np.prod(space[1:], dtype=np.int64))
    length = max(1, most_bytes // (row * unit[0])) * unit[0]
    others = tuple(slice(0, each) for each in space[1:])
    for start in range(0, space[0], length):
        yield (slice(start, min(start + length, space[0])), *others)
