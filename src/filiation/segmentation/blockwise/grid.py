"""A volume cut into blocks, each with a halo around it, and where two of them have seen the same voxels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from filiation.errors import BadInputError

Box: TypeAlias = tuple[slice, ...]
"""One slice for each axis, in voxels of the whole volume unless said otherwise."""


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a volume.

    Parameters
    ----------
    number
        Its place in C order, from 0.
    place
        Its place along each axis, from 0.
    core
        What it is answerable for; the cores of all blocks together are the volume.
    padded
        The core with its halo, cut off at the volume's border.
    """

    number: int
    place: tuple[int, ...]
    core: Box
    padded: Box


@dataclass(frozen=True, slots=True)
class Grid:
    """How a volume is cut.

    Parameters
    ----------
    shape
        Of the volume.
    lengths
        Of a block's core along each axis; the last along an axis may be shorter.
    halo
        Voxels that a block sees beyond its core, to each side along each axis.

    Raises
    ------
    BadInputError
        If the numbers do not fit each other, or the halo is longer than a block.
    """

    shape: tuple[int, ...]
    lengths: tuple[int, ...]
    halo: tuple[int, ...]

    def __post_init__(self) -> None:
        if not len(self.shape) == len(self.lengths) == len(self.halo):
            raise BadInputError(
                f"Blocks of {self.lengths} with a halo of {self.halo} do not go with a volume of shape {self.shape}: "
                "there must be one number for each axis."
            )
        if min(self.lengths) < 1 or min(self.halo) < 0:
            raise BadInputError(f"A block has at least one voxel and a halo none or more; found {self}.")
        for length, limit, halo in zip(self.lengths, self.shape, self.halo, strict=True):
            if length < limit and halo > length:
                raise BadInputError(
                    f"A halo of {self.halo} voxels is longer than a block of {self.lengths}: a block would have to be "
                    "compared with others than its neighbours. Take longer blocks or a shorter halo."
                )

    @property
    def counts(self) -> tuple[int, ...]:
        """How many blocks there are along each axis."""
        return tuple(-(-limit // length) for limit, length in zip(self.shape, self.lengths, strict=True))

    def __len__(self) -> int:
        """Return how many blocks there are."""
        return math.prod(self.counts)

    def block(self, number: int) -> Block:
        """Return the block of a number.

        Raises
        ------
        BadInputError
            If there is none.
        """
        if not 0 <= number < len(self):
            raise BadInputError(f"There is no block {number}; there are {len(self)}, counted from 0.")
        place, rest = [], number
        for count in reversed(self.counts):
            rest, here = divmod(rest, count)
            place.append(here)
        return self._block(number, tuple(reversed(place)))

    def blocks(self) -> Iterator[Block]:
        """Yield every block, in C order."""
        for number, place in enumerate(itertools.product(*map(range, self.counts))):
            yield self._block(number, place)

    def later_neighbours(self, block: Block) -> Iterator[Block]:
        """Yield the blocks that touch this one at a face, an edge or a corner and come after it."""
        for step in itertools.product((-1, 0, 1), repeat=len(self.shape)):
            place = tuple(here + by for here, by in zip(block.place, step, strict=True))
            if step > (0,) * len(step) and all(0 <= at < count for at, count in zip(place, self.counts, strict=True)):
                number = 0
                for at, count in zip(place, self.counts, strict=True):
                    number = number * count + at
                yield self._block(number, place)

    def _block(self, number: int, place: tuple[int, ...]) -> Block:
        core = tuple(
            slice(at * length, min((at + 1) * length, limit))
            for at, length, limit in zip(place, self.lengths, self.shape, strict=True)
        )
        return Block(number, place, core, grown(core, self.halo, self.shape))


def grown(box: Box, by: Sequence[int], shape: Sequence[int]) -> Box:
    """Return a box with so many voxels more to each side, cut off at the volume's border.

    >>> grown((slice(4, 8),), (5,), (10,))
    (slice(0, 10, None),)
    """
    return tuple(
        slice(max(0, side.start - more), min(side.stop + more, limit))
        for side, more, limit in zip(box, by, shape, strict=True)
    )


def shared(one: Box, other: Box) -> Box:
    """Return what two boxes have in common; empty along an axis on which they have nothing.

    >>> shared((slice(0, 6),), (slice(4, 9),))
    (slice(4, 6, None),)
    """
    return tuple(slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(one, other, strict=True))


def within(inner: Box, outer: Box) -> Box:
    """Return where a box lies in the array of a box around it.

    >>> within((slice(4, 6),), (slice(3, 9),))
    (slice(1, 3, None),)
    """
    return tuple(slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))


def lengths_of(box: Box) -> tuple[int, ...]:
    """Return the shape of a box."""
    return tuple(side.stop - side.start for side in box)


def open_sides(box: Box, shape: Sequence[int]) -> tuple[tuple[bool, bool], ...]:
    """Return for each axis whether the volume goes on before the box, and after it.

    >>> open_sides((slice(0, 6), slice(2, 9)), (8, 9))
    ((False, True), (True, False))
    """
    return tuple((side.start > 0, side.stop < limit) for side, limit in zip(box, shape, strict=True))
