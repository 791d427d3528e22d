"""Segmentation methods, found by name: each a plain function from pixels to labels.

A parameter of one name means the same for all that take it, so one rule serves them all. Lengths are in the unit of the
image's pixel size (micrometre where it is known, else pixels), so the same values do for images of another
magnification; along an axis that is sampled more coarsely the filters reach over fewer pixels.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from filiation.errors import BadInputError
from filiation.segmentation.filters import Labels
from filiation.segmentation.learned import cellpose, instanseg, stardist
from filiation.segmentation.seeded import log_watershed, membrane_distance, membrane_watershed
from filiation.segmentation.thresholding import hysteresis, local_threshold, otsu_components, otsu_watershed

Method: TypeAlias = Callable[..., Labels]
"""A segmentation method: pixels of axes (y, x) or (z, y, x) and their size in, labels of the same shape out.

Its parameters come by name, :func:`parameters_of` tells which. Objects are numbered 1 to n, 0 is background. A method
that looks at several channels (:func:`channels_of`) takes them stacked along a first axis.
"""

LEARNED: Mapping[str, Method] = MappingProxyType({"cellpose": cellpose, "stardist": stardist, "instanseg": instanseg})
"""Methods with weights, which tell what they chose by themselves, by name."""

METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "otsu_watershed": otsu_watershed,
        "local_threshold": local_threshold,
        "otsu_components": otsu_components,
        "hysteresis": hysteresis,
        "log_watershed": log_watershed,
        "membrane_watershed": membrane_watershed,
        "membrane_distance": membrane_distance,
        **LEARNED,
    }
)
"""Every method by its name; a new one is a function and a line here."""

_CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType({"membrane_watershed": ("channel", "membrane")})


def parameters_of(method: Method) -> tuple[str, ...]:
    """Return the names of the parameters that a method takes.

    >>> parameters_of(METHODS["otsu_components"])
    ('sigma', 'window', 'correction', 'minimum_size')
    """
    taken = inspect.signature(method).parameters.values()
    return tuple(each.name for each in taken if each.kind is each.KEYWORD_ONLY)


def needed_by(method: Method) -> tuple[str, ...]:
    """Return the names of the parameters that a method cannot do without.

    >>> needed_by(METHODS["cellpose"])
    ('weights',)
    """
    taken = inspect.signature(method).parameters
    return tuple(name for name in parameters_of(method) if taken[name].default is inspect.Parameter.empty)


def channels_of(name: str) -> tuple[str, ...]:
    """Return what the channels are called that a method looks at, in the order in which it takes them.

    >>> channels_of("membrane_watershed")
    ('channel', 'membrane')
    """
    method_named(name)
    return _CHANNELS.get(name, ("channel",))


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
