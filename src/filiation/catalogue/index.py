"""The lineage index: nodes and edges in SQLite, made in the same ingest as the store, and made again at will.

Numbers given to IRIs are internal: no answer depends on them or
on the order in which crates came in.
"""

from __future__ import annotations

import sqlite3
from array import array
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from filiation.catalogue.adjacency import Adjacency
from filiation.catalogue.arrays import ACTION, THING
from filiation.catalogue.index_file import connect
from filiation.catalogue.nodes import (
    NO_BYTES,
    ROLES,
    ActionNode,
    Edge,
    EntityNode,
    RunSummary,
    action_from_text,
    entity_from_text,
    node_to_text,
    run_from_text,
)
from filiation.catalogue.summary import COLUMNS, GAPS, CrateSummary, summarise
from filiation.errors import CatalogueBusyError
from filiation.model import decode_path, encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from filiation.catalogue.derive import Derived

NUMBERS: Final = "i"
"""Type code of 32-bit numbers in :mod:`array`."""

_CODES: Final = {role: code for code, role in enumerate(ROLES)}
_ENTITY: Final = "SELECT entity.record FROM entity JOIN term ON term.id = entity.term"
_ACTION: Final = "SELECT action.record FROM action JOIN term ON term.id = action.term"
_EDGE: Final = (
    "SELECT s.iri, d.iri, edge.role, c.iri FROM edge "
    "JOIN term s ON s.id = edge.src JOIN term d ON d.id = edge.dst JOIN term c ON c.id = edge.crate"
)
_AT_ONCE: Final = 2_000
"""Numbers that are put into one statement."""

# Crates whose joins what a crate made may change: those that found the same bytes, or something inside such a tree.
# Empty things join at their own path or place only; of the others the digest is enough. A `+` keeps SQLite from
# another index than the one that finds few.
_FINDERS: Final = """
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found ON found.digest = made.digest AND found.generated = 0
 WHERE made.crate = :crate AND made.generated AND made.digest NOT IN (:file, :tree)
UNION
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found
    ON found.path = made.path AND +found.digest = made.digest AND NOT found.generated
 WHERE made.crate = :crate AND made.generated AND made.digest IN (:file, :tree)
UNION
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found
    ON found.place = made.place AND +found.digest = made.digest AND found.generated = 0
 WHERE made.crate = :crate AND made.generated AND made.digest IN (:file, :tree)
UNION
SELECT found.crate FROM entity AS made CROSS JOIN entity AS found
    ON found.place > made.place || '/' AND found.place < made.place || '0' AND NOT found.generated
 WHERE made.crate = :crate AND made.generated AND made.tree
"""


class LineageIndex:
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # --- writing -----------------------------------------------------------------------------------------------

    def replace(self, derived: Derived, *, folder: str, stamp: str, digest: str) -> None:
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
        """
        crate = derived.run.iri
        with self._transaction() as cursor:
            touched = self._remove(cursor, crate)
            term = _Terms(cursor)
            here = term(crate)
            summary = summarise(derived)
            cursor.execute(
                f"INSERT INTO crate (iri, term, folder, stamp, digest, run, joined, {', '.join(COLUMNS)}) "  # noqa: S608
                f"VALUES (?, ?, ?, ?, ?, ?, 0, {', '.join('?' * len(COLUMNS))})",
                (crate, here, folder, stamp, digest, node_to_text(derived.run), *summary.as_row()),
            )
            cursor.executemany(
                "INSERT INTO entity VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                ((term(entity.iri), here, *_entity_columns(entity)) for entity in derived.entities),
            )
            cursor.executemany(
                "INSERT INTO action VALUES (?, ?, ?)",
                ((term(action.iri), here, node_to_text(action)) for action in derived.actions),
            )
            edges = [(term(edge.src), term(edge.dst), _CODES[edge.role]) for edge in derived.edges]
            cursor.executemany("INSERT INTO edge VALUES (?, ?, ?, ?)", ((*edge, here) for edge in edges))
            columns = [number for column in zip(*edges, strict=True) for number in column]
            actions = [term(action.iri) for action in derived.actions]
            things = [term(entity.iri) for entity in derived.entities]
            cursor.execute(
                "INSERT INTO flow VALUES (?, ?, ?, ?)", (here, _numbers(columns), _numbers(actions), _numbers(things))
            )
            self._doubt_joins(cursor, crate)
            self._note_change(cursor, touched | _ends(edges) | set(actions) | set(things))

    def restamp(self, crate: str, stamp: str) -> None:
        """Note a new stamp of metadata that is byte for byte what was read."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE crate SET stamp = ? WHERE iri = ?", (stamp, crate))

    def doubt(self, crate: str) -> None:
        """Note that what the store holds of a crate may be unfinished: it is taken in again by the next who asks."""
        with self._transaction() as cursor:
            cursor.execute("UPDATE crate SET stamp = '', digest = '' WHERE iri = ?", (crate,))

    def remove(self, crate: str) -> None:
        """Forget a crate; nothing happens if it is not there."""
        with self._transaction() as cursor:
            self._note_change(cursor, self._remove(cursor, crate))

    def set_joins(self, found: Sequence[tuple[str, Sequence[Edge], int]]) -> None:
        """Put joins in place of those that are noted of crates, in one transaction.

        Parameters
        ----------
        found
            For each crate its IRI, the edges into what it found from what other runs made, and the number of things
            that it found and nobody is known to have made.
        """
        with self._transaction() as cursor:
            term = _Terms(cursor)
            touched: set[int] = set()
            for crate, edges, unmade in found:
                here = term(crate)
                before = set(cursor.execute("SELECT src, dst, role FROM joined WHERE crate = ?", (here,)))
                now = {(term(edge.src), term(edge.dst), _CODES[edge.role]) for edge in edges}
                cursor.executemany(
                    "DELETE FROM joined WHERE src = ? AND dst = ? AND role = ? AND crate = ?",
                    ((*edge, here) for edge in before - now),
                )
                cursor.executemany("INSERT INTO joined VALUES (?, ?, ?, ?)", ((*edge, here) for edge in now - before))
                cursor.execute("UPDATE crate SET joined = 1, unmade = ? WHERE iri = ?", (unmade, crate))
                touched |= _ends(before ^ now)
            if touched:
                self._note_change(cursor, touched)

    def forget_changes(self, until: int) -> None:
        """Forget what changed up to a generation that arrays were made of."""
        with self._transaction() as cursor:
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
        for table in ("entity", "action", "edge", "joined", "flow"):
            cursor.execute(f"DELETE FROM {table} WHERE crate = ?", found)  # noqa: S608 - our own names
        return touched

    @staticmethod
    def _doubt_joins(cursor: sqlite3.Cursor, crate: str) -> None:
        """Note of the crates that may have found what a crate made that their joins are to be worked out again.

        Runs that were over before it began found none of it.
        """
        number, began = cursor.execute("SELECT term, began FROM crate WHERE iri = ?", (crate,)).fetchone()
        nothing = {kind: f"{written}:{NO_BYTES}" for kind, written in (("file", "sha256"), ("tree", "tree1"))}
        cursor.execute(
            f"UPDATE crate SET joined = 0 WHERE joined AND term IN ({_FINDERS}) "  # noqa: S608 - our own text
            "AND (ended IS NULL OR :began IS NULL OR ended >= :began)",
            {"crate": number, "began": began, **nothing},
        )

    @staticmethod
    def _note_change(cursor: sqlite3.Cursor, touched: set[int]) -> None:
        cursor.execute("UPDATE state SET generation = generation + 1")
        cursor.execute("INSERT INTO changed SELECT generation, ? FROM state", (_numbers(sorted(touched)),))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        cursor = self._connection.cursor()
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

    # --- reading: crates and runs ------------------------------------------------------------------------------

    def stamps(self) -> dict[str, tuple[str, str]]:
        """Return the crate's IRI and the stamp of its metadata, by the name of its folder."""
        rows = self._connection.execute("SELECT folder, iri, stamp FROM crate")
        return {folder: (iri, stamp) for folder, iri, stamp in rows}

    def unjoined(self) -> tuple[str, ...]:
        """Return the IRIs of the crates whose joins are to be worked out, sorted."""
        rows = self._connection.execute("SELECT iri FROM crate WHERE NOT joined ORDER BY iri")
        return tuple(iri for (iri,) in rows)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return every run, sorted by IRI."""
        rows = self._connection.execute("SELECT run FROM crate ORDER BY iri")
        return tuple(run_from_text(text) for (text,) in rows)

    def run(self, crate: str) -> RunSummary | None:
        """Return the run of a crate, if it is there."""
        row = self._connection.execute("SELECT run FROM crate WHERE iri = ?", (crate,)).fetchone()
        return None if row is None else run_from_text(row[0])

    def runs_like(self, start: str) -> tuple[RunSummary, ...]:
        """Return the runs whose id starts with ``start``, sorted by IRI."""
        low = f"arcp://uuid,{start}"
        rows = self._connection.execute(
            "SELECT run FROM crate WHERE iri >= ? AND iri < ? ORDER BY iri", (low, f"{low}g")
        )
        return tuple(run_from_text(text) for (text,) in rows)

    def run_folders(self) -> tuple[str, ...]:
        """Return the folders that runs ran in, sorted."""
        rows = self._connection.execute("SELECT DISTINCT place FROM crate WHERE place IS NOT NULL ORDER BY place")
        return tuple(decode_path(place) for (place,) in rows)

    def runs_in(self, folder: str) -> tuple[RunSummary, ...]:
        """Return the runs that ran in a folder, in the order in which they began."""
        rows = self._connection.execute(
            "SELECT run FROM crate WHERE place = ? ORDER BY began, iri", (encode_path(folder),)
        )
        return tuple(run_from_text(text) for (text,) in rows)

    def summaries(self) -> tuple[CrateSummary, ...]:
        """Return what was counted of each crate, sorted by IRI."""
        rows = self._connection.execute(f"SELECT iri, {', '.join(COLUMNS)} FROM crate ORDER BY iri")  # noqa: S608
        return tuple(CrateSummary(*row) for row in rows)

    def jobs_by_day_and_agent(self) -> tuple[tuple[str | None, str | None, int, int, int], ...]:
        """Return day, agent, runs, jobs and failed jobs, sorted; None for what crates do not tell."""
        rows = self._connection.execute(
            "SELECT day, agent, count(*), sum(jobs), sum(failed) FROM crate GROUP BY day, agent ORDER BY day, agent"
        )
        return tuple(rows)

    def gaps(self) -> dict[str, int]:
        """Return how many actions and things of all crates lack what; see :class:`CrateSummary`."""
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in GAPS)
        row = self._connection.execute(f"SELECT {sums} FROM crate").fetchone()  # noqa: S608 - our own names
        return dict(zip(GAPS, row, strict=True))

    def metadata_digest(self, crate: str) -> str | None:
        """Return the digest of the metadata that was read of a crate, as written."""
        row = self._connection.execute("SELECT digest FROM crate WHERE iri = ?", (crate,)).fetchone()
        return None if row is None else str(row[0])

    def folder_of(self, crate: str) -> str | None:
        """Return the name of a crate's folder."""
        row = self._connection.execute("SELECT folder FROM crate WHERE iri = ?", (crate,)).fetchone()
        return None if row is None else str(row[0])

    # --- reading: nodes ----------------------------------------------------------------------------------------

    def entities(
        self,
        *,
        iri: str | None = None,
        crate: str | None = None,
        digest: str | None = None,
        pixels: str | None = None,
        place: str | None = None,
        path: str | None = None,
        generated: bool | None = None,
    ) -> tuple[EntityNode, ...]:
        """Return the things that match everything given, sorted by IRI and crate."""
        given: dict[str, str | int | None] = {
            "term.iri": iri,
            "digest": digest,
            "pixels": pixels,
            "place": None if place is None else encode_path(place),
            "path": None if path is None else encode_path(path),
            "generated": generated,
        }
        wanted = {column: value for column, value in given.items() if value is not None}
        conditions = [f"{column} = ?" for column in wanted]
        values = list(wanted.values())
        if crate is not None:
            conditions.append("crate = (SELECT id FROM term WHERE iri = ?)")
            values.append(crate)
        # Only the names of columns are put into the text; every value is bound.
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._connection.execute(_ENTITY + where, values)
        found = (entity_from_text(record) for (record,) in rows)
        return tuple(sorted(found, key=lambda entity: (entity.iri, entity.crate)))

    def iris_like(self, pattern: str) -> tuple[str, ...]:
        """Return the IRIs of things that match a pattern in which ``*`` stands for anything, sorted."""
        rows = self._connection.execute(
            "SELECT iri FROM term WHERE iri GLOB ? "
            "AND EXISTS (SELECT 1 FROM entity WHERE entity.term = term.id) ORDER BY iri",
            (pattern,),
        )
        return tuple(iri for (iri,) in rows)

    def made_empty(self, digest: str, *, path: str, place: str | None) -> tuple[EntityNode, ...]:
        """Return what was made without any bytes at a path or a place, sorted by IRI and crate."""
        found = {}
        for column, value in (("path", path), ("place", place)):
            if value is not None:
                rows = self._connection.execute(
                    f"SELECT record FROM entity WHERE {column} = ? AND +digest = ? AND +generated = 1",  # noqa: S608
                    (encode_path(value), digest),
                )
                found.update({(node.iri, node.crate): node for node in (entity_from_text(text) for (text,) in rows)})
        return tuple(node for _, node in sorted(found.items()))

    def entities_below(self, place: str) -> tuple[EntityNode, ...]:
        """Return the things that were seen inside the folder ``place``, sorted by IRI and crate."""
        folder = encode_path(place.rstrip("/"))
        # "0" is the character after "/".
        rows = self._connection.execute(_ENTITY + " WHERE place > ? AND place < ?", (f"{folder}/", f"{folder}0"))
        found = (entity_from_text(record) for (record,) in rows)
        return tuple(sorted(found, key=lambda entity: (entity.iri, entity.crate)))

    def trees_made_at(self, place: str) -> tuple[EntityNode, ...]:
        """Return the directories and stores that runs made at a place, sorted by IRI and crate."""
        rows = self._connection.execute(_ENTITY + " WHERE place = ? AND generated = 1 AND tree", (encode_path(place),))
        found = (entity_from_text(record) for (record,) in rows)
        return tuple(sorted(found, key=lambda entity: (entity.iri, entity.crate)))

    def paths_named(self, name: str, limit: int = 5) -> tuple[str, ...]:
        """Return some of the paths that end with a name, sorted."""
        rows = self._connection.execute(
            "SELECT DISTINCT path FROM entity WHERE path = ?1 OR substr(path, -length(?1) - 1) = '/' || ?1 "
            "ORDER BY path LIMIT ?2",
            (encode_path(name), limit),
        )
        return tuple(decode_path(path) for (path,) in rows)

    def digests_like(self, prefix: str) -> tuple[str, ...]:
        """Return the written digests, of any kind, whose hexadecimal digits start with ``prefix``, sorted."""
        found: set[str] = set()
        for column in ("digest", "pixels"):
            for kind in ("sha256", "tree1", "pixels1"):
                low, high = f"{kind}:{prefix}", f"{kind}:{prefix}g"  # "g" comes after every hexadecimal digit
                rows = self._connection.execute(
                    f"SELECT DISTINCT {column} FROM entity WHERE {column} >= ? AND {column} < ?",  # noqa: S608
                    (low, high),
                )
                found.update(text for (text,) in rows)
        return tuple(sorted(found))

    def actions(self, *, iri: str | None = None, crate: str | None = None) -> tuple[ActionNode, ...]:
        """Return the actions that match everything given, sorted by IRI."""
        conditions, values = [], []
        if iri is not None:
            conditions.append("term.iri = ?")
            values.append(iri)
        if crate is not None:
            conditions.append("crate = (SELECT id FROM term WHERE iri = ?)")
            values.append(crate)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._connection.execute(_ACTION + where, values)
        return tuple(sorted((action_from_text(text) for (text,) in rows), key=lambda action: action.iri))

    # --- reading: edges ----------------------------------------------------------------------------------------

    def edges_into(self, iri: str) -> tuple[Edge, ...]:
        """Return the edges within runs that end at ``iri``, sorted."""
        return self._edges(" WHERE edge.dst = (SELECT id FROM term WHERE iri = ?)", iri)

    def edges_out_of(self, iri: str) -> tuple[Edge, ...]:
        """Return the edges within runs that start at ``iri``, sorted."""
        return self._edges(" WHERE edge.src = (SELECT id FROM term WHERE iri = ?)", iri)

    def edges_of(self, crate: str) -> tuple[Edge, ...]:
        """Return the edges that a crate tells of, sorted."""
        return self._edges(" WHERE edge.crate = (SELECT id FROM term WHERE iri = ?)", crate)

    def is_whole(self, crate: str) -> bool:
        """Whether the two forms in which a crate's edges are kept say the same."""
        (number,) = self.numbers_of([crate]).values()
        rows = set(self._connection.execute("SELECT src, dst, role FROM edge WHERE crate = ?", (number,)))
        (block,) = self._connection.execute("SELECT edges FROM flow WHERE crate = ?", (number,)).fetchone() or (b"",)
        numbers = array(NUMBERS, block)
        third = len(numbers) // 3
        return rows == set(zip(numbers[:third], numbers[third : 2 * third], numbers[2 * third :], strict=False))

    def damage(self) -> tuple[str, ...]:
        """Return what SQLite finds wrong with the file."""
        return tuple(text for (text,) in self._connection.execute("PRAGMA quick_check(5)") if text != "ok")

    def makers_of(self, found: EntityNode) -> tuple[str, ...]:
        """Return the IRIs of what other runs made that a thing may be, sorted."""
        rows = self._connection.execute(
            "SELECT s.iri FROM joined JOIN term AS s ON s.id = joined.src "
            "WHERE joined.dst = (SELECT id FROM term WHERE iri = ?) "
            "AND joined.crate = (SELECT id FROM term WHERE iri = ?) ORDER BY s.iri",
            (found.iri, found.crate),
        )
        return tuple(iri for (iri,) in rows)

    def _edges(self, where: str, value: str) -> tuple[Edge, ...]:
        rows: Iterable[tuple[str, str, int, str]] = self._connection.execute(_EDGE + where, (value,))
        return tuple(sorted(Edge(src, dst, ROLES[role], crate) for src, dst, role, crate in rows))

    # --- reading: numbers, for walks ---------------------------------------------------------------------------

    def state(self) -> tuple[str, int, int]:
        """Return which index this is, how often it was changed, and since when it is known what changed."""
        made, generation, kept = self._connection.execute("SELECT made, generation, kept FROM state").fetchone()
        return str(made), int(generation), int(kept)

    def adjacency(self) -> Adjacency:
        """Return the edges for walks, from arrays where that pays."""
        if self._adjacency is None or self._adjacency.generation != self.state()[1]:
            self._adjacency = Adjacency(self)
        return self._adjacency

    def changed_since(self, generation: int) -> set[int]:
        """Return the nodes whose edges were changed after a generation."""
        rows = self._connection.execute("SELECT terms FROM changed WHERE generation > ?", (generation,))
        return {number for (terms,) in rows for number in array(NUMBERS, terms)}

    def last_number(self) -> int:
        """Return the highest number of a node."""
        (highest,) = self._connection.execute("SELECT max(id) FROM term").fetchone()
        return int(highest or 0)

    def numbers_of(self, iris: Iterable[str]) -> dict[str, int]:
        """Return the numbers of the IRIs that have one."""
        found = {}
        for iri in iris:
            row = self._connection.execute("SELECT id FROM term WHERE iri = ?", (iri,)).fetchone()
            if row is not None:
                found[iri] = int(row[0])
        return found

    def iris_of(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return the IRIs of numbers."""
        found: dict[int, str] = {}
        for listed in _in_parts(numbers):
            found.update(self._connection.execute(f"SELECT id, iri FROM term WHERE id IN ({listed})"))  # noqa: S608
        return found

    def kinds_of(self, numbers: Sequence[int]) -> list[int]:
        """Return the bits of ``arrays.THING`` and ``arrays.ACTION`` for each of some nodes."""
        kinds = {int(number): 0 for number in numbers}
        for bit, table in ((THING, "entity"), (ACTION, "action")):
            for listed in _in_parts(numbers):
                rows = self._connection.execute(f"SELECT DISTINCT term FROM {table} WHERE term IN ({listed})")  # noqa: S608
                for (number,) in rows:
                    kinds[number] |= bit
        return list(kinds.values())

    def steps(self, number: int, *, up: bool) -> list[tuple[int, int, int]]:
        """Return the edges of one node, those between runs too: the other end, the role's number and the crate's."""
        near, far = ("dst", "src") if up else ("src", "dst")
        return self._connection.execute(
            f"SELECT {far}, role, crate FROM edge WHERE {near} = ?1 "  # noqa: S608 - our own names
            f"UNION ALL SELECT {far}, role, crate FROM joined WHERE {near} = ?1",
            (number,),
        ).fetchall()

    def flows(self) -> Iterator[tuple[int, bytes, bytes, bytes]]:
        """Yield each crate's number, edges, actions and things, as kept; see ``index_file``."""
        yield from self._connection.execute("SELECT crate, edges, actions, things FROM flow")

    def joins(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield every edge between runs: source, end, role and crate."""
        yield from self._connection.execute("SELECT src, dst, role, crate FROM joined")

    def numbers_by_iri(self) -> Iterator[int]:
        """Yield every number, in the order of the IRIs."""
        return (number for (number,) in self._connection.execute("SELECT id FROM term ORDER BY iri"))

    def nodes(self, numbers: Sequence[int]) -> dict[str, tuple[list[EntityNode], list[ActionNode]]]:
        """Return what every crate tells of nodes, by IRI."""
        found: dict[str, tuple[list[EntityNode], list[ActionNode]]] = {}
        for listed in _in_parts(numbers):
            for (text,) in self._connection.execute(f"SELECT record FROM entity WHERE term IN ({listed})"):  # noqa: S608
                entity = entity_from_text(text)
                found.setdefault(entity.iri, ([], []))[0].append(entity)
            for (text,) in self._connection.execute(f"SELECT record FROM action WHERE term IN ({listed})"):  # noqa: S608
                action = action_from_text(text)
                found.setdefault(action.iri, ([], []))[1].append(action)
        return found


class _Terms:
    """Numbers for IRIs, given as they come."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._known: dict[str, int] = {}

    def __call__(self, iri: str) -> int:
        number = self._known.get(iri)
        if number is None:
            run = self._cursor.connection.execute
            found = run("SELECT id FROM term WHERE iri = ?", (iri,)).fetchone()
            number = int(found[0]) if found else int(run("INSERT INTO term (iri) VALUES (?)", (iri,)).lastrowid or 0)
            self._known[iri] = number
        return number


def _numbers(values: Iterable[int]) -> bytes:
    return array(NUMBERS, values).tobytes()


def _ends(edges: Iterable[tuple[int, int, int]]) -> set[int]:
    return {number for src, dst, _ in edges for number in (src, dst)}


def _in_parts(numbers: Iterable[int]) -> Iterator[str]:
    """Write numbers as lists for a statement: they are our own, and binding thousands takes longer."""
    listed = [int(number) for number in numbers]
    for start in range(0, len(listed), _AT_ONCE):
        yield ",".join(map(str, listed[start : start + _AT_ONCE]))


def _entity_columns(entity: EntityNode) -> tuple[int, int, str | None, str | None, str, str | None, str]:
    digest = None if entity.digest is None else str(entity.digest)
    pixels = None if entity.pixels is None else str(entity.pixels)
    # Percent-encoded, since SQLite keeps no text that is not Unicode, and a path may be any bytes.
    place = None if entity.place is None else encode_path(entity.place)
    tree = entity.files is not None
    return int(entity.generated), int(tree), digest, pixels, encode_path(entity.path), place, node_to_text(entity)
