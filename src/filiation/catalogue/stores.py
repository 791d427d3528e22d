"""Where a catalogue's graphs are: in its own folder, or on a SPARQL server that ``filiation.toml`` names."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from filiation.catalogue.lock import holding
from filiation.catalogue.outbox import Outbox, WaitingGraph
from filiation.catalogue.server_settings import ServerSettings, read_server
from filiation.catalogue.store_writer import StoreWriter
from filiation.errors import AccessError, FiliationError, ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.graph import GraphWriter, LineageGraph, Triple
    from filiation.catalogue.sparql_server import SparqlServer

MANY: Final = 100
"""Graphs that a server lacks which are too many to be sent before a question is answered."""


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


class EmbeddedStore:
    """The store in the catalogue's folder."""

    def __init__(self, folder: CatalogueFolder) -> None:
        self._folder = folder

    def is_there(self) -> bool:
        """Whether the store's folder is there."""
        return self._folder.store.is_dir()

    def clear(self) -> None:
        """Remove all of it."""
        _remove_store(self._folder.store)

    def tidy(self) -> None:
        """Remove what a killed removal left; called by who may write."""
        _remove_what_is_going(self._folder.store)

    @contextmanager
    def writing(self, *, lock: int, wait: float, sends: bool = True) -> Iterator[GraphWriter]:
        """Open it to be written, by a process that keeps the lock."""
        with StoreWriter(self._folder.store, lock=lock, wait=wait) as writer:
            yield writer

    @contextmanager
    def reading(self, *, wait: float) -> Iterator[LineageGraph]:
        """Open it to be asked, while nobody writes."""
        from filiation.catalogue.oxigraph import OxigraphGraph  # most questions ask the index alone

        with holding(self._folder.lock, shared=True, wait=wait), OxigraphGraph(self._folder.store) as store:
            yield store

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return nothing: what cannot be written here is an error."""
        return ()

    def lacks(self, expected: dict[str, str]) -> tuple[str, ...]:
        """Return nothing: the index is written after the store."""
        return ()


class ServedStore:
    """A SPARQL server, and the outbox for what it does not take now."""

    def __init__(self, folder: CatalogueFolder, settings: ServerSettings) -> None:
        self._folder = folder
        self.settings = settings
        self._outbox = Outbox(folder.outbox)

    def is_there(self) -> bool:
        """Whether anything is to be made: no, whatever the server lacks waits or is found out by the next question."""
        return True

    def tidy(self) -> None:
        """Do nothing: nothing is ever half removed here."""

    def clear(self) -> None:
        """Let those graphs wait to be removed that were sent, and whose crates are gone."""
        from filiation.catalogue.crate_graph import run_id_in

        there = {path.name for path in self._folder.list_crates()}
        gone = [graph for graph in self._outbox.sent(self.settings.address) if run_id_in(graph) not in there]
        if gone:
            self._outbox.add(*gone)

    @contextmanager
    def writing(self, *, lock: int, wait: float, sends: bool = True) -> Iterator[GraphWriter]:
        """Open it to be written; what waits is sent first.

        Parameters
        ----------
        sends
            Whether to send anything: who only reads a shared catalogue leaves that to who takes its crates in.
        """
        _remove_store(self._folder.store)  # it would be behind if it were used again
        if not sends:
            yield Nothing()
            return
        with self._server() as server:
            sender = Sender(self._folder, self._outbox, server)
            sender.send()
            yield sender

    @contextmanager
    def reading(self, *, wait: float) -> Iterator[LineageGraph]:
        """Ask the server."""
        with self._server() as server:
            yield server

    def waiting(self) -> tuple[WaitingGraph, ...]:
        """Return what is in the outbox."""
        return self._outbox.waiting()

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


def _remove_store(store: Path) -> None:
    """Remove the store; renamed first, since what is half removed can neither be read nor made anew."""
    _remove_what_is_going(store)
    with suppress(FileNotFoundError):
        store.rename(_going(store))
    _remove_what_is_going(store)


def _remove_what_is_going(store: Path) -> None:
    shutil.rmtree(_going(store), ignore_errors=True)


def _going(store: Path) -> Path:
    return store.with_name(f"{store.name}.going")
