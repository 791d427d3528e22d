"""A Gaussian filter that tells the same of a part of an image as of the whole, to the last bit.

SciPy's goes through memory once for each axis and takes four to six times as long (``benchmarks/volumes.py``). Here a
strip of a plane stays in the processor's cache until all axes are done, and each pixel is moved by the same differences
from its neighbours in the same order, wherever it lies in the array; where there are none it stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Smooth: TypeAlias = npt.NDArray[np.float32]

_STRIP = 2**15  # pixels that are worked on together: an eighth of a megabyte


def gaussian(pixels: npt.NDArray[Any], widths: Sequence[float], radii: Sequence[int]) -> Smooth:
    """Return the pixels under a Gaussian, mirrored at the border as by ``scipy.ndimage`` in its mode ``reflect``.

    Parameters
    ----------
    pixels
        Of one to three dimensions.
    widths
        Standard deviation along each axis, in pixels.
    radii
        Along each axis, the distance in pixels after which the Gaussian counts as 0.
    """
    missing = 3 - pixels.ndim
    volume = pixels.reshape((1,) * missing + pixels.shape)
    weights = [np.zeros(0, np.float32)] * missing + [_weights(*each) for each in zip(widths, radii, strict=True)]
    smooth = np.empty(volume.shape, np.float32)
    if volume.size:
        _smooth(volume, weights, smooth)
    filtered: Smooth = smooth.reshape(pixels.shape)
    return filtered


def _weights(width: float, radius: int) -> Smooth:
    """Return the weights of pixels at a distance of one, two and so on."""
    if radius == 0:
        return np.zeros(0, np.float32)
    bell = np.exp(-0.5 * (np.arange(1, radius + 1) / width) ** 2)
    weights: Smooth = (bell / (1 + 2 * bell.sum())).astype(np.float32)
    return weights


def _smooth(volume: npt.NDArray[Any], weights: Sequence[Smooth], smooth: Smooth) -> None:
    deep, high, wide = (len(each) for each in weights)
    # Numbers of their own type take less memory; they become single precision strip by strip.
    mirrored = np.pad(volume, [(each, each) for each in (deep, high, wide)], mode="symmetric")
    line = mirrored.shape[2]
    rows = max(1, _STRIP // line)
    for top in range(0, volume.shape[1], rows):
        bottom = min(volume.shape[1], top + rows)
        # Planes of the strip, one after the other in one dimension: a neighbour along any axis is a fixed step away.
        strip = np.ascontiguousarray(mirrored[:, top : bottom + 2 * high], np.float32).ravel()
        plane = (bottom - top + 2 * high) * line
        along_z, along_y = np.empty(plane, np.float32), np.empty((bottom - top) * line, np.float32)
        along_x, room = np.empty_like(along_y), (np.empty_like(along_z), np.empty_like(along_z))
        for number in range(volume.shape[0]):
            _weigh(strip[number * plane : (number + 2 * deep + 1) * plane], plane, weights[0], along_z, room)
            _weigh(along_z, line, weights[1], along_y, room)
            # The last pixels of the last line are of the mirrored border, as are the last ones of each line.
            _weigh(along_y, 1, weights[2], along_x[: along_x.size - 2 * wide], room)
            smooth[number, top:bottom] = along_x.reshape(-1, line)[:, : line - 2 * wide]


def _weigh(values: Smooth, step: int, weights: Smooth, weighed: Smooth, room: tuple[Smooth, Smooth]) -> None:
    """Write the weighted mean of values and of those that lie some steps apart, to both sides of each."""
    count, middle = weighed.size, len(weights) * step
    twice, beside = room[0][:count], room[1][:count]
    weighed[:] = values[middle : middle + count]
    np.add(weighed, weighed, out=twice)
    for number, weight in enumerate(weights, start=1):
        before, after = middle - number * step, middle + number * step
        np.add(values[before : before + count], values[after : after + count], out=beside)
        np.subtract(beside, twice, out=beside)
        np.multiply(beside, weight, out=beside)
        np.add(weighed, beside, out=weighed)
