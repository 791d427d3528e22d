"""The lineage index: nodes and edges in SQLite, made in the same ingest as the store, and made again at will.

What it is asked is in ``index_questions`` and, for walks, in ``index_numbers``; here is how it is written.
"""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from filiation.catalogue.adjacency import Adjacency
from filiation.catalogue.clues import Thing, having, that_found, things_of
from filiation.catalogue.clues import note as note_clues
from filiation.catalogue.clues import note_all as note_all_clues
from filiation.catalogue.index_file import connect, secondary_indexes
from filiation.catalogue.index_numbers import NUMBERS, in_parts
from filiation.catalogue.index_questions import IndexQuestions
from filiation.catalogue.index_versions import IndexVersions, copy_index, put_versions, remove_crates
from filiation.catalogue.index_waiting import IndexWaiting
from filiation.catalogue.nodes import (
    NO_BYTES,
    ROLES,
    Edge,
    EntityNode,
    node_to_text,
)
from filiation.catalogue.place_history import PlaceHistory, note_all_altered, note_altered
from filiation.catalogue.summary import COLUMNS, summarise, tallies
from filiation.errors import CatalogueBusyError
from filiation.model import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from filiation.catalogue.derive import Derived
    from filiation.catalogue.index_facts import FactColumns
    from filiation.catalogue.versions import Version

_AT_ONCE: Final = 500
"""Values that are asked for at once; SQLite takes 999 everywhere."""
_EMPTY: Final = frozenset(f"{kind}:{NO_BYTES}" for kind in ("sha256", "tree1"))
_CODES: Final = {role: code for code, role in enumerate(ROLES)}
# Crates that found something at a place where a crate made something, or inside such a tree.
_FINDERS_THERE: Final = """
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found
    ON found.place = made.place AND found.generated = 0
 WHERE made.crate = :crate AND made.generated
UNION
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found
    ON found.place > made.place || '/' AND found.place < made.place || '0' AND NOT found.generated
 WHERE made.crate = :crate AND made.generated AND made.tree
"""


class LineageIndex(IndexQuestions, IndexVersions, IndexWaiting):
    """The index in one file; a context manager.

    Parameters
    ----------
    path
        The SQLite file; None for one in memory.
    create
        Make it if it is not there.
    wait
        Seconds to wait for others at most.
    arrays
        Where its arrays are or will be (:mod:`filiation.catalogue.arrays`); None for none.

    Raises
    ------
    NotFoundError
        If it is not there and shall not be made, or has another format.
    """

    def __init__(
        self, path: Path | None, *, create: bool = False, wait: float = 10.0, arrays: Path | None = None
    ) -> None:
        self.path = path
        self.arrays = arrays
        self._connection = connect(path, create=create, wait=wait)
        self._adjacency: Adjacency | None = None
        self._is_filled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def as_it_is(self) -> Iterator[None]:
        """Answer everything asked within the block from one state, whatever others write meanwhile."""
        self._connection.execute("BEGIN")
        self.state()  # from here on
        try:
            yield
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def adjacency(self) -> Adjacency:
        """Return the edges for walks, from arrays where that pays."""
        if self._adjacency is None or self._adjacency.generation != self.state()[1]:
            self._adjacency = Adjacency(self)
        return self._adjacency

    @property
    def facts(self) -> FactColumns:
        """What nodes tell, in columns, to choose by."""
        from filiation.catalogue.index_facts import FactColumns  # walks need none of it

        return FactColumns(self._connection)

    @property
    def places(self) -> PlaceHistory:
        """What lay where when."""
        return PlaceHistory(self._connection)

    def replace(
        self, derived: Derived, *, folder: str, stamp: str, digest: str, versions: Iterable[Version] = ()
    ) -> None:
        """Put a crate's lineage in place of what is there of it, in one transaction.

        Joins with other runs are to be worked out afterwards: its own, and those of runs that may have found what it
        made (:func:`filiation.catalogue.join_rules.work_out_joins`).

        Parameters
        ----------
        derived
            The lineage.
        folder
            Name of the crate's folder.
        stamp
            What tells cheaply that the metadata file is the one that was read.
        digest
            Digest of the metadata file.
        versions
            The run's crates, this one and those before it.
        """
        crate = derived.run.iri
        with self.changing() as cursor:
            touched = self._remove(cursor, crate)
            touched |= self._insert(cursor, derived, folder, stamp, digest)
            note_altered(cursor, self.numbers_of([crate])[crate])
            put_versions(cursor, crate, versions)
            self._doubt_joins(cursor, crate)
            self._note_change(cursor, touched)

    def add(self, derived: Derived, *, folder: str, stamp: str, digest: str, versions: Iterable[Version] = ()) -> None:
        """Put in a crate that is not there, while none of the joins has been worked out; see :meth:`replace`."""
        with self.changing() as cursor:
            self._insert(cursor, derived, folder, stamp, digest)
            put_versions(cursor, derived.run.iri, versions)

    def _insert(self, cursor: sqlite3.Cursor, derived: Derived, folder: str, stamp: str, digest: str) -> set[int]:
        """Put in a crate; return the nodes whose edges that changes."""
        from filiation.catalogue.crate_gaps import counted, gaps_of
        from filiation.catalogue.index_facts import note_facts

        crate = derived.run.iri
        term = _Terms(cursor)
        term.learn([crate, *(each.iri for each in derived.entities), *(each.iri for each in derived.actions)])
        here = term(crate)
        summary = summarise(derived)
        cursor.execute(
            f"INSERT INTO crate (iri, term, folder, stamp, digest, run, joined, {', '.join(COLUMNS)}) "  # noqa: S608
            f"VALUES (?, ?, ?, ?, ?, ?, 0, {', '.join('?' * len(COLUMNS))})",
            (crate, here, folder, stamp, digest, node_to_text(derived.run), *summary.as_row()),
        )
        entities = [(term(entity.iri), here, *_entity_columns(entity)) for entity in derived.entities]
        cursor.executemany("INSERT INTO entity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", entities)
        turn = None if self._is_filled else self._next_turn(cursor)
        if turn is not None:
            note_clues(cursor, (Thing(*row[:3], *row[4:7]) for row in entities), turn)
        cursor.executemany(
            "INSERT INTO action VALUES (?, ?, ?)",
            [(term(action.iri), here, node_to_text(action)) for action in derived.actions],
        )
        edges = [(term(edge.src), term(edge.dst), _CODES[edge.role]) for edge in derived.edges]
        cursor.executemany("INSERT INTO edge VALUES (?, ?, ?, ?)", [(*edge, here) for edge in edges])
        columns = [number for column in zip(*edges, strict=True) for number in column]
        actions = [term(action.iri) for action in derived.actions]
        things = [term(entity.iri) for entity in derived.entities]
        cursor.execute(
            "INSERT INTO flow VALUES (?, ?, ?, ?)", (here, _numbers(columns), _numbers(actions), _numbers(things))
        )
        note_facts(cursor, here, derived, turn)
        cursor.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?)",
            (
                (what, tally.name, here, tally.count, tally.amount)
                for what, found in tallies(derived).items()
                for tally in found
            ),
        )
        gaps = counted(gaps_of(derived.actions, derived.entities, derived.edges))
        self._note_gaps(cursor, here, gaps, joint=False)
        return _ends(edges) | set(actions) | set(things)

    def restamp(self, crate: str, stamp: str) -> None:
        """Note a new stamp of metadata that is byte for byte what was read."""
        with self.changing() as cursor:
            cursor.execute("UPDATE crate SET stamp = ? WHERE iri = ?", (stamp, crate))

    def remove(self, crate: str, versions: Iterable[Version] = ()) -> None:
        """Forget a crate but for when it was known; nothing happens if it is not there."""
        with self.changing() as cursor:
            self._note_change(cursor, self._remove(cursor, crate))
            put_versions(cursor, crate, versions)

    def set_versions(self, crate: str, versions: Iterable[Version]) -> None:
        """Put what is known of a run's crates in place of what is there."""
        with self.changing() as cursor:
            put_versions(cursor, crate, versions)

    def set_noted(self, stamp: str) -> None:
        """Note which annotations the store has a graph of."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM noted")
            cursor.execute("INSERT INTO noted VALUES (?)", (stamp,))

    def copy(self, place: Path) -> None:
        """Write a copy of this index, which is another index from then on: no arrays are of it."""
        copy_index(self._connection, place)

    def keep_only(self, crates: Mapping[str, str]) -> None:
        """Forget every crate but these, given by their IRIs with the digest of their metadata, in one transaction.

        Arrays know nothing of it; joins are to be worked out afterwards, as after :meth:`replace`.
        """
        with self.changing() as cursor:
            there = cursor.execute("SELECT iri, digest, term FROM crate").fetchall()
            leaving = [(iri, term) for iri, digest, term in there if crates.get(iri) != digest]
            for iri, _ in leaving:
                self._doubt_joins(cursor, iri)
            remove_crates(cursor, [term for _, term in leaving])

    def forget_unused_words(self) -> None:
        """Forget names of fields and values that no crate tells any more, so that nothing hints at what is gone."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM value WHERE id NOT IN (SELECT value FROM told)")
            cursor.execute(
                "DELETE FROM field WHERE id NOT IN (SELECT field FROM value UNION SELECT field FROM numbers "
                "UNION SELECT field FROM texts)"
            )

    def set_joins(self, found: Sequence[tuple[str, Sequence[Edge], Mapping[str, tuple[int, int]]]]) -> None:
        """Put joins in place of those that are noted of crates, in one transaction.

        Parameters
        ----------
        found
            For each crate its IRI, the edges into what it found from what other runs made, and what it leaves open by
            what other runs tell, counted (:func:`filiation.catalogue.crate_gaps.counted`).
        """
        with self.changing() as cursor:
            term = _Terms(cursor)
            touched: set[int] = set()
            for crate, edges, gaps in found:
                here = term(crate)
                before = set(cursor.execute("SELECT src, dst, role FROM joined WHERE crate = ?", (here,)))
                now = {(term(edge.src), term(edge.dst), _CODES[edge.role]) for edge in edges}
                cursor.executemany(
                    "DELETE FROM joined WHERE src = ? AND dst = ? AND role = ? AND crate = ?",
                    ((*edge, here) for edge in before - now),
                )
                cursor.executemany("INSERT INTO joined VALUES (?, ?, ?, ?)", ((*edge, here) for edge in now - before))
                cursor.execute("DELETE FROM gap WHERE crate = ? AND joint", (here,))
                self._note_gaps(cursor, here, gaps, joint=True)
                cursor.execute("UPDATE crate SET joined = 1 WHERE iri = ?", (crate,))
                touched |= _ends(before ^ now)
            if touched:
                self._note_change(cursor, touched)

    def forget_changes(self, until: int) -> None:
        """Forget what changed up to a generation that arrays were made of."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM changed WHERE generation <= ?", (until,))
            cursor.execute("UPDATE state SET kept = max(kept, ?)", (until,))

    def _remove(self, cursor: sqlite3.Cursor, crate: str) -> set[int]:
        """Remove a crate; return the nodes whose edges that changes."""
        found = cursor.execute("SELECT term FROM crate WHERE iri = ?", (crate,)).fetchone()
        if found is None:
            return set()
        touched = {
            number
            for table in ("edge", "joined")
            for pair in cursor.execute(f"SELECT src, dst FROM {table} WHERE crate = ?", found)  # noqa: S608
            for number in pair
        }
        for table in ("entity", "action"):
            touched.update(number for (number,) in cursor.execute(f"SELECT term FROM {table} WHERE crate = ?", found))  # noqa: S608
        self._doubt_joins(cursor, crate)
        cursor.execute("DELETE FROM crate WHERE iri = ?", (crate,))
        from filiation.catalogue.index_facts import forget_facts

        forget_facts(cursor, found[0])
        for table in ("entity", "action", "edge", "joined", "flow", "gap", "tally"):
            cursor.execute(f"DELETE FROM {table} WHERE crate = ?", found)  # noqa: S608 - our own names
        return touched

    @staticmethod
    def _note_gaps(cursor: sqlite3.Cursor, crate: int, gaps: Mapping[str, tuple[int, int]], *, joint: bool) -> None:
        rows = ((kind, crate, joint, *counts) for kind, counts in gaps.items())
        cursor.executemany("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", rows)

    @staticmethod
    def _doubt_joins(cursor: sqlite3.Cursor, crate: str) -> None:
        """Note of the crates that may have found what a crate made that their joins are to be worked out again.

        Runs that were over before it began found none of it.
        """
        number, began = cursor.execute("SELECT term, began FROM crate WHERE iri = ?", (crate,)).fetchone()
        finders = _finders(cursor, number)
        cursor.executemany(
            "UPDATE crate SET joined = 0 WHERE joined AND term = ?1 AND (ended IS NULL OR ?2 IS NULL OR ended >= ?2)",
            ((finder, began) for finder in finders),
        )

    @staticmethod
    def _next_turn(cursor: sqlite3.Cursor) -> int:
        """Count a crate that comes in; return how many did."""
        cursor.execute("UPDATE state SET turn = turn + 1")
        (turn,) = cursor.execute("SELECT turn FROM state").fetchone()
        return int(turn)

    @staticmethod
    def _note_change(cursor: sqlite3.Cursor, touched: set[int]) -> None:
        cursor.execute("UPDATE state SET generation = generation + 1")
        cursor.execute("INSERT INTO changed SELECT generation, ? FROM state", (_numbers(sorted(touched)),))

    def begin_bulk(self) -> None:
        """Drop the indexes that only questions need: many crates come in more quickly without."""
        self._is_filled = True
        for name in secondary_indexes():
            self._connection.execute(f"DROP INDEX IF EXISTS {name}")

    def end_bulk(self) -> None:
        """Make the indexes that :meth:`begin_bulk` dropped and the clues, and note what needs them."""
        there = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        for name, statement in secondary_indexes().items():
            if name not in there:
                self._connection.execute(statement)
        with self.changing() as cursor:
            note_all_clues(cursor)
        self._is_filled = False
        note_all_altered(self._connection.cursor())

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Cursor]:
        """Make all changes of the block one transaction; it may stand within another such block.

        Raises
        ------
        CatalogueBusyError
            If another process writes to the index.
        """
        cursor = self._connection.cursor()
        is_within = self._connection.in_transaction
        if is_within:
            yield cursor
            return
        try:
            cursor.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            raise CatalogueBusyError(
                f"Another process is writing to the index {self.path}. Try again when it has finished."
            ) from error
        try:
            yield cursor
        except BaseException:
            if self._connection.in_transaction:  # a full disk ends a transaction by itself
                cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")


class _Terms:
    """Numbers for IRIs, given as they come."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._known: dict[str, int] = {}

    def learn(self, iris: Sequence[str]) -> None:
        """Look many up at once, and give numbers to those that are new, in their order."""
        known = self._known
        for start in range(0, len(iris), _AT_ONCE):
            part = iris[start : start + _AT_ONCE]
            query = f"SELECT iri, id FROM term WHERE iri IN ({', '.join('?' * len(part))})"  # noqa: S608
            known.update(self._cursor.execute(query, part))
        (last,) = self._cursor.execute("SELECT coalesce(max(id), 0) FROM term").fetchone()
        new = dict.fromkeys(iri for iri in iris if iri not in known)
        rows = [(number, iri) for number, iri in enumerate(new, last + 1)]
        self._cursor.executemany("INSERT INTO term (id, iri) VALUES (?, ?)", rows)
        known.update((iri, number) for number, iri in rows)

    def __call__(self, iri: str) -> int:
        number = self._known.get(iri)
        if number is None:
            run = self._cursor.connection.execute
            found = run("SELECT id FROM term WHERE iri = ?", (iri,)).fetchone()
            number = int(found[0]) if found else int(run("INSERT INTO term (iri) VALUES (?)", (iri,)).lastrowid or 0)
            self._known[iri] = number
        return number


def _finders(cursor: sqlite3.Cursor, crate: int) -> set[int]:
    """Return the crates whose joins what a crate made may change.

    They found the same bytes, or something at the same place or inside such a tree. Empty things join at their own
    path or place only; of the others the digest is enough.
    """
    made = {(thing.digest, thing.path) for thing in things_of(cursor.connection, crate) if thing.generated}
    digests = {digest for digest, _ in made if digest is not None and digest not in _EMPTY}
    found = {number for (number,) in cursor.execute(_FINDERS_THERE, {"crate": crate})}
    for listed in in_parts(that_found(cursor.connection, digests)):
        rows = cursor.execute(f"SELECT crate, digest FROM entity WHERE term IN ({listed}) AND NOT generated")  # noqa: S608
        found.update(number for number, digest in rows if digest in digests)
    for digest, path in made:
        if digest in _EMPTY:
            there, values = having("path", path)
            rows = cursor.execute(
                f"SELECT crate FROM entity WHERE {there} AND +digest = ? AND NOT generated",  # noqa: S608
                (*values, digest),
            )
            found.update(number for (number,) in rows)
    return found


def _numbers(values: Iterable[int]) -> bytes:
    return array(NUMBERS, values).tobytes()


def _ends(edges: Iterable[tuple[int, int, int]]) -> set[int]:
    return {number for src, dst, _ in edges for number in (src, dst)}


def _entity_columns(entity: EntityNode) -> tuple[int, int, str | None, str | None, str, str | None, str]:
    digest = None if entity.digest is None else str(entity.digest)
    pixels = None if entity.pixels is None else str(entity.pixels)
    # Percent-encoded, since SQLite keeps no text that is not Unicode, and a path may be any bytes.
    place = None if entity.place is None else encode_path(entity.place)
    tree = entity.files is not None
    return int(entity.generated), int(tree), digest, pixels, encode_path(entity.path), place, node_to_text(entity)
