"""A PROV document, kept as PROV-JSON, read by ``prov`` and turned into a graph of networkx."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import networkx
from drawn_jobs import Job, things_of
from prov.graph import prov_to_graph
from prov.identifier import Namespace
from prov.model import ProvDocument

NAMES = Namespace("lab", "https://example.org/")


class Peer:
    """One document of everything: it has no store, so it is read whole when it is opened."""

    title = "prov + networkx"

    def __init__(self, folder: Path) -> None:
        self._file = folder / "everything.json"
        self.ways = {"networkx": self.walk}

    def load(self, jobs: Iterable[Job]) -> None:
        """Write the document."""
        document = ProvDocument()
        document.add_namespace(NAMES)
        drawn = list(jobs)
        for name in things_of(drawn):
            document.entity(NAMES[name])
        for job in drawn:
            document.activity(NAMES[job.name], job.began, job.ended)
            for name in job.used:
                document.used(NAMES[job.name], NAMES[name])
            for name in job.made:
                document.wasGeneratedBy(NAMES[name], NAMES[job.name])
        document.serialize(str(self._file), format="json")

    def open(self) -> None:
        """Read the document and make the graph, whose edges point to what came before."""
        self._graph = prov_to_graph(ProvDocument.deserialize(str(self._file), format="json"))
        self._nodes = {node.identifier.localpart: node for node in self._graph}

    def walk(self, name: str, up: bool) -> set[object]:
        """Ask networkx."""
        return (networkx.descendants if up else networkx.ancestors)(self._graph, self._nodes[name])

    def names(self, found: Collection[object]) -> Iterable[str]:
        """Return the identifiers' local parts."""
        return [node.identifier.localpart for node in found]
