"""Clues: by which digest, pixels or path the index finds things, in an order that one crate more hardly changes.

Digests and paths come in no order, so an order of all of them is changed in as many places as a crate tells of things,
and each place is a page that is read and written. A clue is one number instead: 29 bits of what is looked for, of what
sort that is, and where it is told. New clues stand in a small table and move on, slice by slice, through larger ones
to the largest: each crate that comes in moves those of one slice, which lie side by side. So what a crate costs does
not follow how many there are, and nothing is ever to be merged at once.

A clue is no proof. Whoever follows one compares what stands there, so that clues of things that are gone, and those of
others that share their 29 bits, are passed over. The levels together hold the clues of all things, in every state that
a reader may see.
"""

from __future__ import annotations

from array import array
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias
from zlib import crc32

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

Condition: TypeAlias = tuple[str, tuple[str | int, ...]]
"""A condition of SQL on rows of ``entity``, and what is bound in it."""

MADE: Final = 0
"""The digest of a thing that its run made; the number after it is that of the thing."""
FOUND: Final = 1
"""The digest of a thing that its run did not make; the number is that of the thing."""
MADE_PIXELS: Final = 2
"""The digest of the pixels of a thing that its run made; the number is that of the thing."""
FOUND_PIXELS: Final = 3
"""The digest of the pixels of a thing that its run did not make; the number is that of the thing."""
PATH: Final = 4
"""A path; the number is that of a crate that tells of something there."""

SLICES: Final = (8, 64, 1024)
"""Into how many slices each level but the last is divided: as many crates later, what came into it has moved on."""
_LEVELS: Final = tuple(f"clue_{level}" for level in range(len(SLICES) + 1))
SCHEMA: Final = (
    "".join(f"CREATE TABLE {name} (entry INTEGER PRIMARY KEY);\n" for name in _LEVELS)
    + "CREATE TABLE again (clue INTEGER PRIMARY KEY);"
)
"""``again`` has the clues, without their numbers, to digests and pixels that were made more than once, as it seems:
noted as crates come in, and not forgotten when they leave."""

_BITS: Final = 29
_NUMBER: Final = 31
_KIND: Final = 3
_OF_NUMBERS: Final = (1 << _NUMBER) - 1
_ALL: Final = 1 << _BITS + _KIND + _NUMBER
_AT_ONCE: Final = 200
"""Ranges that are asked for in one statement; SQLite binds 999 values everywhere."""
_MANY: Final = 500_000
"""Clues from which on numpy is worth its import."""
_BETWEEN: Final = " UNION ALL ".join(
    f"SELECT entry & {_OF_NUMBERS} FROM {name} WHERE entry BETWEEN ? AND ?"  # noqa: S608 - our own names
    for name in _LEVELS
)


class Thing(NamedTuple):
    """What clues are made of: one row of ``entity``."""

    term: int
    crate: int
    generated: int
    digest: str | None
    pixels: str | None
    path: str


def clues_of(things: Iterable[Thing]) -> Iterator[int]:
    """Yield the clues to things, in no order, some more than once."""
    for term, crate, generated, digest, pixels, path in things:
        if digest is not None:
            yield _clue(_of_digest(digest), MADE if generated else FOUND) | term
        if pixels is not None:
            yield _clue(_of_digest(pixels), MADE_PIXELS if generated else FOUND_PIXELS) | term
        yield _clue(_of_path(path), PATH) | crate


def note(cursor: sqlite3.Cursor, things: Iterable[Thing], turn: int) -> None:
    """Put in the clues to a crate's things, within a transaction, and let a slice of each level move on.

    Parameters
    ----------
    cursor, things
        The index, and the crate's things.
    turn
        How many crates came in, this one too: it tells whose turn it is to move on.
    """
    clues = sorted(set(clues_of(things)))
    made = (clue for clue in clues if _kind_of(clue) in (MADE, MADE_PIXELS))
    again = {clue >> _NUMBER for clue, other in _alike(cursor.connection, made) if clue != other}
    _note_again(cursor, {*again, *_shared(clues)})
    cursor.executemany("INSERT OR IGNORE INTO clue_0 VALUES (?)", ((clue,) for clue in clues))
    for slices, level, beyond in reversed(list(zip(SLICES, _LEVELS, _LEVELS[1:], strict=False))):
        size = _ALL // slices
        first = turn % slices * size
        within = (first, first + size - 1)
        cursor.execute(
            f"INSERT OR IGNORE INTO {beyond} SELECT entry FROM {level} WHERE entry BETWEEN ? AND ?",  # noqa: S608
            within,
        )
        cursor.execute(f"DELETE FROM {level} WHERE entry BETWEEN ? AND ?", within)  # noqa: S608


def note_all(cursor: sqlite3.Cursor) -> None:
    """Make all clues again from the things that are there, within a transaction."""
    for name in (*_LEVELS, "again"):
        cursor.execute(f"DELETE FROM {name}")  # noqa: S608
    rows = cursor.connection.execute("SELECT term, crate, generated, digest, pixels, path FROM entity")
    clues = _in_order(clues_of(map(Thing._make, rows)))
    cursor.executemany(f"INSERT OR IGNORE INTO {_LEVELS[-1]} VALUES (?)", ((clue,) for clue in clues))  # noqa: S608
    _note_again(cursor, _shared(clues))


def having(column: str, value: str, *, generated: bool | None = None) -> Condition:
    """Return what is true of the things with a digest, pixels or a path, all as the index writes them.

    Parameters
    ----------
    column
        ``digest``, ``pixels`` or ``path``.
    value
        What it is to be.
    generated
        Of digests and pixels, whether the run made the thing; None for both.
    """
    if column == "path":
        first, last, number = PATH, PATH, "crate"
    elif column == "pixels":
        first, last, number = MADE_PIXELS, FOUND_PIXELS, "term"
    else:
        first, last, number = MADE, FOUND, "term"
    if generated is not None and column != "path":
        first = last = first if generated else last
    try:
        bits = _of_path(value) if column == "path" else _of_digest(value)
    except ValueError:  # no digest, so nothing has it
        return "0", ()
    within = _clue(bits, first), _clue(bits, last) | _OF_NUMBERS
    return f"(entity.{number} IN ({_BETWEEN}) AND entity.{column} = ?)", (*within * len(_LEVELS), value)


def beginning(column: str, start: str) -> Condition:
    """Return what is true of the things whose digest, or pixels, begin with a text of the kind and some digits."""
    digits = start.partition(":")[2][:8]
    try:
        low, high = (_bits_of(digits.ljust(8, digit)) for digit in "0f")
    except ValueError:
        return "0", ()
    within = _clue(low, MADE), _clue(high, PATH) | _OF_NUMBERS
    # "g" comes after every hexadecimal digit.
    return (
        f"(entity.term IN ({_BETWEEN}) AND entity.{column} >= ? AND entity.{column} < ?)",
        (*within * len(_LEVELS), start, f"{start}g"),
    )


def that_found(connection: sqlite3.Connection, digests: Iterable[str]) -> Iterator[int]:
    """Yield the numbers of things that may have one of some digests, and that their runs did not make."""
    wanted = sorted({_clue(_of_digest(digest), FOUND) for digest in digests})
    return (clue & _OF_NUMBERS for _, clue in _alike(connection, wanted))


def that_share_one(connection: sqlite3.Connection, kind: int) -> set[int]:
    """Return the numbers of all things that may have their digest, or pixels, in common with others.

    ``kind`` is :data:`MADE` or :data:`MADE_PIXELS`.
    """
    noted = [clue << _NUMBER for (clue,) in connection.execute("SELECT clue FROM again")]
    return {clue & _OF_NUMBERS for _, clue in _alike(connection, (each for each in noted if _kind_of(each) == kind))}


def things_of(connection: sqlite3.Connection, crate: int) -> list[Thing]:
    """Return a crate's things, given by its number."""
    columns = ", ".join(Thing._fields)
    return [Thing._make(row) for row in connection.execute(f"SELECT {columns} FROM entity WHERE crate = ?", (crate,))]  # noqa: S608


def lacking(connection: sqlite3.Connection, things: Sequence[Thing]) -> bool:
    """Whether one of the clues to some things is not there."""
    there = " OR ".join(f"EXISTS (SELECT 1 FROM {name} WHERE entry = ?1)" for name in _LEVELS)  # noqa: S608
    return not all(connection.execute(f"SELECT {there}", (clue,)).fetchone()[0] for clue in clues_of(things))


def _alike(connection: sqlite3.Connection, clues: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield each of some clues with each that differs from it in its number alone, and with itself."""
    waiting = iter(clues)
    alike = " UNION ALL ".join(
        f"SELECT clue, entry FROM wanted CROSS JOIN {name} "  # noqa: S608
        f"ON entry BETWEEN clue & ~{_OF_NUMBERS} AND clue | {_OF_NUMBERS}"
        for name in _LEVELS
    )
    while part := list(islice(waiting, _AT_ONCE)):
        wanted = f"WITH wanted (clue) AS (VALUES {', '.join(['(?)'] * len(part))}) "
        yield from connection.execute(wanted + alike, part).fetchall()


def _shared(clues: Iterable[int]) -> set[int]:
    """Return which of some sorted clues to what runs made there are several of, without their numbers."""
    shared = {one >> _NUMBER for one, other in pairwise(clues) if one >> _NUMBER == other >> _NUMBER and one != other}
    return {clue for clue in shared if _kind_of(clue << _NUMBER) in (MADE, MADE_PIXELS)}


def _note_again(cursor: sqlite3.Cursor, clues: Iterable[int]) -> None:
    cursor.executemany("INSERT OR IGNORE INTO again VALUES (?)", ((clue,) for clue in sorted(clues)))


def _clue(bits: int, kind: int) -> int:
    return (bits << _KIND | kind) << _NUMBER


def _kind_of(clue: int) -> int:
    return clue >> _NUMBER & (1 << _KIND) - 1


def _of_digest(text: str) -> int:
    """Return the first bits of a digest, so that the clues of digests that begin alike lie side by side."""
    return _bits_of(text.partition(":")[2][:8])


def _bits_of(digits: str) -> int:
    return int(digits, 16) >> 32 - _BITS


def _of_path(text: str) -> int:
    return crc32(text.encode()) >> 32 - _BITS


def _in_order(clues: Iterable[int]) -> array[int]:
    """Return clues sorted, in 8 bytes each."""
    listed = array("q", clues)
    if len(listed) < _MANY:
        return array("q", sorted(listed))
    import numpy as np

    np.frombuffer(listed, np.int64).sort()  # where they are
    return listed
