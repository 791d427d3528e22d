"""How the arrays of a lineage index are made; :mod:`filiation.catalogue.arrays` tells what is in them."""

from __future__ import annotations

import os
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from filiation.catalogue.arrays import ACTION, HEAD, MAGIC, THING
from filiation.catalogue.lock import holding
from filiation.errors import CatalogueBusyError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    import numpy as np
    from numpy.typing import NDArray

    from filiation.catalogue.index import LineageIndex

_NAMES_AT_ONCE: Final = 10_000


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
    made, generation, _ = index.state()
    last = index.last_number()
    with path.open("wb") as file:
        file.seek(HEAD.size)
        body = _Body(file)
        names, letters = _write_names(index, last, body)
        edges = _write_edges(index, last, body)
        size = file.tell() + HEAD.size
        head = HEAD.pack(MAGIC, made.encode("ascii"), generation, last, edges, names, letters, size, body.checksum)
        file.write(head)
        file.seek(0)
        file.write(head)
        file.flush()
        os.fsync(file.fileno())


class _Body:
    """What stands between head and end, in parts that begin at whole multiples of eight bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = 0

    def write(self, part: bytes | NDArray[np.generic]) -> None:
        data = part if isinstance(part, bytes) else part.data.cast("B")
        self.checksum = zlib.crc32(data, self.checksum)
        self._file.write(data)

    def pad(self) -> None:
        self.write(bytes(-self._file.tell() % 8))


def _write_names(index: LineageIndex, last: int, body: _Body) -> tuple[int, int]:
    """Write what nodes are called; return how many names there are, and how many bytes of letters."""
    import numpy as np

    crates = index.crate_numbers()
    rank = np.zeros(last + 1, np.int32)
    ends, family = np.zeros(last + 2, np.int64), np.zeros(last + 1, np.int32)
    before, crate, named, end = "", 0, 0, HEAD.size
    for rows in index.names_in_order(_NAMES_AT_ONCE):
        letters, families = [], []
        for _, iri in rows:
            # In the order of their IRIs a crate stands before everything of its own.
            if before and iri.startswith(before):
                letters.append(iri[len(before) :].encode())
                families.append(crate)
            else:
                letters.append(iri.encode())
                families.append(0)
                before, crate = (iri, crates[iri]) if iri in crates else ("", 0)
        here = slice(named, named + len(rows))
        rank[[number for number, _ in rows]] = np.arange(here.start, here.stop, dtype=np.int32)
        family[here] = families
        ends[named + 1 : here.stop + 1] = list(accumulate(map(len, letters), initial=end))[1:]
        ends[named] = end
        named, end = here.stop, int(ends[here.stop])
        body.write(b"".join(letters))
    index.give_back_memory()
    body.pad()
    padded = end - HEAD.size + -end % 8
    body.write(ends[: named + 1])
    for numbers in (family[:named], rank):
        body.write(numbers)
        body.pad()
    return named, padded


def _write_edges(index: LineageIndex, last: int, body: _Body) -> int:
    """Write the edges both ways, and what nodes are; return how many edges there are."""
    import numpy as np

    count = index.edge_count()
    src, dst, crate_of = (np.zeros(count, np.int32) for _ in range(3))
    role, kind = np.zeros(count, np.int8), np.zeros(last + 1, np.int8)
    at = 0
    for crate, edges, actions, things in index.flows():
        table = np.frombuffer(edges, np.int32).reshape(3, -1)
        here = slice(at, at := at + table.shape[1])
        src[here], dst[here], role[here], crate_of[here] = *table, crate
        kind[np.frombuffer(things, np.int32)] |= THING
        kind[np.frombuffer(actions, np.int32)] |= ACTION
    joins = np.fromiter((number for edge in index.joins() for number in edge), np.int32).reshape(-1, 4).T
    src[at:], dst[at:], role[at:], crate_of[at:] = joins
    for near, far in ((dst, src), (src, dst)):
        order = np.argsort(near, kind="stable").astype(np.int32)
        start = np.zeros(last + 2, np.int32)
        np.cumsum(np.bincount(near, minlength=last + 1), out=start[1:])
        for numbers in (start, far[order], crate_of[order], role[order]):
            body.write(numbers)
            body.pad()
    body.write(kind)
    return int(src.size)
