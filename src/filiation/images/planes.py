"""Images of any kind as planes of y and x, read part by part: to compare what they show, not how they are stored.

A plane is what one channel shows at one depth and one time. Its number counts all axes but y and x in C order, colours
first; so the same pixels are the same planes in an OME-Zarr store, a TIFF and a PNG file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np

from filiation.errors import BadInputError, NotFoundError
from filiation.images.image import Pixels
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels

TIFF: Final = frozenset({".tif", ".tiff"})
PICTURES: Final = frozenset({".png", ".bmp", ".jpg", ".jpeg", ".gif", ".webp"})
LOSSY: Final = frozenset({".jpg", ".jpeg", ".webp"})
"""Written so that pixels are no longer those that went in."""


class Planes(Protocol):
    """An image, read plane by plane."""

    @property
    def count(self) -> int:
        """Number of planes."""

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of each, in pixels."""

    def read(self, plane: int, rows: slice, columns: slice) -> Pixels:
        """Return a part of a plane, rows by columns."""


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPlanes:
    """Planes of an array in memory: its last two axes are y and x."""

    data: Pixels

    @property
    def count(self) -> int:
        """Number of planes."""
        return int(np.prod(self.data.shape[:-2], dtype=np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.data.shape[-2:]
        return height, width

    def read(self, plane: int, rows: slice, columns: slice) -> Pixels:
        """Return a part of a plane."""
        height, width = self.shape
        planes: Pixels = self.data.reshape(-1, height, width)
        return planes[plane, rows, columns]


@dataclass(frozen=True, slots=True, eq=False)
class StorePlanes:
    """Planes of an OME-Zarr store at full resolution; no more than what is asked for is decoded."""

    store: Multiscale

    @property
    def count(self) -> int:
        """Number of planes."""
        return int(np.prod(self.store.full.array.shape[:-2], dtype=np.int64))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.store.full.array.shape[-2:]
        return height, width

    def read(self, plane: int, rows: slice, columns: slice) -> Pixels:
        """Return a part of a plane."""
        leading = self.store.full.array.shape[:-2]
        where = np.unravel_index(plane, leading) if leading else ()
        region = (*(slice(int(at), int(at) + 1) for at in where), rows, columns)
        part = read_pixels(self.store, region)
        return part.reshape(part.shape[-2:])


@dataclass(frozen=True, slots=True, eq=False)
class TurnedPlanes:
    """Planes of another image, mirrored and turned.

    Parameters
    ----------
    image
        The other image.
    quarters
        By how many quarters of a turn, as :func:`numpy.rot90` turns.
    mirrored
        Whether left and right were exchanged before.
    """

    image: Planes
    quarters: int
    mirrored: bool

    @property
    def count(self) -> int:
        """Number of planes."""
        return self.image.count

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, as turned."""
        height, width = self.image.shape
        return (width, height) if self.quarters % 2 else (height, width)

    def read(self, plane: int, rows: slice, columns: slice) -> Pixels:
        """Return a part of a plane, as turned."""
        height, width = self.shape
        spans = [(rows.start or 0, height if rows.stop is None else rows.stop),
                 (columns.start or 0, width if columns.stop is None else columns.stop)]  # fmt: skip
        for _ in range(self.quarters):  # undone one by one: row r, column c was column W - 1 - r, row c
            (top, bottom), (left, right) = spans
            spans = [(left, right), (height - bottom, height - top)]
            height, width = width, height
        if self.mirrored:
            left, right = spans[1]
            spans[1] = (width - right, width - left)
        part = self.image.read(plane, slice(*spans[0]), slice(*spans[1]))
        turned: Pixels = np.rot90(part[:, ::-1] if self.mirrored else part, self.quarters)
        return turned


TURNS: Final = tuple((quarters, mirrored) for mirrored in (False, True) for quarters in range(4))[1:]
"""Every way to turn and mirror a plane, but to leave it as it is."""


def open_planes(path: Path) -> Planes:
    """Open an image to read it plane by plane: an OME-Zarr store, a TIFF, or a picture such as PNG.

    TIFF files and pictures are read into memory as a whole; colours become planes of their own.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is none of these, or damaged.
    """
    if path.is_dir():
        return StorePlanes(open_multiscale(path))
    if not path.exists():
        raise NotFoundError(f"There is no image at {path}: the path leads nowhere.")
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise BadInputError(f"{path} is no image that can be read: expected OME-Zarr, TIFF, PNG, BMP or JPEG.")
    try:
        return ArrayPlanes(read(path))
    # A damaged file can make the parser fail in any way; each means the same to the person who named it.
    except Exception as error:
        raise BadInputError(f"{path} cannot be read as an image: {error}. The file is damaged.") from error


def _read_tiff(path: Path) -> Pixels:
    import tifffile  # paid for only by those who read one

    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        data: Pixels = series.asarray()
        axes = series.axes
    return _planes_first(data, colours=axes.endswith("S"))


def _read_picture(path: Path) -> Pixels:
    from PIL import Image as Picture

    with Picture.open(path) as picture:
        data = np.asarray(picture.convert("RGB") if picture.mode in ("P", "CMYK", "YCbCr") else picture)
    return _planes_first(data, colours=data.ndim == 3)


def _planes_first(data: Pixels, *, colours: bool) -> Pixels:
    if data.ndim < 2:
        raise ValueError(f"it has {data.ndim} dimension(s); two or more were expected")
    return np.moveaxis(data, -1, 0) if colours and data.ndim > 2 else data


_READERS: Final[Mapping[str, Callable[[Path], Pixels]]] = MappingProxyType(
    {**dict.fromkeys(TIFF, _read_tiff), **dict.fromkeys(PICTURES, _read_picture)}
)
"""Ending of a file's name -> how it is read."""
