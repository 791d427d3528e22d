"""What lay where when: the places at which crates tell of several different bytes, and what was made last at a place.

Such places are noted as crates come in, so that what changed is found without reading what did not. A place stays
noted when the crate that told of other bytes leaves; who asks looks at what is there.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from filiation.catalogue.index_numbers import in_parts
from filiation.catalogue.nodes import CODE, ROLES, USED
from filiation.model import decode_path

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterator

SCHEMA: Final = "CREATE TABLE altered (place TEXT PRIMARY KEY) WITHOUT ROWID;"

_READ: Final = f"({ROLES.index(USED)}, {ROLES.index(CODE)})"
_BEGAN: Final = "coalesce(crate.began, -9e999)"
_LAST_MADE: Final = """
SELECT made.term, made.crate FROM entity made JOIN crate run ON run.term = made.crate
 WHERE made.term IN (%s) AND made.generated = 1 AND NOT EXISTS (
    SELECT 1 FROM entity again JOIN crate later ON later.term = again.crate
     WHERE again.place = made.place AND again.generated = 1
       AND (coalesce(later.began, -9e999), later.iri) > (coalesce(run.began, -9e999), run.iri))
"""


def note_altered(cursor: sqlite3.Cursor, crate: int) -> None:
    """Note the places where a crate, given by its number, tells of other bytes than it or another one does.

    One other crate is looked at for each: if all that were there before say the same, any of them will do.
    """
    cursor.execute(
        "INSERT OR IGNORE INTO altered SELECT place FROM entity AS here WHERE crate = ?1 AND place IS NOT NULL "
        "AND digest != (SELECT digest FROM entity AS other WHERE other.place = here.place AND other.crate != ?1 "
        "AND other.digest IS NOT NULL LIMIT 1)",
        (crate,),
    )
    cursor.execute(
        "INSERT OR IGNORE INTO altered SELECT place FROM entity WHERE crate = ? AND place IS NOT NULL "
        "GROUP BY place HAVING min(digest) != max(digest)",
        (crate,),
    )


def note_all_altered(cursor: sqlite3.Cursor) -> None:
    """Note the places of all crates: what :func:`note_altered` does, for many at once."""
    cursor.execute(
        "INSERT OR IGNORE INTO altered SELECT place FROM entity WHERE place IS NOT NULL "
        "GROUP BY place HAVING min(digest) != max(digest)"
    )


class PlaceHistory:
    """The history of places, to be asked.

    Parameters
    ----------
    connection
        To the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def overtaken(self) -> set[int]:
        """Return the numbers of the things at whose places a later run knows of other bytes."""
        rows = self._connection.execute(
            f"SELECT altered.place, {_BEGAN}, entity.digest, entity.term FROM altered "  # noqa: S608
            "CROSS JOIN entity ON entity.place = altered.place CROSS JOIN crate ON crate.term = entity.crate "
            "WHERE entity.digest IS NOT NULL ORDER BY altered.place"
        )
        found: set[int] = set()
        for _, group in groupby(rows, key=itemgetter(0)):
            seen = [row[1:] for row in group]
            last = max(began for began, _, _ in seen)
            newest = {digest for began, digest, _ in seen if began == last}
            found.update(term for _, digest, term in seen if {digest} != newest)
        return found

    def read_last(self) -> Iterator[tuple[str, dict[int, str]]]:
        """Yield each local place that jobs read from, with what the newest runs that know it saw there.

        The things are given by their numbers, each with its digest as written.
        """
        rows = self._connection.execute(
            f"SELECT entity.place, {_BEGAN}, entity.term, entity.digest FROM entity "  # noqa: S608
            "JOIN crate ON crate.term = entity.crate "
            "WHERE entity.place >= '/' AND entity.place < '0' AND entity.digest IS NOT NULL "
            f"AND EXISTS (SELECT 1 FROM edge WHERE src = entity.term AND role IN {_READ}) ORDER BY entity.place"
        )
        for place, group in groupby(rows, key=itemgetter(0)):
            seen = [row[1:] for row in group]
            last = max(began for began, _, _ in seen)
            yield decode_path(place), {term: digest for began, term, digest in seen if began == last}

    def made_last(self, numbers: Collection[int]) -> Iterator[tuple[int, int]]:
        """Yield those of some things that were made last at their place: each number, with its crate's.

        Of what one run made twice at a place, both are; what has no place was made once.
        """
        for listed in in_parts(numbers):
            yield from self._connection.execute(_LAST_MADE % listed)

    def runs_by_folder(self) -> dict[str, list[tuple[int, str]]]:
        """Return the crates of each folder that several runs ran in, in the order in which those began."""
        rows = self._connection.execute(
            "SELECT place, term, iri FROM crate WHERE place IN "
            "(SELECT place FROM crate WHERE place IS NOT NULL GROUP BY place HAVING count(*) > 1) ORDER BY began, iri"
        )
        folders: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for place, number, iri in rows:
            folders[decode_path(place)].append((number, iri))
        return folders
