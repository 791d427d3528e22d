"""The index by number, for walks: nodes and edges as integers, which is what arrays hold.

Numbers given to IRIs are internal: no answer depends on them or on the order in which crates came in.
"""

from __future__ import annotations

import sqlite3
from array import array
from typing import TYPE_CHECKING, Final

from filiation.catalogue.arrays import ACTION, THING
from filiation.catalogue.nodes import ActionNode, EntityNode, action_from_text, entity_from_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NUMBERS: Final = "i"
"""Type code of 32-bit numbers in :mod:`array`."""

_AT_ONCE: Final = 2_000
"""Numbers that are put into one statement."""

_NEWEST: Final = """
SELECT entity.record FROM (
    SELECT seen.term, seen.crate, row_number() OVER (
        PARTITION BY seen.term ORDER BY seen.generated DESC, crate.began DESC, crate.iri DESC
    ) AS place
    FROM entity AS seen LEFT JOIN crate ON crate.term = seen.crate WHERE seen.term IN ({})
) AS chosen JOIN entity ON entity.term = chosen.term AND entity.crate = chosen.crate WHERE chosen.place = 1
"""
"""Of each thing the record of one crate, before those of the same thing that others have; unknown times come last."""


class IndexNumbers:
    """What walks ask of an index."""

    _connection: sqlite3.Connection

    def state(self) -> tuple[str, int, int]:
        """Return which index this is, how often it was changed, and since when it is known what changed."""
        made, generation, kept = self._connection.execute("SELECT made, generation, kept FROM state").fetchone()
        return str(made), int(generation), int(kept)

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
        for listed in in_parts(numbers):
            found.update(self._connection.execute(f"SELECT id, iri FROM term WHERE id IN ({listed})"))  # noqa: S608
        return found

    def kinds_of(self, numbers: Sequence[int]) -> list[int]:
        """Return the bits of ``arrays.THING`` and ``arrays.ACTION`` for each of some nodes."""
        kinds = {int(number): 0 for number in numbers}
        for bit, table in ((THING, "entity"), (ACTION, "action")):
            for listed in in_parts(numbers):
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

    def edge_count(self) -> int:
        """Return how many edges there are, those between runs too."""
        (within,) = self._connection.execute("SELECT coalesce(sum(length(edges)), 0) FROM flow").fetchone()
        (between,) = self._connection.execute("SELECT count(*) FROM joined").fetchone()
        return int(within) // 12 + int(between)

    def give_back_memory(self) -> None:
        """Forget what of the file is kept in memory."""
        self._connection.execute("PRAGMA shrink_memory")

    def joins(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield every edge between runs: source, end, role and crate."""
        yield from self._connection.execute("SELECT src, dst, role, crate FROM joined")

    def all_edges(self) -> Iterator[tuple[int, bytes]]:
        """Yield each crate's number and its edges, as kept; see ``index_file``."""
        yield from self._connection.execute("SELECT crate, edges FROM flow")

    def beginnings(self) -> list[tuple[int, float | None]]:
        """Return the number of each crate, and when its run began, in seconds since 1970."""
        return self._connection.execute("SELECT term, began FROM crate").fetchall()

    def names_in_order(self, at_once: int) -> Iterator[list[tuple[int, str]]]:
        """Yield every number and its IRI, so many at once, in the order of the IRIs' bytes."""
        rows = self._connection.execute("SELECT id, iri FROM term ORDER BY iri")
        while found := rows.fetchmany(at_once):
            yield found

    def crate_numbers(self) -> dict[str, int]:
        """Return the number of each crate, by its IRI."""
        return dict(self._connection.execute("SELECT iri, term FROM crate"))

    def nodes(self, numbers: Sequence[int]) -> dict[str, tuple[list[EntityNode], list[ActionNode]]]:
        """Return what every crate tells of nodes, by IRI."""
        found: dict[str, tuple[list[EntityNode], list[ActionNode]]] = {}
        for listed in in_parts(numbers):
            for (text,) in self._connection.execute(f"SELECT record FROM entity WHERE term IN ({listed})"):  # noqa: S608
                entity = entity_from_text(text)
                found.setdefault(entity.iri, ([], []))[0].append(entity)
            for (text,) in self._connection.execute(f"SELECT record FROM action WHERE term IN ({listed})"):  # noqa: S608
                action = action_from_text(text)
                found.setdefault(action.iri, ([], []))[1].append(action)
        return found

    def shown(self, numbers: Sequence[int]) -> dict[str, EntityNode | ActionNode]:
        """Return what is shown of nodes, by IRI: of a thing what the newest run tells that made it, else that saw it.

        A model that thousands of runs used has thousands of records, of which one is read.
        """
        found: dict[str, EntityNode | ActionNode] = {}
        for listed in in_parts(numbers):
            for (text,) in self._connection.execute(_NEWEST.format(listed)):
                entity = entity_from_text(text)
                found[entity.iri] = entity
            for (text,) in self._connection.execute(f"SELECT record FROM action WHERE term IN ({listed})"):  # noqa: S608
                action = action_from_text(text)
                known = found.setdefault(action.iri, action)
                if isinstance(known, ActionNode) and action.crate < known.crate:
                    found[action.iri] = action
        return found


def in_parts(numbers: Iterable[int]) -> Iterator[str]:
    """Write numbers as lists for a statement: they are our own, and binding thousands takes longer."""
    listed = [int(number) for number in numbers]
    for start in range(0, len(listed), _AT_ONCE):
        yield ",".join(map(str, listed[start : start + _AT_ONCE]))
