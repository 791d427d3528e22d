"""What nodes tell, in columns of the index: so that a question over a million jobs reads what it asks for and no node.

A column is a field, or one of its keys, of the actions or of the things of all crates. It is kept crate by crate, as
values with the nodes that have them (a bit for each node of the crate), as numbers with their lowest and highest, or
as texts: one row for what a crate tells, however many jobs it has. What is asked for comes back as the crates that
have it, each with the bits of the nodes that do.
"""

from __future__ import annotations

import json
import math
from array import array
from collections import defaultdict
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from filiation.catalogue.clues import beginning, having
from filiation.catalogue.node_facts import ACTIONS, FACTS, NUMBERS, THINGS, VALUES, as_float, microseconds
from filiation.catalogue.nodes import ActionNode, EntityNode, action_from_text, entity_from_text
from filiation.model import Value

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from filiation.catalogue.clues import Condition
    from filiation.catalogue.derive import Derived

_Told: TypeAlias = "list[tuple[int, Iterable[tuple[str, object]]]]"
"""What nodes tell: the place of each, and every value with its key."""
Hits: TypeAlias = dict[int, int]
"""By the number of a crate, a bit for each of its nodes that is as asked for; crates without any are left out."""

SCHEMA: Final = """
CREATE TABLE measure (crate INTEGER PRIMARY KEY, actions INTEGER NOT NULL, things INTEGER NOT NULL);
CREATE TABLE field (
    id INTEGER PRIMARY KEY, of TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, turn INTEGER NOT NULL,
    UNIQUE (of, name, key, turn)
);
CREATE TABLE value (id INTEGER PRIMARY KEY, field INTEGER NOT NULL, value TEXT NOT NULL, UNIQUE (field, value));
CREATE TABLE told_new (
    value INTEGER NOT NULL, crate INTEGER NOT NULL, nodes BLOB NOT NULL, PRIMARY KEY (value, crate)
) WITHOUT ROWID;
CREATE TABLE told_before (
    value INTEGER NOT NULL, crate INTEGER NOT NULL, nodes BLOB NOT NULL, PRIMARY KEY (value, crate)
) WITHOUT ROWID;
CREATE VIEW told AS SELECT value, crate, nodes FROM told_before UNION ALL SELECT value, crate, nodes FROM told_new;
CREATE TABLE numbers (
    field INTEGER NOT NULL, crate INTEGER NOT NULL, low REAL NOT NULL, high REAL NOT NULL, known INTEGER NOT NULL,
    numbers BLOB NOT NULL, PRIMARY KEY (field, crate)
) WITHOUT ROWID;
CREATE TABLE texts (
    field INTEGER NOT NULL, crate INTEGER NOT NULL, texts BLOB NOT NULL, PRIMARY KEY (field, crate)
) WITHOUT ROWID;
CREATE TABLE columns (crate INTEGER PRIMARY KEY, told BLOB NOT NULL, others BLOB NOT NULL);
"""
"""``turn`` counts what a node tells more than once under one key. ``columns`` lists a crate's rows of the others, so
that they can be removed. ``told`` has two levels: values of the newest crates stand together, since each of the others
has its own place, and a page of it is not worth writing for one crate."""

_NUMBERS: Final = "i"
_FIGURES: Final = "d"
_BETWEEN: Final = "\0"
_NOT_KNOWN: Final = math.nan
_NOTHING: Final = (None, (), "")
_CRATES_AT_ONCE: Final = 16
"""Crates whose values are noted before they move to where each stands with all others of its value."""
_FEW: Final = 200
"""Rows of numbers from which on numpy is worth its import."""


class Column(NamedTuple):
    """A field or one of its keys."""

    number: int
    key: str


def note_facts(cursor: sqlite3.Cursor, crate: int, derived: Derived, turn: int | None = None) -> None:
    """Put what a crate's nodes tell into the columns; what was there of it is to be removed before.

    Parameters
    ----------
    cursor
        The index.
    crate, derived
        The crate's number, and what it tells.
    turn
        How many crates came in, this one too; None while so many do that nothing is to move on.
    """
    kept = _Columns(cursor, crate, "told_before" if turn is None else "told_new")
    sorts: tuple[tuple[str, Sequence[ActionNode | EntityNode]], ...] = (
        (ACTIONS, derived.actions),
        (THINGS, derived.entities),
    )
    for of, nodes in sorts:
        having: dict[str | None, list[tuple[int, ActionNode | EntityNode]]] = {None: list(enumerate(nodes))}
        for fact in FACTS:
            if fact.of == of:
                if fact.part is not None and fact.part not in having:
                    tells = attrgetter(fact.part)
                    having[fact.part] = [(place, node) for place, node in having[None] if tells(node) not in _NOTHING]
                if fact.part is not None and fact.is_part:
                    tells = attrgetter(fact.part)
                    told: _Told = [(place, (("", tells(node)),)) for place, node in having[fact.part]]
                else:
                    told = [(place, fact.told(node, derived.run)) for place, node in having[fact.part]]
                kept.add(fact.of, fact.field, fact.form, told, len(nodes))
    cursor.execute("INSERT INTO measure VALUES (?, ?, ?)", (crate, len(derived.actions), len(derived.entities)))
    lists = (array(_NUMBERS, numbers).tobytes() for numbers in (kept.values, kept.fields))
    cursor.execute("INSERT INTO columns VALUES (?, ?, ?)", (crate, *lists))
    if turn is not None:
        _move_on(cursor, turn)


def _move_on(cursor: sqlite3.Cursor, turn: int) -> None:
    """Let what is new of some values move to what is not: of each value that comes from several crates at once."""
    whose = (turn % _CRATES_AT_ONCE,)
    cursor.execute(f"INSERT INTO told_before SELECT * FROM told_new WHERE value % {_CRATES_AT_ONCE} = ?", whose)  # noqa: S608
    cursor.execute(f"DELETE FROM told_new WHERE value % {_CRATES_AT_ONCE} = ?", whose)  # noqa: S608


def forget_facts(cursor: sqlite3.Cursor, crate: int) -> None:
    """Remove what is kept of a crate."""
    for told, others in cursor.execute("SELECT told, others FROM columns WHERE crate = ?", (crate,)).fetchall():
        for table in ("told_new", "told_before"):
            cursor.executemany(
                f"DELETE FROM {table} WHERE value = ? AND crate = ?",  # noqa: S608 - our own names
                ((number, crate) for number in array(_NUMBERS, told)),
            )
        for table in ("numbers", "texts"):
            cursor.executemany(
                f"DELETE FROM {table} WHERE field = ? AND crate = ?",  # noqa: S608 - our own names
                ((number, crate) for number in array(_NUMBERS, others)),
            )
    for table in ("measure", "columns"):
        cursor.execute(f"DELETE FROM {table} WHERE crate = ?", (crate,))  # noqa: S608 - our own names


class _Columns:
    """What is put into the columns for one crate."""

    def __init__(self, cursor: sqlite3.Cursor, crate: int, told: str) -> None:
        self._cursor = cursor
        self._crate = crate
        self._told = told
        self.values: list[int] = []
        self.fields: list[int] = []

    def add(self, of: str, field: str, form: str, told: _Told, count: int) -> None:
        if form == VALUES:
            self._add_values(of, field, told)
        elif form == NUMBERS:
            self._add_numbers(of, field, told, count)
        else:
            self._add_texts(of, field, told, count)

    def _add_values(self, of: str, field: str, told: _Told) -> None:
        having: dict[tuple[str, str], int] = defaultdict(int)
        placed: dict[tuple[str, type, object], int] = defaultdict(int)
        for place, pairs in told:
            bit = 1 << place
            for key, value in pairs:
                if type(value) is Value:
                    having[key, _as_text(value)] |= bit
                else:  # values that are equal and of other kinds are others: 1, 1.0 and true
                    placed[key, type(value), value] |= bit
        for (key, _, value), bits in placed.items():
            having[key, _as_text(value)] |= bits
        rows = []
        for (key, text), bits in having.items():
            number = self._number("value", "field, value", (self._field(of, field, key), text))
            rows.append((number, self._crate, bits.to_bytes((bits.bit_length() + 7) // 8, "little")))
        self._cursor.executemany(f"INSERT INTO {self._told} VALUES (?, ?, ?)", rows)  # noqa: S608 - our own names
        self.values += (number for number, _, _ in rows)

    def _add_numbers(self, of: str, field: str, told: _Told, count: int) -> None:
        for (key, turn), placed in _by_turn(told).items():
            numbers = array(_FIGURES, [_NOT_KNOWN]) * count
            for place, value in placed:
                numbers[place] = _as_number(value)
            known = [number for number in numbers if not math.isnan(number)]
            if known:
                column = self._field(of, field, key, turn)
                row = (column, self._crate, min(known), max(known), len(known), numbers.tobytes())
                self._cursor.execute("INSERT INTO numbers VALUES (?, ?, ?, ?, ?, ?)", row)
                self.fields.append(column)

    def _add_texts(self, of: str, field: str, told: _Told, count: int) -> None:
        for (key, turn), placed in _by_turn(told).items():
            texts = [""] * count
            for place, value in placed:
                texts[place] = str(value).replace(_BETWEEN, "\ufffd")
            column = self._field(of, field, key, turn)
            written = _BETWEEN.join(texts).encode("utf-8", "surrogatepass")  # a path may be any bytes
            self._cursor.execute("INSERT INTO texts VALUES (?, ?, ?)", (column, self._crate, written))
            self.fields.append(column)

    def _field(self, of: str, name: str, key: str, turn: int = 0) -> int:
        return self._number("field", "of, name, key, turn", (of, name, _storable(key), turn))

    def _number(self, table: str, columns: str, row: tuple[str | int, ...]) -> int:
        """Return the number of a row that is in a table once; it is put there if it is new."""
        where = " AND ".join(f"{column} = ?" for column in columns.split(", "))
        found = self._cursor.execute(f"SELECT id FROM {table} WHERE {where}", row).fetchone()  # noqa: S608
        if found is not None:
            return int(found[0])
        places = ", ".join("?" * len(row))
        made = self._cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # noqa: S608
        return int(made.lastrowid or 0)


class FactColumns:
    """The columns, to be asked.

    Parameters
    ----------
    connection
        To the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def all(self, of: str) -> Hits:
        """Return every action (``action``) or thing (``entity``) of every crate."""
        column = "actions" if of == ACTIONS else "things"
        rows = self._connection.execute(f"SELECT crate, {column} FROM measure WHERE {column}")  # noqa: S608
        return {crate: (1 << count) - 1 for crate, count in rows}

    def size(self) -> int:
        """Return how many actions and things all crates tell of."""
        (count,) = self._connection.execute("SELECT coalesce(sum(actions + things), 0) FROM measure").fetchone()
        return int(count)

    def made(self) -> int:
        """Return how many things runs made, each as often as it was made."""
        return sum(bits.bit_count() for bits in self.having_value(THINGS, "made", True).values())

    def columns(self, of: str, field: str) -> tuple[Column, ...]:
        """Return the columns of a field, by their keys."""
        rows = self._connection.execute("SELECT id, key FROM field WHERE of = ? AND name = ? ORDER BY key", (of, field))
        return tuple(Column(int(number), key) for number, key in rows)

    def values(self, column: Column) -> Iterator[tuple[int, object]]:
        """Yield every value of a column of values, with its number."""
        rows = self._connection.execute("SELECT id, value FROM value WHERE field = ?", (column.number,))
        return ((int(number), json.loads(text)) for number, text in rows)

    def having(self, values: Iterable[int]) -> Hits:
        """Return the nodes that have any of some values, by their numbers."""
        hits: Hits = {}
        for number in values:
            for crate, nodes in self._connection.execute("SELECT crate, nodes FROM told WHERE value = ?", (number,)):
                hits[crate] = hits.get(crate, 0) | int.from_bytes(nodes, "little")
        return hits

    def having_value(self, of: str, field: str, wanted: object) -> Hits:
        """Return the actions or things that have a value of a field that is kept as values."""
        columns = self.columns(of, field)
        return self.having(number for column in columns for number, value in self.values(column) if value == wanted)

    def told_in(self, crate: int, columns: Iterable[Column]) -> list[tuple[int, int]]:
        """Return the values of some columns that a crate tells, by their numbers, each with its nodes as bits."""
        found = self._connection.execute("SELECT told FROM columns WHERE crate = ?", (crate,)).fetchone()
        values, fields = ",".join(map(str, array(_NUMBERS, found[0]))), ",".join(str(of.number) for of in columns)
        rows = self._connection.execute(
            "SELECT told.value, told.nodes FROM told JOIN value ON value.id = told.value "  # noqa: S608 - our own numbers
            f"WHERE told.value IN ({values}) AND told.crate = ? AND value.field IN ({fields})",
            (crate,),
        )
        return [(value, int.from_bytes(nodes, "little")) for value, nodes in rows]

    def between(self, column: Column, low: float, high: float) -> Hits:
        """Return the nodes whose number in a column is from ``low`` to ``high``, both included.

        Where all numbers of a crate are, they are not read one by one.
        """
        hits: Hits = {}
        rows = self._connection.execute(
            "SELECT numbers.crate, CASE WHEN low >= ?1 AND high <= ?2 AND known * 8 = length(numbers) "
            "THEN known ELSE numbers END FROM numbers WHERE field = ?3 AND high >= ?1 AND low <= ?2",
            (low, high, column.number),
        )
        mixed: list[tuple[int, bytes]] = []
        for crate, found in rows:
            if isinstance(found, int):
                hits[crate] = (1 << found) - 1
            else:
                mixed.append((crate, found))
        hits.update(_within(mixed, low, high))
        return hits

    def texts(self, column: Column) -> Iterator[tuple[int, str]]:
        """Yield the number of each crate with the texts of its nodes in a column, one after another."""
        rows = self._connection.execute("SELECT crate, texts FROM texts WHERE field = ?", (column.number,))
        return ((crate, str(texts, "utf-8", "surrogatepass")) for crate, texts in rows)

    def things_named(self, name: str, limit: int) -> tuple[str, ...]:
        """Return the IRIs of some things that are called so and not by their path, sorted."""
        found: set[str] = set()
        for column in self.columns(THINGS, "name"):
            for crate, texts in self.texts(column) if column.key == "name" else ():
                if name in texts:
                    bits = sum(1 << place for place, text in enumerate(split_texts(texts)) if text == name)
                    found.update(node.iri for node in self.nodes(THINGS, crate, bits))
        return tuple(sorted(found)[:limit])

    def placed(self, of: str, nodes: Iterable[tuple[int, int]]) -> Hits:
        """Return nodes, given as their number and their crate's, as bits."""
        found: dict[int, set[int]] = defaultdict(set)
        for number, crate in nodes:
            found[crate].add(number)
        hits: Hits = {}
        for crate, wanted in found.items():
            bits = sum(1 << place for place, number in enumerate(self._numbers(of, crate)) if number in wanted)
            if bits:
                hits[crate] = bits
        return hits

    def seen_in(self, of: str, iris: Iterable[str]) -> Hits:
        """Return the nodes of some names, in every crate that tells of them."""
        table = "action" if of == ACTIONS else "entity"
        query = f"SELECT term, crate FROM {table} WHERE term = (SELECT id FROM term WHERE iri = ?)"  # noqa: S608
        return self.placed(of, (row for iri in iris for row in self._connection.execute(query, (iri,))))

    def things_with(self, column: str, value: str, most: int) -> Hits | None:
        """Return the things at a ``path`` or ``place``, as written; None if there are more than ``most``."""
        condition = having(column, value) if column == "path" else ("place = ?", (value,))
        return self._things_where(condition, most)

    def things_with_digest(self, start: str) -> Hits:
        """Return the things whose digest of bytes or pixels, as written, begins with a kind and some digits."""
        hits: Hits = {}
        for column in ("digest", "pixels"):
            for crate, bits in (self._things_where(beginning(column, start), None) or {}).items():
                hits[crate] = hits.get(crate, 0) | bits
        return hits

    def _things_where(self, condition: Condition, most: int | None) -> Hits | None:
        where, values = condition
        rows = self._connection.execute(
            f"SELECT term, crate FROM entity WHERE {where} LIMIT ?",  # noqa: S608 - our own text
            (*values, -1 if most is None else most + 1),
        ).fetchall()
        return None if most is not None and len(rows) > most else self.placed(THINGS, rows)

    def newest_first(self, crates: Hits) -> Iterator[int]:
        """Yield those of the crates that there are, by when their runs began; those that do not tell come last."""
        rows = self._connection.execute("SELECT term FROM crate ORDER BY began DESC, iri")
        return (crate for (crate,) in rows if crate in crates)

    def crates(self, test: Callable[[str], bool]) -> set[int]:
        """Return the numbers of the crates whose IRI passes a test."""
        return {number for number, iri in self._connection.execute("SELECT term, iri FROM crate") if test(iri)}

    def numbers(self, of: str, crate: int, bits: int) -> list[int]:
        """Return the numbers of the nodes of a crate that bits stand for."""
        return [number for place, number in enumerate(self._numbers(of, crate)) if bits >> place & 1]

    def nodes(self, of: str, crate: int, bits: int) -> list[ActionNode | EntityNode]:
        """Return the nodes of a crate that bits stand for."""
        wanted = self.numbers(of, crate, bits)
        table = "action" if of == ACTIONS else "entity"
        read: Callable[[str], ActionNode | EntityNode] = action_from_text if of == ACTIONS else entity_from_text
        query = f"SELECT record FROM {table} WHERE term = ? AND crate = ?"  # noqa: S608 - our own names
        return [read(self._connection.execute(query, (number, crate)).fetchone()[0]) for number in wanted]

    def _numbers(self, of: str, crate: int) -> array[int]:
        column = "actions" if of == ACTIONS else "things"
        (numbers,) = self._connection.execute(f"SELECT {column} FROM flow WHERE crate = ?", (crate,)).fetchone()  # noqa: S608
        return array(_NUMBERS, numbers)


def split_texts(texts: str) -> list[str]:
    """Take the texts of a column and a crate apart, node by node; one that is not known is empty."""
    return texts.split(_BETWEEN)


def _by_turn(told: _Told) -> dict[tuple[str, int], list[tuple[int, object]]]:
    """Sort what nodes tell under each key, the first of each node apart from the second."""
    columns: dict[tuple[str, int], list[tuple[int, object]]] = defaultdict(list)
    for place, pairs in told:
        turns: dict[str, int] = {}
        for key, value in pairs:
            turn = turns.get(key, 0)
            columns[key, turn].append((place, value))
            turns[key] = turn + 1
    return columns


def _within(rows: list[tuple[int, bytes]], low: float, high: float) -> Iterator[tuple[int, int]]:
    if len(rows) < _FEW:
        for crate, numbers in rows:
            bits = sum(1 << place for place, number in enumerate(array(_FIGURES, numbers)) if low <= number <= high)
            if bits:
                yield crate, bits
        return
    import numpy as np

    for crate, numbers in rows:
        found = np.frombuffer(numbers)
        bits = int.from_bytes(np.packbits((found >= low) & (found <= high), bitorder="little").tobytes(), "little")
        if bits:
            yield crate, bits


def _as_text(value: object) -> str:
    """Write a value as JSON, in ASCII: SQLite keeps no text that is not Unicode."""
    if isinstance(value, Value):
        return value.json if value.json.isascii() else json.dumps(value.value)
    return _json(value, type(value))  # type: ignore[arg-type]  # what is told can be hashed


@lru_cache(maxsize=10_000)
def _json(value: object, _kind: type) -> str:
    return json.dumps(value)


def _as_number(value: object) -> float:
    if isinstance(value, datetime):
        return float(microseconds(value))
    return as_float(value) if isinstance(value, int | float) else _NOT_KNOWN


def _storable(text: str) -> str:
    """Return a key that SQLite keeps."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
