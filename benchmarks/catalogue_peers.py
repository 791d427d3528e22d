"""The same edges elsewhere: networkx, rdflib, and a store of edges alone to ask property paths of.

What is the same bytes has one name there, that of what was made, since none of them joins by content. That is found
out beforehand and not counted.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import pyoxigraph as ox
import rdflib

from filiation.catalogue import GENERATED, ROLES, LineageIndex

PROV = "http://www.w3.org/ns/prov#"
UP = f"(<{PROV}wasGeneratedBy>/<{PROV}used>)+"
LARGEST_FOR_RDFLIB = 1_000_000
"""Edges that rdflib is still given: it takes some 1.5 kB for each."""
_DAYS = """
PREFIX schema: <http://schema.org/>
SELECT ?day ?agent (COUNT(?job) AS ?jobs) {
  ?job a schema:CreateAction ; schema:startTime ?begin ; schema:agent ?agent . BIND(SUBSTR(STR(?begin), 1, 10) AS ?day)
} GROUP BY ?day ?agent
"""
_ORPHANS = f"""
PREFIX schema: <http://schema.org/>
SELECT (COUNT(?thing) AS ?things) {{ ?thing a schema:MediaObject MINUS {{ ?thing <{PROV}wasGeneratedBy> ?job }} }}
"""


class Peers:
    """Those who are asked beside filiation.

    Parameters
    ----------
    index
        Whose edges they are given.
    scratch
        Where their store is made.
    store
        The catalogue's own store, for counts.
    """

    def __init__(self, index: LineageIndex, scratch: Path, store: Path) -> None:
        gc.disable()  # millions of objects, and none of them garbage
        joins = {dst: src for src, dst, _, _ in index.joins()}
        numbers = index.iris_of(range(1, index.last_number() + 1))
        self.name = {iri: numbers[joins.get(number, number)] for number, iri in numbers.items()}
        lines = scratch / "edges.nq"
        generated = ROLES.index(GENERATED)
        self.graph: nx.DiGraph = nx.DiGraph()
        with lines.open("w") as file:
            for src, dst, role, crate in index._connection.execute("SELECT src, dst, role, crate FROM edge"):
                before, after = self.name[numbers[src]], self.name[numbers[dst]]
                self.graph.add_edge(before, after)
                predicate = "wasGeneratedBy" if role == generated else "used"
                file.write(f"<{after}> <{PROV}{predicate}> <{before}> <{numbers[crate]}> .\n")
        edges = ox.Store(str(scratch / "edges"))
        edges.bulk_load(path=str(lines), format=ox.RdfFormat.N_QUADS)
        lines.unlink()
        self.edges = edges
        self.rdf: rdflib.Graph | None = None
        if self.graph.number_of_edges() < LARGEST_FOR_RDFLIB:
            self.rdf = rdflib.Graph()
            for edge in edges.quads_for_pattern(None, None, None):
                self.rdf.add(tuple(rdflib.URIRef(term.value) for term in (edge.subject, edge.predicate, edge.object)))
        self._store = store
        gc.enable()
        gc.freeze()

    def closures(self, iri: str, *, up: bool) -> dict[str, Callable[[], int]]:
        """Return how to ask each for what a thing descends from (``up``) or what descends from it."""
        name = self.name[iri]
        asked: dict[str, Callable[[], int]] = {
            "property path": lambda: self._path(name, up=up),
            "networkx": lambda: len((nx.ancestors if up else nx.descendants)(self.graph, name)),
        }
        if (graph := self.rdf) is not None:
            asked["rdflib"] = lambda: _follow(graph, name, up=up)
        return asked

    def counts(self) -> dict[str, Callable[[], int]]:
        """Return how to ask the catalogue's whole store for jobs by day and person, and for what nobody made."""
        if not self._store.exists():
            return {}
        store = ox.Store.read_only(str(self._store))
        return {
            f"SPARQL, {asked}": lambda query=query: sum(1 for _ in store.query(query, use_default_graph_as_union=True))
            for asked, query in (("jobs by day and person", _DAYS), ("what nobody made", _ORPHANS))
        }

    def _path(self, iri: str, *, up: bool) -> int:
        pattern = f"<{iri}> {UP} ?found" if up else f"?found {UP} <{iri}>"
        found = self.edges.query(f"SELECT DISTINCT ?found {{ {pattern} }}", use_default_graph_as_union=True)
        return sum(1 for _ in found)


def _follow(graph: rdflib.Graph, iri: str, *, up: bool) -> int:
    """Follow rdflib's triples, which is many times quicker there than a property path."""
    used, made = (rdflib.URIRef(PROV + name) for name in ("used", "wasGeneratedBy"))
    seen, waiting = set(), [rdflib.URIRef(iri)]
    while waiting:
        node = waiting.pop()
        for predicate in (used, made):
            for other in graph.objects(node, predicate) if up else graph.subjects(predicate, node):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
    return len(seen)
