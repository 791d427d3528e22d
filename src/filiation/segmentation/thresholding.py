"""Methods that tell foreground from background by a threshold; what touches is parted, or is one object."""

from __future__ import annotations

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import label

from filiation.segmentation.filters import (
    Labels,
    Pixels,
    above_otsu,
    check,
    check_surroundings,
    check_thresholds,
    contrast,
    numbered,
    parted,
    smoothed,
)


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
    check(pixels, scale, sigma=sigma, window=window, correction=correction, spacing=spacing, minimum_size=minimum_size)
    foreground = above_otsu(contrast(pixels, scale, sigma, window), correction)
    return numbered(parted(foreground, scale, spacing, minimum_size), scale, minimum_size)


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
    check(pixels, scale, sigma=sigma, window=window, correction=correction, spacing=spacing, minimum_size=minimum_size)
    check_surroundings(sigma=sigma, window=window)
    foreground = smoothed(pixels, scale, sigma) > correction * smoothed(pixels, scale, window)
    return numbered(parted(foreground, scale, spacing, minimum_size), scale, minimum_size)


def otsu_components(
    pixels: Pixels, scale: tuple[float, ...], *, sigma: float, window: float, correction: float, minimum_size: float
) -> Labels:
    """Label what is brighter than one threshold for the whole image; what touches, also diagonally, is one object.

    For objects that lie apart, such as spots and beads. Holes stay.

    Parameters
    ----------
    pixels, scale, sigma, window, correction, minimum_size
        As in :func:`otsu_watershed`.

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    return hysteresis(
        pixels,
        scale,
        sigma=sigma,
        window=window,
        correction=correction,
        certainty=correction,
        minimum_size=minimum_size,
    )


def hysteresis(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    certainty: float,
    minimum_size: float,
) -> Labels:
    """Label what is brighter than a low threshold and somewhere brighter than a high one (Canny, 1986).

    Dim ends of bright objects stay, dim noise goes: for fibres, vessels and cells of uneven brightness. What touches,
    also diagonally, is one object.

    Parameters
    ----------
    pixels, scale, sigma, window, minimum_size
        As in :func:`otsu_watershed`.
    correction
        Factor on Otsu's threshold that gives the low one.
    certainty
        Factor on Otsu's threshold that gives the high one; at least ``correction``.

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    check(pixels, scale, sigma=sigma, window=window, correction=correction, minimum_size=minimum_size)
    check_thresholds(correction=correction, certainty=certainty)
    seen = contrast(pixels, scale, sigma, window)
    if seen.min() == seen.max():
        return np.zeros(pixels.shape, np.uint32)
    threshold = threshold_otsu(seen.ravel())  # type: ignore[no-untyped-call]
    pieces = label(seen > correction * threshold)  # type: ignore[no-untyped-call]
    sure = np.zeros(int(pieces.max()) + 1, bool)
    sure[pieces[seen > certainty * threshold]] = True
    return numbered(np.where(sure, np.arange(len(sure)), 0)[pieces], scale, minimum_size)
