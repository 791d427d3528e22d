"""What differs between two label images of the same shape, object by object; read block by block, whatever their size.

Two objects correspond if more than half of the voxels of one of them lie in the other. By that alone, whatever their
label values, an object is the same with another border, was split, merged, added or removed. Nothing but the number of
voxels that each pair of labels shares is kept, so memory grows with the number of objects and not of voxels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.pixels import block_hash, blocks, pixel_digest_of_blocks
from filiation.images.tables import Table
from filiation.model import Digest

Told = Callable[[int, int], None]
_MERGED_AT_ONCE: Final = 1 << 21
"""Pairs of labels that are gathered before they are counted together."""


class Change(StrEnum):
    """What became of objects."""

    ADDED = "added"
    REMOVED = "removed"
    SPLIT = "split"
    MERGED = "merged"
    MOVED = "border moved"
    RENAMED = "label changed"
    """The same voxels under another label."""
    REARRANGED = "rearranged"
    """Several objects became several others."""


@dataclass(frozen=True, slots=True)
class ObjectChange:
    """Objects that became others.

    Parameters
    ----------
    change
        What happened.
    before, after
        Labels of the old and of the new image, sorted.
    voxels_before, voxels_after
        How many voxels these objects had and have, together.
    gained, lost
        Voxels that are in them now and were not; that were in them and are not.
    """

    change: Change
    before: tuple[int, ...]
    after: tuple[int, ...]
    voxels_before: int
    voxels_after: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class LabelDifferences:
    """How one label image differs from another.

    Parameters
    ----------
    changes
        Sorted by kind and label.
    unchanged
        Objects that are as they were, voxel by voxel and by label.
    voxels
        Voxels whose label differs.
    old, new
        Pixel digests of both.
    """

    changes: tuple[ObjectChange, ...]
    unchanged: int
    voxels: int
    old: Digest
    new: Digest

    def counted(self) -> dict[str, int]:
        """Return how many changes of each kind there are."""
        counts = {change.value: 0 for change in Change}
        for each in self.changes:
            counts[each.change.value] += 1
        return counts

    def of_object(self, label: int) -> ObjectChange | None:
        """Return what an object of the new image came of; None for one that did not change."""
        return next((each for each in self.changes if label in each.after), None)

    def table(self) -> Table:
        """Return the changes as a table, one row each."""
        kinds = pa.schema(
            [("change", pa.string()), ("before", pa.list_(pa.int64())), ("after", pa.list_(pa.int64())),
             *((name, pa.int64()) for name in ("voxels_before", "voxels_after", "gained", "lost"))]
        )  # fmt: skip
        rows = [
            {"change": each.change.value, "before": list(each.before), "after": list(each.after),
             "voxels_before": each.voxels_before, "voxels_after": each.voxels_after,
             "gained": each.gained, "lost": each.lost}
            for each in self.changes
        ]  # fmt: skip
        return pa.Table.from_pylist(rows, schema=kinds)


def changes_in(table: Table) -> tuple[ObjectChange, ...]:
    """Undo :meth:`LabelDifferences.table`."""
    return tuple(
        ObjectChange(
            Change(row["change"]), tuple(row["before"]), tuple(row["after"]),
            row["voxels_before"], row["voxels_after"], row["gained"], row["lost"],
        )
        for row in table.to_pylist()
    )  # fmt: skip


def compare_labels(old: Path, new: Path, progress: Told = lambda done, total: None) -> LabelDifferences:
    """Compare two label images; each is read once, a block of at most 64 MiB at a time.

    Parameters
    ----------
    old, new
        OME-Zarr stores of integers.
    progress
        Told how many blocks of how many were read.

    Raises
    ------
    NotFoundError
        If one is not there.
    BadInputError
        If one is no label image, has negative labels or a damaged chunk, or their axes or shapes differ.
    """
    before, after = open_multiscale(old), open_multiscale(new)
    _same_grid(before, after)
    shape, axes = before.full.array.shape, before.axes
    pairs = _Pairs()
    hashes: tuple[list[bytes], list[bytes]] = ([], [])
    regions = list(blocks(axes, shape))
    for done, region in enumerate(regions):
        progress(done, len(regions))
        one, other = read_pixels(before, region), read_pixels(after, region)
        for found, block in zip(hashes, (one, other), strict=True):
            found.append(block_hash(block))
        pairs.count(one, other)
    progress(len(regions), len(regions))
    digests = [
        pixel_digest_of_blocks(np.dtype(store.full.array.dtype), axes, shape, found)
        for store, found in zip((before, after), hashes, strict=True)
    ]
    return _differences(pairs.counted(), *digests)


def compare_arrays(before: npt.NDArray[np.integer], after: npt.NDArray[np.integer]) -> tuple[ObjectChange, ...]:
    """Compare two label images in memory.

    >>> import numpy as np
    >>> old = np.array([[1, 1, 0, 2]])
    >>> [(each.change.value, each.before, each.after) for each in compare_arrays(old, np.array([[1, 5, 0, 0]]))]
    [('removed', (2,), ()), ('split', (1,), (1, 5))]
    """
    pairs = _Pairs()
    pairs.count(before, after)
    return tuple(_changes(*pairs.counted())[0])


def _same_grid(before: Multiscale, after: Multiscale) -> None:
    for store in (before, after):
        if np.dtype(store.full.array.dtype).kind not in "iu":
            raise BadInputError(f"{store.path} holds {store.full.array.dtype}; labels are integers.")
    one, other = before.full.array.shape, after.full.array.shape
    if (before.axes, one) != (after.axes, other):
        raise BadInputError(
            f"{before.path} and {after.path} are not of the same grid: {', '.join(before.axes)} of {one}, and "
            f"{', '.join(after.axes)} of {other}. A corrected label image has the axes and shape of the one before."
        )


class _Pairs:
    """How many voxels have which label before and which after."""

    def __init__(self) -> None:
        self._labels: list[npt.NDArray[np.int64]] = []
        self._counts: list[npt.NDArray[np.int64]] = []
        self._gathered = 0

    def count(self, before: npt.NDArray[np.integer], after: npt.NDArray[np.integer]) -> None:
        """Count the pairs of a block."""
        one, other = before.ravel(), after.ravel()
        if not (one.any() or other.any()):
            return
        # Along a row labels stay the same for long: stretches are counted, which are far fewer than voxels.
        starts = stretches(one, other)
        lengths = np.diff(np.append(starts, one.size))
        labels, counts = _summed(np.stack([_plain(one[starts]), _plain(other[starts])], axis=1), lengths)
        self._labels.append(labels)
        self._counts.append(counts)
        self._gathered += len(labels)
        if self._gathered > _MERGED_AT_ONCE:
            labels, counts = self.counted()
            self._labels, self._counts, self._gathered = [labels], [counts], 0

    def counted(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the pairs, sorted, and how many voxels have each."""
        if not self._labels:
            return np.empty((0, 2), np.int64), np.empty(0, np.int64)
        return _summed(np.concatenate(self._labels), np.concatenate(self._counts))


def _summed(
    labels: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return each pair once, sorted, with the sum of its counts."""
    order = np.lexsort((labels[:, 1], labels[:, 0]))
    labels, counts = labels[order], counts[order]
    starts = stretches(labels[:, 0], labels[:, 1])
    return labels[starts], np.add.reduceat(counts, starts)


def stretches(*columns: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Return where stretches of the same values begin, in arrays of one dimension that are looked at side by side."""
    differs = np.zeros(max(columns[0].size - 1, 0), bool)
    for column in columns:
        differs |= column[1:] != column[:-1]
    return np.append(0, np.flatnonzero(differs) + 1)


def _plain(labels: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    if labels.size and (int(labels.min()) < 0 or int(labels.max()) > np.iinfo(np.int64).max):
        raise BadInputError("A label image has labels below 0 or above 2^63, which are no labels.")
    return labels.astype(np.int64)


def _differences(
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], old: Digest, new: Digest
) -> LabelDifferences:
    labels, counts = pairs
    changes, unchanged = _changes(labels, counts)
    voxels = int(counts[labels[:, 0] != labels[:, 1]].sum())
    return LabelDifferences(tuple(changes), unchanged, voxels, old, new)


def _changes(labels: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> tuple[list[ObjectChange], int]:
    """Return what changed, and how many objects did not."""
    rows = list(zip(labels[:, 0].tolist(), labels[:, 1].tolist(), counts.tolist(), strict=True))
    sizes: tuple[dict[int, int], dict[int, int]] = (defaultdict(int), defaultdict(int))
    for before, after, count in rows:
        sizes[0][before] += count
        sizes[1][after] += count
    shared = [row for row in rows if row[0] and row[1]]
    linked = [row for row in shared if 2 * row[2] > sizes[0][row[0]] or 2 * row[2] > sizes[1][row[1]]]
    groups = list(_groups(linked, sizes))
    of_old = {label: number for number, (old, _) in enumerate(groups) for label in old}
    of_new = {label: number for number, (_, new) in enumerate(groups) for label in new}
    kept = [0] * len(groups)
    for before, after, count in shared:
        if of_old[before] == of_new[after]:
            kept[of_old[before]] += count
    changes, unchanged = [], 0
    for number, (old, new) in enumerate(groups):
        was, now = sum(sizes[0][label] for label in old), sum(sizes[1][label] for label in new)
        change = _kind(old, new, same=was == now == kept[number])
        if change is None:
            unchanged += 1
        else:
            changes.append(ObjectChange(change, old, new, was, now, now - kept[number], was - kept[number]))
    return sorted(changes, key=lambda each: (each.change.value, each.before, each.after)), unchanged


def _kind(old: tuple[int, ...], new: tuple[int, ...], *, same: bool) -> Change | None:
    if not old:
        return Change.ADDED
    if not new:
        return Change.REMOVED
    if len(old) == len(new) == 1:
        return (None if old == new else Change.RENAMED) if same else Change.MOVED
    if len(old) > 1 and len(new) > 1:
        return Change.REARRANGED
    return Change.SPLIT if len(old) == 1 else Change.MERGED


def _groups(
    linked: Iterable[tuple[int, int, int]], sizes: tuple[dict[int, int], dict[int, int]]
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Yield old and new labels that belong together by their links, those without a link by themselves."""
    links: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for before, after, _ in linked:
        links[0, before].append((1, after))
        links[1, after].append((0, before))
    seen: set[tuple[int, int]] = set()
    for start in [(side, label) for side in (0, 1) for label in sorted(sizes[side]) if label]:
        if start in seen:
            continue
        seen.add(start)
        group, waiting = [start], [start]
        while waiting:
            for node in links.get(waiting.pop(), ()):
                if node not in seen:
                    seen.add(node)
                    group.append(node)
                    waiting.append(node)
        yield _labels(group, 0), _labels(group, 1)


def _labels(group: Iterable[tuple[int, int]], side: int) -> tuple[int, ...]:
    return tuple(sorted(label for where, label in group if where == side))
