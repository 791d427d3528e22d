"""A picture that a person can judge a segmentation by: the image in grey, each object's outline in its colour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from filiation.errors import BadInputError

Array: TypeAlias = npt.NDArray[Any]
Rgb: TypeAlias = npt.NDArray[np.uint8]
Colour: TypeAlias = Callable[[int], tuple[int, int, int]]

_LONGEST = 1200  # a picture below is enlarged, as outlines one pixel wide hide small objects


def yellow(_label: int) -> tuple[int, int, int]:
    """Return the colour of outlines where nothing else is asked for."""
    return 255, 221, 0


def overlay(pixels: Array, labels: Array, *, colour: Colour = yellow, longest: int = _LONGEST) -> Rgb:
    """Return the image with the outlines of its objects, as red, green and blue of shape (y, x, 3).

    Grey runs from the 0.5th to the 99.8th percentile. A volume is shown along z: the brightest pixel of each column,
    and of the labels in a column the one at the brightest labelled pixel. Small pictures are
    enlarged by a whole factor.

    Parameters
    ----------
    pixels
        Axes (y, x) or (z, y, x).
    labels
        Integers of the same shape; 0 is background.
    colour
        Red, green and blue of a label's outline, 0 to 255; yellow for all if left out.
    longest
        A picture is enlarged by a whole factor as long as no side exceeds so many pixels.

    Raises
    ------
    BadInputError
        If the shapes differ, or have neither 2 nor 3 dimensions.
    """
    if pixels.shape != labels.shape or pixels.ndim not in (2, 3):
        raise BadInputError(
            f"An overlay takes an image and labels of one shape with axes (y, x) or (z, y, x); found "
            f"{pixels.shape} and {labels.shape}."
        )
    if pixels.ndim == 3:
        pixels, labels = _along_z(pixels, labels)
    factor = max(1, longest // max(pixels.shape))
    picture = np.repeat(_enlarged(_grey(pixels), factor)[..., np.newaxis], 3, axis=2)
    edges = outlines(_enlarged(labels, factor))
    values, rows = np.unique(edges, return_inverse=True)
    palette = np.array([colour(int(value)) for value in values], np.uint8)
    drawn = edges != 0
    picture[drawn] = palette[rows.reshape(edges.shape)[drawn]]
    return picture


def _along_z(pixels: Array, labels: Array) -> tuple[Array, Array]:
    calm = ndimage.uniform_filter(pixels.astype(np.float32), size=(1, 5, 5))  # else noise frays the borders
    labelled = np.where(labels != 0, calm, -np.inf)
    brightest = labelled.argmax(axis=0)[np.newaxis]
    return pixels.max(axis=0), np.take_along_axis(labels, brightest, axis=0)[0]


def _grey(pixels: Array) -> Rgb:
    low, high = np.percentile(pixels, [0.5, 99.8])
    stretched = (pixels.astype(np.float64) - low) / max(high - low, np.finfo(float).tiny)
    grey: Rgb = np.rint(np.clip(stretched, 0, 1) * 255).astype(np.uint8)
    return grey


def _enlarged(plane: Array, factor: int) -> Array:
    return plane.repeat(factor, axis=0).repeat(factor, axis=1)


def outlines(labels: Array) -> Array:
    """Return the labels of the pixels that have a neighbour of another label, to the side or above or below."""
    edge = np.zeros(labels.shape, bool)
    across, down = labels[:, 1:] != labels[:, :-1], labels[1:] != labels[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return np.where(edge, labels, 0)
