"""The lineage index: nodes and edges in SQLite, made in the same ingest as the store, and made again at will.

Numbers given to IRIs are internal: no answer depends on them or
on the order in which crates came in.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from filiation.catalogue.nodes import (
    ActionNode,
    Edge,
    EntityNode,
    RunSummary,
    action_from_text,
    entity_from_text,
    node_to_text,
    run_from_text,
)
from filiation.errors import CatalogueBusyError, NotFoundError
from filiation.model import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

    from filiation.catalogue.derive import Derived

FORMAT: Final = 4
"""Number of this layout; an index of another one is made again."""

_SCHEMA: Final = """
CREATE TABLE term (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE);
CREATE TABLE crate (
    iri TEXT PRIMARY KEY, folder TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL, digest TEXT NOT NULL, run TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE entity (
    term INTEGER NOT NULL, crate INTEGER NOT NULL, generated INTEGER NOT NULL,
    digest TEXT, pixels TEXT, path TEXT NOT NULL, place TEXT, record TEXT NOT NULL,
    PRIMARY KEY (term, crate)
) WITHOUT ROWID;
CREATE INDEX entity_digest ON entity (digest, generated);
CREATE INDEX entity_pixels ON entity (pixels);
CREATE INDEX entity_place ON entity (place);
CREATE INDEX entity_crate ON entity (crate);
CREATE TABLE action (
    term INTEGER NOT NULL, crate INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (term, crate)
) WITHOUT ROWID;
CREATE INDEX action_crate ON action (crate);
CREATE TABLE edge (
    src INTEGER NOT NULL, dst INTEGER NOT NULL, role TEXT NOT NULL, crate INTEGER NOT NULL,
    PRIMARY KEY (src, dst, role, crate)
) WITHOUT ROWID;
CREATE INDEX edge_up ON edge (dst, src, role, crate);
CREATE INDEX edge_crate ON edge (crate);
"""

_ENTITY: Final = "SELECT entity.record FROM entity JOIN term ON term.id = entity.term"
_ACTION: Final = "SELECT action.record FROM action JOIN term ON term.id = action.term"
_EDGE: Final = (
    "SELECT s.iri, d.iri, edge.role, c.iri FROM edge "
    "JOIN term s ON s.id = edge.src JOIN term d ON d.id = edge.dst JOIN term c ON c.id = edge.crate"
)

_OF_THE_DISK: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What the disk says, and no damage of the index: it is not made again for that."""


class LineageIndex:
    """The index in one file; a context manager.

    Parameters
    ----------
    path
        The SQLite file; None for one in memory.
    create
        Make it if it is not there.

    Raises
    ------
    NotFoundError
        If it is not there and shall not be made, or has another format.
    """

    def __init__(self, path: Path | None, *, create: bool = False, wait: float = 10.0) -> None:
        self.path = path
        self._connection = _connect(path, create=create, wait=wait)

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
            self._remove(cursor, crate)
            term = _Terms(cursor)
            here = term(crate)
            cursor.execute(
                "INSERT OR REPLACE INTO crate VALUES (?, ?, ?, ?, ?)",
                (crate, folder, stamp, digest, node_to_text(derived.run)),
            )
            cursor.executemany(
                "INSERT INTO entity VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                ((term(entity.iri), here, *_entity_columns(entity)) for entity in derived.entities),
            )
            cursor.executemany(
                "INSERT INTO action VALUES (?, ?, ?)",
                ((term(action.iri), here, node_to_text(action)) for action in derived.actions),
            )
            cursor.executemany(
                "INSERT INTO edge VALUES (?, ?, ?, ?)",
                ((term(edge.src), term(edge.dst), edge.role, here) for edge in derived.edges),
            )

    def clear(self) -> None:
        """Forget every crate."""
        with self._transaction() as cursor:
            for table in ("crate", "entity", "action", "edge", "term"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names

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
            self._remove(cursor, crate)

    @staticmethod
    def _remove(cursor: sqlite3.Cursor, crate: str) -> None:
        found = cursor.execute("SELECT id FROM term WHERE iri = ?", (crate,)).fetchone()
        cursor.execute("DELETE FROM crate WHERE iri = ?", (crate,))
        for statement in (
            "DELETE FROM entity WHERE crate = ?",
            "DELETE FROM action WHERE crate = ?",
            "DELETE FROM edge WHERE crate = ?",
        ):
            cursor.execute(statement, found or (-1,))

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

    # --- reading -----------------------------------------------------------------------------------------------

    def stamps(self) -> dict[str, tuple[str, str]]:
        """Return the crate's IRI and the stamp of its metadata, by the name of its folder."""
        rows = self._connection.execute("SELECT folder, iri, stamp FROM crate ORDER BY folder")
        return {folder: (iri, stamp) for folder, iri, stamp in rows}

    def runs(self) -> tuple[RunSummary, ...]:
        """Return every run, sorted by IRI."""
        rows = self._connection.execute("SELECT run FROM crate ORDER BY iri")
        return tuple(run_from_text(text) for (text,) in rows)

    def metadata_digest(self, crate: str) -> str | None:
        """Return the digest of the metadata that was read of a crate, as written."""
        row = self._connection.execute("SELECT digest FROM crate WHERE iri = ?", (crate,)).fetchone()
        return None if row is None else str(row[0])

    def folder_of(self, crate: str) -> str | None:
        """Return the name of a crate's folder."""
        row = self._connection.execute("SELECT folder FROM crate WHERE iri = ?", (crate,)).fetchone()
        return None if row is None else str(row[0])

    def entities(
        self,
        *,
        iri: str | None = None,
        crate: str | None = None,
        digest: str | None = None,
        pixels: str | None = None,
        place: str | None = None,
        path: str | None = None,
    ) -> tuple[EntityNode, ...]:
        """Return the things that match everything given, sorted by IRI and crate."""
        given = {
            "term.iri": iri,
            "digest": digest,
            "pixels": pixels,
            "place": None if place is None else encode_path(place),
            "path": None if path is None else encode_path(path),
        }
        wanted = {column: value for column, value in given.items() if value is not None}
        conditions = [f"{column} = ?" for column in wanted]
        values: list[str] = list(wanted.values())
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

    def entities_below(self, place: str) -> tuple[EntityNode, ...]:
        """Return the things that were seen inside the folder ``place``, sorted by IRI and crate."""
        folder = encode_path(place.rstrip("/"))
        # "0" is the character after "/".
        rows = self._connection.execute(_ENTITY + " WHERE place > ? AND place < ?", (f"{folder}/", f"{folder}0"))
        found = (entity_from_text(record) for (record,) in rows)
        return tuple(sorted(found, key=lambda entity: (entity.iri, entity.crate)))

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

    def edges_into(self, iri: str) -> tuple[Edge, ...]:
        """Return the edges that end at ``iri``, sorted."""
        return self._edges(" WHERE edge.dst = (SELECT id FROM term WHERE iri = ?)", iri)

    def edges_out_of(self, iri: str) -> tuple[Edge, ...]:
        """Return the edges that start at ``iri``, sorted."""
        return self._edges(" WHERE edge.src = (SELECT id FROM term WHERE iri = ?)", iri)

    def _edges(self, where: str, value: str) -> tuple[Edge, ...]:
        rows: Iterable[tuple[str, str, str, str]] = self._connection.execute(_EDGE + where, (value,))
        return tuple(sorted(Edge(*row) for row in rows))


class _Terms:
    """Numbers for IRIs, given as they come."""

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._known: dict[str, int] = {}

    def __call__(self, iri: str) -> int:
        number = self._known.get(iri)
        if number is None:
            self._cursor.connection.execute("INSERT OR IGNORE INTO term (iri) VALUES (?)", (iri,))
            (number,) = self._cursor.connection.execute("SELECT id FROM term WHERE iri = ?", (iri,)).fetchone()
            self._known[iri] = int(number)
        return int(number)


def _entity_columns(entity: EntityNode) -> tuple[int, str | None, str | None, str, str | None, str]:
    digest = None if entity.digest is None else str(entity.digest)
    pixels = None if entity.pixels is None else str(entity.pixels)
    # Percent-encoded, since SQLite keeps no text that is not Unicode, and a path may be any bytes.
    place = None if entity.place is None else encode_path(entity.place)
    return int(entity.generated), digest, pixels, encode_path(entity.path), place, node_to_text(entity)


def _connect(path: Path | None, *, create: bool, wait: float) -> sqlite3.Connection:
    if path is not None and not create and not path.is_file():
        raise NotFoundError(f"No index at {path}. `filiation rebuild` makes it from the crates.")
    connection = sqlite3.connect(path or ":memory:", timeout=wait, isolation_level=None)
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0 and create:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        elif found != FORMAT:
            raise NotFoundError(
                f"The index {path} has format {found}, this version reads {FORMAT}. "
                "`filiation rebuild` makes it again from the crates."
            )
    except sqlite3.DatabaseError as error:
        connection.close()
        code = error.sqlite_errorcode & 0xFF  # the primary code; https://www.sqlite.org/rescode.html
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise CatalogueBusyError(
                f"Another process is writing to the index {path}. Try again when it has finished."
            ) from error
        if code in _OF_THE_DISK:
            raise
        raise NotFoundError(
            f"The index {path} cannot be read ({error}). `filiation rebuild` makes it again from the crates."
        ) from error
    except NotFoundError:
        connection.close()
        raise
    return connection
