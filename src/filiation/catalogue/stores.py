"""Where a catalogue's graphs are: in its own folder, or on a SPARQL server that ``filiation.toml`` names."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.crates import INDEX, STORE
from filiation.catalogue.editions import newest, number_of, remove_older, using_newest
from filiation.catalogue.filling import Filling, ServerFilling, StoreFilling
from filiation.catalogue.outbox import Outbox, WaitingGraph
from filiation.catalogue.server_settings import ServerSettings, read_server
from filiation.catalogue.store_merging import merge_in_the_background
from filiation.catalogue.store_parts import Parts, deliver, keep_what_waits, merge_tables, remove_what_was_left, size_of
from filiation.catalogue.store_writer import StoreWriter
from filiation.crate import flush
from filiation.errors import AccessError, CatalogueBusyError, FiliationError, ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.graph import GraphWriter, LineageGraph, Rows, Term, Triple
    from filiation.catalogue.index import LineageIndex
    from filiation.catalogue.oxigraph import OxigraphGraph
    from filiation.catalogue.sparql_server import SparqlServer

MANY: Final = 100
"""Graphs that a server lacks which are too many to be sent before a question is answered."""
_COMING: Final = ".coming-"


def graph_store(folder: CatalogueFolder) -> EmbeddedStore | ServedStore:
    """Return where a catalogue's graphs are.

    Raises
    ------
    BadInputError
        If ``filiation.toml`` says of a server what cannot be used.
    AccessError
        If a file with its password can be read by others.
    """
    server = read_server(folder.root)
    return EmbeddedStore(folder) if server is None else ServedStore(folder, server)


def begin_edition(folder: CatalogueFolder, store: EmbeddedStore | ServedStore) -> None:
    """Put an edition without crates in the place of the one in use."""
    from filiation.catalogue.index import LineageIndex

    making = folder.made / f"{_COMING}{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    LineageIndex(making / INDEX, create=True).close()
    if isinstance(store, EmbeddedStore):
        (making / f"{STORE}0").mkdir()
    publish(folder, making)


def publish(folder: CatalogueFolder, edition: Path) -> None:
    """Put an edition that was made in the place of the one in use."""
    before = newest(folder.made)
    edition.rename(folder.made / str(1 if before is None else number_of(before) + 1))
    flush(folder.made)
    remove_older(folder.made)
    # What earlier versions left beside it.
    shutil.rmtree(folder.caches / "store", ignore_errors=True)
    for name in (INDEX, "index.arrays", "index.arrays.lock"):
        (folder.caches / name).unlink(missing_ok=True)


class EmbeddedStore:
    """The stores in the editions of a catalogue.

    A graph that is written waits in the index, in the same transaction as the lineage: so the two never differ. Who
    asks the store, or writes when many wait, makes a new store of an earlier one and what waits, and numbers it after
    the last that it holds (:mod:`filiation.catalogue.store_parts`). Nobody ever writes to a store that others read.
    """

    def __init__(self, folder: CatalogueFolder) -> None:
        self._folder = folder

    def is_in(self, edition: Path) -> bool:
        """Whether an edition has a store."""
        return newest(edition, STORE) is not None

    @contextmanager
    def writing(self, index: LineageIndex, *, sends: bool = True) -> Iterator[GraphWriter]:
        """Open it to be written: graphs wait in the index."""
        yield WaitingInIndex(index)

    @contextmanager
    def filling(self, index: LineageIndex, edition: Path, *, lock: int, wait: float) -> Iterator[Filling]:
        """Open the store of an edition that nobody uses yet, to fill it; the process that writes keeps the lock."""
        store = edition / f"{STORE}0"
        with StoreWriter(store, lock=lock, wait=wait) as writer:
            yield StoreFilling(index, writer)
        merge_tables(store, lock=lock, wait=wait)
        Parts(size_of(store), 0).note(store)

    @contextmanager
    def reading(self, index: LineageIndex, *, deliver: bool = True) -> Iterator[LineageGraph]:
        """Open the store beside an index, to be asked; others may write meanwhile.

        Parameters
        ----------
        deliver
            Whether to let it have what waits before. Else what waits is asked for where it waits.
        """
        from filiation.catalogue.oxigraph import OxigraphGraph  # most questions ask the index alone

        if index.path is None:
            yield OxigraphGraph(self._folder.store)
            return
        if deliver:
            self.deliver(index)
        with using_newest(index.path.parent, STORE) as place:
            if place is None and deliver:
                raise CatalogueBusyError(f"The store beside {index.path} was taken away meanwhile. Ask again.")
            waiting = index.waiting(0 if place is None else number_of(place, STORE))
            with OxigraphGraph(place or self._folder.store) as store:
                yield WithWaiting(store, index, waiting) if waiting else store

    def deliver(self, index: LineageIndex) -> None:
        """Let the newest store have what waits; several may do so at once."""
        if index.path is not None:
            deliver(index.path.parent, index)

    def tidy(self, index: LineageIndex) -> None:
        """Make what waits a part of the store, if that is much, and remove what killed processes left."""
        assert index.path is not None  # noqa: S101 - nobody writes to an index in memory
        remove_what_was_left(index.path.parent)
        if keep_what_waits(index.path.parent, index):
            merge_in_the_background(self._folder)

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return nothing: what cannot be written here is an error."""
        return ()

    def lacks(self, expected: dict[str, str]) -> tuple[str, ...]:
        """Return nothing: what waits is in the index."""
        return ()


class WaitingInIndex:
    """A :class:`~filiation.catalogue.graph.GraphWriter` for the embedded store: graphs wait in the index."""

    def __init__(self, index: LineageIndex) -> None:
        self._index = index

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Let the store have ``triples`` in place of everything in ``graph``."""
        from filiation.catalogue.oxigraph import n_triples

        self._index.let_wait(graph, n_triples(triples))

    def remove(self, graph: str) -> None:
        """Let ``graph`` be removed from the store."""
        self._index.let_wait(graph, None)


class WithWaiting:
    """A :class:`~filiation.catalogue.graph.LineageGraph` of a store and of graphs that wait for it."""

    def __init__(self, store: OxigraphGraph, index: LineageIndex, waiting: dict[str, int]) -> None:
        self._store = store
        self._index = index
        self._waiting = waiting

    def quads(self, graph: str | None = None) -> Iterator[tuple[str, str, Term, str]]:
        """Yield everything of one graph."""
        yield from self._holding(graph).quads(graph)

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a query over one graph."""
        return self._holding(graph).query(text, graph=graph, given=given, limit=limit)

    def _holding(self, graph: str | None) -> OxigraphGraph:
        from filiation.catalogue.oxigraph import OxigraphGraph

        if graph is None:
            raise ValueError("What waits can be asked for by graph alone.")
        if graph not in self._waiting:
            return self._store
        (triples,) = self._index.triples_waiting([self._waiting[graph]])
        return OxigraphGraph.of_triples(graph, triples)


class ServedStore:
    """A SPARQL server, and the outbox for what it does not take now."""

    def __init__(self, folder: CatalogueFolder, settings: ServerSettings) -> None:
        self._folder = folder
        self.settings = settings
        self._outbox = Outbox(folder.outbox)

    def is_in(self, edition: Path) -> bool:
        """Whether all is there: yes, whatever the server lacks waits or is found out by the next question."""
        return True

    def tidy(self, index: LineageIndex) -> None:
        """Do nothing: what waits is sent in its order."""

    def clear(self) -> None:
        """Let those graphs wait to be removed that were sent, and whose crates are gone."""
        from filiation.catalogue.crate_graph import run_id_in

        there = {path.name for path in self._folder.list_crates()}
        gone = [graph for graph in self._outbox.sent(self.settings.address) if run_id_in(graph) not in there]
        if gone:
            self._outbox.add(*gone)

    @contextmanager
    def writing(self, index: LineageIndex, *, sends: bool = True) -> Iterator[GraphWriter]:
        """Open it to be written; what waits is sent first.

        Parameters
        ----------
        index
            The index beside it.
        sends
            Whether to send anything: who only reads a shared catalogue leaves that to who takes its crates in.
        """
        if index.path is not None:
            for store in index.path.parent.glob(f"{STORE}*"):  # it would be behind if it were used again
                shutil.rmtree(store, ignore_errors=True)
        if not sends:
            yield Nothing()
            return
        with self._server() as server:
            sender = Sender(self._folder, self._outbox, server)
            sender.send()
            yield sender

    @contextmanager
    def filling(self, index: LineageIndex, edition: Path, *, lock: int, wait: float) -> Iterator[Filling]:
        """Open it to get every crate's graph again."""
        self.clear()
        with self.writing(index) as sender:
            yield ServerFilling(sender)

    @contextmanager
    def reading(self, index: LineageIndex, *, deliver: bool = True) -> Iterator[LineageGraph]:
        """Ask the server."""
        with self._server() as server:
            yield server

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return what is in the outbox."""
        return self._outbox.waiting()

    def deliver(self, index: LineageIndex) -> None:
        """Do nothing: what waits was sent before anything else."""

    def lacks(self, expected: dict[str, str]) -> tuple[str, ...]:
        """Ask the server, let wait what it lacks, and return that.

        Raises
        ------
        AccessError, ServerError
            If the server does not answer.
        """
        with self._server() as server:
            there = server.seals(tuple(expected))
        lacking = tuple(graph for graph, digest in expected.items() if digest not in there.get(graph, ()))
        if lacking:
            self._outbox.add(*lacking)
        return lacking

    def _server(self) -> SparqlServer:
        from filiation.catalogue.sparql_server import SparqlServer  # only who has a server pays for the HTTP client

        return SparqlServer(self.settings)


class Nothing:
    """A :class:`~filiation.catalogue.graph.GraphWriter` that writes nothing."""

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Do nothing."""

    def remove(self, graph: str) -> None:
        """Do nothing."""


class Sender:
    """A :class:`~filiation.catalogue.graph.GraphWriter` that loses nothing when the server is down.

    Every change waits in the outbox first; from there it goes to the server, in order, as long as that takes it.
    """

    def __init__(self, folder: CatalogueFolder, outbox: Outbox, server: SparqlServer) -> None:
        self._folder = folder
        self._outbox = outbox
        self._server = server
        self._is_up = True
        self._refused: set[str] = set()

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Send ``triples`` in place of everything in ``graph``, or let it wait."""
        self._outbox.add(graph)
        self._refused.discard(graph)
        self.send({graph: list(triples)} if self._is_up else {})

    def remove(self, graph: str) -> None:
        """Remove ``graph`` from the server, or let that wait."""
        self._outbox.add(graph)
        self.send()

    def send(self, at_hand: dict[str, list[Triple]] | None = None) -> None:
        """Send what waits, in order, until the server is found to be down.

        Parameters
        ----------
        at_hand
            Graphs that need not be read from their crates.
        """
        for waiting in self._outbox.waiting() if self._is_up else ():
            graph = waiting.graph
            if graph in self._refused:
                continue
            try:
                self._send_one(graph, (at_hand or {}).get(graph))
            except FiliationError as error:
                self._outbox.note(graph, str(error))
                if _is_down(error):
                    self._is_up = False
                    return
                self._refused.add(graph)  # the next may well be taken

    def _send_one(self, graph: str, triples: list[Triple] | None) -> None:
        from filiation.catalogue.crate_graph import graph_on_disk

        triples = graph_on_disk(self._folder, graph) if triples is None else triples
        if triples is None:
            self._server.remove(graph)
        else:
            self._server.replace(graph, triples)
        self._outbox.done(graph, self._server.settings.address, removed=triples is None)


def _is_down(error: FiliationError) -> bool:
    from filiation.catalogue.sparql_http import RefusedError

    return isinstance(error, AccessError | ServerError) and not isinstance(error, RefusedError)
