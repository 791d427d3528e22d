"""One channel of an OME-Zarr image, read part by part: for images that do not fit into memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from filiation.errors import BadInputError
from filiation.images.image import AXIS_TYPES, Pixels
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
    channel, time
        Positions along ``c`` and ``t``, counted from 0.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image, or has no such channel or time point.
    """

    path: Path
    channel: int = 0
    time: int = 0
    _store: Multiscale = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        store = open_multiscale(self.path)
        object.__setattr__(self, "_store", store)
        lengths = dict(zip(store.axes, store.full.array.shape, strict=True))
        for axis, what, at in (("c", "channel", self.channel), ("t", "time point", self.time)):
            if not 0 <= at < lengths.get(axis, 1):
                raise BadInputError(
                    f"{self.path} has {lengths.get(axis, 1)} {what}(s), counted from 0; {what} {at} was asked for."
                )

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.channel, self.time)

    @property
    def axes(self) -> tuple[str, ...]:
        """The axes of space, in order."""
        return tuple(axis for axis in self._store.axes if AXIS_TYPES[axis] == "space")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in pixels."""
        return self._of_space(self._store.full.array.shape)

    @property
    def scale(self) -> tuple[float, ...]:
        """Pixel size along each axis."""
        return self._of_space(self._store.full.scale)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each axis, empty where it is not known."""
        return self._of_space(self._store.units)

    def read(self, region: Region) -> Pixels:
        """Return the pixels of a region, one slice for each axis of space.

        Raises
        ------
        BadInputError
            If a chunk is damaged.
        """
        sides = dict(zip(self.axes, region, strict=True))
        fixed = {"c": self.channel, "t": self.time}
        whole = tuple(sides.get(axis, slice(fixed.get(axis, 0), fixed.get(axis, 0) + 1)) for axis in self._store.axes)
        shape = tuple(side.stop - side.start for side in region)
        return read_pixels(self._store, whole).reshape(shape)

    def _of_space(self, values: tuple[_Value, ...]) -> tuple[_Value, ...]:
        return tuple(value for axis, value in zip(self._store.axes, values, strict=True) if AXIS_TYPES[axis] == "space")
