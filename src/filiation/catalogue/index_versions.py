"""The index's table of what was known when: one row a crate that holds or held."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from filiation.catalogue.versions import Version

_COLUMNS = "crate, digest, taken_in, until, folder, ended, agent, why"


class IndexVersions:
    """What is asked of an index about the past."""

    _connection: sqlite3.Connection

    def versions(self, crate: str) -> tuple[Version, ...]:
        """Return every crate of a run, given by its crate's IRI, the oldest first."""
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM version WHERE crate = ? ORDER BY taken_in", (crate,))  # noqa: S608 - our own names
        return tuple(Version(*row) for row in rows)

    def former_versions(self) -> tuple[Version, ...]:
        """Return every crate that does not hold any more, sorted by run and time."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM version WHERE until IS NOT NULL ORDER BY crate, taken_in"  # noqa: S608
        )
        return tuple(Version(*row) for row in rows)

    def versions_at(self, moment: str) -> tuple[Version, ...]:
        """Return the crates that held at a time, as ``written_time`` writes it, sorted by run."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM version WHERE taken_in <= ?1 AND (until IS NULL OR until > ?1) ORDER BY crate",  # noqa: S608
            (moment,),
        )
        return tuple(Version(*row) for row in rows)

    def noted(self) -> str:
        """Return the stamp of the annotations that the store has a graph of; empty if there is none."""
        row = self._connection.execute("SELECT stamp FROM noted").fetchone()
        return "" if row is None else str(row[0])

    def known_since(self) -> str | None:
        """Return when the first crate was taken in; None if there never was one."""
        (first,) = self._connection.execute("SELECT min(taken_in) FROM version").fetchone()
        return None if first is None else str(first)


def put_versions(cursor: sqlite3.Cursor, crate: str, versions: Iterable[Version]) -> None:
    """Put what is known of a run's crates in place of what is there, within a transaction."""
    cursor.execute("DELETE FROM version WHERE crate = ?", (crate,))
    cursor.executemany(
        f"INSERT INTO version ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        (
            (each.crate, each.digest, each.taken_in, each.until, each.folder, each.ended, each.by, each.why)
            for each in versions
        ),
    )


def copy_index(connection: sqlite3.Connection, place: Path) -> None:
    """Write a copy of an index, which is another index from then on."""
    with closing(sqlite3.connect(place)) as copied:
        connection.backup(copied)
        with copied:
            copied.execute("DELETE FROM changed")
            copied.execute("DELETE FROM waiting")
            copied.execute("UPDATE state SET made = ?, generation = 0, kept = 0", (str(uuid4()),))


def remove_crates(cursor: sqlite3.Cursor, crates: Iterable[int]) -> None:
    """Remove everything of many crates, given by their numbers, and all that is known of the past."""
    cursor.execute("CREATE TEMP TABLE leaving (crate INTEGER PRIMARY KEY)")
    cursor.executemany("INSERT INTO leaving VALUES (?)", ((number,) for number in crates))
    # Every table that has something of a crate names it by its number in this column; `version` by its IRI.
    tables = cursor.execute(
        "SELECT m.name FROM main.sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND c.name = 'crate' AND c.type = 'INTEGER'"
    ).fetchall()
    for (table,) in tables:
        cursor.execute(f"DELETE FROM main.{table} WHERE crate IN (SELECT crate FROM temp.leaving)")  # noqa: S608
    cursor.execute("DELETE FROM crate WHERE term IN (SELECT crate FROM temp.leaving)")
    cursor.execute("DELETE FROM version")
    cursor.execute("DROP TABLE temp.leaving")
