"""Tracking: which labels of different time points are one object, and which object divided into which two.

By overlap alone, which is enough where an object moves by less than about half its diameter between two time points.
Each pair of time points is matched so that the sum of intersections over unions is largest (Kuhn, Naval Research
Logistics Quarterly 2, 1955); a division is where two daughters together fit their mother better than one alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from filiation.errors import BadInputError
from filiation.segmentation.encounters import Array, Census, Labels, Naming, Part
from filiation.segmentation.tracks import Track


@dataclass(frozen=True, slots=True)
class Tracked:
    """A series whose labels are track numbers.

    Parameters
    ----------
    labels
        Of the shape of what was tracked; time is the first axis.
    tracks
        In order of their numbers.
    """

    labels: Labels
    tracks: tuple[Track, ...]


def track(
    labels: Array,
    *,
    minimum_overlap: float = 0.3,
    divisions: bool = True,
    balance: float = 0.3,
    longest_gap: int = 0,
) -> Tracked:
    """Follow labelled objects through time.

    Tracks are numbered from 1 in the order in which they appear, and at one time point in that of their first pixel:
    how the objects were numbered before does not matter.

    Parameters
    ----------
    labels
        Integers, 0 for background; the first axis is time, the others are those of space.
    minimum_overlap
        An object goes on as the one with which its intersection over union is at least this; of a daughter, at least
        this fraction lies where her mother was.
    divisions
        Whether objects may divide.
    balance
        The smaller of two daughters has at least this fraction of her sister's pixels.
    longest_gap
        For so many time points an object may be missing and be the same one afterwards; it is looked for where it was
        seen last.

    Raises
    ------
    BadInputError
        If a parameter is out of range, or there is no axis beside time.

    Examples
    --------
    >>> film = np.array([[[5, 5, 5, 5, 0]], [[5, 5, 5, 5, 0]], [[9, 9, 0, 8, 8]]])
    >>> for each in track(film).tracks:
    ...     print(each)
    Track(label=1, first=0, last=1, parent=None, missing=())
    Track(label=2, first=2, last=2, parent=1, missing=())
    Track(label=3, first=2, last=2, parent=1, missing=())
    """
    if labels.ndim < 2:
        raise BadInputError(f"A series to track has time and space as its axes; found {labels.ndim} axis.")
    tracker = Tracker(minimum_overlap, divisions, balance, longest_gap)
    followed: Labels = np.zeros(labels.shape, np.uint32)
    for time, frame in enumerate(labels):
        followed[time] = tracker.follow(frame)
    return Tracked(followed, tracker.tracks)


@dataclass
class Tracker:
    """Follows objects time point by time point; in memory are the last ones alone, or parts of them.

    Parameters
    ----------
    minimum_overlap, divisions, balance, longest_gap
        As for :func:`track`.

    Raises
    ------
    BadInputError
        If one is out of range.
    """

    minimum_overlap: float = 0.3
    divisions: bool = True
    balance: float = 0.3
    longest_gap: int = 0
    _known: dict[int, _Growing] = field(default_factory=dict, init=False)
    _history: deque[Labels] = field(init=False)
    _time: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not (0 < self.minimum_overlap <= 1 and 0 <= self.balance <= 1 and self.longest_gap >= 0):
            raise BadInputError(
                f"Tracking takes a smallest overlap above 0 and at most 1, a balance of 0 to 1 and a gap of 0 or more; "
                f"found {self.minimum_overlap}, {self.balance} and {self.longest_gap}."
            )
        self._history = deque(maxlen=self.longest_gap + 1)

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What is known by now, in order of the tracks' numbers."""
        return tuple(
            Track(label, each.seen[0], each.seen[-1], each.parent, _missing(each.seen))
            for label, each in sorted(self._known.items())
        )

    @property
    def looked_back(self) -> int:
        """How many earlier time points the next one is compared with."""
        return min(self._time, self.longest_gap + 1)

    def follow(self, frame: Array) -> Labels:
        """Return the next time point with the numbers of tracks as labels."""
        followed = self.name([(frame, tuple(reversed(self._history)))]).of(frame)
        self._history.append(followed)
        return followed

    def name(self, parts: Iterable[Part]) -> Naming:
        """Return which tracks the labels of the next time point are, which comes in parts; nothing of it is kept.

        For time points that do not fit into memory; where :meth:`follow` is called too, only by that.

        Parameters
        ----------
        parts
            Of the time point, in C order: its labels, and the tracks in the same part of :attr:`looked_back` time
            points before, the last first.
        """
        ages = self.looked_back
        census = Census.of(parts, ages)
        going_on: dict[int, int] = {}  # rank -> the track that it goes on
        parents: dict[int, int] = {}
        for age in range(1, ages + 1):
            pairs = census.pairs(age)
            pairs = pairs.of_old(self._still_open(pairs.old, age)).without_now({*going_on, *parents})
            found = pairs.matched(self.minimum_overlap)
            if age == 1 and self.divisions:
                for mother, daughters in pairs.divided(found, self.minimum_overlap, self.balance):
                    found = {now: old for now, old in found.items() if old != mother}
                    parents |= dict.fromkeys(daughters, mother)
                    self._known[mother].divided = True
            going_on |= found
        names = np.zeros(len(census.values), np.uint32)
        for rank, place in enumerate(census.by_rank.tolist(), start=1):
            label = going_on.get(rank, len(self._known) + 1)
            self._known.setdefault(label, _Growing(parents.get(rank))).seen.append(self._time)
            names[place] = label
        self._time += 1
        return Naming(census.values, names)

    def _still_open(self, labels: Array, age: int) -> list[int]:
        """Return those objects of an earlier time point that were seen then for the last time."""
        last = self._time - age
        return [label for label in np.unique(labels).tolist() if self._known[label].ends_at(last)]


@dataclass
class _Growing:
    parent: int | None
    seen: list[int] = field(default_factory=list)
    divided: bool = False

    def ends_at(self, time: int) -> bool:
        return self.seen[-1] == time and not self.divided


def _missing(seen: list[int]) -> tuple[int, ...]:
    return tuple(sorted(set(range(seen[0], seen[-1])) - set(seen)))
