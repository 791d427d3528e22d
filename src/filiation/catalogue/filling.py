"""Filling a store from the start, in large parts: what is noted of a crate follows what the store holds of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from filiation.catalogue.graph import GraphWriter, Triple
    from filiation.catalogue.index import LineageIndex
    from filiation.catalogue.store_writer import StoreWriter

LARGEST_PART: Final = 96_000_000
"""Bytes of N-Quads that are loaded at a time: larger parts leave fewer files, and need more memory."""
_ONE_PART: Final = 100
"""Graphs that come in one part or two anyhow."""


class Filling(Protocol):
    """The way into a store that gets every crate's graph, none of which it has."""

    def in_order(self, graphs: Sequence[str]) -> Sequence[str]:
        """Return graphs in the order in which they are best put in; what cannot be the name of one is left out."""

    def take(self, graph: str, triples: Iterable[Triple], note: Callable[[], None]) -> None:
        """Put in a graph, and call ``note`` when it is there."""

    def finish(self) -> None:
        """Come to an end with what was put in."""


class StoreFilling:
    """Fills the embedded store: while its process loads one part, the next is read and the one before noted.

    Which graphs are on their way is noted before; who goes on after this was killed removes those that were not noted
    to be there.
    """

    def __init__(self, index: LineageIndex, writer: StoreWriter) -> None:
        self._index = index
        self._writer = writer
        self._coming: list[tuple[str, Callable[[], None]]] = []
        self._loading: list[tuple[str, Callable[[], None]]] = []
        self._bodies: list[bytes] = []
        self._size = 0
        for graph in index.announced():
            if index.metadata_digest(graph) is None:
                writer.remove(graph)

    def in_order(self, graphs: Sequence[str]) -> Sequence[str]:
        """Return graphs in the order in which the store keeps them.

        So of the tables that are sorted by graph, which are nearly half of all, none overlaps another, and none is
        ever merged.
        """
        from filiation.catalogue.oxigraph import as_kept

        if len(graphs) <= _ONE_PART:
            return graphs
        assert self._index.path is not None  # noqa: S101 - nobody fills a store beside an index in memory
        with TemporaryDirectory(dir=self._index.path.parent, prefix=".order-") as scratch:
            return as_kept(graphs, Path(scratch))

    def take(self, graph: str, triples: Iterable[Triple], note: Callable[[], None]) -> None:
        """Put in a graph, and call ``note`` when it is there."""
        from filiation.catalogue.oxigraph import n_triples  # who only asks the index need not import it

        self._bodies.append(n_triples(triples, graph))
        self._size += len(self._bodies[-1])
        self._coming.append((graph, note))
        if self._size > LARGEST_PART:
            self._hand_over()

    def finish(self) -> None:
        """Come to an end with what was put in."""
        self._hand_over()
        self._writer.settle()
        self._note(self._loading)
        self._index.announce(())

    def _hand_over(self) -> None:
        if not self._coming:
            return
        self._writer.settle()
        loaded, self._loading = self._loading, self._coming
        self._index.announce(graph for graph, _ in (*loaded, *self._loading))
        self._writer.load(*self._bodies)
        self._bodies, self._coming, self._size = [], [], 0
        self._note(loaded)

    def _note(self, loaded: list[tuple[str, Callable[[], None]]]) -> None:
        with self._index.changing():
            for _, note in loaded:
                note()


class ServerFilling:
    """Fills a SPARQL server."""

    def __init__(self, sender: GraphWriter) -> None:
        self._sender = sender

    def in_order(self, graphs: Sequence[str]) -> Sequence[str]:
        """Return them as they are."""
        return graphs

    def take(self, graph: str, triples: Iterable[Triple], note: Callable[[], None]) -> None:
        """Put in a graph, and call ``note`` when it is there or waits."""
        self._sender.replace(graph, triples)
        note()

    def finish(self) -> None:
        """Do nothing: each was sent at once."""


def load_in_parts(writer: StoreWriter, graphs: Iterable[bytes]) -> None:
    """Put graphs, each as N-Quads, to what a store has, many at a time: each apart would be forced to disk."""
    part: list[bytes] = []
    for body in graphs:
        part.append(body)
        if sum(map(len, part)) > LARGEST_PART:
            writer.load(*part)
            part.clear()
    writer.load(*part)
    writer.settle()
