"""The index's table of graphs that wait for the embedded store, and those that a rebuild is putting into one."""

from __future__ import annotations

import sqlite3
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager


class IndexWaiting:
    """What is noted in an index of graphs on their way to the store."""

    _connection: sqlite3.Connection

    def changing(self) -> AbstractContextManager[sqlite3.Cursor]:
        """Make all changes of the block one transaction."""
        raise NotImplementedError

    def let_wait(self, graph: str, triples: bytes | None) -> None:
        """Note what the store is to hold as a graph, as N-Triples; None to remove it."""
        with self.changing() as cursor:
            body = None if triples is None else zlib.compress(triples, 1)
            cursor.execute("INSERT INTO waiting (graph, triples) VALUES (?, ?)", (graph, body))

    def waiting(self, after: int) -> dict[str, int]:
        """Return the graphs that a store lacks, by name, with the number of the newest state of each."""
        rows = self._connection.execute(
            "SELECT graph, max(id) FROM waiting WHERE id > ? GROUP BY graph ORDER BY max(id)", (after,)
        )
        return dict(rows)

    def triples_waiting(self, numbers: Iterable[int]) -> Iterator[bytes]:
        """Yield the triples of graphs that wait, as N-Triples; none of those that are to be removed."""
        for number in numbers:
            found = self._connection.execute("SELECT triples FROM waiting WHERE id = ?", (number,)).fetchone()
            yield zlib.decompress(found[0]) if found is not None and found[0] is not None else b""

    def sizes_waiting(self) -> dict[int, int]:
        """Return how large, compressed, what waits is, by its numbers in their order."""
        rows = self._connection.execute("SELECT id, 1 + coalesce(length(triples), 0) FROM waiting ORDER BY id")
        return dict(rows)

    def first_waiting(self) -> int | None:
        """Return the lowest number of what waits; None if nothing does."""
        (number,) = self._connection.execute("SELECT min(id) FROM waiting").fetchone()
        return None if number is None else int(number)

    def next_waiting(self) -> int:
        """Return a number that is higher than those of all that waits or waited, and will be of nothing else."""
        with self.changing() as cursor:
            number = cursor.execute("INSERT INTO waiting (graph) VALUES ('')").lastrowid
            cursor.execute("DELETE FROM waiting WHERE id = ?", (number,))
        return int(number or 0)

    def forget_waiting(self, until: int) -> None:
        """Forget the graphs that the store has."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM waiting WHERE id <= ?", (until,))

    def announce(self, graphs: Iterable[str]) -> None:
        """Note which graphs are about to be put into a store, in place of those noted before."""
        with self.changing() as cursor:
            cursor.execute("DELETE FROM coming")
            cursor.executemany("INSERT OR IGNORE INTO coming VALUES (?)", ((graph,) for graph in graphs))

    def announced(self) -> tuple[str, ...]:
        """Return the graphs that a store may hold in part, sorted."""
        return tuple(graph for (graph,) in self._connection.execute("SELECT graph FROM coming ORDER BY graph"))
