"""What segmentation methods are made of: filters on arrays, with lengths in the unit of the pixel size.

Each says how far it looks (its reach, in pixels), so that a volume can be worked on in blocks: a result is that of the
whole volume wherever the block goes on for the reach of all filters behind it.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from filiation.errors import BadInputError
from filiation.segmentation.gaussian import Smooth, gaussian

Pixels: TypeAlias = npt.NDArray[Any]
Labels: TypeAlias = npt.NDArray[np.uint32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Sides: TypeAlias = tuple[tuple[bool, bool], ...]
"""For each axis, whether the volume goes on before the array, and after it."""

_TRUNCATE = 3.0  # standard deviations after which a Gaussian counts as 0
_TRUNCATE_CURVED = 4.0  # and its second derivative, which falls off later


def check(pixels: Pixels, scale: tuple[float, ...], **parameters: object) -> None:
    """Raise BadInputError unless there are 2 or 3 dimensions with a pixel size each, and numbers of 0 or more."""
    if pixels.ndim not in (2, 3) or len(scale) != pixels.ndim:
        raise BadInputError(
            f"A segmentation method takes axes (y, x) or (z, y, x) with a pixel size each; found {pixels.ndim} "
            f"dimensions and {len(scale)} pixel sizes."
        )
    check_numbers(**parameters)


def check_numbers(**parameters: object) -> None:
    """Raise BadInputError unless every parameter is a number of 0 or more."""
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise BadInputError(f"The parameter {name!r} is a number of 0 or more; found {value!r}.")


def check_positive(**parameters: float) -> None:
    """Raise BadInputError unless every parameter is above 0."""
    for name, value in parameters.items():
        if not value > 0:
            raise BadInputError(f"The parameter {name!r} is a number above 0; found {value!r}.")


def check_two_channels(pixels: Pixels) -> None:
    """Raise BadInputError unless two channels are stacked along the first axis."""
    if pixels.ndim not in (3, 4) or len(pixels) != 2:
        raise BadInputError(
            f"membrane_watershed takes two channels, of the nuclei and of the membranes, with axes (c, y, x) or "
            f"(c, z, y, x); found an array of shape {pixels.shape}."
        )


def check_surroundings(*, sigma: float, window: float) -> None:
    """Raise BadInputError unless surroundings are wider than what is compared with them."""
    if window <= sigma:
        raise BadInputError(
            f"local_threshold compares with the surroundings: 'window' ({window}) must exceed 'sigma' ({sigma})."
        )


def check_thresholds(*, correction: float, certainty: float) -> None:
    """Raise BadInputError unless a high threshold is at least the low one."""
    if not correction <= certainty < float("inf"):
        raise BadInputError(f"The high threshold ('certainty': {certainty}) is below the low one ({correction}).")


def smoothed(pixels: Pixels, scale: tuple[float, ...], sigma: float) -> Smooth:
    """Return the pixels under a Gaussian of this standard deviation, cut off after three of them."""
    return gaussian(pixels, [sigma / size for size in scale], reach_of_smoothing(scale, sigma))


def reach_of_smoothing(scale: tuple[float, ...], sigma: float) -> tuple[int, ...]:
    """Return how many pixels :func:`smoothed` looks to each side, along each axis."""
    return tuple(int(_TRUNCATE * sigma / size + 0.5) for size in scale)


def above_otsu(seen: Smooth, correction: float) -> Mask:
    """Return where an image is brighter than Otsu's threshold times ``correction``; nowhere in a flat one.

    Source: Otsu, IEEE Trans. Syst. Man Cybern. 9 (1979) 62-66.
    """
    if seen.min() == seen.max():
        return np.zeros(seen.shape, bool)
    return np.asarray(seen > correction * threshold_otsu(seen.ravel()))  # type: ignore[no-untyped-call]


def contrast(pixels: Pixels, scale: tuple[float, ...], sigma: float, window: float) -> Smooth:
    """Return the smoothed pixels, less their local background, a wider Gaussian; 0 takes none away."""
    smooth = smoothed(pixels, scale, sigma)
    if window > 0:
        smooth -= smoothed(pixels, scale, window)
    return smooth


def blobs(pixels: Pixels, scale: tuple[float, ...], radius: float) -> Smooth:
    """Return how much each place is the middle of a bright blob of this radius: its largest values are the blobs'.

    It is the Laplacian of a Gaussian, negated and multiplied by the Gaussian's variance, whose standard deviation is
    the one with the strongest answer to a ball of this radius (Lindeberg 1998).
    """
    width = _width_for(scale, radius)
    image, widths = pixels.astype(np.float32), [width / size for size in scale]
    found: Smooth = np.zeros(pixels.shape, np.float32)
    for axis, size in enumerate(scale):
        curved = [2 if each == axis else 0 for each in range(len(scale))]
        found -= (width / size) ** 2 * ndimage.gaussian_filter(image, widths, curved, truncate=_TRUNCATE_CURVED)
    return found


def reach_of_blobs(scale: tuple[float, ...], radius: float) -> tuple[int, ...]:
    """Return how many pixels :func:`blobs`, and the search for its peaks, look to each side along each axis."""
    width = _width_for(scale, radius)
    return tuple(int(_TRUNCATE_CURVED * width / size + 0.5) + max(1, round(radius / size)) for size in scale)


def _width_for(scale: tuple[float, ...], radius: float) -> float:
    return radius / math.sqrt(len(scale))


def parted(
    foreground: Mask, scale: tuple[float, ...], spacing: float, minimum_size: float, goes_on: Sides = ()
) -> npt.NDArray[np.int32]:
    """Return labels of the foreground's pieces, holes filled, parted by a watershed where objects touch.

    Pieces smaller than ``minimum_size`` are left out, unless they lie at a side on which the volume goes on: there
    nobody knows how large they are.
    """
    filled = _without_small(ndimage.binary_fill_holes(foreground), scale, minimum_size, goes_on)
    return _downhill(_depth(filled, scale, spacing), filled, scale, spacing)


def parted_at(
    height: Smooth,
    foreground: Mask,
    scale: tuple[float, ...],
    spacing: float,
    minimum_size: float,
    goes_on: Sides = (),
) -> npt.NDArray[np.int32]:
    """Do as :func:`parted`, with seeds at the peaks of ``height`` in place of those of the distance to the border."""
    filled = _without_small(ndimage.binary_fill_holes(foreground), scale, minimum_size, goes_on)
    return _downhill(height, filled, scale, spacing)


def grown_around(
    nuclei: npt.NDArray[np.int32], membrane: Smooth, scale: tuple[float, ...], extent: float
) -> npt.NDArray[np.int32]:
    """Return the cells around nuclei: their borders lie on bright membranes, at most ``extent`` from the nucleus."""
    if not nuclei.any():
        return nuclei
    outside = ndimage.distance_transform_edt(nuclei == 0, sampling=scale) > extent
    return _flooded(membrane, nuclei, outside)


def grown_between(
    membranes: Mask, membrane: Smooth, scale: tuple[float, ...], spacing: float, extent: float
) -> npt.NDArray[np.int32]:
    """Return the cells between membranes, one for each peak of the distance to them that is at most ``extent``."""
    if not membranes.any():
        return np.zeros(membranes.shape, np.int32)
    inside = ~membranes
    depth = _depth(inside, scale, spacing)
    outside: Mask = ndimage.distance_transform_edt(inside, sampling=scale) > extent
    seeds = label(_peaks(depth, scale, spacing) & inside & ~outside)  # type: ignore[no-untyped-call]
    return _flooded(membrane, seeds.astype(np.int32), outside)


def _depth(filled: Mask, scale: tuple[float, ...], spacing: float) -> Smooth:
    depth: Smooth = ndimage.distance_transform_edt(filled, sampling=scale).astype(np.float32)
    return smoothed(depth, scale, spacing / 8)  # a bumpy surface makes several peaks in one object


def _downhill(height: Smooth, filled: Mask, scale: tuple[float, ...], spacing: float) -> npt.NDArray[np.int32]:
    seeds = label(_peaks(height, scale, spacing) & filled)  # type: ignore[no-untyped-call]
    parts: npt.NDArray[np.int32] = watershed(-height, seeds, mask=filled)  # type: ignore[no-untyped-call]
    return parts


def _flooded(membrane: Smooth, seeds: npt.NDArray[np.int32], outside: Mask) -> npt.NDArray[np.int32]:
    """Flood from seeds and from outside; where they meet on a membrane there is a border."""
    beyond = int(seeds.max()) + 1
    flooded: npt.NDArray[np.int32] = watershed(membrane, np.where(outside, beyond, seeds))  # type: ignore[no-untyped-call]
    flooded[flooded == beyond] = 0
    return flooded


def reach_of_parting(scale: tuple[float, ...], spacing: float) -> tuple[int, ...]:
    """Return how many pixels :func:`parted` looks beyond an object, to each side along each axis."""
    sides = (max(1, round(spacing / size)) for size in scale)
    return tuple(a + b for a, b in zip(sides, reach_of_smoothing(scale, spacing / 8), strict=True))


def numbered(parts: npt.NDArray[Any], scale: tuple[float, ...], minimum_size: float) -> Labels:
    """Return the parts that are large enough, numbered from 1 without a gap, in their former order."""
    sizes = np.bincount(parts.ravel()) * np.prod(scale)
    kept = sizes >= max(minimum_size, np.finfo(float).tiny)
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
    labels: Labels = numbers[parts]
    return labels


def _without_small(filled: Mask, scale: tuple[float, ...], minimum_size: float, goes_on: Sides) -> Mask:
    pieces, _count = ndimage.label(filled)
    large = np.bincount(pieces.ravel()) * np.prod(scale) >= minimum_size
    for axis, sides in enumerate(goes_on):
        for index, open_there in zip((0, -1), sides, strict=True):
            if open_there:
                large[np.unique(pieces.take(index, axis))] = True
    large[0] = False
    kept: Mask = large[pieces]
    return kept


def _peaks(depth: Smooth, scale: tuple[float, ...], spacing: float) -> Mask:
    """Return the pixels that are the deepest of the box that reaches ``spacing`` to each side along each axis."""
    sides = [2 * max(1, round(spacing / size)) + 1 for size in scale]
    peaks: Mask = (ndimage.maximum_filter(depth, size=sides) == depth) & (depth > 0)
    return peaks
