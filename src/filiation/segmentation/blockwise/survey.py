"""Passes over a whole volume for what a method must know of all of it: a threshold is never one block's.

A pass looks at each block's core, what it saw is added up over the blocks, and the next pass knows the sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from skimage.filters import threshold_otsu

from filiation.segmentation.filters import Pixels
from filiation.segmentation.gaussian import Smooth

Found: TypeAlias = Mapping[str, float | None]
"""What is known of the whole volume, by name."""
Seen: TypeAlias = npt.NDArray[Any]
Look: TypeAlias = Callable[[Pixels, tuple[float, ...], Mapping[str, float]], Smooth]

_BINS = 256  # as skimage.filters.threshold_otsu takes when it is not told


@dataclass(frozen=True, slots=True)
class Survey:
    """One pass.

    Parameters
    ----------
    look
        Returns for the pixels of a padded block what its core is judged by, of the same shape.
    see
        Returns what a core says, given what earlier passes found.
    add
        Puts together what two parts of the volume say.
    settle
        Returns what the whole volume's says, by name.
    """

    look: Look
    see: Callable[[Smooth, Found], Seen]
    add: Callable[[Seen, Seen], Seen]
    settle: Callable[[Seen, Found], Found]


def threshold_survey(look: Look) -> tuple[Survey, Survey]:
    """Return the two passes that find Otsu's threshold over all cores, to the last bit that of the whole volume.

    The first finds the range, the second counts in 256 bins over it, as scikit-image does. A volume of one value has
    the threshold None.
    """
    return (
        Survey(look, _range, _wider, _range_found),
        Survey(look, _counts, _sum, _threshold),
    )


def _range(values: Smooth, found: Found) -> Seen:
    return np.array([values.min(), values.max()])


def _wider(one: Seen, other: Seen) -> Seen:
    return np.array([min(one[0], other[0]), max(one[1], other[1])])


def _range_found(seen: Seen, found: Found) -> Found:
    return {"lowest": float(seen[0]), "highest": float(seen[1])}


def _counts(values: Smooth, found: Found) -> Seen:
    counts, _ = np.histogram(values.ravel(), _BINS, range=_ends(found))  # type: ignore[arg-type]
    return counts


def _sum(one: Seen, other: Seen) -> Seen:
    added: Seen = one + other
    return added


def _threshold(counts: Seen, found: Found) -> Found:
    if found["lowest"] == found["highest"]:
        return {**found, "threshold": None}
    edges = np.histogram_bin_edges(np.zeros(0, np.float32), _BINS, range=_ends(found))  # type: ignore[arg-type]
    centres = (edges[:-1] + edges[1:]) / 2
    return {**found, "threshold": float(threshold_otsu(hist=(counts, centres)))}  # type: ignore[no-untyped-call]


def _ends(found: Found) -> tuple[np.float32, np.float32]:
    # In single precision, as the values are: numpy then places the bins where it does for the whole volume.
    lowest, highest = np.array([found["lowest"], found["highest"]], np.float32)
    return lowest, highest
