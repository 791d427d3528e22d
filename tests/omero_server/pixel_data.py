"""Pixels on the server: an array, or a function that makes any region when it is asked for; ``zct`` and ``y, x``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Region = NDArray[np.generic]

TYPES = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "double": "f8", "complex": "c8", "double-complex": "c16", "bit": "u1",
}  # fmt: skip
"""OMERO's names of pixel types, and NumPy's."""
NAMES = {np.dtype(code): name for name, code in TYPES.items() if name != "bit"}
BITS = {"bit": 1} | {name: np.dtype(code).itemsize * 8 for name, code in TYPES.items() if name != "bit"}


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes in the order of OMERO's own: x, y, z, c, t."""

    x: int
    y: int
    z: int = 1
    c: int = 1
    t: int = 1


class PixelData(Protocol):
    """Where the pixels of one image come from."""

    @property
    def shape(self) -> Shape:
        """Return the sizes."""
        ...

    @property
    def type(self) -> str:
        """Return OMERO's name of the pixel type."""
        ...

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> Region:
        """Return a region of one plane, (y, x), in any byte order."""
        ...


@dataclass(slots=True)
class Made:
    """Pixels that a function makes: ``make(z, c, t, y, x)`` with two slices gives an array (y, x)."""

    shape: Shape
    type: str
    make: Callable[[int, int, int, slice, slice], Region]

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> Region:
        """Return a region of one plane."""
        return np.asarray(self.make(z, c, t, y, x))


class Stored:
    """Pixels in memory, to be read and written; axes t, c, z, y, x."""

    def __init__(self, array: Region) -> None:
        self.array = array
        t, c, z, y, x = array.shape
        self.shape = Shape(x, y, z, c, t)
        self.type = NAMES[array.dtype.newbyteorder("=")]

    @classmethod
    def empty(cls, shape: Shape, type_name: str) -> Stored:
        """Return pixels of zero."""
        return cls(np.zeros((shape.t, shape.c, shape.z, shape.y, shape.x), TYPES[type_name]))

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> Region:
        """Return a region of one plane."""
        return self.array[t, c, z, y, x]


@dataclass(frozen=True, slots=True)
class Smaller:
    """Every n-th pixel of every n-th row of other pixels."""

    base: PixelData
    step: int

    @property
    def shape(self) -> Shape:
        """Return the sizes; what is left over at the edges is left out."""
        return replace(self.base.shape, x=self.base.shape.x // self.step, y=self.base.shape.y // self.step)

    @property
    def type(self) -> str:
        """Return the type of the pixels."""
        return self.base.type

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> Region:
        """Return a region of one plane."""
        rows, columns = (slice(each.start * self.step, each.stop * self.step, self.step) for each in (y, x))
        return self.base.region(z, c, t, rows, columns)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """Pixels with smaller copies, each half as wide and high as the one before."""

    base: PixelData
    levels: int

    @property
    def shape(self) -> Shape:
        """Return the sizes of the largest."""
        return self.base.shape

    @property
    def type(self) -> str:
        """Return the type of the pixels."""
        return self.base.type

    def region(self, z: int, c: int, t: int, y: slice, x: slice) -> Region:
        """Return a region of the largest."""
        return self.base.region(z, c, t, y, x)

    def level(self, number: int) -> PixelData:
        """Return a level, the largest being 0."""
        return Smaller(self.base, 2**number) if number else self.base


def five_dimensional(array: Region, axes: str) -> Region:
    """Return an array as t, c, z, y, x, with axes of one where it has none."""
    missing = [axis for axis in "tczyx" if axis not in axes]
    wider = array.reshape((1,) * len(missing) + array.shape)
    order = [*missing, *axes]
    return wider.transpose([order.index(axis) for axis in "tczyx"])


def big_endian(region: Region, type_name: str) -> bytes:
    """Return a region as the bytes that OMERO sends: big-endian, rows one after another."""
    return np.ascontiguousarray(region, dtype=np.dtype(TYPES[type_name]).newbyteorder(">")).tobytes()
