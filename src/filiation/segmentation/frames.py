"""Planes and time points: a method for 2-D or 3-D images applied to each part of an image with more axes.

A time point is always segmented by itself; :mod:`filiation.segmentation.tracking` then says which objects of different
time points are one. Labels are numbered on through the parts, so that a label is one object of the whole series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import EllipsisType
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.segmentation.measure import measure
from filiation.segmentation.overlay import Colour, Rgb, overlay, yellow
from filiation.segmentation.tracking import track

Array: TypeAlias = npt.NDArray[Any]
Labels: TypeAlias = npt.NDArray[np.uint32]


class Series(Protocol):
    """An image that is read a time point at a time, asked as an array is; one without time is had whole."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    def __getitem__(self, part: int | EllipsisType) -> Array:
        """Return a time point, or all of it."""


Frames: TypeAlias = Array | Series
Segment: TypeAlias = Callable[[Array, tuple[float, ...]], Array]
"""From the pixels of one part and their sizes along its axes to labels of the same shape."""

EACH: Final = ("volume", "plane", "joined planes")
"""What a method is given at once: all of space at a time point, or one plane of it; its objects may then be joined."""

_STRIP: Final = 6  # time points that a picture shows
_BETWEEN: Final = 8  # white pixels between two of them
_LARGEST: Final = 2**32 - 1


def segment_frames(
    pixels: Array | Sequence[Array],
    axes: tuple[str, ...],
    scale: tuple[float, ...],
    segment: Segment,
    *,
    each: str = "volume",
) -> Labels:
    """Label every time point of an image by a method for 2-D or 3-D, or every plane of it by itself.

    Parameters
    ----------
    pixels
        Of one channel, with the dimensions ``axes``: some of t, z, y, x. Or a list of such arrays, one for each
        channel that the method takes; it sees several of them along a first axis.
    axes, scale
        Name and pixel size of each dimension.
    segment
        The method; besides channels it sees the axes of space alone.
    each
        ``volume``: the method sees all of space at a time point. ``plane``: it sees one plane; what of an object lies
        in two planes is two objects. ``joined planes``: the same, and then objects of neighbouring planes are one
        where their intersection over union is at least 0.3, by :func:`filiation.segmentation.track` along z.

    Returns
    -------
    numpy.ndarray
        Labels of the shape of a channel, numbered on from part to part: no two parts share one.

    Raises
    ------
    BadInputError
        If ``each`` is none of them, or there are more objects than labels.

    Examples
    --------
    >>> film = np.array([[[0, 9, 0, 9]], [[9, 0, 0, 0]]])
    >>> from scipy import ndimage
    >>> segment_frames(film, ("t", "y", "x"), (1.0, 1.0, 1.0), lambda seen, scale: ndimage.label(seen > 5)[0]).tolist()
    [[[0, 1, 0, 2]], [[3, 0, 0, 0]]]
    """
    channels = [pixels] if isinstance(pixels, np.ndarray) else list(pixels)
    frames = segmented_frames(channels, axes, scale, segment, each=each)
    if "t" not in axes:
        return next(frames)
    labels: Labels = np.empty(channels[0].shape, np.uint32)
    for time, frame in enumerate(frames):
        labels[time] = frame
    return labels


def segmented_frames(
    channels: Sequence[Frames],
    axes: tuple[str, ...],
    scale: tuple[float, ...],
    segment: Segment,
    *,
    each: str = "volume",
) -> Iterator[Labels]:
    """Yield the labels of each time point, as :func:`segment_frames` returns them of all; one is read at a time.

    Parameters
    ----------
    channels
        That the method takes: arrays, or what is read a time point at a time.
    axes, scale, segment, each
        As for :func:`segment_frames`. Without a time axis there is one frame.

    Raises
    ------
    BadInputError
        As :func:`segment_frames`.
    """
    if each not in EACH:
        raise BadInputError(f"What a method sees at once is one of {', '.join(EACH)}; {each!r} is none of them.")
    timed = axes[0] == "t"
    space = tuple(zip(axes, scale, strict=True))[1 if timed else 0 :]
    count = 0
    for part in range(channels[0].shape[0]) if timed else (...,):
        seen = [channel[part] for channel in channels]
        labels = _segment_space(np.stack(seen) if seen[1:] else seen[0], dict(space), segment, each)
        highest = int(labels.max(initial=0))
        if count + highest > _LARGEST:
            raise BadInputError(f"There are more than {_LARGEST} objects; cut the series into shorter ones.")
        labels[labels > 0] += np.uint32(count)
        count += highest
        del seen  # before the next is read
        yield labels


def _segment_space(pixels: Array, space: Mapping[str, float], segment: Segment, each: str) -> Labels:
    """Label one time point; several channels are along a first axis."""
    if each == "volume" or "z" not in space:
        return segment(pixels, tuple(space.values())).astype(np.uint32)
    depth = -len(space)
    scale = tuple(size for axis, size in space.items() if axis != "z")
    labels: Labels = np.zeros(pixels.shape[depth:], np.uint32)
    count = 0
    for plane in range(pixels.shape[depth]):
        found = segment(np.take(pixels, plane, axis=depth), scale)
        labels[plane] = np.where(found > 0, found.astype(np.uint32) + np.uint32(count), 0)
        count += int(found.max(initial=0))
    return track(labels, divisions=False).labels if each == "joined planes" else labels


def measure_frames(
    labels: Frames, intensity: Frames, axes: tuple[str, ...], scale: tuple[float, ...], units: tuple[str, ...] = ()
) -> pa.Table:
    """Return a row for each label at each time point, as :func:`filiation.segmentation.measure` has them.

    Where there is a time axis there are two columns more after ``label``: ``t``, the time point counted from 0, and
    ``time``, when that was, the first being at 0.

    Parameters
    ----------
    labels, intensity, axes, scale, units
        As for :func:`filiation.segmentation.measure`, and time may be the first axis; a time point is read at a time.

    Raises
    ------
    BadInputError
        If shapes or numbers of dimensions differ.

    Examples
    --------
    >>> labels = np.array([[[0, 1]], [[1, 1]]])
    >>> table = measure_frames(labels, labels * 5, ("t", "y", "x"), (60.0, 1.0, 1.0), ("second", "", ""))
    >>> table.select(["label", "t", "time", "pixels"]).to_pylist()  # doctest: +NORMALIZE_WHITESPACE
    [{'label': 1, 't': 0, 'time': 0.0, 'pixels': 1}, {'label': 1, 't': 1, 'time': 60.0, 'pixels': 2}]
    """
    if "t" not in axes:
        return measure(labels[...], intensity[...], axes, scale, units)
    units = units or ("",) * len(axes)
    if labels.shape != intensity.shape:
        raise BadInputError(
            f"Labels of shape {labels.shape} and an image of shape {intensity.shape} cannot be measured: they must be "
            "of one shape."
        )
    tables = []
    for time in range(labels.shape[0]):
        table = measure(labels[time], intensity[time], axes[1:], scale[1:], units[1:])
        tables.append(with_time(table, time, scale[0], units[0]))
    return pa.concat_tables(tables)


def with_time(table: pa.Table, time: int, step: float, unit: str = "") -> pa.Table:
    """Return measurements with the time point they are of as columns: ``t``, counted from 0, and ``time``.

    Parameters
    ----------
    table
        Whose first column is ``label``.
    time
        The time point.
    step, unit
        Between two of them.
    """
    at = pa.array([time] * table.num_rows, pa.int64())
    when = pa.array([time * step] * table.num_rows, pa.float64())
    table = table.add_column(1, pa.field("t", pa.int64(), nullable=False), at)
    metadata = {"unit": unit} if unit else None
    return table.add_column(2, pa.field("time", pa.float64(), nullable=False, metadata=metadata), when)


def overlay_frames(
    pixels: Frames, labels: Frames, axes: tuple[str, ...], *, colour: Colour = yellow, longest: int = 1200
) -> Rgb:
    """Return :func:`filiation.segmentation.overlay` of an image; of a series, up to six time points side by side.

    Parameters
    ----------
    pixels, labels
        Of one shape, with the dimensions ``axes``: some of t, z, y, x.
    axes
        Name of each dimension.
    colour
        Red, green and blue of a label's outline.
    longest
        A picture is enlarged by a whole factor as long as no side exceeds so many pixels.

    Raises
    ------
    BadInputError
        If the shapes differ.
    """
    if "t" not in axes:
        return overlay(pixels[...], labels[...], colour=colour, longest=longest)
    if pixels.shape != labels.shape:
        raise BadInputError(f"Labels of shape {labels.shape} do not fit an image of shape {pixels.shape}.")
    shown = np.unique(np.linspace(0, pixels.shape[0] - 1, min(_STRIP, pixels.shape[0])).round().astype(int))
    pictures = [overlay(pixels[time], labels[time], colour=colour, longest=longest // len(shown)) for time in shown]
    between = np.full((pictures[0].shape[0], _BETWEEN, 3), 255, np.uint8)
    strip = [part for picture in pictures for part in (picture, between)][:-1]
    return np.concatenate(strip, axis=1)
