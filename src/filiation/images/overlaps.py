"""Which images show the same pixels, in whole or in part, found by their prints and then compared pixel by pixel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from filiation.errors import BadInputError
from filiation.images.image import Pixels
from filiation.images.planes import Planes
from filiation.images.prints import Prints

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NEIGHBOURS: Final = 24
"""In how many images a print is looked for, beside one; where it is in more, each is compared with so many others."""
_TRIES: Final = 4
"""Offsets of two images that are compared pixel by pixel, those with most prints first."""
_COMPARED: Final = 1024
"""Length of the part that is compared, along y and x."""
_SHARE: Final = 0.5
"""Of the pixels that differ from a neighbour, how many must be equal: an edited image still is, a scale bar is not."""
_LEAST: Final = 64
"""So many such pixels there must be."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two images show the same pixels.

    Parameters
    ----------
    first, second
        Their numbers in the order in which they were given.
    planes
        Number of the plane in each.
    corner
        Row and column, in the first image, of the overlap's first pixel.
    offset
        Rows and columns by which the same pixel is further on in the first image than in the second.
    shape
        Height and width of the overlap.
    equal
        Share of the pixels there that are equal, of those that differ from a neighbour; 1 for a crop.
    prints
        How many prints they have in common at this offset.
    """

    first: int
    second: int
    planes: tuple[int, int]
    corner: tuple[int, int]
    offset: tuple[int, int]
    shape: tuple[int, int]
    equal: float
    prints: int


def find_overlaps(
    prints: Sequence[Prints],
    open_image: Callable[[int], Planes],
    worth: Callable[[int, int], bool] = lambda _first, _second: True,
) -> tuple[Overlap, ...]:
    """Return which images overlap, sorted by their numbers.

    Parameters
    ----------
    prints
        Of each image.
    open_image
        Opens an image by its number, to compare what prints tell with its pixels.
    worth
        Whether two images, by their numbers, need be compared at all.
    """
    found = []
    opened = _Opened(open_image)
    for (first, second), offsets in _candidates(prints, worth):
        overlaps = (_compared(first, second, offset, opened) for offset in offsets[:_TRIES])
        best = next((overlap for overlap in overlaps if overlap is not None), None)
        if best is not None:
            found.append(best)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Offset:
    """That prints of two images agree on where one lies in the other."""

    planes: tuple[int, int]
    rows: int
    columns: int
    prints: int
    middle: tuple[int, int]


class _Opened:
    """The images compared last, so that one that overlaps many is opened once."""

    def __init__(self, open_image: Callable[[int], Planes]) -> None:
        self._open, self._kept = open_image, dict[int, Planes]()

    def __getitem__(self, number: int) -> Planes:
        if number not in self._kept:
            if len(self._kept) >= 2:
                self._kept.pop(next(iter(self._kept)))
            self._kept[number] = self._open(number)
        return self._kept[number]


def _candidates(
    prints: Sequence[Prints], worth: Callable[[int, int], bool]
) -> Iterator[tuple[tuple[int, int], list[_Offset]]]:
    """Yield pairs of images that have prints in common, with the offsets that these agree on, most prints first."""
    hashes = np.concatenate([each.hashes for each in prints]) if prints else np.zeros(0, np.uint64)
    images = np.repeat(np.arange(len(prints), dtype=np.int32), [len(each) for each in prints])
    places = np.stack(
        [np.concatenate([getattr(each, axis) for each in prints]) for axis in ("planes", "rows", "columns")], axis=1
    ) if prints else np.zeros((0, 3), np.int32)  # fmt: skip
    order = np.lexsort((images, hashes))
    hashes, images, places = hashes[order], images[order], places[order]
    pairs: list[NDArray[np.int64]] = []
    for lag in range(1, _NEIGHBOURS + 1):
        (start,) = np.nonzero((hashes[lag:] == hashes[:-lag]) & (images[lag:] != images[:-lag]))
        if not len(start):
            break
        pairs.append(_rows(images, places, start, start + lag))
    if not pairs:
        return
    told = np.concatenate(pairs)
    told = told[np.lexsort(told[:, 1::-1].T)]
    ends = np.nonzero(np.any(told[1:, :2] != told[:-1, :2], axis=1))[0] + 1
    for group in np.split(told, ends):
        first, second = int(group[0, 0]), int(group[0, 1])
        if worth(first, second):
            yield (first, second), _offsets(group)


def _rows(
    images: NDArray[np.int32], places: NDArray[np.int32], one: NDArray[np.intp], other: NDArray[np.intp]
) -> NDArray[np.int64]:
    """Return a row for each two prints: images, planes, offset along y and x, place in the first image."""
    first, second = places[one].astype(np.int64), places[other].astype(np.int64)
    offset = first[:, 1:] - second[:, 1:]
    columns = (images[one], images[other], first[:, 0], second[:, 0], *offset.T, *first[:, 1:].T)
    return np.stack([column.astype(np.int64) for column in columns], axis=1)


def _offsets(group: NDArray[np.int64]) -> list[_Offset]:
    keys, which, counts = np.unique(group[:, 2:6], axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    found = []
    for number in np.argsort(-counts, kind="stable")[:_TRIES]:
        at = group[which == number, 6:]
        plane, other, rows, columns = map(int, keys[number])
        middle = np.median(at, axis=0).astype(int)
        found.append(_Offset((plane, other), rows, columns, int(counts[number]), (int(middle[0]), int(middle[1]))))
    return found


def _compared(first: int, second: int, offset: _Offset, opened: _Opened) -> Overlap | None:
    """Compare two images where prints say that they are the same; None if they are not."""
    one, other = opened[first], opened[second]
    spans = [
        _span(length, other_length, shift)
        for length, other_length, shift in zip(
            one.shape, other.shape, (offset.rows, offset.columns), strict=True
        )
    ]  # fmt: skip
    parts = [_around(span, at) for span, at in zip(spans, offset.middle, strict=True)]
    rows, columns = (slice(start, stop) for start, stop in parts)
    moved = [slice(p.start - d, p.stop - d) for p, d in ((rows, offset.rows), (columns, offset.columns))]
    try:
        here = one.read(offset.planes[0], rows, columns)
        there = other.read(offset.planes[1], moved[0], moved[1])
    except BadInputError:
        return None  # damaged since its prints were taken; `filiation check` tells of it
    telling = _differing(here) | _differing(there)
    count = int(np.count_nonzero(telling))
    if count < _LEAST:
        return None
    equal = float(np.count_nonzero((here == there) & telling)) / count
    if equal < _SHARE:
        return None
    (top, bottom), (left, right) = spans
    return Overlap(
        first, second, offset.planes, (top, left), (offset.rows, offset.columns),
        (bottom - top, right - left), equal, offset.prints,
    )  # fmt: skip


def _span(length: int, other: int, shift: int) -> tuple[int, int]:
    """Return from where to where, along one axis of the first image, both have pixels."""
    return max(0, shift), min(length, other + shift)


def _around(span: tuple[int, int], at: int) -> tuple[int, int]:
    start = min(max(span[0], at - _COMPARED // 2), max(span[0], span[1] - _COMPARED))
    return start, min(span[1], start + _COMPARED)


def _differing(pixels: Pixels) -> NDArray[np.bool_]:
    """Return which pixels differ from the one before them along y or x."""
    telling = np.zeros(pixels.shape, np.bool_)
    telling[:, 1:] |= pixels[:, 1:] != pixels[:, :-1]
    telling[1:] |= pixels[1:] != pixels[:-1]
    return telling
