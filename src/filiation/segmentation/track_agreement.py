"""How well tracks agree with a known truth: the links between time points that were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError

Array: TypeAlias = npt.NDArray[Any]
Link: TypeAlias = tuple[int, int, int, int]
"""Time point and label of an object, and of what it is at a later time point."""


@dataclass(frozen=True, slots=True)
class TrackAgreement:
    """Agreement of found tracks with true ones.

    Parameters
    ----------
    true, found, matched
        Numbers of links between objects at two time points; a mother with each daughter is a link too. Matched are
        those true ones of which both ends were found, and linked.
    true_divisions, found_divisions, matched_divisions
        Numbers of objects that divide; matched are those of which mother and all daughters were found, and linked.
    """

    true: int
    found: int
    matched: int
    true_divisions: int
    found_divisions: int
    matched_divisions: int

    @property
    def recall(self) -> float:
        """Fraction of the true links that was found; 1 if there are none."""
        return self.matched / self.true if self.true else 1.0

    @property
    def precision(self) -> float:
        """Fraction of the found links that is true; 1 if there are none."""
        return self.matched / self.found if self.found else 1.0


def track_agreement(
    truth: Array, parents: Mapping[int, int], labels: Array, found_parents: Mapping[int, int]
) -> TrackAgreement:
    """Compare tracks with the truth.

    An object is the true one with which its intersection over union exceeds one half, so that there is one at most
    (as detections are matched by Ulman et al., Nature Methods 14, 2017).

    Parameters
    ----------
    truth, labels
        Of one shape; the first axis is time, and a label is one object all through it.
    parents, found_parents
        Label -> label of the object that it came of by division.

    Raises
    ------
    BadInputError
        If the shapes differ.

    Examples
    --------
    >>> truth = np.array([[[1, 1, 0, 2]], [[1, 1, 0, 2]]])
    >>> found = np.array([[[7, 7, 0, 3]], [[7, 7, 0, 4]]])
    >>> track_agreement(truth, {}, found, {}).recall
    0.5
    """
    if truth.shape != labels.shape:
        raise BadInputError(f"Tracks of shape {labels.shape} cannot be compared with a truth of shape {truth.shape}.")
    same = [_matches(true, found) for true, found in zip(truth, labels, strict=True)]
    expected, seen = links(truth, parents), links(labels, found_parents)
    matched = {link for link in expected if _translated(link, same) in seen}
    divided, found_divided = _divisions(expected), _divisions(seen)
    right = [mother for mother, all_links in divided.items() if all_links <= matched]
    return TrackAgreement(
        len(expected),
        len(seen),
        len(matched),
        len(divided),
        len(found_divided),
        sum((mother[0], same[mother[0]][mother[1]]) in found_divided for mother in right),
    )


def links(labels: Array, parents: Mapping[int, int]) -> set[Link]:
    """Return the links of a series: of each object with itself when it is seen next, and of mothers with daughters."""
    last: dict[int, int] = {}
    found: set[Link] = set()
    for time, frame in enumerate(labels):
        here = [int(value) for value in np.unique(frame) if value]
        for value in here:
            before = value if value in last else parents.get(value)
            if before is not None and before in last:
                found.add((last[before], before, time, value))
        last |= dict.fromkeys(here, time)
    return found


def _matches(truth: Array, labels: Array) -> dict[int, int]:
    """Return true objects with the found ones that they are."""
    found = {}
    for value in np.unique(truth):
        if value:
            inside = truth == value
            values, counts = np.unique(labels[inside], return_counts=True)
            for other, shared in zip(values.tolist(), counts.tolist(), strict=True):
                if other and shared > 0.5 * (inside.sum() + (labels == other).sum() - shared):
                    found[int(value)] = int(other)
    return found


def _translated(link: Link, same: list[dict[int, int]]) -> Link | None:
    before, one, after, other = link
    if one not in same[before] or other not in same[after]:
        return None
    return before, same[before][one], after, same[after][other]


def _divisions(found: set[Link]) -> dict[tuple[int, int], set[Link]]:
    """Return the objects that have several successors, with the links to them."""
    after: dict[tuple[int, int], set[Link]] = {}
    for link in found:
        after.setdefault(link[:2], set()).add(link)
    return {mother: all_links for mother, all_links in after.items() if len(all_links) > 1}
