"""Which labels of neighbouring blocks are one object, and the numbers that all objects get."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from filiation.segmentation.blockwise.left_by_blocks import BlockLabels
from filiation.segmentation.filters import Labels

Pairs: TypeAlias = npt.NDArray[np.int64]
"""Rows of two labels, one of each block."""

_SAME = 0.5  # of the intersection over union: above it, an object has at most one partner


def touching(one: Labels, other: Labels) -> Pairs:
    """Return the labels that two blocks gave to the same voxel, for masks of which both know the same."""
    pairs, _ = _overlaps(one, other)
    return pairs


def agreeing(one: Labels, other: Labels) -> Pairs:
    """Return the labels that share more than half of their union, among the voxels that two blocks have both seen."""
    pairs, common = _overlaps(one, other)
    if not len(pairs):
        return pairs
    ones, others = np.bincount(one.ravel()), np.bincount(other.ravel())
    union = ones[pairs[:, 0]] + others[pairs[:, 1]] - common
    return pairs[common > _SAME * union]


def _overlaps(one: Labels, other: Labels) -> tuple[Pairs, npt.NDArray[np.int64]]:
    both = (one != 0) & (other != 0)
    keys = (one[both].astype(np.int64) << 32) | other[both]
    found, counts = np.unique(keys, return_counts=True)
    return np.column_stack((found >> 32, found & 0xFFFFFFFF)), counts


@dataclass(frozen=True, slots=True)
class Numbers:
    """The final number of each block's labels.

    Parameters
    ----------
    sizes
        Voxels of each object; that of number 1 comes first.
    first
        For each block, where its labels begin in ``of``.
    of
        The number of each label, 0 for those that were dropped; a block's label 0 is at its ``first``.
    cut
        Numbers of the objects that some block did not see all of, although it holds part of them.
    """

    sizes: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    of: npt.NDArray[np.uint32]
    cut: tuple[int, ...]

    def of_block(self, number: int) -> npt.NDArray[np.uint32]:
        """Return the final number for each label of a block, from 0."""
        return self.of[self.first[number] : self.first[number + 1]]


def join(blocks: Sequence[BlockLabels], pairs: Iterable[tuple[int, int, Pairs]], least: float) -> Numbers:
    """Give the objects numbers, 1 to n in the order of the blocks that first hold a part of them.

    Parameters
    ----------
    blocks
        What each block left.
    pairs
        Two blocks' numbers, and their labels that are one object.
    least
        Objects with fewer voxels in all are dropped, and those that no block was sure of.
    """
    first = np.concatenate(([0], np.cumsum([len(block.sizes) for block in blocks])))
    size = int(first[-1])
    rows = [np.zeros((0, 2), np.int64)]
    rows += [found + first[[one, other]] for one, other, found in pairs]
    joined = np.concatenate(rows)
    edges = sparse.coo_array((np.ones(len(joined), bool), (joined[:, 0], joined[:, 1])), shape=(size, size))
    groups, group = connected_components(edges, directed=False)
    sizes = np.concatenate([block.sizes for block in blocks])
    sizes[first[:-1]] = 0  # the background of each block
    in_all = np.bincount(group, sizes, groups)
    certain = np.bincount(group, np.concatenate([block.certain for block in blocks]), groups) > 0
    kept = certain & (in_all >= max(least, 1))
    place = np.full(groups, size)
    held = np.flatnonzero(sizes)
    np.minimum.at(place, group[held], held)
    ordered = np.argsort(place, kind="stable")
    ordered = ordered[kept[ordered]]
    number = np.zeros(groups, np.uint32)
    number[ordered] = np.arange(1, len(ordered) + 1)
    of = number[group]
    of[first[:-1]] = 0
    cut = np.concatenate([block.cut + first[n] for n, block in enumerate(blocks)]).astype(np.int64)
    seen_in_part = np.unique(of[cut])
    return Numbers(in_all[ordered].astype(np.int64), first, of, tuple(int(each) for each in seen_in_part if each))
