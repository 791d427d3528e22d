"""Encounters: which objects of one time point share pixels with which of an earlier one, counted part by part.

What is counted here is all that :mod:`filiation.segmentation.tracking` decides by, so that no time point need be in
memory as a whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Array: TypeAlias = npt.NDArray[Any]
Labels: TypeAlias = npt.NDArray[np.uint32]
Part: TypeAlias = tuple[Array, Sequence[Labels]]
"""Labels of a part of a time point, and of the same part of the time points before it, the last first."""

_BITS: Final = np.uint64(32)
_LOWER: Final = np.uint64(2**32 - 1)


@dataclass(frozen=True, slots=True)
class Naming:
    """Which tracks the labels of a time point are: ``names`` has the track of each of the sorted ``values``."""

    values: Array
    names: Labels

    def of(self, labels: Array) -> Labels:
        """Return labels of the time point, or of a part of it, with the numbers of tracks."""
        named: Labels = np.zeros(labels.shape, np.uint32)
        there = labels > 0
        named[there] = self.names[np.searchsorted(self.values, labels[there])]
        return named


@dataclass(frozen=True, slots=True)
class Census:
    """The objects of a time point, and whom they meet.

    Parameters
    ----------
    values, sizes
        Labels that occur, sorted, and the pixels of each.
    by_rank
        Places in ``values``, in the order of the objects' first pixels. An object's rank is its place here, from 1.
    met
        For each earlier time point, the last first: labels there, labels here, and the pixels that they share.
    before
        For each of them labels, sorted, and the pixels of each.
    """

    values: Array
    sizes: Array
    by_rank: Array
    met: tuple[tuple[Array, Array, Array], ...]
    before: tuple[tuple[Array, Array], ...]

    @classmethod
    def of(cls, parts: Iterable[Part], ages: int) -> Census:
        """Count the parts of a time point, which come in C order, over as many earlier ones as are given."""
        here, first = _Counts(), _Counts()
        met, before = [_Counts() for _ in range(ages)], [_Counts() for _ in range(ages)]
        begin = 0
        for labels, earlier in parts:
            flat = labels.ravel()
            places = np.flatnonzero(flat)
            values, index, counts = np.unique(flat[places], return_index=True, return_counts=True)
            here.add(values, counts)
            first.add(values, places[index] + begin)
            for age, old in enumerate(earlier[:ages]):
                old = old.ravel()
                before[age].add(*np.unique(old[old > 0], return_counts=True))
                both = places[old[places] > 0]
                keys = old[both].astype(np.uint64) << _BITS | flat[both].astype(np.uint64)
                met[age].add(*np.unique(keys, return_counts=True))
            begin += flat.size
        values, sizes = here.in_all(np.add)
        _, firsts = first.in_all(np.minimum)
        pairs = [each.in_all(np.add) for each in met]
        return cls(
            values,
            sizes,
            np.argsort(firsts),
            tuple((*_apart(keys), shared) for keys, shared in pairs),
            tuple(each.in_all(np.add) for each in before),
        )

    def pairs(self, age: int) -> Pairs:
        """Return who meets whom of a time point that lies ``age`` time points back."""
        old, now, shared = self.met[age - 1]
        labels, sizes = self.before[age - 1]
        ranks = np.empty(len(self.values), np.int64)
        ranks[self.by_rank] = np.arange(1, len(self.values) + 1)
        at = np.searchsorted(self.values, now)
        order = np.lexsort((ranks[at], old))
        old_size = sizes[np.searchsorted(labels, old)]
        return Pairs(old[order], ranks[at][order], shared[order], old_size[order], self.sizes[at][order])


def _apart(keys: Array) -> tuple[Array, Array]:
    """Return the two labels that are in each key."""
    return (keys >> _BITS).astype(np.int64), (keys & _LOWER).astype(np.int64)


class _Counts:
    """Numbers told of keys, part by part."""

    def __init__(self) -> None:
        self._keys: list[Array] = []
        self._told: list[Array] = []

    def add(self, keys: Array, told: Array) -> None:
        self._keys.append(keys)
        self._told.append(told.astype(np.int64))

    def in_all(self, together: np.ufunc) -> tuple[Array, Array]:
        """Return the keys, sorted, and what is told of each by all parts together."""
        if not self._keys:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        keys, told = np.concatenate(self._keys), np.concatenate(self._told)
        order = np.argsort(keys, kind="stable")
        keys, told = keys[order], told[order]
        begins = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else order
        return keys[begins], together.reduceat(told, begins) if len(keys) else told


@dataclass(frozen=True, slots=True)
class Pairs:
    """Objects of two time points that share pixels: one entry each.

    Parameters
    ----------
    old, now
        Label of the earlier object, and rank of the later one.
    shared, old_size, now_size
        Pixels that they share, and that each has.
    """

    old: Array
    now: Array
    shared: Array
    old_size: Array
    now_size: Array

    def of_old(self, kept: Collection[int]) -> Pairs:
        """Return the pairs of some earlier objects."""
        return self._where(np.isin(self.old, list(kept)))

    def without_now(self, gone: Collection[int]) -> Pairs:
        """Return the pairs but for those of some later objects."""
        return self._where(~np.isin(self.now, list(gone)))

    def _where(self, kept: Array) -> Pairs:
        return Pairs(self.old[kept], self.now[kept], self.shared[kept], self.old_size[kept], self.now_size[kept])

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
