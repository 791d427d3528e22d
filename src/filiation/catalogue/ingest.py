"""The catalogue: crates on disk are the truth, store and index are made from them and made again at will."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Final

from filiation.catalogue.annotation_graph import annotations_stamp
from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.crates import ARRAYS, INDEX
from filiation.catalogue.editions import newest, using_newest
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.lock import holding
from filiation.catalogue.outbox import WaitingGraph
from filiation.catalogue.stores import MANY, EmbeddedStore, ServedStore, begin_edition, graph_store
from filiation.catalogue.taking_in import (
    IngestReport,
    Progress,
    RebuildReport,
    relate,
    settle,
    take_in,
    take_in_what_changed,
)
from filiation.catalogue.versions import Version, forget
from filiation.errors import CatalogueBusyError, FiliationError, NotFoundError, ServerError
from filiation.model import Digest

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.graph import GraphWriter, LineageGraph, Rows, Term

_ROOM: Final = 1 << 20
"""Bytes that a disk has room for, unless it is as good as full."""


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
            arrived = self.folder.arrive(crate, move=move, read=coming)
            with self._telling():
                with index.changing():
                    report = take_in(self.folder, arrived, graph, index, stated)
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
        """Make store and index again from the crates alone, beside those in use.

        They take the place of those in use when they are whole. It can be interrupted, and goes on when it is called
        again. Others may ask and take crates in meanwhile.
        """
        from filiation.catalogue.rebuilding import rebuild  # questions import this module, and read no crates

        with self._holding(self.folder.rebuild_lock) as lock, self._telling():
            return rebuild(self.folder, self._store, lock=lock, wait=self.wait, progress=progress)

    def _make_missing(self) -> RebuildReport:
        """Make store and index, where there are crates and neither, or those of another version."""
        if not self.folder.stamped_crates():
            return RebuildReport((), ())
        from filiation.catalogue.rebuilding import rebuild

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
        found = self._usable_edition()
        if found is None:
            self._make_missing()
        with self._holding(self.folder.lock, wait), ExitStack() as opened:
            with self._telling():
                is_looked_at = found is not None and newest(self.folder.made) == found
                if not is_looked_at and not self._is_usable():
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
        return self._usable_edition() is not None

    def _usable_edition(self) -> Path | None:
        edition = newest(self.folder.made)
        if edition is None or not self._store.is_in(edition):
            return None
        try:
            with self._telling(), LineageIndex(edition / INDEX, wait=self.wait):
                return edition
        except NotFoundError:
            return None

    def _is_behind(self) -> bool:
        with self.reading() as index:
            if index.unjoined() or index.noted() != annotations_stamp(self.folder):
                return True
            known = {name: stamp for name, (_, stamp) in index.stamps().items()}
        return not self.folder.is_as_known(known)


def _say_nothing() -> None:
    """Wait without a word."""


def _why_no_file_grows(folder: Path) -> OSError | None:
    """Return what the system says of a file in a folder, if there is something: SQLite does not hand on its reason."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_ROOM))
    except OSError as error:
        return error
    return None
