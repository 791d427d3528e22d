"""The edges of the lineage index as compressed arrays in one file, mapped into memory: a walk reads nothing else.

For each node, by its number in the index, the file tells where its edges are, once by their ends (``up``) and once by
their sources (``down``)::

    start[node] .. start[node + 1]  ->  other[...], role[...], crate[...]

and what it is called: all IRIs stand in their order, each without its crate's IRI if it begins with that.

It is made of the index (:mod:`filiation.catalogue.array_writer`) and replaced as a whole, by renaming, so a reader has
an old one or a new one. It says of which index it is and after how many changes; a file of another index, of the
future, or with its end missing is none.
"""

from __future__ import annotations

import mmap
import os
import struct
import sys
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

THING: Final = 1
ACTION: Final = 2
"""Bits that say what a node is."""

_BY_HAND: Final = 300
"""How many are dealt with one by one, since that is quicker than by whole arrays."""
_WITHOUT_NUMPY: Final = 5_000
"""The same where numpy was not imported yet, which takes longer than that many."""
_FAR: Final = 4_096
"""Bytes between two names from which on they are not read at once."""
MAGIC: Final = b"filiation arrays 2\n"
HEAD: Final = struct.Struct("=20s36sqqqqqqI4x")
"""What the file begins with, and ends with once more: magic, the index' id, generation, last number, how many edges
and names, bytes of names, size of the file, checksum of what is between."""


class Side(NamedTuple):
    """One direction of the edges; see the module."""

    start: memoryview
    other: memoryview
    crate: memoryview
    role: memoryview

    def as_numpy(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
        """Return the same memory as numpy arrays."""
        import numpy as np

        numbers = [np.frombuffer(view, np.int32) for view in (self.start, self.other, self.crate)]
        return numbers[0], numbers[1], numbers[2], np.frombuffer(self.role, np.int8)


class Names:
    """What nodes are called.

    Parameters
    ----------
    whole
        The file.
    rank
        For each node the place of its IRI among all, in their order.
    ends
        For each place where in the file its letters begin; in the end, where the last ones end.
    family
        For each place the crate whose IRI comes before the letters; 0 for none.
    """

    def __init__(self, whole: mmap.mmap, rank: memoryview, ends: memoryview, family: memoryview) -> None:
        self._whole, self._rank, self._ends, self._family = whole, rank, ends, family
        self._starts = {0: ""}

    def of(self, numbers: Sequence[int]) -> list[str]:
        """Return the IRI of each of some nodes that were there when the file was made."""
        if len(numbers) > most_by_hand():
            return self._of_many(numbers)
        whole, ranks, ends, family, starts = self._whole, self._rank, self._ends, self._family, self._starts
        found = []
        for number in numbers:
            rank = ranks[number]
            crate = family[rank]
            if crate not in starts:
                (starts[crate],) = self.of((crate,))
            found.append(starts[crate] + whole[ends[rank] : ends[rank + 1]].decode())
        return found

    def _of_many(self, numbers: Sequence[int]) -> list[str]:
        """Do the same in the order in which the letters stand in the file, those near each other at once."""
        import numpy as np

        ranks = np.frombuffer(self._rank, np.int32)[np.fromiter(numbers, np.int32, len(numbers))]
        order = None if (ranks[1:] > ranks[:-1]).all() else np.argsort(ranks)
        ranks = ranks if order is None else ranks[order]
        ends = np.frombuffer(self._ends, np.int64)
        begin, end = ends[ranks], ends[ranks + 1]
        family = np.frombuffer(self._family, np.int32)[ranks]
        first = np.flatnonzero((family[1:] != family[:-1]) | (begin[1:] - end[:-1] > _FAR)) + 1
        first = np.concatenate(([0], first))
        origin = begin[first]
        shift = np.repeat(origin, np.diff(first, append=ranks.size))
        begins, stops = (begin - shift).tolist(), (end - shift).tolist()
        crates = family[first].tolist()
        missing = tuple(set(crates) - self._starts.keys())
        self._starts.update(zip(missing, self.of(missing), strict=True))
        whole, starts, names = self._whole, self._starts, []
        after = [*first[1:].tolist(), ranks.size]
        for crate, at, here, there in zip(crates, origin.tolist(), first.tolist(), after, strict=True):
            start, letters = starts[crate], whole[at : at + stops[there - 1]]
            places = zip(begins[here:there], stops[here:there], strict=True)
            if letters.isascii():
                text = letters.decode()
                names += [start + text[begin:stop] for begin, stop in places]
            else:  # a letter may be several bytes
                names += [start + letters[begin:stop].decode() for begin, stop in places]
        if order is None:
            return names
        found = np.empty(len(names), object)
        found[order] = names
        return cast("list[str]", found.tolist())


class Arrays:
    """An opened file; see the module.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    ValueError
        If it is not whole, or no such file.
    OSError
        If it is not there, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < 2 * HEAD.size:
                raise ValueError(f"{path} is too short.")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = self._map[: HEAD.size]
        magic, made, generation, last, edges, names, letters, told, checksum = HEAD.unpack(head)
        if magic.rstrip(b"\0") != MAGIC or told != size or self._map[-HEAD.size :] != head:
            raise ValueError(f"{path} is not whole.")
        self.made = str(made, "ascii")
        self.generation, self.last, self.edges, self._checksum = int(generation), int(last), int(edges), int(checksum)
        self._whole = memoryview(self._map)
        self._at = HEAD.size + letters
        nodes = self.last + 1
        ends = self._next(8 * (names + 1)).cast("q")
        family = self._numbers(names)
        self.rank = self._numbers(nodes)
        self.names = Names(self._map, self.rank, ends, family)
        self.up, self.down = (self._side(nodes, edges) for _ in range(2))
        self.kind = self._next(nodes).cast("b")

    def is_sound(self) -> bool:
        """Read all of it, and tell whether it is what was written."""
        return zlib.crc32(self._whole[HEAD.size : -HEAD.size]) == self._checksum

    def _side(self, nodes: int, edges: int) -> Side:
        start, other, crate = (self._numbers(count) for count in (nodes + 1, edges, edges))
        return Side(start, other, crate, self._padded(edges).cast("b"))

    def _numbers(self, count: int) -> memoryview:
        return self._padded(4 * count).cast("i")

    def _padded(self, size: int) -> memoryview:
        view = self._next(size)
        self._at += -size % 8
        return view

    def _next(self, size: int) -> memoryview:
        view = self._whole[self._at : self._at + size]
        self._at += size
        return view


def most_by_hand() -> int:
    """Return how many nodes are dealt with one by one, and not by whole arrays."""
    return _BY_HAND if "numpy" in sys.modules else _WITHOUT_NUMPY


def open_arrays(index: LineageIndex) -> Arrays | None:
    """Open the arrays of an index, if there are any that it can use: its own, and not from before what it remembers."""
    if index.arrays is None:
        return None
    try:
        arrays = Arrays(index.arrays)
    except (OSError, ValueError):
        return None
    made, generation, kept = index.state()
    return arrays if arrays.made == made and kept <= arrays.generation <= generation else None


def remove_arrays(path: Path) -> None:
    """Remove the arrays' file, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
