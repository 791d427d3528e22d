"""One channel of an OME-Zarr image, read part by part: for images that do not fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from filiation.errors import BadInputError
from filiation.images.image import AXIS_TYPES, Pixels, channel_number
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.regions import Region

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class ChannelVolume:
    """The axes of space of one channel at one time point; another process that is handed it opens the store anew.

    Parameters
    ----------
    path
        The store.
    channel
        Its name, or its position along ``c``, counted from 0.
    time
        Position along ``t``, counted from 0; may be left out where there is one.
    level
        Resolution, 0 for the highest.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, or has no such channel, time point or resolution.
    """

    path: Path
    channel: int | str = 0
    time: int | None = None
    level: int = 0
    _store: Multiscale = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        store = open_multiscale(self.path)
        object.__setattr__(self, "_store", store)
        lengths = dict(zip(store.axes, store.full.array.shape, strict=True))
        names = tuple(str(channel.get("label") or "") for channel in store.omero.get("channels", ()))
        number = channel_number(self.channel, names, lengths.get("c", 1), where=str(self.path))
        object.__setattr__(self, "channel", number)
        times = lengths.get("t", 1)
        if self.time is None and times != 1:
            raise BadInputError(
                f"{self.path} has {times} time points, and no one of them was asked for: jobs share a single volume. "
                "Take its time points one by one; in the workflow, leave the field 'jobs' of 'blocks' out."
            )
        object.__setattr__(self, "time", self.time or 0)
        for count, what, at in ((times, "time point", self.time or 0), (len(store.levels), "resolution", self.level)):
            if not 0 <= at < count:
                raise BadInputError(f"{self.path} has {count} {what}(s), counted from 0; {what} {at} was asked for.")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.channel, self.time, self.level)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of space, in order."""
        return tuple(axis for axis in self._store.axes if AXIS_TYPES[axis] == "space")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in pixels."""
        return self._of_space(self._store.levels[self.level].array.shape)

    @property
    def scale(self) -> tuple[float, ...]:
        """Pixel size along each axis."""
        return self._of_space(self._store.levels[self.level].scale)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each axis, empty where it is not known."""
        return self._of_space(self._store.units)

    def for_viewing(self, longest: int) -> ChannelVolume:
        """Return the highest resolution of at most ``longest`` pixels along y and x; the lowest if there is none."""
        levels = [replace(self, level=level) for level in range(len(self._store.levels))]
        return next((each for each in levels if max(each.shape[-2:]) <= longest), levels[-1])

    def read(self, region: Region) -> Pixels:
        """Return the pixels of a region, one slice for each axis of space.

        Raises
        ------
        BadInputError
            If a chunk is damaged.
        """
        sides = dict(zip(self.axes, region, strict=True))
        fixed = {"c": int(self.channel), "t": self.time or 0}
        whole = tuple(sides.get(axis, slice(fixed.get(axis, 0), fixed.get(axis, 0) + 1)) for axis in self._store.axes)
        shape = tuple(side.stop - side.start for side in region)
        return read_pixels(self._store, whole, self.level).reshape(shape)

    def _of_space(self, values: tuple[_Value, ...]) -> tuple[_Value, ...]:
        return tuple(value for axis, value in zip(self._store.axes, values, strict=True) if AXIS_TYPES[axis] == "space")
