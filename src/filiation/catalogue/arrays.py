"""The edges of the lineage index as compressed arrays in one file, mapped into memory: a walk reads nothing else.

For each node, by its number in the index, the file tells where its edges are, once by their ends (``up``) and once by
their sources (``down``)::

    start[node] .. start[node + 1]  ->  other[...], role[...], crate[...]

It is made of the index and replaced as a whole, by renaming, so a reader has an old one or a new one. It says of which
index it is and after how many changes; a file of another index, of the future, or with its end missing is none.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from filiation.catalogue.lock import holding
from filiation.errors import CatalogueBusyError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

THING: Final = 1
ACTION: Final = 2
"""Bits that say what a node is."""

_MAGIC: Final = b"filiation arrays 1\n"
_HEAD: Final = struct.Struct("=20s36sqqqqI4x")


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
            if size < 2 * _HEAD.size:
                raise ValueError(f"{path} is too short.")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        head = self._map[: _HEAD.size]
        magic, made, generation, last, edges, told, checksum = _HEAD.unpack(head)
        if magic.rstrip(b"\0") != _MAGIC or told != size or self._map[-_HEAD.size :] != head:
            raise ValueError(f"{path} is not whole.")
        self.made = str(made, "ascii")
        self.generation, self.last, self.edges, self._checksum = int(generation), int(last), int(edges), int(checksum)
        self._whole = memoryview(self._map)
        self._at = _HEAD.size
        nodes = self.last + 1
        up, down = (
            [self._numbers(count) for count in (nodes + 1, edges, edges)],
            [self._numbers(count) for count in (nodes + 1, edges, edges)],
        )
        self.rank = self._numbers(nodes)
        self.up = Side(up[0], up[1], up[2], self._next(edges).cast("b"))
        self.down = Side(down[0], down[1], down[2], self._next(edges).cast("b"))
        self.kind = self._next(nodes).cast("b")

    def is_sound(self) -> bool:
        """Read all of it, and tell whether it is what was written."""
        return zlib.crc32(self._whole[_HEAD.size : -_HEAD.size]) == self._checksum

    def _numbers(self, count: int) -> memoryview:
        return self._next(4 * count).cast("i")

    def _next(self, size: int) -> memoryview:
        view = self._whole[self._at : self._at + size]
        self._at += size
        return view


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


def write_arrays(index: LineageIndex) -> bool:
    """Make the arrays of an index; return whether they were made.

    They are not while another process makes them, nor where there is no room or no leave to write: an answer is the
    same without, only slower.
    """
    if index.arrays is None:
        return False
    new = index.arrays.with_name(f"{index.arrays.name}.new")
    try:
        with holding(index.arrays.with_name(f"{index.arrays.name}.lock"), wait=0):
            try:
                _write(index, new)
                new.replace(index.arrays)
            finally:
                new.unlink(missing_ok=True)
    except (OSError, CatalogueBusyError):
        return False
    return True


def _write(index: LineageIndex, path: Path) -> None:
    import numpy as np

    made, generation, _ = index.state()
    last = index.last_number()
    tables, crates, kind = [], [], np.zeros(last + 1, np.int8)
    for crate, edges, actions, things in index.flows():
        table = np.frombuffer(edges, np.int32).reshape(3, -1)
        tables.append(table)
        crates.append(np.full(table.shape[1], crate, np.int32))
        kind[np.frombuffer(things, np.int32)] |= THING
        kind[np.frombuffer(actions, np.int32)] |= ACTION
    joins = np.fromiter((number for edge in index.joins() for number in edge), np.int32).reshape(-1, 4).T
    src, dst, role = np.concatenate([*tables, joins[:3]], axis=1)
    crate_of = np.concatenate([*crates, joins[3]])
    rank = np.zeros(last + 1, np.int32)
    in_order = np.fromiter(index.numbers_by_iri(), np.int32)
    rank[in_order] = np.arange(in_order.size, dtype=np.int32)
    up, down = (_side(near, far, role, crate_of, last) for near, far in ((dst, src), (src, dst)))
    numbers = (*up[:3], *down[:3], rank)
    parts = [part.tobytes() for part in (*numbers, up[3], down[3], kind)]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    size = 2 * _HEAD.size + sum(map(len, parts))
    head = _HEAD.pack(_MAGIC, made.encode("ascii"), generation, last, src.size, size, checksum)
    with path.open("wb") as file:
        file.write(head)
        for part in parts:
            file.write(part)
        file.write(head)
        file.flush()
        os.fsync(file.fileno())


def _side(
    near: NDArray[np.int32], far: NDArray[np.int32], role: NDArray[np.int32], crate: NDArray[np.int32], last: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32], NDArray[np.int8]]:
    import numpy as np

    order = np.argsort(near, kind="stable")
    start = np.zeros(last + 2, np.int32)
    np.cumsum(np.bincount(near, minlength=last + 1), out=start[1:])
    return start, far[order], crate[order], role[order].astype(np.int8)


def remove_arrays(path: Path) -> None:
    """Remove the arrays' file, if it is there."""
    with suppress(FileNotFoundError):
        path.unlink()
