"""The catalogue: crates on disk are the truth, store and index are made from them and made again at will."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.annotation_graph import annotation_triples, annotations_graph, annotations_stamp
from filiation.catalogue.annotations import read_annotations
from filiation.catalogue.arrays import open_arrays
from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, open_crate
from filiation.catalogue.crates import ARRAYS, INDEX
from filiation.catalogue.editions import newest, using_newest
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.join_rules import work_out_joins
from filiation.catalogue.joining import Joining
from filiation.catalogue.lock import holding
from filiation.catalogue.outbox import WaitingGraph
from filiation.catalogue.resumptions import graph_about, resumption_of, runs_after, statements_of
from filiation.catalogue.store_writer import StoreError
from filiation.catalogue.stores import MANY, EmbeddedStore, ServedStore, WaitingInIndex, begin_edition, graph_store
from filiation.catalogue.versions import Version, forget, note_what_is_there
from filiation.errors import CatalogueBusyError, FiliationError, NotFoundError, ServerError
from filiation.model import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.derive import Derived
    from filiation.catalogue.graph import GraphWriter, LineageGraph, Rows, Term, Triple

_ROOM: Final = 1 << 20
"""Bytes that a disk has room for, unless it is as good as full."""
_CRATES_AT_ONCE: Final = 100
"""Crates that are taken in in one transaction, when many are behind."""

Progress: TypeAlias = Callable[[int, int, str], None]
"""Told how many of how many are done, and the name of the one at hand."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a crate that was taken in.

    Parameters
    ----------
    id, iri
        The run's UUID and its crate's IRI.
    folder
        Where the crate stands now.
    outcome
        ``new``, ``replaced`` or ``unchanged``.
    entities, actions, edges
        How many.
    own
        Whether filiation wrote the crate.
    """

    id: str
    iri: str
    folder: Path
    outcome: str
    entities: int = 0
    actions: int = 0
    edges: int = 0
    own: bool = True


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What became of the crates when store and index were made from them.

    Parameters
    ----------
    crates
        Those taken in.
    problems
        Those that cannot be read, each as one message; they stay where they are.
    """

    crates: tuple[IngestReport, ...]
    problems: tuple[str, ...]


class Catalogue:
    """A folder of crates with a store and an index made from them.

    Every step of taking a crate in can be interrupted: the crate arrives whole or not at all, then the store takes it
    in one transaction, or in parts if it is large, then the index in another, which notes which metadata it was. A
    crate that the index does not note is taken in again by the next who asks.

    Parameters
    ----------
    folder
        Where it stands.
    wait
        Seconds to wait for others at most.
    """

    def __init__(self, folder: CatalogueFolder, *, wait: float = 10.0) -> None:
        self.folder = folder
        self.wait = wait
        self.on_wait: Callable[[], None] = _say_nothing
        """Called once when another process is waited for."""
        self.lost: tuple[str, ...] = ()
        """Of a past that is asked for: what was known then and is not kept, each as one message."""

    @collecting_once()
    def ingest(self, crate: Path, *, move: bool = False) -> IngestReport:
        """Take a crate in; one that is there already changes nothing, another one of the same run replaces it.

        Parameters
        ----------
        crate
            The crate's folder, anywhere or in the catalogue already.
        move
            Move it into the catalogue instead of copying it; it was forced to disk when it was written.

        Raises
        ------
        NotFoundError
            If there is no crate.
        InvalidCrateError
            If it cannot be read; the catalogue is then as before.
        CatalogueBusyError
            If others write to the catalogue for longer than the wait.
        """
        from filiation.catalogue.reading import read_triples

        coming, document = open_crate(crate)
        stated = read_triples(coming, document)  # what cannot be read does not come in
        with self._writing() as (graph, index):
            self.folder.sweep()
            arrived = self.folder.arrive(crate, move=move, read=coming)
            with self._telling():
                with index.changing():
                    report = _take_in(self.folder, arrived, graph, index, stated)
                    settle(index, self.folder)
                    relate([report], graph, index)
                self._store.tidy(index)
                return report

    def catch_up(self) -> RebuildReport:
        """Take in what is in the folder and not in store and index, and forget what is gone.

        If others write meanwhile, what is there already is what is answered from: it is never waited for.
        """
        if not self._is_usable():
            return self._make_missing()
        if not self._is_behind():
            return RebuildReport((), ())
        try:
            with self._writing(sends=not self.folder.is_shared, wait=0) as (graph, index), self._telling():
                self.folder.sweep()
                report = take_in_what_changed(self.folder, graph, index)
                self._store.tidy(index)
                return report
        except CatalogueBusyError:
            return RebuildReport((), ())

    def forget(self, run: str, *, by: str, by_id: str | None, why: str) -> Version:
        """Take the crate of a run out of the answers; see :func:`filiation.catalogue.versions.forget`.

        Raises
        ------
        OSError
            If it cannot be kept aside; then nothing has changed.
        CatalogueBusyError
            If others use the catalogue for longer than the wait.
        """
        with holding(self.folder.lock, wait=self.wait):
            forgotten = forget(self.folder, run, by=by, by_id=by_id, why=why)
        self.catch_up()
        return forgotten

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Make store and index again from the crates alone, in the order of their ids, beside those in use.

        They take the place of those in use when they are whole. It can be interrupted, and goes on when it is called
        again. Others may ask and take crates in meanwhile.
        """
        from filiation.catalogue.rebuilding import rebuild

        with self._holding(self.folder.rebuild_lock) as lock, self._telling():
            return rebuild(self.folder, self._store, lock=lock, wait=self.wait, progress=progress)

    def _make_missing(self) -> RebuildReport:
        """Make store and index, where there are crates and neither, or those of another version."""
        from filiation.catalogue.rebuilding import rebuild

        if not self.folder.stamped_crates():
            return RebuildReport((), ())
        with self._holding(self.folder.rebuild_lock) as lock, self._telling():
            if self._is_usable():  # others have made it meanwhile
                return RebuildReport((), ())
            return rebuild(self.folder, self._store, lock=lock, wait=self.wait)

    @contextmanager
    def reading(self) -> Iterator[LineageIndex]:
        """Open the index to read, as it is now; others may write meanwhile."""
        with ExitStack() as opened:
            with self._telling():
                edition = opened.enter_context(using_newest(self.folder.made))
                place = None if edition is None or not (edition / INDEX).is_file() else edition / INDEX
                arrays = None if edition is None else edition / ARRAYS
                index = LineageIndex(place, create=place is None, wait=self.wait, arrays=arrays)
                opened.enter_context(index)
                opened.enter_context(index.as_it_is())
            yield index

    def prepare(self) -> None:
        """Make what queries are asked of, so that a query that may take a limited time finds it."""
        if isinstance(self._store, EmbeddedStore):
            self.deliver()

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a SPARQL query of our own over one crate's graph or all; see :class:`LineageGraph`."""
        with self._asking() as store:
            return store.query(text, graph=graph, given=given, limit=limit)

    def quads(self) -> tuple[tuple[str, str, Term, str], ...]:
        """Return everything in the store."""
        with self._asking() as store:
            return tuple(store.quads())

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return the graphs that a SPARQL server should have and has not; nothing if there is no server."""
        return self._store.waiting()

    def deliver(self) -> None:
        """Let the store, or the SPARQL server, have what it lacks, so that no answer is short without a word.

        Raises
        ------
        ServerError
            If a server lacks so much that this would take long, or does not answer.
        """
        if isinstance(self._store, EmbeddedStore):
            with self.reading() as index, self._telling():
                self._store.deliver(index)
            return
        with self.reading() as index:
            known = {iri: index.metadata_digest(iri) for iri, _ in index.stamps().values()}
        expected = {iri: Digest.from_text(text).iri for iri, text in known.items() if text}
        lacking = self._store.lacks(expected)
        if len(lacking) > MANY:
            raise ServerError(
                f"The SPARQL server {self._store.settings.address} lacks {len(lacking)} of {len(expected)} crates. "
                "Send them with: filiation rebuild"
            )
        if self._store.waiting():
            with self._writing():  # sends first of all what waits
                pass

    @contextmanager
    def _asking(self) -> Iterator[LineageGraph]:
        if isinstance(self._store, ServedStore):
            self.deliver()
        with self.reading() as index, ExitStack() as opened:
            with self._telling():
                store = opened.enter_context(self._store.reading(index))
            yield store

    @cached_property
    def _store(self) -> EmbeddedStore | ServedStore:
        return graph_store(self.folder)

    @contextmanager
    def _writing(self, *, sends: bool = True, wait: float | None = None) -> Iterator[tuple[GraphWriter, LineageIndex]]:
        if not self._is_usable():
            self._make_missing()
        with self._holding(self.folder.lock, wait), ExitStack() as opened:
            with self._telling():
                if not self._is_usable():
                    begin_edition(self.folder, self._store)
                index = opened.enter_context(LineageIndex(self.folder.index, wait=self.wait, arrays=self.folder.arrays))
                graph = opened.enter_context(self._store.writing(index, sends=sends))
            yield graph, index

    def _holding(self, lock: Path, wait: float | None = None) -> AbstractContextManager[int]:
        return holding(lock, wait=self.wait if wait is None else wait, waiting=self.on_wait)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Say of a disk that is full or broken what that means for store and index, and what it does not."""
        try:
            yield
        except FiliationError:
            raise
        except (OSError, sqlite3.Error) as error:
            reason = error if isinstance(error, OSError) else _why_no_file_grows(self.folder.root) or error
            raise FiliationError(
                f"Store and index of the catalogue {self.folder.root} could not be brought up to date: {reason}. They "
                "are made from the crates, of which nothing is lost: make room or mend the disk, and ask again."
            ) from error

    def _is_usable(self) -> bool:
        """Whether there is a store and an index of this version's format: else both are made again."""
        edition = newest(self.folder.made)
        if edition is None or not self._store.is_in(edition):
            return False
        try:
            with self._telling(), LineageIndex(edition / INDEX, wait=self.wait):
                return True
        except NotFoundError:
            return False

    def _is_behind(self) -> bool:
        if self.folder.leftovers():
            return True
        with self.reading() as index:
            if index.unjoined() or index.noted() != annotations_stamp(self.folder):
                return True
            known = {name: stamp for name, (_, stamp) in index.stamps().items()}
        return known != dict(self.folder.stamped_crates())


def _say_nothing() -> None:
    """Wait without a word."""


def take_in_what_changed(folder: CatalogueFolder, graph: GraphWriter, index: LineageIndex) -> RebuildReport:
    """Bring an index and its store up to date with a folder of crates, so many crates at a time.

    Parameters
    ----------
    folder
        The catalogue.
    graph, index
        The way into the store, and the index beside it.
    """
    known = index.stamps()
    there = dict(folder.stamped_crates())
    orphans: set[str] = set()
    with index.changing():
        for name, (iri, _) in known.items():
            if name not in there:
                orphans.update(runs_after(index, iri))
                index.remove(iri, note_what_is_there(folder, name))
                graph.remove(iri)
        relate((), graph, index, orphans)
    behind = [folder.crates / name for name, stamp in there.items() if known.get(name, ("", ""))[1] != stamp]
    reports: list[IngestReport] = []
    problems: list[str] = []
    for start in range(0, len(behind) or 1, _CRATES_AT_ONCE):
        with index.changing():
            part = _take_all_in(folder, behind[start : start + _CRATES_AT_ONCE], graph, index)
            settle(index, folder)
            relate(part.crates, graph, index)
        reports += part.crates
        problems += part.problems
    _state_annotations(folder, graph, index)
    return RebuildReport(tuple(reports), tuple(problems))


def _state_annotations(folder: CatalogueFolder, graph: GraphWriter, index: LineageIndex) -> None:
    """Make the graph of what was noted again, if something was since."""
    if annotations_stamp(folder) == index.noted():
        return
    name = annotations_graph(folder)
    stamp = annotations_stamp(folder)  # before they are read: what comes meanwhile is stated by the next
    with index.changing():
        if name is not None:
            graph.replace(name, annotation_triples(read_annotations(folder)[0], name))
        index.set_noted(stamp)


def settle(index: LineageIndex, folder: CatalogueFolder) -> None:
    """Work out what depends on all crates together, and forget what arrays have made superfluous."""
    work_out_joins(index, folder.crates)
    arrays, (_, _, kept) = open_arrays(index), index.state()
    if arrays is not None and arrays.generation > kept:
        index.forget_changes(arrays.generation)


def relate(taken: Sequence[IngestReport], graph: GraphWriter, index: LineageIndex, orphans: Iterable[str] = ()) -> None:
    """State which unfinished runs the runs went on from: those taken in, and those after them in their folders.

    Only the store of our own holds it: what a SPARQL server is sent is what each crate says by itself.

    Parameters
    ----------
    taken
        The crates taken in, whose joins are worked out.
    graph, index
        The store and the index.
    orphans
        IRIs of crates that are gone, or whose run came after one that is gone.
    """
    if isinstance(graph, WaitingInIndex):
        joining = Joining(index)
        new = {report.iri for report in taken if report.outcome == "new"}
        changed = [report.iri for report in taken if report.outcome != "unchanged"]
        for crate in sorted({*orphans, *(iri for each in changed for iri in runs_after(index, each))}):
            run = index.run(crate)
            found = resumption_of(index, joining, run) if run is not None else None
            if found is not None:
                graph.replace(graph_about(crate), statements_of(found))
            elif crate not in new:
                graph.remove(graph_about(crate))
    for report in taken:
        index.restamp(report.iri, stamp_of(report.folder))


def _take_all_in(
    catalogue: CatalogueFolder, folders: list[Path], graph: GraphWriter, index: LineageIndex
) -> RebuildReport:
    reports, problems = [], []
    for folder in folders:
        try:
            reports.append(_take_in(catalogue, catalogue.settle(folder), graph, index))
        except StoreError:
            raise  # it is not this crate's fault, and the next would fare no better
        except (FiliationError, OSError) as error:
            problems.append(f"{folder.name}: {error}")
    return RebuildReport(tuple(reports), tuple(problems))


@collecting_once()
def _take_in(
    catalogue: CatalogueFolder,
    crate: CrateOnDisk,
    graph: GraphWriter,
    index: LineageIndex,
    stated: tuple[Triple, ...] | None = None,
) -> IngestReport:
    # Questions import this module too, and have nothing to take in.
    from filiation.catalogue.crate_graph import graph_of
    from filiation.catalogue.derive import derive
    from filiation.catalogue.reading import read_triples
    from filiation.catalogue.sites import at_its_site

    known = index.metadata_digest(crate.iri)
    digest = str(crate.metadata_digest)
    versions = note_what_is_there(catalogue, crate.id)
    if known == digest:
        if versions != index.versions(crate.iri):
            index.set_versions(crate.iri, versions)
        return report_of(crate, "unchanged", None)
    stated = read_triples(crate) if stated is None else stated
    derived = at_its_site(derive(stated, crate.iri), crate.folder)
    graph.replace(crate.iri, graph_of(stated, derived, crate, versions))
    # Without its stamp, which it gets when all is said that follows from it: else the next who asks says it.
    index.replace(derived, folder=crate.folder.name, stamp="", digest=digest, versions=versions)
    return report_of(crate, "new" if known is None else "replaced", derived)


def report_of(crate: CrateOnDisk, outcome: str, derived: Derived | None) -> IngestReport:
    """Tell what became of a crate."""
    if derived is None:
        return IngestReport(crate.id, crate.iri, crate.folder, outcome, own=crate.own)
    counts = len(derived.entities), len(derived.actions), len(derived.edges)
    return IngestReport(crate.id, crate.iri, crate.folder, outcome, *counts, own=crate.own)


def stamp_of(folder: Path) -> str:
    """Return what tells cheaply whether a crate's metadata has changed."""
    found = (folder / METADATA).stat()
    return f"{found.st_size}:{found.st_mtime_ns}"


def _why_no_file_grows(folder: Path) -> OSError | None:
    """Return what the system says of a file in a folder, if there is something: SQLite does not hand on its reason."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
    except OSError as error:
        return error
    return None
