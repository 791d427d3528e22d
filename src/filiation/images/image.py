"""Images and label images in memory: frozen, with the axes and pixel sizes that give the numbers a meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError

Pixels: TypeAlias = npt.NDArray[Any]
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
Properties: TypeAlias = Mapping[int, Mapping[str, Json]]

_Value = TypeVar("_Value")

_LONGEST_TABLE = 2**27
_COUNTED_TOGETHER = 2**22

AXIS_TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
"""The axes an image may have, in the order in which OME-Zarr 0.5 (section Axes metadata) asks for them."""


class Pyramid(Enum):
    """How a label image's lower resolutions are made; neither invents a label."""

    NEAREST = "nearest"
    MODE = "mode"

    @classmethod
    def named(cls, name: str) -> Pyramid:
        """Return the way that a name stands for.

        Raises
        ------
        BadInputError
            If it stands for none.
        """
        if name not in [each.value for each in cls]:
            raise BadInputError(f"Labels are shrunk by 'nearest' or 'mode'; found {name!r}.")
        return cls(name)


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """Pixels at full resolution and what their axes mean.

    Parameters
    ----------
    data
        One dimension for each axis; integers, floating-point numbers or booleans.
    axes
        Names out of ``t c z y x``, in this order; ``y`` and ``x`` are always there.
    scale
        Distance between neighbouring pixels along each axis, in ``units``. All 1 if left out.
    units
        Unit of each axis as UDUNITS-2 spells it (``micrometer``, ``second``); empty where it is not known.
    channels
        A name for each position along ``c``; empty if unnamed.
    name
        A name for a person.

    Raises
    ------
    BadInputError
        If axes, scale, units or channels do not fit the data.

    Examples
    --------
    >>> import numpy as np
    >>> image = Image(np.zeros((4, 32, 32), "uint16"), ("z", "y", "x"), (2.0, 0.5, 0.5), ("micrometer",) * 3)
    >>> image.shape, image.space
    ((4, 32, 32), ('z', 'y', 'x'))
    """

    data: Pixels
    axes: tuple[str, ...]
    scale: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        check_axes(self.axes, where="An image")
        _fill_in(self, "scale", (1.0,) * len(self.axes))
        _fill_in(self, "units", ("",) * len(self.axes))
        _check_fit(self.data, self.axes, self.scale, self.units)
        if self.data.dtype.kind not in "iufb":
            raise BadInputError(f"An image holds integers, floats or booleans; found {self.data.dtype}.")
        if self.channels and len(self.channels) != self.channel_count:
            raise BadInputError(
                f"An image of {self.channel_count} channel(s) has {len(self.channels)} channel names: "
                f"{', '.join(self.channels)}. Give one for each channel, or none."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in pixels."""
        return self.data.shape

    @property
    def space(self) -> tuple[str, ...]:
        """The axes of space, in order."""
        return tuple(axis for axis in self.axes if AXIS_TYPES[axis] == "space")

    @property
    def channel_count(self) -> int:
        """Number of channels; 1 for an image without a channel axis."""
        return self.shape[self.axes.index("c")] if "c" in self.axes else 1

    @property
    def time_count(self) -> int:
        """Number of time points; 1 for an image without a time axis."""
        return self.shape[self.axes.index("t")] if "t" in self.axes else 1

    def channel_number(self, which: int | str) -> int:
        """Return the position along ``c`` of a channel, which is given by its name or its number counted from 0.

        A text is a name, and a number only where no channel has that name.

        Raises
        ------
        BadInputError
            If there is no such channel, or several have the name; the message lists those that are there.
        """
        return channel_number(which, self.channels, self.channel_count, where=f"Image {self.name!r}")

    def one_channel(self, which: int | str) -> Image:
        """Return one channel, by name or number, without the channel axis; time stays.

        Raises
        ------
        BadInputError
            If there is no such channel.
        """
        index = self.channel_number(which)
        return replace(self._at("c", index), channels=(self.channels[index],) if self.channels else ())

    def time_point(self, index: int) -> Image:
        """Return one time point, counted from 0, without the time axis.

        Raises
        ------
        BadInputError
            If there is no such time point.
        """
        if not 0 <= index < self.time_count:
            raise BadInputError(
                f"Image {self.name!r} has {self.time_count} time point(s), counted from 0; "
                f"time point {index} was asked for."
            )
        return self._at("t", index)

    def channel(self, which: int | str) -> Image:
        """Return one channel at a single time point: an image whose axes are those of space alone.

        Parameters
        ----------
        which
            Name, or position along ``c`` counted from 0. An image without a channel axis has channel 0 only.

        Raises
        ------
        BadInputError
            If there is no such channel, or there are several time points.
        """
        chosen = self.one_channel(which)
        if self.time_count != 1:
            raise BadInputError(
                f"Image {self.name!r} has {self.time_count} time points; one is expected. Take them one by one with "
                "`time_point`, or all with `filiation.segmentation.segment_frames`."
            )
        return chosen.time_point(0)

    def _at(self, axis: str, index: int) -> Image:
        if axis not in self.axes:
            return self
        place = self.axes.index(axis)
        return replace(
            self,
            data=self.data[(slice(None),) * place + (index,)],
            axes=_without(self.axes, place),
            scale=_without(self.scale, place),
            units=_without(self.units, place),
            channels=() if axis == "c" else self.channels,
        )

    def labelled(self, labels: Pixels, *, name: str = "", pyramid: str = Pyramid.NEAREST.value) -> LabelImage:
        """Return ``labels`` with this image's pixel size: an integer array of its shape without the channel axis.

        The time axis may be left out where there is one time point. Each label's number of pixels is noted as its
        property ``pixels``. Lower resolutions have the ``nearest`` pixel, or the ``mode``: the label that most pixels
        have.

        Raises
        ------
        BadInputError
            If the shape or type does not fit.
        """
        here = self.one_channel(0)
        if self.time_count == 1 and labels.ndim < len(here.axes):
            here = here.time_point(0)
        if labels.shape != here.shape:
            raise BadInputError(
                f"Labels of shape {labels.shape} do not fit image {self.name!r}, "
                f"whose {', '.join(here.axes)} are {here.shape}."
            )
        values, counts = counted(labels)
        properties = {int(value): {"pixels": int(n)} for value, n in zip(values, counts, strict=True) if value}
        return LabelImage(
            labels, here.axes, here.scale, here.units, name=name, properties=properties, pyramid=Pyramid.named(pyramid)
        )


@dataclass(frozen=True, slots=True, eq=False)
class LabelImage:
    """An integer for each pixel: 0 for background, any other value for the object it belongs to.

    Parameters
    ----------
    data
        Non-negative integers, one dimension for each axis.
    axes, scale, units
        As in :class:`Image`.
    name
        A name for a person, for example ``nuclei``.
    source
        The image that was labelled, relative to the label image's own store; None if not known.
    properties
        For some objects, what else is known of them: label value -> name -> JSON value.
    pyramid
        How its lower resolutions are made.

    Raises
    ------
    BadInputError
        If the data are no non-negative integers, or axes, scale or units do not fit.
    """

    data: Pixels
    axes: tuple[str, ...]
    scale: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    name: str = ""
    source: str | None = None
    properties: Properties | None = field(default=None)
    pyramid: Pyramid = Pyramid.NEAREST

    def __post_init__(self) -> None:
        check_axes(self.axes, where="A label image")
        _fill_in(self, "scale", (1.0,) * len(self.axes))
        _fill_in(self, "units", ("",) * len(self.axes))
        _check_fit(self.data, self.axes, self.scale, self.units)
        if self.data.dtype.kind not in "iu":
            raise BadInputError(f"A label image holds integers; found {self.data.dtype}.")
        if self.data.dtype.kind == "i" and self.data.size and self.data.min() < 0:
            raise BadInputError(f"Labels are 0 or larger; found {self.data.min()}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis, in pixels."""
        return self.data.shape

    @property
    def values(self) -> tuple[int, ...]:
        """The label values that occur, sorted, without the background."""
        if self.data.max() > _LONGEST_TABLE:
            found = np.unique(self.data)
        else:  # a table of what was seen takes a fraction of the time of sorting every pixel
            seen = np.zeros(int(self.data.max()) + 1, bool)
            seen[self.data] = True
            found = np.flatnonzero(seen)
        return tuple(int(value) for value in found if value)


def counted(labels: Pixels) -> tuple[Pixels, Pixels]:
    """Return the values of labels, sorted, and how many pixels each has; of background too."""
    if not labels.size or labels.min() < 0 or labels.max() > _LONGEST_TABLE:
        return np.unique(labels, return_counts=True)
    # A table takes a fraction of the time of sorting every pixel; part by part, as it is counted in eight bytes each.
    flat, length = labels.reshape(-1), int(labels.max()) + 1
    in_all = np.zeros(length, np.int64)
    for start in range(0, flat.size, max(_COUNTED_TOGETHER, length)):
        in_all += np.bincount(flat[start : start + max(_COUNTED_TOGETHER, length)], minlength=length)
    values = np.flatnonzero(in_all)
    return values, in_all[values]


def channel_number(which: int | str, names: tuple[str, ...], count: int, *, where: str) -> int:
    """Return the position of a channel that is given by its name or number; see :meth:`Image.channel_number`.

    Parameters
    ----------
    which
        Name or number.
    names
        Of the channels; empty if they have none.
    count
        How many channels there are.
    where
        Begins the message of an error.

    Raises
    ------
    BadInputError
        If there is no such channel, or several have the name.

    Examples
    --------
    >>> channel_number("actin", ("DNA", "actin"), 2, where="An image"), channel_number("0", (), 1, where="An image")
    (1, 0)
    """
    same = [number for number, name in enumerate(names) if name == which]
    if len(same) == 1:
        return same[0]
    if same:
        raise BadInputError(f"{where} has {len(same)} channels named {which!r}; give a number: {_known(names)}.")
    number = int(which) if isinstance(which, int) or (which.isdecimal() and len(which) < 10) else -1
    if 0 <= number < count:
        return number
    known = f" Known are {_known(names)}." if names else " They have no names." if number < 0 else ""
    raise BadInputError(f"{where} has {count} channel(s), counted from 0; channel {which} was asked for.{known}")


def _known(names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} ({number})" for number, name in enumerate(names))


def check_axes(axes: tuple[str, ...], *, where: str) -> None:
    """Check that ``axes`` are some of ``t c z y x``, in this order, with ``y`` and ``x``.

    Raises
    ------
    BadInputError
        If they are not; ``where`` begins the message.
    """
    expected = tuple(axis for axis in AXIS_TYPES if axis in axes)
    if axes != expected or axes[-2:] != ("y", "x"):
        raise BadInputError(
            f"{where} has the axes {', '.join(map(repr, axes)) or 'none'}; expected some of t, c, z, y, x, "
            "each at most once, in this order, with y and x."
        )


def _without(values: tuple[_Value, ...], place: int) -> tuple[_Value, ...]:
    return values[:place] + values[place + 1 :]


def _fill_in(image: Image | LabelImage, name: str, value: tuple[object, ...]) -> None:
    if not getattr(image, name):
        object.__setattr__(image, name, value)


def _check_fit(data: Pixels, axes: tuple[str, ...], scale: tuple[float, ...], units: tuple[str, ...]) -> None:
    if not data.ndim == len(axes) == len(scale) == len(units):
        raise BadInputError(
            f"Data of {data.ndim} dimension(s) do not go with {len(axes)} axes ({', '.join(axes)}), "
            f"{len(scale)} pixel sizes and {len(units)} units: there must be one of each for each dimension."
        )
    if not data.size:
        raise BadInputError(f"There are no pixels: {', '.join(axes)} are {data.shape}.")
    for axis, size in zip(axes, scale, strict=True):
        if not (math.isfinite(size) and size > 0):
            raise BadInputError(f"The pixel size along {axis} must be positive; found {size}.")
