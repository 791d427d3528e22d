"""Segmentation methods, found by name: each a plain function from pixels to labels.

All methods take the same parameters, so one rule serves them all. Lengths are in the unit of the image's pixel size
(micrometre where it is known, else pixels), so the same values do for images of another magnification; along an axis
that is sampled more coarsely the filters reach over fewer pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label
from skimage.segmentation import watershed

from filiation.errors import BadInputError

Pixels: TypeAlias = npt.NDArray[Any]
Labels: TypeAlias = npt.NDArray[np.uint32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Smooth: TypeAlias = npt.NDArray[np.float32]


class Method(Protocol):
    """A segmentation method: pixels of axes (y, x) or (z, y, x) in, labels of the same shape out."""

    def __call__(
        self,
        pixels: Pixels,
        scale: tuple[float, ...],
        *,
        sigma: float,
        window: float,
        correction: float,
        spacing: float,
        minimum_size: float,
    ) -> Labels:
        """Label the objects, 1 to n in the order in which a scan meets their centres; 0 is background."""


def otsu_watershed(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    minimum_size: float,
) -> Labels:
    """Label objects brighter than one threshold for the whole image, parted where they touch.

    The image is smoothed, its local background is taken away, Otsu's threshold (IEEE Transactions on Systems, Man,
    and Cybernetics 9, 1979) tells foreground from background, and touching objects are parted by a watershed on the
    distance to the background (Beucher and Lantuéjoul 1979).

    Parameters
    ----------
    pixels
        Axes (y, x) or (z, y, x).
    scale
        Pixel size along each axis.
    sigma
        Standard deviation of the Gaussian that smooths, as a length.
    window
        Standard deviation of the Gaussian whose result is taken for the background, as a length; 0 takes none away.
    correction
        Factor on the threshold; above 1, less is foreground.
    spacing
        Two objects' centres lie more than this length apart, along one axis at least.
    minimum_size
        Smaller objects are dropped; an area (2-D) or a volume (3-D).

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    _check(pixels, scale, sigma=sigma, window=window, correction=correction, spacing=spacing, minimum_size=minimum_size)
    smooth = _smooth(pixels, scale, sigma)
    if window > 0:
        smooth -= _smooth(pixels, scale, window)
    if smooth.min() == smooth.max():
        return np.zeros(pixels.shape, np.uint32)  # nothing stands out of a flat image
    foreground = smooth > correction * threshold_otsu(smooth)  # type: ignore[no-untyped-call]
    return _parted(foreground, scale, spacing, minimum_size)


def local_threshold(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    minimum_size: float,
) -> Labels:
    """Label objects brighter than their surroundings, parted where they touch.

    The image is smoothed; foreground is what exceeds the Gaussian-weighted mean of its surroundings by a factor
    (adaptive thresholding; Bradley and Roth, Journal of Graphics Tools 12, 2007). Touching objects are parted as in
    :func:`otsu_watershed`.

    Parameters
    ----------
    pixels, scale, sigma, spacing, minimum_size
        As in :func:`otsu_watershed`.
    window
        Standard deviation of the Gaussian that weighs the surroundings, as a length; larger than an object.
    correction
        Factor by which an object exceeds the mean of its surroundings; above 1, less is foreground.

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    _check(pixels, scale, sigma=sigma, window=window, correction=correction, spacing=spacing, minimum_size=minimum_size)
    if window <= sigma:
        raise BadInputError(
            f"local_threshold compares with the surroundings: 'window' ({window}) must exceed 'sigma' ({sigma})."
        )
    foreground = _smooth(pixels, scale, sigma) > correction * _smooth(pixels, scale, window)
    return _parted(foreground, scale, spacing, minimum_size)


METHODS: Mapping[str, Method] = MappingProxyType({"otsu_watershed": otsu_watershed, "local_threshold": local_threshold})
"""Every method by its name; a new one is a function and a line here."""


def method_named(name: str) -> Method:
    """Return the method of this name.

    Raises
    ------
    BadInputError
        If there is none.
    """
    if name not in METHODS:
        raise BadInputError(f"There is no segmentation method {name!r}; known are {', '.join(METHODS)}.")
    return METHODS[name]


def _check(pixels: Pixels, scale: tuple[float, ...], **parameters: object) -> None:
    if pixels.ndim not in (2, 3) or len(scale) != pixels.ndim:
        raise BadInputError(
            f"A segmentation method takes axes (y, x) or (z, y, x) with a pixel size each; found {pixels.ndim} "
            f"dimensions and {len(scale)} pixel sizes."
        )
    for name, value in parameters.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise BadInputError(f"The parameter {name!r} is a number of 0 or more; found {value!r}.")


def _smooth(pixels: Pixels, scale: tuple[float, ...], sigma: float) -> Smooth:
    widths = [sigma / size for size in scale]
    smooth: Smooth = ndimage.gaussian_filter(pixels.astype(np.float32), widths, truncate=3.0)
    return smooth


def _parted(foreground: Mask, scale: tuple[float, ...], spacing: float, minimum_size: float) -> Labels:
    filled = _without_small(foreground, scale, minimum_size)
    depth: Smooth = ndimage.distance_transform_edt(filled, sampling=scale).astype(np.float32)
    depth = _smooth(depth, scale, spacing / 8)  # a bumpy surface makes several peaks in one object
    seeds = label(_peaks(depth, scale, spacing) & filled)  # type: ignore[no-untyped-call]
    parts = watershed(-depth, seeds, mask=filled)  # type: ignore[no-untyped-call]
    return _numbered(parts, scale, minimum_size)


def _without_small(foreground: Mask, scale: tuple[float, ...], minimum_size: float) -> Mask:
    filled = ndimage.binary_fill_holes(foreground)
    pieces, _count = ndimage.label(filled)
    large = np.bincount(pieces.ravel()) * np.prod(scale) >= minimum_size
    large[0] = False
    kept: Mask = large[pieces]
    return kept


def _peaks(depth: Smooth, scale: tuple[float, ...], spacing: float) -> Mask:
    """Return the pixels that are the deepest of the box that reaches ``spacing`` to each side along each axis."""
    sides = [2 * max(1, round(spacing / size)) + 1 for size in scale]
    peaks: Mask = (ndimage.maximum_filter(depth, size=sides) == depth) & (depth > 0)
    return peaks


def _numbered(parts: npt.NDArray[Any], scale: tuple[float, ...], minimum_size: float) -> Labels:
    sizes = np.bincount(parts.ravel()) * np.prod(scale)
    kept = sizes >= max(minimum_size, np.finfo(float).tiny)
    kept[0] = False
    numbers = np.where(kept, np.cumsum(kept), 0).astype(np.uint32)
    labels: Labels = numbers[parts]
    return labels
