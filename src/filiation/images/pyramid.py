"""Lower resolutions: how many levels, of which size, and how their pixels are made.

Each level halves the axes of space, except one that is sampled twice as coarsely as the finest or worse: a stack
with thick slices is first brought towards equal pixel sizes. Along a halved axis a pixel of the next level covers
two of this one; the last of an odd number stands alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.images.image import AXIS_TYPES, Pixels, Pyramid

SMALLEST = 128
"""A level whose longest side in the plane is at most this many pixels is the last."""

_TOO_COARSE = 1.5  # a pixel this many times longer than the finest is left alone
_SLAB = 2**20
"""Bytes that are averaged at a time: they stay in a processor's cache, which is three times as fast."""


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """A level of a pyramid: its ``shape``, its pixel size ``scale``, and the place of its first pixel's centre.

    ``translation`` counts from the first pixel's centre at full resolution: the mean of two pixels lies between
    them, half a pixel on.
    """

    shape: tuple[int, ...]
    scale: tuple[float, ...]
    translation: tuple[float, ...]


def plan_pyramid(axes: tuple[str, ...], shape: tuple[int, ...], scale: tuple[float, ...]) -> tuple[LevelPlan, ...]:
    """Return the levels of an image, full resolution first.

    The plan depends on the axes of space alone, so an image and its labels get the same levels.

    >>> [level.shape for level in plan_pyramid(("z", "y", "x"), (16, 500, 300), (2.0, 0.5, 0.5))]
    [(16, 500, 300), (16, 250, 150), (16, 125, 75)]
    """
    levels = [LevelPlan(shape, scale, (0.0,) * len(shape))]
    while max(levels[-1].shape[-2:]) > SMALLEST:
        here = levels[-1]
        steps = _steps(axes, here)
        coarser = tuple(size * step for size, step in zip(here.scale, steps, strict=True))
        levels.append(
            LevelPlan(
                shape=tuple(-(-length // step) for length, step in zip(here.shape, steps, strict=True)),
                scale=coarser,
                translation=tuple((after - first) / 2 for after, first in zip(coarser, scale, strict=True)),
            )
        )
    return tuple(levels)


def _steps(axes: tuple[str, ...], level: LevelPlan) -> tuple[int, ...]:
    halved = [AXIS_TYPES[axis] == "space" and length > 1 for axis, length in zip(axes, level.shape, strict=True)]
    finest = min(size for size, is_halved in zip(level.scale, halved, strict=True) if is_halved)
    return tuple(
        2 if is_halved and size < _TOO_COARSE * finest else 1
        for size, is_halved in zip(level.scale, halved, strict=True)
    )


def steps_between(finer: LevelPlan, coarser: LevelPlan) -> tuple[int, ...]:
    """Return how many pixels of ``finer`` one of ``coarser`` covers, along each axis."""
    return tuple(round(after / before) for before, after in zip(finer.scale, coarser.scale, strict=True))


def shrink_by_mean(data: Pixels, steps: tuple[int, ...]) -> Pixels:
    """Return ``data`` with blocks of ``steps`` pixels replaced by their mean, rounded to even for integers.

    A block that is cut off by the edge is averaged over what is there.
    """
    axis = next((axis for axis, step in enumerate(steps) if data.shape[axis] > step), None)
    if data.nbytes <= _SLAB or axis is None:
        return _shrunk_by_mean(data, steps)
    step, length = steps[axis], data.shape[axis]
    rows = max(1, length * _SLAB // data.nbytes // step) * step
    shrunk: Pixels = np.empty([-(-size // by) for size, by in zip(data.shape, steps, strict=True)], data.dtype)
    before = (slice(None),) * axis
    for start in range(0, length, rows):
        stop = min(start + rows, length)
        shrunk[(*before, slice(start // step, -(-stop // step)))] = shrink_by_mean(
            data[(*before, slice(start, stop))], steps
        )
    return shrunk


def _shrunk_by_mean(data: Pixels, steps: tuple[int, ...]) -> Pixels:
    for axis, step in enumerate(steps):
        if step == 2 and data.dtype.kind in "iu":
            data = _halve(data, axis)
        elif step > 1:
            starts = np.arange(0, data.shape[axis], step)
            sums = np.add.reduceat(data, starts, axis=axis, dtype=np.float64)
            counts = np.minimum(step, data.shape[axis] - starts)
            mean = sums / counts.reshape([-1 if dim == axis else 1 for dim in range(data.ndim)])
            data = (mean if data.dtype.kind == "f" else np.rint(mean)).astype(data.dtype)
    return data


def _halve(data: Pixels, axis: int) -> Pixels:
    """Return the means of pairs along an axis, exactly and in the integers' own type, so without a wider copy."""
    length = data.shape[axis]
    first, second = _every_other(data, axis, 0, length - 1), _every_other(data, axis, 1, length)
    differing = first ^ second
    mean: Pixels = (first & second) + (differing >> 1)
    mean += differing & mean & 1  # a half goes to the even neighbour, as numpy rounds
    if length % 2:
        mean = np.concatenate((mean, _every_other(data, axis, length - 1, length)), axis=axis)
    return mean


def _every_other(data: Pixels, axis: int, start: int, stop: int) -> Pixels:
    taken: Pixels = data[(slice(None),) * axis + (slice(start, stop, 2),)]
    return taken


def label_pyramid(data: Pixels, levels: Sequence[LevelPlan], pyramid: Pyramid) -> Iterator[Pixels]:
    """Yield the pixels of each resolution of a label image in memory; raises as :func:`shrink_labels`."""
    if pyramid is Pyramid.NEAREST:
        yield from (shrink_to_nearest(data, levels[0], level) for level in levels)
        return
    yield data
    for finer, coarser in itertools.pairwise(levels):
        data = shrink_labels(data, finer, coarser, pyramid)
        yield data


def shrink_labels(data: Pixels, finer: LevelPlan, coarser: LevelPlan, pyramid: Pyramid) -> Pixels:
    """Return the pixels of ``coarser`` made of those of ``finer``; no value appears that was not there.

    Raises
    ------
    BadInputError
        If the value of most pixels is wanted, and pixels do not cover whole ones.
    """
    steps = steps_between(finer, coarser)
    if pyramid is Pyramid.NEAREST:
        if covers_whole(finer, coarser):  # slices take a fraction of the time of lists of indices
            return np.ascontiguousarray(data[tuple(slice(None, None, step) for step in steps)])
        return shrink_to_nearest(data, finer, coarser)
    if not _covers(finer, coarser):
        raise BadInputError(
            f"A resolution of {coarser.shape} pixels does not cover whole pixels of one of {finer.shape}, of which the "
            "most frequent label could be taken. Take the nearest."
        )
    return shrink_to_most_frequent(data, steps)


def covers_whole(finer: LevelPlan, coarser: LevelPlan) -> bool:
    """Tell whether each pixel of a level lies on whole pixels of the finer one, and is so many times as large."""
    steps = steps_between(finer, coarser)
    larger = tuple(size * step for size, step in zip(finer.scale, steps, strict=True))
    return _covers(finer, coarser) and coarser.scale == larger


def _covers(finer: LevelPlan, coarser: LevelPlan) -> bool:
    steps = steps_between(finer, coarser)
    return coarser.shape == tuple(-(-length // step) for length, step in zip(finer.shape, steps, strict=True))


def shrink_to_most_frequent(data: Pixels, steps: tuple[int, ...]) -> Pixels:
    """Return ``data`` with blocks of ``steps`` pixels replaced by the value that most of them have.

    Of values that are equally frequent it is the one whose first pixel comes first in C order. A block that is cut off
    by the edge counts what is there.
    """
    if all(step == 1 for step in steps):
        return data
    found: Pixels = np.ascontiguousarray(data[tuple(slice(None, None, step) for step in steps)])
    mixed = np.empty(found.shape, bool)
    rows = max(1, len(data) * _SLAB // max(1, data.nbytes) // steps[0])
    for start in range(0, len(mixed), rows):
        mixed[start : start + rows] = _mixed(data[start * steps[0] : (start + rows) * steps[0]], steps)
    # Only where the pixels of a block differ is counted: most lie within one object, or outside all.
    where = np.nonzero(mixed)
    if not len(where[0]):
        return found
    corners = list(itertools.product(*(range(step) for step in steps)))
    pixels = np.ascontiguousarray(data).reshape(-1)
    first = [at * step for at, step in zip(where, steps, strict=True)]
    begin = np.ravel_multi_index(first, data.shape)
    some = np.empty((len(corners), len(begin)), data.dtype)
    there = np.ones((len(corners), 1), bool)
    if any(length % step for length, step in zip(data.shape, steps, strict=True)):
        there = np.ones(some.shape, bool)
    for number, corner in enumerate(corners):
        further = sum(start * math.prod(data.shape[axis + 1 :]) for axis, start in enumerate(corner))
        some[number] = pixels.take(begin + further, mode="clip")
        for at, start, step, length in zip(first, corner, steps, data.shape, strict=True):
            if start and length % step:
                there[number] &= at + start < length
    counts = np.zeros(some.shape, np.uint8)
    counts += there
    for one, other in itertools.combinations(range(len(corners)), 2):
        same = some[one] == some[other]
        if there.shape == some.shape:
            same &= there[one] & there[other]
        counts[one] += same
        counts[other] += same
    found[where] = np.take_along_axis(some, counts.argmax(axis=0)[None], axis=0)[0]
    return found


def _mixed(data: Pixels, steps: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Tell which blocks have more than one value; rows are compared whole first, which a processor does fastest."""
    *before, last = steps
    rows = data[tuple(slice(None, None, step) for step in before)]
    differ = np.zeros(rows.shape, bool)
    for corner in itertools.islice(itertools.product(*(range(step) for step in before)), 1, None):
        part = data[tuple(slice(start, None, step) for start, step in zip(corner, before, strict=True))]
        inside = tuple(slice(0, length) for length in part.shape)
        differ[inside] |= part != rows[inside]
    mixed = differ[..., ::last].copy()
    for start in range(1, last):
        part, width = differ[..., start::last], rows[..., start::last].shape[-1]
        mixed[..., :width] |= part
        mixed[..., :width] |= rows[..., start::last] != rows[..., ::last][..., :width]
    return mixed


def shrink_to_nearest(data: Pixels, full: LevelPlan, level: LevelPlan) -> Pixels:
    """Return the pixels of ``data``, at full resolution, on which those of ``level`` begin.

    No value appears that was not there, so an object keeps its label.
    """
    indices = [
        np.minimum((np.arange(length) * (coarse / fine)).astype(np.intp), available - 1)
        for length, available, fine, coarse in zip(level.shape, full.shape, full.scale, level.scale, strict=True)
    ]
    return data[np.ix_(*indices)]
