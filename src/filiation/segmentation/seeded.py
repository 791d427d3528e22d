"""Methods that find one seed for each object first, and let it grow to the object's border."""

from __future__ import annotations

import numpy as np

from filiation.segmentation.filters import (
    Labels,
    Pixels,
    above_otsu,
    blobs,
    check,
    check_positive,
    check_two_channels,
    contrast,
    grown_around,
    grown_between,
    numbered,
    parted,
    parted_at,
    smoothed,
)


def log_watershed(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    radius: float,
    minimum_size: float,
) -> Labels:
    """Label roundish objects of about one size, each from its peak under a Laplacian of Gaussian.

    Seeds are the peaks of the scale-normalised Laplacian of a Gaussian (Lindeberg, International Journal of Computer
    Vision 30, 1998), which is strongest at the middle of a bright blob of the given radius; from there objects grow
    downhill (watershed, Beucher and Lantuéjoul 1979) as far as Otsu's threshold says that there is foreground. It
    parts nuclei that lie in clusters, where a distance to the background tells little.

    Parameters
    ----------
    pixels, scale, sigma, window, correction, minimum_size
        As in :func:`otsu_watershed`.
    radius
        Radius of a typical object, as a length; two objects' centres lie more than this apart, along one axis at
        least.

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    check(pixels, scale, sigma=sigma, window=window, correction=correction, radius=radius, minimum_size=minimum_size)
    check_positive(radius=radius)
    foreground = above_otsu(contrast(pixels, scale, sigma, window), correction)
    parts = parted_at(blobs(pixels, scale, radius), foreground, scale, radius, minimum_size)
    return numbered(parts, scale, minimum_size)


def membrane_watershed(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    extent: float,
    minimum_size: float,
) -> Labels:
    """Label whole cells: each grows from its nucleus to the bright membrane around it.

    Nuclei are found in their own channel as by :func:`otsu_watershed`. From there, and from everything that is too
    far from any nucleus, the membrane channel is flooded (marker-controlled watershed, Meyer and Beucher, Journal of
    Visual Communication and Image Representation 1, 1990), so that borders lie on membranes. A cell has its nucleus's
    place in the order of numbers.

    Parameters
    ----------
    pixels
        Axes (c, y, x) or (c, z, y, x): the channel of the nuclei, then that of the membranes.
    scale
        Pixel size along each axis of space.
    sigma, window, correction, spacing
        As in :func:`otsu_watershed`, of the nuclei; the membranes are smoothed by ``sigma`` too.
    extent
        No cell reaches further than this from its nucleus, as a length.
    minimum_size
        Smaller nuclei are dropped; an area (2-D) or a volume (3-D).

    Raises
    ------
    BadInputError
        If there are not two channels of 2 or 3 dimensions, or a parameter is out of range.
    """
    check_two_channels(pixels)
    nuclei = pixels[0]
    check(
        nuclei, scale,
        sigma=sigma, window=window, correction=correction, spacing=spacing, extent=extent, minimum_size=minimum_size,
    )  # fmt: skip
    foreground = above_otsu(contrast(nuclei, scale, sigma, window), correction)
    markers = parted(foreground, scale, spacing, minimum_size)
    cells = grown_around(markers, smoothed(pixels[1], scale, sigma), scale, extent)
    return numbered(cells, scale, minimum_size)


def membrane_distance(
    pixels: Pixels,
    scale: tuple[float, ...],
    *,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    extent: float,
    minimum_size: float,
) -> Labels:
    """Label whole cells by their membranes alone: each grows from where it is farthest from any membrane.

    Otsu's threshold tells membranes from what lies between; the distance to them has a peak in each cell, from which
    the membrane channel is flooded as in :func:`membrane_watershed`. What lies farther from any membrane than a cell
    can be wide is taken for the outside.

    Parameters
    ----------
    pixels, scale
        As in :func:`otsu_watershed`, of the membranes.
    sigma, window, correction
        As in :func:`otsu_watershed`.
    spacing
        Two cells' centres lie more than this length apart, along one axis at least.
    extent
        The middle of a cell is not farther than this from its membrane, as a length.
    minimum_size
        Smaller cells are dropped; an area (2-D) or a volume (3-D).

    Raises
    ------
    BadInputError
        If the image has neither 2 nor 3 dimensions, or a parameter is out of range.
    """
    check(
        pixels, scale,
        sigma=sigma, window=window, correction=correction, spacing=spacing, extent=extent, minimum_size=minimum_size,
    )  # fmt: skip
    membrane = above_otsu(contrast(pixels, scale, sigma, window), correction)
    if not membrane.any():
        return np.zeros(pixels.shape, np.uint32)  # without membranes there are no cells
    cells = grown_between(membrane, smoothed(pixels, scale, sigma), scale, spacing, extent)
    return numbered(cells, scale, minimum_size)
