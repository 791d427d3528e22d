"""How a method works on one block: what must be known of the whole volume first, and how its blocks' labels join.

A method that labels connected components gives a *mask* of a block; touching pixels of two blocks are one object. Any
other method gives *labels* of a block, and two blocks' labels are one object where both saw nearly the same pixels in
it, since joining what touches would merge neighbours that the method had parted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.survey import Found, Survey, threshold_survey
from filiation.segmentation.filters import (
    Labels,
    Mask,
    Pixels,
    Sides,
    blobs,
    check_numbers,
    check_positive,
    check_surroundings,
    check_thresholds,
    check_two_channels,
    contrast,
    grown_around,
    grown_between,
    parted,
    parted_at,
    reach_of_blobs,
    reach_of_parting,
    reach_of_smoothing,
    smoothed,
)
from filiation.segmentation.gaussian import Smooth
from filiation.segmentation.learned.weights import Tell
from filiation.segmentation.methods import LEARNED

Parameters: TypeAlias = Mapping[str, float]
Scale: TypeAlias = tuple[float, ...]


class Reach(Protocol):
    """How many pixels a filter looks to each side, along each axis."""

    def __call__(self, scale: Scale, parameters: Parameters) -> tuple[int, ...]:
        """Return it for a pixel size and the method's parameters."""


Check: TypeAlias = Callable[[Parameters], None]


def _any_parameters(parameters: Parameters) -> None:
    """Leave it to the function."""


@dataclass(frozen=True, slots=True)
class Connected:
    """A method whose objects are the connected components of a mask, diagonal neighbours connected too.

    Parameters
    ----------
    reach
        How far the mask depends on the pixels around.
    mask
        Returns for a block's pixels 0 for background, 1 for foreground, 2 for foreground that makes an object of the
        component it is in: without any, the component is dropped. Truth values if every component is an object.
    surveys
        Passes over the whole volume that come first.
    check
        Raises BadInputError where a parameter is out of range, as the method does for a whole volume.
    """

    reach: Reach
    mask: Callable[[Pixels, Scale, Found, Parameters], Pixels]
    surveys: tuple[Survey, ...] = ()
    check: Check = _any_parameters


@dataclass(frozen=True, slots=True)
class Agreeing:
    """Any other method.

    Parameters
    ----------
    reach
        How far its filters look; a halo must exceed this by the reach of the largest object.
    label
        Returns labels for a block's pixels, given the sides on which the volume goes on; tells what it worked with.
    surveys
        Passes over the whole volume that come first.
    check
        Raises BadInputError where a parameter is out of range, as the method does for a whole volume.
    """

    reach: Reach
    label: Callable[[Pixels, Scale, Found, Parameters, Sides, Tell], Labels]
    surveys: tuple[Survey, ...] = ()
    check: Check = _any_parameters


Recipe: TypeAlias = Connected | Agreeing


def _otsu_mask(pixels: Pixels, scale: Scale, found: Found, parameters: Parameters) -> Mask:
    if found["threshold"] is None:
        return np.zeros(pixels.shape, bool)  # nothing stands out of a flat image
    seen = contrast(pixels, scale, parameters["sigma"], parameters["window"])
    mask: Mask = seen > parameters["correction"] * np.float32(found["threshold"])
    return mask


def _components(pixels: Pixels, scale: Scale, found: Found, parameters: Parameters) -> Mask:
    return _otsu_mask(pixels, scale, found, parameters)


def _hysteresis(pixels: Pixels, scale: Scale, found: Found, parameters: Parameters) -> Pixels:
    if found["threshold"] is None:
        return np.zeros(pixels.shape, np.uint8)
    seen = contrast(pixels, scale, parameters["sigma"], parameters["window"])
    low, high = (parameters[name] * np.float32(found["threshold"]) for name in ("correction", "certainty"))
    mask: Pixels = (seen > low).astype(np.uint8)
    mask[seen > max(low, high)] = 2
    return mask


def _otsu_watershed(
    pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
) -> Labels:
    mask = _otsu_mask(pixels, scale, found, parameters)
    parts = parted(mask, scale, parameters["spacing"], parameters["minimum_size"], goes_on)
    return parts.astype(np.uint32)


def _local_threshold(
    pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
) -> Labels:
    surroundings = smoothed(pixels, scale, parameters["window"])
    mask = smoothed(pixels, scale, parameters["sigma"]) > parameters["correction"] * surroundings
    parts = parted(mask, scale, parameters["spacing"], parameters["minimum_size"], goes_on)
    return parts.astype(np.uint32)


def _log_watershed(
    pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
) -> Labels:
    mask, radius = _otsu_mask(pixels, scale, found, parameters), parameters["radius"]
    parts = parted_at(blobs(pixels, scale, radius), mask, scale, radius, parameters["minimum_size"], goes_on)
    return parts.astype(np.uint32)


def _membrane_watershed(
    pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
) -> Labels:
    check_two_channels(pixels)
    mask = _otsu_mask(pixels[0], scale, found, parameters)
    nuclei = parted(mask, scale, parameters["spacing"], parameters["minimum_size"], goes_on)
    membrane = smoothed(pixels[1], scale, parameters["sigma"])
    return grown_around(nuclei, membrane, scale, parameters["extent"]).astype(np.uint32)


def _membrane_distance(
    pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
) -> Labels:
    mask = _otsu_mask(pixels, scale, found, parameters)
    membrane = smoothed(pixels, scale, parameters["sigma"])
    cells = grown_between(mask, membrane, scale, parameters["spacing"], parameters["extent"])
    return cells.astype(np.uint32)


def _reach_of_contrast(scale: Scale, parameters: Parameters) -> tuple[int, ...]:
    return reach_of_smoothing(scale, max(parameters["sigma"], parameters["window"]))


def _reach_of_watershed(scale: Scale, parameters: Parameters) -> tuple[int, ...]:
    parting = reach_of_parting(scale, parameters["spacing"])
    return tuple(a + b for a, b in zip(_reach_of_contrast(scale, parameters), parting, strict=True))


def _reach_of_log(scale: Scale, parameters: Parameters) -> tuple[int, ...]:
    filters = _reach_of_contrast(scale, parameters), reach_of_blobs(scale, parameters["radius"])
    return tuple(max(pair) for pair in zip(*filters, strict=True))


def _reach_of_cells(scale: Scale, parameters: Parameters) -> tuple[int, ...]:
    far = (math.ceil(parameters["extent"] / size) for size in scale)
    return tuple(a + b for a, b in zip(_reach_of_watershed(scale, parameters), far, strict=True))


def _contrast(pixels: Pixels, scale: Scale, parameters: Parameters) -> Smooth:
    return contrast(pixels, scale, parameters["sigma"], parameters["window"])


def _contrast_of_nuclei(pixels: Pixels, scale: Scale, parameters: Parameters) -> Smooth:
    check_two_channels(pixels)
    return _contrast(pixels[0], scale, parameters)


_THRESHOLD = threshold_survey(_contrast)
_THRESHOLD_OF_NUCLEI = threshold_survey(_contrast_of_nuclei)


def _in_range(parameters: Parameters) -> None:
    check_numbers(**parameters)


def _two_thresholds(parameters: Parameters) -> None:
    check_numbers(**parameters)
    check_thresholds(correction=parameters["correction"], certainty=parameters["certainty"])


def _wide_surroundings(parameters: Parameters) -> None:
    check_numbers(**parameters)
    check_surroundings(sigma=parameters["sigma"], window=parameters["window"])


def _with_radius(parameters: Parameters) -> None:
    check_numbers(**parameters)
    check_positive(radius=parameters["radius"])


@dataclass(frozen=True, slots=True)
class _Plain:
    """Any function from pixels and pixel size to labels; a class, so that another process can be handed it."""

    function: Callable[..., Any]
    tells: bool = False

    def __call__(
        self, pixels: Pixels, scale: Scale, found: Found, parameters: Parameters, goes_on: Sides, tell: Tell
    ) -> Labels:
        told = {"tell": tell} if self.tells else {}
        labels: Labels = np.asarray(self.function(pixels, scale, **told, **parameters))
        if labels.shape != pixels.shape or labels.dtype.kind not in "iu":
            raise BadInputError(
                f"{self.function.__name__} returned {labels.dtype} of shape {labels.shape} for a block of shape "
                f"{pixels.shape}; expected integers of the same shape, one for each object, 0 for background."
            )
        return labels.astype(np.uint32)


def by_agreement(function: Callable[..., Any]) -> Agreeing:
    """Return a recipe for any function from pixels and pixel size to labels, its parameters by name.

    The halo must reach as far as its filters and the largest object together. A function that takes a value from all
    the pixels it is given, such as a threshold, takes it from each block apart, and does not give the labels of the
    whole volume.
    """
    return Agreeing(_no_reach, _Plain(function))


def _no_reach(scale: Scale, parameters: Parameters) -> tuple[int, ...]:
    return (0,) * len(scale)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "otsu_components": Connected(_reach_of_contrast, _components, _THRESHOLD, _in_range),
        "hysteresis": Connected(_reach_of_contrast, _hysteresis, _THRESHOLD, _two_thresholds),
        "otsu_watershed": Agreeing(_reach_of_watershed, _otsu_watershed, _THRESHOLD, _in_range),
        "local_threshold": Agreeing(_reach_of_watershed, _local_threshold, check=_wide_surroundings),
        "log_watershed": Agreeing(_reach_of_log, _log_watershed, _THRESHOLD, _with_radius),
        "membrane_watershed": Agreeing(_reach_of_cells, _membrane_watershed, _THRESHOLD_OF_NUCLEI, _in_range),
        "membrane_distance": Agreeing(_reach_of_cells, _membrane_distance, _THRESHOLD, _in_range),
        **{name: Agreeing(_no_reach, _Plain(function, tells=True)) for name, function in LEARNED.items()},
    }
)
"""Every method that is known to work block by block, by its name."""


def recipe_named(name: str) -> Recipe:
    """Return how a method works on blocks.

    Raises
    ------
    BadInputError
        If there is none of this name.
    """
    if name not in RECIPES:
        raise BadInputError(f"The method {name!r} is not known to work block by block; known are {', '.join(RECIPES)}.")
    return RECIPES[name]
