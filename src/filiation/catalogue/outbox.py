"""What waits to be sent to a SPARQL server: a list of graphs, in the order in which they came, that survives a kill.

Only names wait, no statements: those are read from the crate when its graph is sent, so that what arrives is what the
crate says by then. To send one twice changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filiation.errors import CatalogueBusyError

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT, graph TEXT NOT NULL UNIQUE, since TEXT NOT NULL, problem TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sent (server TEXT NOT NULL, graph TEXT NOT NULL, PRIMARY KEY (server, graph)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class WaitingGraph:
    """A graph that is not on the server as it should be.

    Parameters
    ----------
    graph
        Its IRI, which is the crate's.
    since
        When it began to wait.
    problem
        Why it could not be sent; empty if that was not tried yet.
    """

    graph: str
    since: datetime
    problem: str


class Outbox:
    """The list, in a file of its own.

    Parameters
    ----------
    path
        The file; made by the first graph that waits.
    wait
        Seconds to wait for another process at most.
    """

    def __init__(self, path: Path, *, wait: float = 10.0) -> None:
        self.path = path
        self._wait = wait

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return what waits, in the order in which it is sent."""
        if not self.path.is_file():
            return ()
        with self._opened() as connection:
            rows = connection.execute("SELECT graph, since, problem FROM waiting ORDER BY number").fetchall()
        return tuple(WaitingGraph(graph, datetime.fromisoformat(since), problem) for graph, since, problem in rows)

    def add(self, *graphs: str) -> None:
        """Let graphs wait; one that waits already keeps its place."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._opened() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO waiting (graph, since, problem) VALUES (?, ?, '')",
                [(graph, now) for graph in graphs],
            )

    def note(self, graph: str, problem: str) -> None:
        """Note why a graph could not be sent."""
        with self._opened() as connection:
            connection.execute("UPDATE waiting SET problem = ? WHERE graph = ?", (problem, graph))

    def done(self, graph: str, server: str, *, removed: bool) -> None:
        """Note that a server has a graph as it should be, or has it no more."""
        with self._opened() as connection:
            connection.execute("DELETE FROM waiting WHERE graph = ?", (graph,))
            change = (
                "DELETE FROM sent WHERE server = ? AND graph = ?"
                if removed
                else "INSERT OR IGNORE INTO sent VALUES (?, ?)"
            )
            connection.execute(change, (server, graph))

    def sent(self, server: str) -> tuple[str, ...]:
        """Return the graphs that were sent to a server and not removed since, sorted."""
        if not self.path.is_file():
            return ()
        with self._opened() as connection:
            rows = connection.execute("SELECT graph FROM sent WHERE server = ? ORDER BY graph", (server,)).fetchall()
        return tuple(graph for (graph,) in rows)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=self._wait)) as connection:
            try:
                with connection:  # commits, or takes back
                    connection.executescript(_SCHEMA)
                    yield connection
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise
                raise CatalogueBusyError(
                    f"Another process is writing to the outbox {self.path}. Try again when it has finished."
                ) from error
