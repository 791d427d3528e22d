"""The index's table of what was known when: one row a crate that holds or held."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

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
