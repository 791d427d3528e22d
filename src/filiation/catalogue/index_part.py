"""A part of an index as an index of its own: some crates, and nothing of any other.

What it costs grows with the part, and not with the whole: rows of the crates that are meant are read, by their crate,
and nothing is copied to be removed again.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from filiation.catalogue.clues import note_all
from filiation.catalogue.index_file import connect, secondary_indexes
from filiation.catalogue.place_history import note_all_altered

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NOT_TAKEN: Final = frozenset({"joined", "version"})
"""What is worked out anew from the crates that are there, and what is put in by who asks."""
_NAMED: Final = (
    "SELECT term FROM crate UNION SELECT term FROM entity UNION SELECT term FROM action "
    "UNION SELECT src FROM edge UNION SELECT dst FROM edge"
)


def copy_crates(whole: Path, place: Path, crates: Iterable[str]) -> None:
    """Write an index of some crates of another; their joins are still to be worked out.

    Numbers of nodes stay what they are, as lists of them are kept packed. Names that only other crates tell are left
    out, so that nothing hints at them.

    Parameters
    ----------
    whole
        The other's file.
    place
        Where to write.
    crates
        IRIs; what is not there is passed over.
    """
    with closing(connect(place, create=True, wait=10.0)) as part:
        part.execute("PRAGMA synchronous = OFF")  # it is renamed when it is whole, and made again if it is lost
        part.execute("ATTACH ? AS whole", (str(whole),))
        indexes = secondary_indexes()
        part.execute("BEGIN IMMEDIATE")
        for name in indexes:
            part.execute(f"DROP INDEX main.{name}")
        part.execute("CREATE TEMP TABLE chosen (crate INTEGER PRIMARY KEY)")
        part.executemany("INSERT INTO chosen SELECT term FROM whole.crate WHERE iri = ?", ((iri,) for iri in crates))
        part.execute("INSERT INTO main.crate SELECT * FROM whole.crate WHERE term IN (SELECT crate FROM chosen)")
        part.execute("UPDATE main.crate SET joined = 0")
        for table in _with_a_crate(part):
            part.execute(
                f"INSERT INTO main.{table} SELECT * FROM whole.{table} WHERE crate IN (SELECT crate FROM chosen)"  # noqa: S608 - our own names
            )
        part.execute("DELETE FROM main.gap WHERE joint")
        part.execute(f"INSERT INTO main.term SELECT * FROM whole.term WHERE id IN ({_NAMED})")  # noqa: S608
        part.execute("INSERT INTO main.value SELECT * FROM whole.value WHERE id IN (SELECT value FROM main.told)")
        part.execute(
            "INSERT INTO main.field SELECT * FROM whole.field WHERE id IN (SELECT field FROM main.value "
            "UNION SELECT field FROM main.numbers UNION SELECT field FROM main.texts)"
        )
        for statement in indexes.values():
            part.execute(statement)
        note_all(part.cursor())
        note_all_altered(part.cursor())
        part.execute("COMMIT")
        part.execute("DROP TABLE chosen")
        part.execute("DETACH whole")


def _with_a_crate(part: sqlite3.Connection) -> list[str]:
    """Return the tables that name a crate by its number in a column of that name."""
    rows = part.execute(
        "SELECT m.name FROM main.sqlite_master m JOIN pragma_table_info(m.name) c "
        "WHERE m.type = 'table' AND c.name = 'crate' AND c.type = 'INTEGER'"
    )
    return [name for (name,) in rows if name not in _NOT_TAKEN]
