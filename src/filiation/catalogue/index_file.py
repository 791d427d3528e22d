"""The SQLite file of the lineage index: its layout, and how it is opened."""

from __future__ import annotations

import sqlite3
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from filiation.catalogue.clues import SCHEMA as CLUES_SCHEMA
from filiation.catalogue.index_facts import SCHEMA as FACTS_SCHEMA
from filiation.catalogue.place_history import SCHEMA as PLACES_SCHEMA
from filiation.errors import CatalogueBusyError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 14
"""Number of this layout; an index of another one is made again."""

_SCHEMA: Final = """
CREATE TABLE state (made TEXT NOT NULL, generation INTEGER NOT NULL, kept INTEGER NOT NULL, turn INTEGER NOT NULL);
CREATE TABLE term (id INTEGER PRIMARY KEY, iri TEXT NOT NULL UNIQUE);
CREATE TABLE crate (
    iri TEXT PRIMARY KEY, term INTEGER NOT NULL UNIQUE, folder TEXT NOT NULL UNIQUE, stamp TEXT NOT NULL,
    digest TEXT NOT NULL, run TEXT NOT NULL, joined INTEGER NOT NULL, began REAL, ended REAL, place TEXT,
    day TEXT, agent TEXT, status TEXT NOT NULL, jobs INTEGER NOT NULL, failed INTEGER NOT NULL, made INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX crate_began ON crate (began, iri, term);
CREATE TABLE gap (
    kind TEXT NOT NULL, crate INTEGER NOT NULL, joint INTEGER NOT NULL, count INTEGER NOT NULL, lines INTEGER NOT NULL,
    PRIMARY KEY (kind, crate, joint)
) WITHOUT ROWID;
CREATE INDEX gap_crate ON gap (crate);
CREATE TABLE tally (
    what TEXT NOT NULL, name TEXT NOT NULL, crate INTEGER NOT NULL, count INTEGER NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (what, name, crate)
) WITHOUT ROWID;
CREATE INDEX tally_crate ON tally (crate);
CREATE INDEX crate_unjoined ON crate (joined) WHERE NOT joined;
CREATE INDEX crate_place ON crate (place, began);
CREATE INDEX crate_stamp ON crate (folder, stamp);
CREATE TABLE entity (
    term INTEGER NOT NULL, crate INTEGER NOT NULL, generated INTEGER NOT NULL, tree INTEGER NOT NULL,
    digest TEXT, pixels TEXT, path TEXT NOT NULL, place TEXT, record TEXT NOT NULL,
    PRIMARY KEY (term, crate)
) WITHOUT ROWID;
CREATE INDEX entity_place ON entity (place, generated) WHERE place IS NOT NULL;
CREATE INDEX entity_crate ON entity (crate, path);
CREATE INDEX entity_elsewhere ON entity (generated, path) WHERE path GLOB '*%3A*';
CREATE TABLE action (
    term INTEGER NOT NULL, crate INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (term, crate)
) WITHOUT ROWID;
CREATE INDEX action_crate ON action (crate);
CREATE TABLE edge (
    src INTEGER NOT NULL, dst INTEGER NOT NULL, role INTEGER NOT NULL, crate INTEGER NOT NULL,
    PRIMARY KEY (src, dst, role, crate)
) WITHOUT ROWID;
CREATE INDEX edge_up ON edge (dst, src, role, crate);
CREATE INDEX edge_crate ON edge (crate);
CREATE TABLE joined (
    src INTEGER NOT NULL, dst INTEGER NOT NULL, role INTEGER NOT NULL, crate INTEGER NOT NULL,
    PRIMARY KEY (src, dst, role, crate)
) WITHOUT ROWID;
CREATE INDEX joined_up ON joined (dst, src, role, crate);
CREATE INDEX joined_crate ON joined (crate);
CREATE TABLE flow (crate INTEGER PRIMARY KEY, edges BLOB NOT NULL, actions BLOB NOT NULL, things BLOB NOT NULL);
CREATE TABLE version (
    crate TEXT NOT NULL, taken_in TEXT NOT NULL, until TEXT, digest TEXT NOT NULL, folder TEXT, ended TEXT NOT NULL,
    agent TEXT, why TEXT, PRIMARY KEY (crate, taken_in)
) WITHOUT ROWID;
CREATE TABLE noted (stamp TEXT NOT NULL);
CREATE TABLE changed (generation INTEGER PRIMARY KEY, terms BLOB NOT NULL);
CREATE TABLE waiting (id INTEGER PRIMARY KEY AUTOINCREMENT, graph TEXT NOT NULL, triples BLOB);
CREATE TABLE coming (graph TEXT PRIMARY KEY) WITHOUT ROWID;
"""
"""``joined`` is what runs say of each other, worked out from all of them; ``crate.joined`` whether it is up to date.
``gap`` counts what a crate leaves open, and in how many lines that is told; ``joint`` is what depends on other crates.
``tally`` counts a crate's jobs by rule and what it made by kind.
``flow`` holds a crate's edges (all sources, all ends, all roles) and nodes once more, as little-endian numbers of 32
bits, since reading three million rows takes longer than all that is then made of them. ``changed`` notes the nodes
whose edges a change touched, since the generation ``state.kept``. ``version`` holds when each crate was known, the
former ones too; no other table has anything of those. ``state.turn`` counts the crates that came in: by it, what is
new in tables of several levels moves on (:mod:`filiation.catalogue.clues`). ``waiting`` holds graphs that the embedded
store is still to get, as compressed N-Triples, or nothing for one that is to be removed; a store is named after the
last that it has. ``coming`` names graphs that a rebuild is putting into a store. ``noted`` tells which annotations the
store's graph of them has.
"""

_OF_THE_DISK: Final = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
"""What the disk says, and no damage of the index: it is not made again for that."""


def connect(path: Path | None, *, create: bool, wait: float) -> sqlite3.Connection:
    """Open the file; None for one in memory.

    Raises
    ------
    NotFoundError
        If it is not there and shall not be made, has another format, or is damaged.
    CatalogueBusyError
        If others write to it for longer than ``wait`` seconds.
    """
    if path is not None and not create and not path.is_file():
        raise NotFoundError(f"No index at {path}. `filiation rebuild` makes it from the crates.")
    if path is not None and create and not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in ("-wal", "-shm"):  # of a file that somebody removed: it would be taken for this one's
            path.with_name(path.name + left).unlink(missing_ok=True)
    connection = sqlite3.connect(path or ":memory:", timeout=wait, isolation_level=None)
    try:
        (found,) = connection.execute("PRAGMA user_version").fetchone()
        if found == 0 and create:
            # Readers go on while others write. Where that cannot be, they wait.
            connection.execute("PRAGMA journal_mode = WAL")
            made = f"INSERT INTO state VALUES ('{uuid4()}', 0, 0, 0); PRAGMA user_version = {FORMAT};"  # noqa: S608 - our own id
            schema = f"{_SCHEMA} {CLUES_SCHEMA} {FACTS_SCHEMA} {PLACES_SCHEMA}"
            connection.executescript(f"BEGIN IMMEDIATE; {schema} {made} COMMIT;")
        elif found != FORMAT:
            raise NotFoundError(
                f"The index {path} has format {found}, this version reads {FORMAT}. "
                "`filiation rebuild` makes it again from the crates."
            )
        # What a power cut takes away is made again from the crates; nothing is ever half there.
        connection.execute("PRAGMA synchronous = NORMAL")
        # A change is written at once and not piecemeal.
        connection.execute("PRAGMA cache_size = -65536")
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


class KeptOpen:
    """A connection to the index in use that reads nothing: whoever closes the last one waits while SQLite tidies up.

    It keeps nobody from writing, nor from making the index again.
    """

    def __init__(self) -> None:
        self._path: Path | None = None
        self._connection: sqlite3.Connection | None = None

    def follow(self, path: Path) -> None:
        """Keep this index open, and no longer the one before."""
        if path == self._path or not path.is_file():
            return
        try:
            opened = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            opened.execute("PRAGMA user_version").fetchone()
        except sqlite3.DatabaseError:
            return  # whoever asks it says so
        if self._connection is not None:
            self._connection.close()
        self._path, self._connection = path, opened
        weakref.finalize(self, opened.close)


def secondary_indexes() -> dict[str, str]:
    """Return the statements that make those indexes of the file that only questions need, by name."""
    with closing(sqlite3.connect(":memory:")) as empty:
        empty.executescript(_SCHEMA)
        rows = empty.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        return dict(rows.fetchall())
