"""What is asked of the index by name: crates and runs, things, actions, edges."""

from __future__ import annotations

import json
from array import array
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

from filiation.catalogue.clues import (
    MADE,
    MADE_PIXELS,
    Condition,
    beginning,
    having,
    lacking,
    that_share_one,
    things_of,
)
from filiation.catalogue.index_numbers import NUMBERS, IndexNumbers, in_parts
from filiation.catalogue.nodes import (
    ROLES,
    ActionNode,
    Edge,
    EntityNode,
    RunSummary,
    action_from_text,
    entity_from_text,
    run_from_text,
)
from filiation.catalogue.summary import COLUMNS, CrateSummary, DayOfRuns, DayOfWork, Tally, WorkOf
from filiation.model import DigestKind, decode_path, encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ENTITY: Final = "SELECT record FROM entity"
_ACTION: Final = "SELECT record FROM action"
_NUMBER: Final = "(SELECT id FROM term WHERE iri = ?)"
_ELSEWHERE: Final = "path GLOB '*%3A*'"  # what has an address, as `encode_path` writes it; see `entity_elsewhere`
_EDGE: Final = (
    "SELECT s.iri, d.iri, edge.role, c.iri FROM edge "
    "JOIN term s ON s.id = edge.src JOIN term d ON d.id = edge.dst JOIN term c ON c.id = edge.crate"
)


class IndexQuestions(IndexNumbers):
    """What is asked of an index, by IRI, path, digest or crate."""

    _newest_there: tuple[tuple[int, str], int, tuple[EntityNode, ...]] = ((-1, ""), 0, ())
    """What was asked last of :meth:`newest_at`: a search asks it once to know a thing, and once to list them all."""

    def stamps(self) -> dict[str, tuple[str, str]]:
        """Return the crate's IRI and the stamp of its metadata, by the name of its folder."""
        rows = self._connection.execute("SELECT folder, iri, stamp FROM crate")
        return {folder: (iri, stamp) for folder, iri, stamp in rows}

    def unjoined(self) -> tuple[str, ...]:
        """Return the IRIs of the crates whose joins are to be worked out, sorted."""
        # A `+` keeps SQLite from going over all crates in their order to find the few.
        rows = self._connection.execute("SELECT iri FROM crate WHERE NOT joined ORDER BY +iri")
        return tuple(iri for (iri,) in rows)

    def runs(self) -> tuple[RunSummary, ...]:
        """Return every run, sorted by IRI."""
        rows = self._connection.execute("SELECT run FROM crate ORDER BY iri")
        return tuple(run_from_text(text) for (text,) in rows)

    def newest_runs(self, first: int, most: int) -> tuple[RunSummary, ...]:
        """Return some of the runs in the order of :meth:`filiation.lineage.Ledger.runs`, the newest first.

        Parameters
        ----------
        first
            How many to leave out.
        most
            How many to return at most.
        """
        rows = self._connection.execute(
            "SELECT run FROM crate ORDER BY began IS NULL, began DESC, iri LIMIT ? OFFSET ?", (most, first)
        )
        return tuple(run_from_text(text) for (text,) in rows)

    def how_many_runs(self) -> int:
        """Return how many runs there are."""
        (count,) = self._connection.execute("SELECT count(*) FROM crate").fetchone()
        return int(count)

    def runs_telling(self, text: str) -> Iterator[RunSummary]:
        """Yield the runs whose record has a text somewhere, upper or lower case, the newest first."""
        rows = self._connection.execute(
            "SELECT run FROM crate WHERE instr(lower(run), lower(?)) ORDER BY began DESC, iri",
            (json.dumps(text)[1:-1],),
        )
        return (run_from_text(record) for (record,) in rows)

    def people(self, text: str, most: int) -> tuple[tuple[str, int], ...]:
        """Return those who started runs and have a text in their name, with how many, the most active first."""
        rows = self._connection.execute(
            "SELECT agent, count(*) FROM crate WHERE instr(lower(agent), lower(?)) "
            "GROUP BY agent ORDER BY count(*) DESC, agent LIMIT ?",
            (text.encode("utf-8", "backslashreplace").decode("utf-8"), most),
        )
        return tuple(rows)

    def runs_with_doi(self) -> tuple[RunSummary, ...]:
        """Return the runs whose crates say that they have a DOI, sorted by IRI."""
        rows = self._connection.execute("SELECT run FROM crate WHERE instr(run, '\"doi\":') ORDER BY iri")
        return tuple(run for (text,) in rows if (run := run_from_text(text)).doi is not None)

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

    def jobs_by_day_and_agent(self) -> tuple[DayOfWork, ...]:
        """Return what was done each day by whom, sorted."""
        rows = self._connection.execute(
            "SELECT day, agent, count(*), sum(jobs), sum(failed) FROM crate GROUP BY day, agent ORDER BY day, agent"
        )
        return tuple(DayOfWork(*row) for row in rows)

    def runs_by_day_and_status(self) -> tuple[DayOfRuns, ...]:
        """Return how many runs of each day ended how, sorted; those of no known day first."""
        rows = self._connection.execute(
            "SELECT day, status, count(*), sum(jobs), sum(failed) FROM crate GROUP BY day, status ORDER BY day, status"
        )
        return tuple(DayOfRuns(*row) for row in rows)

    def work_by_agent(self) -> tuple[WorkOf, ...]:
        """Return what each person's runs were, those with the most runs first."""
        rows = self._connection.execute(
            "SELECT agent, count(*) AS runs, sum(jobs), sum(failed), min(day), max(day) FROM crate "
            "GROUP BY agent ORDER BY runs DESC, agent"
        )
        return tuple(WorkOf(*row) for row in rows)

    def tally(self, what: str) -> tuple[Tally, ...]:
        """Return what was counted over all crates by name, the largest amount first.

        Parameters
        ----------
        what
            :data:`~filiation.catalogue.summary.RULES` or :data:`~filiation.catalogue.summary.KINDS`.
        """
        rows = self._connection.execute(
            "SELECT name, sum(count) AS counted, sum(amount) AS amounted FROM tally WHERE what = ? GROUP BY name "
            "ORDER BY amounted DESC, counted DESC, name",
            (what,),
        )
        return tuple(Tally(*row) for row in rows)

    def gaps(self) -> dict[str, tuple[int, int]]:
        """Return by kind how much all crates leave open, and in how many lines that is told.

        The kinds are those of :mod:`filiation.catalogue.crate_gaps`.
        """
        rows = self._connection.execute("SELECT kind, sum(count), sum(lines) FROM gap GROUP BY kind")
        return {kind: (count, lines) for kind, count, lines in rows}

    def crates_with_gaps(self, kind: str) -> tuple[tuple[str, int], ...]:
        """Return the crates that leave something of a kind open, sorted by IRI, and in how many lines it is told."""
        rows = self._connection.execute(
            "SELECT iri, sum(lines) FROM gap JOIN term ON term.id = gap.crate WHERE kind = ? "
            "GROUP BY crate ORDER BY iri",
            (kind,),
        )
        return tuple(rows)

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
        given: list[Condition] = []
        for column, name in (("term", iri), ("crate", crate)):
            if name is not None:
                given.append((f"entity.{column} = {_NUMBER}", (name,)))
        if digest is not None:
            given.append(having("digest", digest, generated=generated))
        if pixels is not None:
            given.append(having("pixels", pixels, generated=generated))
        if path is not None:
            given.append(having("path", encode_path(path)))
        if place is not None:
            given.append(("place = ?", (encode_path(place),)))
        if generated is not None:
            given.append(("generated = ?", (generated,)))
        # Only the names of columns are put into the text; every value is bound.
        where = f" WHERE {' AND '.join(condition for condition, _ in given)}" if given else ""
        rows = self._connection.execute(_ENTITY + where, [value for _, values in given for value in values])
        found = (entity_from_text(record) for (record,) in rows)
        return tuple(sorted(found, key=lambda entity: (entity.iri, entity.crate)))

    def tells_of(self, crate: str, digest: str, place: str) -> bool:
        """Whether a crate tells of a thing of some bytes at a place."""
        same, values = having("digest", digest)
        # A `+` keeps SQLite from reading all that is told of the place: few things have the same bytes.
        row = self._connection.execute(
            f"SELECT 1 FROM entity WHERE {same} AND +place = ? AND crate = {_NUMBER} LIMIT 1",  # noqa: S608
            (*values, encode_path(place), crate),
        ).fetchone()
        return row is not None

    def newest_at(self, path: str, most: int) -> tuple[EntityNode, ...]:
        """Return the things that runs named by a path, so many at most, those of the newest runs first."""
        generation = self.state()[1]
        known, asked, found = self._newest_there
        if known == (generation, path) and asked >= most:
            return found[:most]
        there, values = having("path", encode_path(path))
        # The records of thousands are not read to be put in order: indexes hold what that takes.
        rows = self._connection.execute(
            "SELECT seen.record FROM (SELECT entity.term, entity.crate, crate.began, crate.iri FROM entity "  # noqa: S608
            f"JOIN crate ON crate.term = entity.crate WHERE {there} ORDER BY crate.began DESC, crate.iri LIMIT ?) "
            "AS chosen JOIN entity AS seen ON seen.term = chosen.term AND seen.crate = chosen.crate "
            "ORDER BY chosen.began DESC, chosen.iri, seen.term DESC",
            (*values, most),
        )
        found = tuple(entity_from_text(record) for (record,) in rows)
        self._newest_there = ((generation, path), most, found)
        return found

    def how_many_at(self, path: str) -> int:
        """Return how many things runs named by a path, each run's counted."""
        there, values = having("path", encode_path(path))
        (count,) = self._connection.execute(f"SELECT count(*) FROM entity WHERE {there}", values).fetchone()  # noqa: S608
        return int(count)

    def images_elsewhere(self) -> Iterator[EntityNode]:
        """Yield the images outside of workflows that runs used, as each crate tells of them."""
        for scheme in ("https", "http", "omero"):
            first = encode_path(f"{scheme}:")
            rows = self._connection.execute(
                f"SELECT record FROM entity WHERE generated = 0 AND {_ELSEWHERE} AND path >= ? AND path < ?",  # noqa: S608
                (first, f"{first}~"),
            )
            for (record,) in rows:
                yield entity_from_text(record)

    def crates_joined(self) -> tuple[tuple[str, str], ...]:
        """Return which crates' runs found something that which others' made, by their IRIs."""
        rows = self._connection.execute(
            "SELECT DISTINCT f.iri, m.iri FROM joined "
            "JOIN entity AS made ON made.term = joined.src AND made.generated AND made.crate != joined.crate "
            "JOIN term AS f ON f.id = joined.crate JOIN term AS m ON m.id = made.crate"
        )
        return tuple(rows)

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
        places: list[Condition] = [] if place is None else [("place = ?", (encode_path(place),))]
        for there, values in (having("path", encode_path(path)), *places):
            rows = self._connection.execute(
                f"SELECT record FROM entity WHERE {there} AND +digest = ? AND +generated = 1",  # noqa: S608
                (*values, digest),
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
            for kind in DigestKind:
                alike, values = beginning(column, f"{kind.value}:{prefix}")
                rows = self._connection.execute(f"SELECT DISTINCT {column} FROM entity WHERE {alike}", values)  # noqa: S608
                found.update(text for (text,) in rows)
        return tuple(sorted(found))

    def digests_made_again(self) -> tuple[str, ...]:
        """Return the written digests that runs made more than once, sorted."""
        made: Counter[str] = Counter()
        numbers = {*that_share_one(self._connection, MADE), *self._made_elsewhere()}
        for listed in in_parts(sorted(numbers)):
            made.update(
                digest
                for (digest,) in self._connection.execute(
                    f"SELECT digest FROM entity WHERE term IN ({listed}) AND generated = 1 AND digest IS NOT NULL"  # noqa: S608
                )
            )
        return tuple(sorted(digest for digest, count in made.items() if count > 1))

    def pixels_made_again(self) -> tuple[str, ...]:
        """Return the written digests of pixels that runs made more than once, in different bytes, sorted."""
        made: dict[str, set[str]] = defaultdict(set)
        numbers = {*that_share_one(self._connection, MADE_PIXELS), *self._made_elsewhere()}
        for listed in in_parts(sorted(numbers)):
            for pixels, digest in self._connection.execute(
                f"SELECT pixels, digest FROM entity WHERE term IN ({listed}) "  # noqa: S608
                "AND generated = 1 AND pixels IS NOT NULL AND digest IS NOT NULL"
            ):
                made[pixels].add(digest)
        return tuple(sorted(pixels for pixels, digests in made.items() if len(digests) > 1))

    def _made_elsewhere(self) -> Iterator[int]:
        """Yield the numbers of things that have an address of their own: several runs may have made one."""
        rows = self._connection.execute(f"SELECT DISTINCT term FROM entity WHERE generated = 1 AND {_ELSEWHERE}")  # noqa: S608
        return (number for (number,) in rows)

    def folders_written_to(self) -> tuple[str, ...]:
        """Return the folders in which runs made things, sorted; those inside of trees that runs made are left out."""
        rows = self._connection.execute(
            "SELECT DISTINCT rtrim(place, replace(place, '/', '')) FROM entity WHERE place LIKE '/%' AND generated = 1"
        )
        return tuple(sorted(decode_path(folder.rstrip("/")) or "/" for (folder,) in rows))

    def knows_place(self, place: str) -> bool:
        """Whether any crate tells of a thing at a place."""
        row = self._connection.execute("SELECT 1 FROM entity WHERE place = ? LIMIT 1", (encode_path(place),)).fetchone()
        return row is not None

    def actions(self, *, iri: str | None = None, crate: str | None = None) -> tuple[ActionNode, ...]:
        """Return the actions that match everything given, sorted by IRI."""
        wanted = {column: name for column, name in (("term", iri), ("crate", crate)) if name is not None}
        where = f" WHERE {' AND '.join(f'{column} = {_NUMBER}' for column in wanted)}" if wanted else ""
        rows = self._connection.execute(_ACTION + where, list(wanted.values()))
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

    def finds_all_of(self, crate: str) -> bool:
        """Whether all things that a crate tells of are found by their digests, pixels and paths."""
        (number,) = self.numbers_of([crate]).values()
        return not lacking(self._connection, things_of(self._connection, number))

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
