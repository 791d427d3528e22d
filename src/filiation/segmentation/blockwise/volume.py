"""What pixels are read from and labels are handed to, part by part: a store, or an array in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

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
