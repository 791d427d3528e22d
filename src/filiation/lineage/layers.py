"""A plane of a label image over the image that it was drawn on, at a resolution that a screen can show.

Both are placed by their scales and translations, so they need not have the same pixels, pyramids or planes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from filiation.digest.recorded import RecordedTree
from filiation.errors import BadInputError, NotFoundError
from filiation.images.colours import colour_of_channel, colour_of_label
from filiation.images.multiscale import Level, Multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.pictures import encode_picture
from filiation.images.recorded_store import open_recorded
from filiation.model.sentences import Sentence
from filiation.segmentation.overlay import outlines

OUTLINES: Final = "outlines"
FILLED: Final = "filled"
HIDDEN: Final = "none"
LOOKS: Final = (OUTLINES, FILLED, HIDDEN)
"""How labels are shown over the image."""
SIDE: Final = 1024
"""Pixels that a side of a plane has at most; the lowest resolution is taken with gaps if it has more."""
_SMALL: Final = 640
"""A picture with shorter sides is enlarged by a whole factor, so that objects can be hit."""
_CHANNELS: Final = 8
_MOST_READ: Final = 1 << 30
"""Bytes of chunks, unpacked, that a plane may touch."""

Array: TypeAlias = npt.NDArray[Any]
Rgb: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Where:
    """Which plane: numbers of the time point and of the section, at full resolution."""

    t: int = 0
    z: int = 0


@dataclass(frozen=True, slots=True)
class Layers:
    """A label image and the image under it; one of them may be missing.

    Parameters
    ----------
    labels, image
        As opened.
    """

    labels: Multiscale | None
    image: Multiscale | None

    def __post_init__(self) -> None:
        if self.labels is None and self.image is None:
            raise BadInputError(Sentence("There is neither a label image nor an image to show."))

    @property
    def frame(self) -> Multiscale:
        """The one whose planes are gone through: the label image, if there is one."""
        return self.labels or self.image  # type: ignore[return-value]  # one is there

    @property
    def level(self) -> int:
        """The resolution of the frame that is shown: the highest that fits."""
        sizes = [max(level.array.shape[-2:]) for level in self.frame.levels]
        return next((number for number, size in enumerate(sizes) if size <= SIDE), len(sizes) - 1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        rows, columns = self._grid()
        return len(columns) * self._factor, len(rows) * self._factor

    def count(self, axis: str) -> int:
        """Return how many planes there are along ``t`` or ``z``."""
        axes = self.frame.axes
        return int(self.frame.full.array.shape[axes.index(axis)]) if axis in axes else 1

    def section(self, where: Where) -> int:
        """Return the number of the image's section, at full resolution, that lies where a plane is."""
        if self.image is None or "z" not in self.image.axes:
            return 0
        at = self.image.axes.index("z")
        full = self.image.full
        nearest = round((self._depth(where.z) - full.translation[at]) / full.scale[at])
        return _one(nearest, int(full.array.shape[at])).start or 0

    def draw(self, where: Where, look: str = OUTLINES, chosen: int | None = None) -> Rgb:
        """Return the picture, shape (y, x, 3).

        Parameters
        ----------
        where
            The plane.
        look
            One of :data:`LOOKS`.
        chosen
            An object that is to stand out.

        Raises
        ------
        BadInputError
            If there is no such plane or look, or it is too much to read.
        ChangedError
            If a chunk of it is not as recorded.
        """
        self.check(where, look)
        grid = self._grid()
        picture = np.zeros((len(grid[0]), len(grid[1]), 3), np.float32)
        if self.image is not None:
            picture = _colours(self.image, self._place(self.image, where, grid))
        picture = _enlarged(picture, self._factor)
        if self.labels is not None and look != HIDDEN:
            _draw_labels(picture, _enlarged(self._labelled(self.labels, where, grid), self._factor), look, chosen,
                         over=self.image is not None)  # fmt: skip
        return np.rint(picture * 255).astype(np.uint8)

    def as_png(self, where: Where, look: str = OUTLINES, chosen: int | None = None) -> bytes:
        """Return the picture as PNG; see :meth:`draw`."""
        return encode_picture(self.draw(where, look, chosen))

    def label_at(self, where: Where, x: int, y: int) -> int:
        """Return the label that is drawn at a pixel of the picture; 0 is background.

        Raises
        ------
        BadInputError
            If the pixel is outside, there is no label image, or as :meth:`draw`.
        """
        self.check(where, OUTLINES)
        width, height = self.size
        if not (0 <= x < width and 0 <= y < height):
            raise BadInputError(
                Sentence(
                    "The picture has {width} x {height} pixels; {x}, {y} is outside of it.",
                    width=width,
                    height=height,
                    x=x,
                    y=y,
                )
            )
        if self.labels is None:
            raise BadInputError(Sentence("There is no label image here, so there is no object to ask for."))
        rows, columns = self._grid()
        at = rows[y // self._factor : y // self._factor + 1], columns[x // self._factor : x // self._factor + 1]
        return int(self._labelled(self.labels, where, at)[0, 0])

    @property
    def _factor(self) -> int:
        rows, columns = self._grid()
        return max(1, _SMALL // max(len(rows), len(columns)))

    def _grid(self) -> tuple[Array, Array]:
        """Return where the picture's rows and columns lie, in the image's units."""
        level = self.frame.levels[self.level]
        found = []
        for axis in (-2, -1):
            length = level.array.shape[axis]
            step = -(-length // SIDE)
            found.append(level.translation[axis] + level.scale[axis] * np.arange(0, length, step))
        return found[0], found[1]

    def _labelled(self, labels: Multiscale, where: Where, grid: tuple[Array, Array]) -> Array:
        plane: Array = self._place(labels, where, grid)[0]
        return plane

    def _place(self, store: Multiscale, where: Where, grid: tuple[Array, Array]) -> Array:
        """Return a store's planes, one a channel, on the picture's grid; nothing lies outside of the store."""
        level = store.levels[_nearest(store, self.frame.levels[self.level].scale[-1])]
        index: list[slice] = []
        for name, length, scale, shift in zip(
            store.axes, level.array.shape, level.scale, level.translation, strict=True
        ):
            if name == "t":
                index.append(_one(where.t, length))
            elif name == "z":
                index.append(_one(round((self._depth(where.z) - shift) / scale), length))
            elif name == "c":
                index.append(slice(0, _CHANNELS if store.image_label is None else 1))
            else:
                index.append(slice(None))
        _refuse_if_too_much(store, level, index)
        planes = read_pixels(store, tuple(index), store.levels.index(level))
        planes = planes.reshape(-1, *planes.shape[-2:])
        places = [
            np.rint((grid[axis] - level.translation[axis - 2]) / level.scale[axis - 2]).astype(int) for axis in (0, 1)
        ]
        inside = [(place >= 0) & (place < size) for place, size in zip(places, planes.shape[-2:], strict=True)]
        rows, columns = (np.clip(place, 0, size - 1) for place, size in zip(places, planes.shape[-2:], strict=True))
        shown: Array = planes[:, rows[:, np.newaxis], columns[np.newaxis]]
        shown[:, ~(inside[0][:, np.newaxis] & inside[1][np.newaxis])] = 0
        return shown

    def _depth(self, z: int) -> float:
        axes, full = self.frame.axes, self.frame.full
        if "z" not in axes:
            return 0.0
        at = axes.index("z")
        return full.translation[at] + full.scale[at] * z

    def check(self, where: Where, look: str) -> None:
        """Refuse a plane that is not there, or a look that is none.

        Raises
        ------
        BadInputError
            If so.
        """
        for axis, number in (("t", where.t), ("z", where.z)):
            if not 0 <= number < self.count(axis):
                raise BadInputError(
                    Sentence(
                        "There is no plane {axis} = {number}; they go from 0 to {count}.",
                        axis=axis,
                        number=number,
                        count=self.count(axis) - 1,
                    )
                )
        if look not in LOOKS:
            raise BadInputError(
                Sentence("Labels are shown as {listed}; {look!r} is none of these.", listed=", ".join(LOOKS), look=look)
            )


def plane_bytes(tree: RecordedTree, level: str, index: tuple[int, ...]) -> bytes:
    """Return the pixels of a plane (y, x) of a recorded store, little-endian.

    Parameters
    ----------
    tree
        The store.
    level
        Path of the resolution in it.
    index
        Numbers along all axes but the last two.

    Raises
    ------
    NotFoundError
        If there is no such resolution.
    BadInputError
        If there is no such plane, or it is too much to read.
    ChangedError
        If a chunk of it is not as recorded.
    """
    store = open_recorded(tree)
    found = next((each for each in store.levels if each.path == level), None)
    if found is None:
        raise NotFoundError(
            Sentence(
                "{where} has no resolution {level!r}; it has {levels}.",
                where=store.where,
                level=level,
                levels=[each.path for each in store.levels],
            )
        )
    lengths = found.array.shape[:-2]
    if len(index) != len(lengths) or any(number >= length for number, length in zip(index, lengths, strict=True)):
        raise BadInputError(
            Sentence(
                "{where} has no plane {index}; along its first axes it has {lengths} of them.",
                where=store.where,
                index=str(index),
                lengths=str(lengths),
            )
        )
    asked = [*(slice(number, number + 1) for number in index), slice(None), slice(None)]
    _refuse_if_too_much(store, found, asked)
    plane = read_pixels(store, tuple(asked), store.levels.index(found))
    return np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).tobytes()


def _one(number: int, length: int) -> slice:
    at = min(max(number, 0), length - 1)
    return slice(at, at + 1)


def _nearest(store: Multiscale, scale: float) -> int:
    """Return the lowest resolution that still has a pixel for each of the picture's, if there is one."""
    fine = [number for number, level in enumerate(store.levels) if level.scale[-1] <= scale * 1.01]
    return fine[-1] if fine else 0


def _refuse_if_too_much(store: Multiscale, level: Level, index: list[slice]) -> None:
    touched = float(level.array.dtype.itemsize)
    for asked, length, chunk in zip(index, level.array.shape, level.array.chunks, strict=True):
        begin, end, _step = asked.indices(length)
        touched *= min(length, chunk * (-(-end // chunk) - begin // chunk))
    if touched > _MOST_READ:
        raise BadInputError(
            Sentence(
                "A plane of {where} takes {touched:.1f} GB to read at its lowest resolution; at most "
                "{most_read:.1f} GB are read for a picture. Give the store a pyramid, or smaller chunks.",
                where=store.where,
                touched=touched / 1e9,
                most_read=_MOST_READ / 1e9,
            )
        )


def _colours(image: Multiscale, planes: Array) -> npt.NDArray[np.float32]:
    """Return red, green and blue, 0 to 1, as the image's own settings for viewers say."""
    settings: object = image.omero  # whatever its writer put there
    said = settings.get("channels") if isinstance(settings, Mapping) else None
    told = [each if isinstance(each, dict) else {} for each in said] if isinstance(said, list) else []
    channels = told if len(told) >= len(planes) else [{}] * len(planes)
    picture = np.zeros((*planes.shape[1:], 3), np.float32)
    for number, (channel, plane) in enumerate(zip(channels, planes, strict=False)):
        if channel.get("active") is False:
            continue
        values = np.nan_to_num(plane.astype(np.float32))
        low, high = _window(channel, values)
        picture += np.clip((values - low) / (high - low), 0, 1)[..., np.newaxis] * _colour(channel, number, len(planes))
    return np.clip(picture, 0, 1)


def _window(channel: dict[str, Any], plane: Array) -> tuple[float, float]:
    window = channel.get("window")
    try:
        low, high = float(window["start"]), float(window["end"])  # type: ignore[index]
    except (KeyError, TypeError, ValueError, OverflowError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high)):
        low, high = (float(value) for value in np.percentile(plane, [0.5, 99.8]))
    return (low, high) if low < high else (low, low + 1)


def _colour(channel: dict[str, Any], number: int, count: int) -> Array:
    text = str(channel.get("color") or "")
    try:
        found = bytes.fromhex(text[:6])
    except ValueError:
        found = b""
    parts = found if len(found) == 3 else bytes.fromhex(colour_of_channel(number, count))
    return np.frombuffer(parts, np.uint8).astype(np.float32) / 255


def _enlarged(plane: Array, factor: int) -> Array:
    return plane.repeat(factor, axis=0).repeat(factor, axis=1)


def _draw_labels(picture: npt.NDArray[np.float32], labels: Array, look: str, chosen: int | None, *, over: bool) -> None:
    edges = outlines(labels)
    if look == FILLED or not over:
        inside = labels != 0
        weight = 0.45 if over else 0.6
        picture[inside] = (1 - weight) * picture[inside] + weight * _palette(labels[inside])
    picture[edges != 0] = _palette(edges[edges != 0])
    if chosen is not None and (mine := labels == chosen).any():
        picture[mine] = 0.6 * picture[mine] + 0.4
        picture[edges == chosen] = 1


def _palette(labels: Array) -> Array:
    values, rows = np.unique(labels, return_inverse=True)
    colours = np.array([colour_of_label(int(value)) for value in values], np.float32).reshape(-1, 3) / 255
    found: Array = colours[rows.reshape(labels.shape)]
    return found
