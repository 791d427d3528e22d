"""What pixels are read from and labels are handed to, part by part: a store, or an array in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Box
from filiation.segmentation.filters import Labels, Pixels


class Volume(Protocol):
    """Pixels that are read part by part; handed to other processes, so it can be pickled."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its lengths along (y, x) or (z, y, x)."""

    def read(self, box: Box) -> Pixels:
        """Return the pixels of a box."""


class LabelSink(Protocol):
    """Takes labels part by part; handed to other processes, so it can be pickled."""

    def write(self, box: Box, labels: Labels) -> None:
        """Take the labels of a box; no two boxes overlap."""


@dataclass(frozen=True, slots=True, eq=False)
class InMemory:
    """An array as a volume or a sink; for one process."""

    array: npt.NDArray[Any]

    @classmethod
    def empty(cls, shape: tuple[int, ...]) -> InMemory:
        """Return one for labels."""
        return cls(np.zeros(shape, np.uint32))

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths along each axis."""
        return self.array.shape

    def read(self, box: Box) -> Pixels:
        """Return a part."""
        part: Pixels = self.array[box]
        return part

    def write(self, box: Box, labels: Labels) -> None:
        """Take a part."""
        self.array[box] = labels


@dataclass(frozen=True, slots=True)
class Stacked:
    """Several channels as one volume, for methods that look at more than one.

    Parameters
    ----------
    channels
        Volumes of one shape, in the order in which the method takes them.

    Raises
    ------
    BadInputError
        If the shapes differ.
    """

    channels: tuple[Volume, ...]

    def __post_init__(self) -> None:
        shapes = {each.shape for each in self.channels}
        if len(shapes) != 1:
            raise BadInputError(f"Channels that are looked at together have one shape; found {sorted(shapes)}.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths along the axes of space."""
        return self.channels[0].shape

    def read(self, box: Box) -> Pixels:
        """Return a part, with a first axis of the channels."""
        part: Pixels = np.stack([each.read(box) for each in self.channels])
        return part
