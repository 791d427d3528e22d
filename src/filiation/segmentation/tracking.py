"""Tracking: which labels of different time points are one object, and which object divided into which two.

By overlap alone, which is enough where an object moves by less than about half its diameter between two time points.
Each pair of time points is matched so that the sum of intersections over unions is largest (Kuhn, Naval Research
Logistics Quarterly 2, 1955); a division is where two daughters together fit their mother better than one alone.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from filiation.errors import BadInputError
from filiation.segmentation.tracks import Track

Array: TypeAlias = npt.NDArray[Any]
Labels: TypeAlias = npt.NDArray[np.uint32]

_RANK_BITS: Final = 32


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
    """Follows objects time point by time point; in memory are the last ones alone.

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

    def follow(self, frame: Array) -> Labels:
        """Return the next time point with the numbers of tracks as labels."""
        ranks, count = _ranked(frame)
        going_on: dict[int, int] = {}  # rank -> the track that it goes on
        parents: dict[int, int] = {}
        for age, before in enumerate(reversed(self._history), start=1):
            pairs = _Pairs.of(self._still_open(before, age), _without(ranks, {*going_on, *parents}))
            found = pairs.matched(self.minimum_overlap)
            if age == 1 and self.divisions:
                for mother, daughters in pairs.divided(found, self.minimum_overlap, self.balance):
                    found = {now: old for now, old in found.items() if old != mother}
                    parents |= dict.fromkeys(daughters, mother)
                    self._known[mother].divided = True
            going_on |= found
        names = np.zeros(count + 1, np.uint32)
        for rank in range(1, count + 1):
            label = going_on.get(rank, len(self._known) + 1)
            self._known.setdefault(label, _Growing(parents.get(rank))).seen.append(self._time)
            names[rank] = label
        followed: Labels = names[ranks]
        self._history.append(followed)
        self._time += 1
        return followed

    def _still_open(self, before: Labels, age: int) -> Labels:
        """Return an earlier time point with those objects alone that were seen then for the last time."""
        last = self._time - age
        gone = [label for label in np.unique(before).tolist() if label and not self._known[label].ends_at(last)]
        return _without(before, gone)


@dataclass
class _Growing:
    parent: int | None
    seen: list[int] = field(default_factory=list)
    divided: bool = False

    def ends_at(self, time: int) -> bool:
        return self.seen[-1] == time and not self.divided


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Objects of two time points that share pixels: one entry each."""

    old: Array
    now: Array
    shared: Array
    old_size: Array
    now_size: Array

    @classmethod
    def of(cls, before: Array, after: Array) -> _Pairs:
        both = (before > 0) & (after > 0)
        keys = before[both].astype(np.uint64) << np.uint64(_RANK_BITS) | after[both].astype(np.uint64)
        pairs, shared = np.unique(keys, return_counts=True)
        old, now = (pairs >> np.uint64(_RANK_BITS)).astype(np.int64), (pairs & np.uint64(2**32 - 1)).astype(np.int64)
        sizes = [np.bincount(frame.ravel())[each] for frame, each in ((before, old), (after, now))]
        return cls(old, now, shared, *sizes)

    @property
    def ratio(self) -> Array:
        """Intersection over union of each pair."""
        ratio: Array = self.shared / (self.old_size + self.now_size - self.shared)
        return ratio

    def matched(self, least: float) -> dict[int, int]:
        """Return the pairs, later object -> earlier one, of which the sum of ratios is largest, each object once."""
        ratio = self.ratio
        near = np.flatnonzero(ratio >= least)
        if not len(near):
            return {}
        old, row = np.unique(self.old[near], return_inverse=True)
        now, column = np.unique(self.now[near], return_inverse=True)
        size = len(old) + len(now)
        linked = coo_array((np.ones(len(near)), (row, column + len(old))), shape=(size, size))
        _, group = connected_components(linked, directed=False)
        found: dict[int, int] = {}
        order = np.argsort(group[row], kind="stable")
        for _, members in itertools.groupby(order.tolist(), key=lambda place: group[row[place]]):
            found |= _best(row, column, ratio[near], list(members), old, now)
        return found

    def divided(self, found: dict[int, int], least: float, balance: float) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield mothers with their two daughters.

        A daughter lies most where her mother was, and is no other object that went on.
        """
        most: dict[int, int] = {}
        for place in np.argsort(self.shared, kind="stable").tolist():
            most[int(self.now[place])] = place
        by_mother: dict[int, list[int]] = {}
        for now, place in sorted(most.items()):
            mother = int(self.old[place])
            if found.get(now, mother) == mother and self.shared[place] >= least * self.now_size[place]:
                by_mother.setdefault(mother, []).append(place)
        ratio = self.ratio
        for mother, places in sorted(by_mother.items()):
            fits = [(self._together(pair), pair) for pair in itertools.combinations(places, 2)]
            likely = [fit for fit in fits if self._are_sisters(fit[1], balance)]
            if likely:
                together, (one, other) = max(likely, key=lambda fit: fit[0])
                if together >= least and together > max(ratio[self.old == mother]):
                    yield mother, (int(self.now[one]), int(self.now[other]))

    def _together(self, pair: tuple[int, int]) -> float:
        """Return the intersection over union of two daughters as one with their mother."""
        places = list(pair)
        shared = self.shared[places].sum()
        return float(shared / (self.old_size[places[0]] + self.now_size[places].sum() - shared))

    def _are_sisters(self, pair: tuple[int, int], balance: float) -> bool:
        sizes = self.now_size[list(pair)]
        return bool(sizes.min() >= balance * sizes.max())


def _best(row: Array, column: Array, ratio: Array, members: list[int], old: Array, now: Array) -> dict[int, int]:
    """Match the objects of one group, all of which are linked with each other by overlaps."""
    rows, at = np.unique(row[members], return_inverse=True)
    columns, across = np.unique(column[members], return_inverse=True)
    worth = np.zeros((len(rows), len(columns)))
    worth[at, across] = ratio[members]
    return {
        int(now[columns[right]]): int(old[rows[left]])
        for left, right in zip(*linear_sum_assignment(worth, maximize=True), strict=True)
        if worth[left, right] > 0
    }


def _ranked(frame: Array) -> tuple[Labels, int]:
    """Return an image's objects numbered from 1 in the order of their first pixels, and how many they are."""
    flat = frame.ravel()
    places = np.flatnonzero(flat)
    values, first, inverse = np.unique(flat[places], return_index=True, return_inverse=True)
    rank = np.empty(len(values), np.uint32)
    rank[np.argsort(first)] = np.arange(1, len(values) + 1, dtype=np.uint32)
    ranks: Labels = np.zeros(flat.shape, np.uint32)
    ranks[places] = rank[inverse]
    return ranks.reshape(frame.shape), len(values)


def _without(labels: Labels, gone: Iterable[int]) -> Labels:
    kept = np.ones(int(labels.max(initial=0)) + 1, bool)
    kept[list(gone)] = False
    return np.where(kept[labels], labels, np.uint32(0))


def _missing(seen: list[int]) -> tuple[int, ...]:
    return tuple(sorted(set(range(seen[0], seen[-1])) - set(seen)))
