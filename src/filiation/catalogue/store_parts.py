"""The embedded stores of an edition: what waits comes to them in parts, which are merged when they are many.

A store is named after the last graph that it has of those that waited in the index. What comes to it is written to
tables of its own, which lie beside those that were there: a *part*. What few graphs wait comes to a store of its own
when somebody asks, made of the one before or, where that got hardly more, of an earlier one; the graphs go on waiting.
When enough wait (:func:`enough`), they become a part that is not made again, and are forgotten. A process in the
background merges the parts when they are as much as all that was there before (:mod:`store_merging`): so a statement
is written some three times in all, however large the store is.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self
from uuid import uuid4

from filiation.catalogue.crates import STORE
from filiation.catalogue.editions import number_of, numbered, remove_between, using
from filiation.catalogue.filling import load_in_parts
from filiation.catalogue.lock import holding
from filiation.catalogue.store_writer import StoreWriter
from filiation.errors import CatalogueBusyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from filiation.catalogue.index import LineageIndex

MERGING: Final = "merging.lock"
"""File in an edition, locked by who merges its store, or makes a part that is not made again."""
_COMING: Final = ".coming-"
_LEAST: Final = 4_000_000
"""Compressed bytes of graphs that are worth a part: some 400,000 statements."""
_OF_THE_STORE: Final = 600
"""A large store gets parts of one byte, compressed, for so many of its tables: of each 25 of its graphs one."""
_MOST: Final = 14
"""Parts at which a store is merged however small they are: each question looks into all of them, and RocksDB lets those
who write wait from 20 on."""
_FEWEST: Final = 8
"""Parts at which a store is merged if they are as much as what was there."""
_SMALLER: Final = 4
"""How many times smaller than what came before is what comes to it; else both come to what was there earlier."""
_TOLD: Final = "parts.json"
_NOTICED: Final = 27
"""Tables of one store above which questions are slower for them; a part has up to nine."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a store is made of.

    Parameters
    ----------
    whole
        Bytes of its tables when they were merged last.
    parts
        How many came to them since and are not made again.
    """

    whole: int
    parts: int

    @classmethod
    def of(cls, store: Path) -> Self:
        """Read them; of a store that does not tell, many are assumed."""
        try:
            told = json.loads((store / _TOLD).read_text(encoding="ascii"))
        except FileNotFoundError:
            size = size_of(store)
            return cls(size, _MOST if size else 0)
        return cls(told["whole"], told["parts"])

    def note(self, store: Path) -> None:
        """Write them into a store that nobody reads yet."""
        (store / _TOLD).write_text(json.dumps(asdict(self)), encoding="ascii")

    def are_many(self, size: int) -> bool:
        """Whether a store whose tables have so many bytes is to be merged."""
        return self.parts >= _MOST or (self.parts >= _FEWEST and size >= 2 * self.whole)


def size_of(store: Path) -> int:
    """Return how many bytes the tables of a store have."""
    return sum(file.stat().st_size for file in store.glob("*.sst"))


def enough(size: int) -> int:
    """Return how many compressed bytes of graphs are to wait until they become a part of a store of so many bytes."""
    return max(_LEAST, size // _OF_THE_STORE)


def deliver(edition: Path, index: LineageIndex) -> None:
    """Make a store that has what waits; several may do so at once, each for itself: they make the same."""
    while stores := can_be_extended(edition, index):
        sizes = index.sizes_waiting()
        if not any(number > number_of(stores[-1], STORE) for number in sizes):
            return
        with using(_to_extend(stores, sizes)) as store:
            if store is None:
                continue  # somebody has made another meanwhile
            with copied(store) as coming:
                put_in(coming, index, number_of(store, STORE))
                with suppress(OSError):  # another process has made the same
                    coming.rename(edition / f"{STORE}{max(sizes)}")
        remove_between(edition, STORE, number_of(store, STORE), max(sizes))
        return


def keep_what_waits(edition: Path, index: LineageIndex, *, at_least: int | None = None) -> bool:
    """Make what waits a part of the store, if it is enough; return whether that has many parts now.

    To be called by who alone takes crates in. Who merges meanwhile brings what waits in the end.

    Parameters
    ----------
    at_least
        Compressed bytes that are enough; by default what :func:`enough` says.
    """
    stores = can_be_extended(edition, index)
    waiting = sum(index.sizes_waiting().values())
    if not stores or waiting < (_LEAST if at_least is None else at_least):
        return False
    if at_least is None and waiting < enough(size_of(stores[0])):
        return False
    made = None
    with suppress(CatalogueBusyError), holding(edition / MERGING, wait=0), using(stores[0]) as store:
        if store is None:
            return False
        before = Parts.of(store)
        with copied(store) as coming:
            made = put_in_place(coming, index, number_of(store, STORE), Parts(before.whole, before.parts + 1))
    return made is not None and has_taken_the_place(made)


def put_in_place(coming: Path, index: LineageIndex, after: int, parts: Parts) -> Path:
    """Put a store that was copied beside all others as the newest, with all that waits, which is forgotten; return it.

    To be called by who alone takes crates in, and merges.

    Parameters
    ----------
    coming
        The copy.
    index
        Where the graphs wait.
    after
        Number of the store that was copied.
    parts
        What it is made of then.
    """
    put_in(coming, index, after)
    parts.note(coming)
    number = index.next_waiting()
    made = coming.rename(coming.with_name(f"{STORE}{number}"))
    index.forget_waiting(number)
    return made


def has_taken_the_place(made: Path) -> bool:
    """Remove the stores before one that nothing waits for, unless they are read; return whether it has many parts."""
    remove_between(made.parent, STORE, -1, number_of(made, STORE))
    return Parts.of(made).are_many(size_of(made))


def can_be_extended(edition: Path, index: LineageIndex) -> list[Path]:
    """Return the stores of an edition that lack nothing but what waits, in the order of their numbers."""
    stores = numbered(edition, STORE)
    first = index.first_waiting()
    return stores[-1:] if first is None else [store for store in stores if number_of(store, STORE) >= first - 1]


def _to_extend(stores: Sequence[Path], sizes: Mapping[int, int]) -> Path:
    """Return the newest store to which so much comes that it is worth a part beside what came before."""
    numbers = [number_of(store, STORE) for store in stores]
    place = len(stores) - 1
    while place > 0:
        coming = sum(size for number, size in sizes.items() if number > numbers[place])
        before = sum(size for number, size in sizes.items() if numbers[place - 1] < number <= numbers[place])
        if before > _SMALLER * coming:
            break
        place -= 1
    return stores[place]


def put_in(store: Path, index: LineageIndex, after: int) -> None:
    """Put into a store that nobody reads yet what waits with numbers above ``after``."""
    from filiation.catalogue.oxigraph import n_quads

    waiting = index.waiting(after)
    if waiting:
        with StoreWriter(store) as writer:
            for graph in waiting:
                writer.remove(graph)
            triples = index.triples_waiting(waiting.values())
            load_in_parts(writer, (n_quads(graph, body) for graph, body in zip(waiting, triples, strict=True)))


@contextmanager
def copied(store: Path) -> Iterator[Path]:
    """Copy a store that nobody writes to, to be changed and renamed; what is left of the copy is removed.

    Its tables never change and are linked, its few other files are copied.
    """
    copy = store.with_name(f"{_COMING}{os.getpid()}-{uuid4().hex}")  # a process may make several at once
    copy.mkdir()
    try:
        for file in store.iterdir():
            if file.suffix == ".sst":
                try:
                    os.link(file, copy / file.name)
                except OSError:  # a file system without links
                    shutil.copy2(file, copy / file.name)
            elif file.name not in ("LOCK", "in-use") and not file.name.startswith("LOG"):
                shutil.copy2(file, copy / file.name)
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def merge_tables(store: Path, *, lock: int | None = None, wait: float = 10.0) -> None:
    """Merge the tables of a store that nobody reads yet, if they are many; see :class:`StoreWriter` for the rest."""
    if sum(1 for _ in store.glob("*.sst")) > _NOTICED:
        with StoreWriter(store, lock=lock, wait=wait, merging=True) as writer:
            writer.merge()


def remove_what_was_left(edition: Path) -> None:
    """Remove what killed processes left."""
    for left in edition.glob(f"{_COMING}*"):
        process = left.name.removeprefix(_COMING).partition("-")[0]
        if not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)
