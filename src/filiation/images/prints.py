"""Content prints: by which two images that show the same pixels are known, wherever in them those pixels are.

A window of 16 x 16 pixels has a hash of its values alone; every 64th window, chosen by its hash and so by its content,
leaves a print with its place. The same pixels leave the same prints in a crop, whatever its offset, name, chunks, codec
or format, and in an image of another integer type with the same values. An overlap of 48 x 48 pixels holds 17 prints on
average, one of 32 x 32 holds 4.5; the chance that it holds none is below 1 in 10 million, and 1 in 100.

Windows in which less than a quarter of neighbours differ leave none, nor do windows that come twice in a plane: an
empty background, a saturated area or a repeated pattern is no evidence. Not the same pixels, and so not found, are
images that were scaled, smoothed, rotated, mirrored, converted to other values, or compressed with loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from filiation.images.image import Pixels
from filiation.images.planes import Planes

WINDOW: Final = 16
"""Length of a window along y and x, in pixels; a power of two."""
EVERY: Final = 64
"""One window in so many leaves a print; a power of two."""
MOST: Final = 1 << 21
"""Prints that are kept of one image; of more, those whose hash is rarest, which is the same choice in every image."""
_TEXTURE: Final = 0.25
"""Share of neighbours along x that must differ in a window."""
_BLOCK: Final = 2048
_MULTIPLIERS: Final = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F)
"""Odd, with bits all over; one along x, the other along y."""

_Hashes = NDArray[np.uint64]
_Places = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Prints:
    """The prints of one image, sorted by plane and hash; four arrays of one length.

    Parameters
    ----------
    hashes
        Of windows.
    planes, rows, columns
        Where each window's first pixel is.
    """

    hashes: _Hashes
    planes: _Places
    rows: _Places
    columns: _Places

    def __len__(self) -> int:
        return len(self.hashes)


def take_prints(image: Planes) -> Prints:
    """Return the prints of an image; it is read once, in blocks of 2048 x 2048 pixels.

    An image less than 16 pixels high or wide has none.
    """
    found = [_of_plane(image, plane) for plane in range(image.count)]
    if not found:
        return _NONE
    every = Prints(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    return _thinned(every)


def _of_plane(image: Planes, plane: int) -> tuple[_Hashes, _Places, _Places, _Places]:
    parts = list(_in_blocks(image, plane))
    if not parts:
        return _NONE.hashes, _NONE.planes, _NONE.rows, _NONE.columns
    hashes, rows, columns = (np.concatenate(values) for values in zip(*parts, strict=True))
    _, first, counts = np.unique(hashes, return_index=True, return_counts=True)
    kept = first[counts == 1]
    return hashes[kept], np.full(len(kept), plane, np.int32), rows[kept], columns[kept]


def _in_blocks(image: Planes, plane: int) -> Iterator[tuple[_Hashes, _Places, _Places]]:
    height, width = image.shape
    for top in range(0, height - WINDOW + 1, _BLOCK):
        for left in range(0, width - WINDOW + 1, _BLOCK):
            rows = slice(top, min(top + _BLOCK + WINDOW - 1, height))
            columns = slice(left, min(left + _BLOCK + WINDOW - 1, width))
            hashes, at = _windows(image.read(plane, rows, columns))
            yield hashes, (at[0] + top).astype(np.int32), (at[1] + left).astype(np.int32)


def _windows(pixels: Pixels) -> tuple[_Hashes, tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the hashes of those windows of a block that leave a print, and where in it they begin."""
    hashes = _mixed(_canonical(pixels))
    for axis, multiplier in ((1, _MULTIPLIERS[0]), (0, _MULTIPLIERS[1])):
        length = 1
        while length < WINDOW:  # two windows beside each other make one of twice the length
            factor = np.uint64(pow(multiplier, length, 1 << 64))
            first, second = _halves(hashes, axis, length)
            hashes = first * factor + second
            length *= 2
    hashes = _mixed(hashes)
    rows, columns = np.nonzero((hashes & np.uint64(EVERY - 1)) == 0)
    textured = _texture(pixels, rows, columns) >= _TEXTURE * WINDOW * (WINDOW - 1)
    rows, columns = rows[textured], columns[textured]
    return hashes[rows, columns], (rows, columns)


def _halves(values: _Hashes, axis: int, length: int) -> tuple[_Hashes, _Hashes]:
    size = values.shape[axis] - length
    if axis:
        return values[:, :size], values[:, length:]
    return values[:size], values[length:]


def _canonical(pixels: Pixels) -> _Hashes:
    """Return 64 bits for each pixel that are the same for the same number, whatever its type."""
    if pixels.dtype.kind in "iub":
        return pixels.astype(np.int64).view(np.uint64)
    values = pixels.astype(np.float64)
    whole = np.isfinite(values) & (np.abs(values) < 2.0**53)
    whole[whole] = values[whole] == np.rint(values[whole])
    bits = values.view(np.uint64).copy()
    bits[whole] = values[whole].astype(np.int64).view(np.uint64)
    return bits


def _mixed(values: _Hashes) -> _Hashes:
    """Spread each value over all 64 bits, one to one (the finaliser of SplitMix64, Steele et al., OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _texture(pixels: Pixels, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count, in the windows that begin at some places, the pixels that differ from the one after them along x."""
    sums = np.zeros((pixels.shape[0] + 1, pixels.shape[1]), np.int64)
    np.cumsum(pixels[:, 1:] != pixels[:, :-1], axis=1, out=sums[1:, 1:])
    np.cumsum(sums, axis=0, out=sums)
    below, right = rows + WINDOW, columns + WINDOW - 1
    counted: NDArray[np.int64] = sums[below, right] - sums[rows, right] - sums[below, columns] + sums[rows, columns]
    return counted


def _thinned(prints: Prints) -> Prints:
    every = EVERY
    while len(prints) > MOST:
        every *= 2
        kept = (prints.hashes & np.uint64(every - 1)) == 0
        prints = Prints(prints.hashes[kept], prints.planes[kept], prints.rows[kept], prints.columns[kept])
    return prints


_NONE: Final = Prints(np.zeros(0, np.uint64), *(np.zeros(0, np.int32) for _ in range(3)))
