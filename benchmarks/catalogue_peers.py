"""The same edges elsewhere: networkx, rdflib, and a store of edges alone to ask property paths of.

What is the same bytes has one name there, that of what was made, since none of them joins by content. That is found
out beforehand and not counted.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import networkx as nx
import pyoxigraph as ox
import rdflib

from filiation.catalogue import GENERATED, ROLES, LineageIndex

PROV = "http://www.w3.org/ns/prov#"
UP = f"(<{PROV}wasGeneratedBy>/<{PROV}used>)+"
LARGEST_FOR_RDFLIB = 1_000_000
"""Edges that rdflib is still given: it takes some 1.5 kB for each."""
COUNTS = "SPARQL"
"""Who is asked for counts: the catalogue's own store."""
WHO = ("property path", "networkx", "rdflib", COUNTS)


class Cost(NamedTuple):
    """Processor time and time that an answer took its process, in milliseconds."""

    cpu: float
    wall: float


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


class Peer:
    """One of those who are asked beside filiation, in a process of its own: its objects are in nobody else's way.

    Parameters
    ----------
    who
        One of :data:`WHO`.
    index
        Whose edges it is given.
    scratch
        Where its store is made.
    store
        The catalogue's own store, for counts.
    """

    def __init__(self, who: str, index: LineageIndex, scratch: Path, store: Path) -> None:
        self._who = who
        if who == COUNTS:
            self._store = ox.Store.read_only(str(store))
            return
        gc.disable()  # millions of objects, and none of them garbage
        joins = {dst: src for src, dst, _, _ in index.joins()}
        numbers = index.iris_of(range(1, index.last_number() + 1))
        self._name = {iri: numbers[joins.get(number, number)] for number, iri in numbers.items()}
        edges = _edges(index, numbers, self._name)
        if who == "networkx":
            self.graph: nx.DiGraph = nx.DiGraph()
            self.graph.add_edges_from((before, after) for before, after, _, _ in edges)
        elif who == "rdflib":
            self.rdf = rdflib.Graph()
            for before, after, predicate, _ in edges:
                self.rdf.add(tuple(rdflib.URIRef(term) for term in (after, predicate, before)))
        else:
            lines = scratch / "edges.nq"
            with lines.open("w") as file:
                file.writelines(f"<{after}> <{kind}> <{before}> <{crate}> .\n" for before, after, kind, crate in edges)
            self.edges = ox.Store(str(scratch / "edges"))
            self.edges.bulk_load(path=str(lines), format=ox.RdfFormat.N_QUADS)
            lines.unlink()
        del numbers, joins
        gc.enable()
        gc.freeze()

    def closure(self, iri: str, *, up: bool) -> int:
        """Return how many things and jobs it says that something descends from (``up``), or that descend from it."""
        name = self._name[iri]
        if self._who == "networkx":
            return len((nx.ancestors if up else nx.descendants)(self.graph, name))
        if self._who == "rdflib":
            return _follow(self.rdf, name, up=up)
        pattern = f"<{name}> {UP} ?found" if up else f"?found {UP} <{name}>"
        found = self.edges.query(f"SELECT DISTINCT ?found {{ {pattern} }}", use_default_graph_as_union=True)
        return sum(1 for _ in found)

    def count(self, query: str) -> int:
        """Return how many rows the catalogue's whole store answers a query with."""
        return sum(1 for _ in self._store.query(query, use_default_graph_as_union=True))


def _edges(index: LineageIndex, numbers: dict[int, str], name: dict[str, str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield what was there before, what came of it, the predicate that leads back, and the crate."""
    generated = ROLES.index(GENERATED)
    for src, dst, role, crate in index._connection.execute("SELECT src, dst, role, crate FROM edge"):
        predicate = PROV + ("wasGeneratedBy" if role == generated else "used")
        yield name[numbers[src]], name[numbers[dst]], predicate, numbers[crate]


class Peers:
    """Those who are asked beside filiation, each a process that was started with the others; a context manager.

    Parameters
    ----------
    index
        Whose edges they are given.
    scratch
        Where their stores are made.
    store
        The catalogue's own store, for counts.
    """

    def __init__(self, index: LineageIndex, scratch: Path, store: Path) -> None:
        few = index.edge_count() < LARGEST_FOR_RDFLIB
        self._processes = {}
        for who in WHO:
            if (who != "rdflib" or few) and (who != COUNTS or store.exists()):
                command = [sys.executable, __file__, who, str(index.path), str(scratch), str(store)]
                self._processes[who] = subprocess.Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        for process in self._processes.values():
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise SystemExit("One of the peers did not start.")

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.communicate()  # its questions end

    def closures(self, iri: str, *, up: bool) -> dict[str, Callable[[], Cost]]:
        """Return how to ask each for what a thing descends from (``up``) or what descends from it."""
        return {who: partial(self._ask, who, [iri, up]) for who in self._processes if who != COUNTS}

    def counts(self) -> dict[str, Callable[[], Cost]]:
        """Return how to ask the catalogue's whole store for jobs by day and person, and for what nobody made."""
        asked = {"jobs by day and person": _DAYS, "what nobody made": _ORPHANS} if COUNTS in self._processes else {}
        return {f"{COUNTS}, {name}": partial(self._ask, COUNTS, [query]) for name, query in asked.items()}

    def _ask(self, who: str, question: list[object]) -> Cost:
        process = self._processes[who]
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(question) + "\n")
        process.stdin.flush()
        return Cost(*json.loads(process.stdout.readline()))


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


def main(who: str, index: str, scratch: str, store: str) -> None:
    """Answer questions, one a line, with what each took."""
    with LineageIndex(Path(index)) as opened:
        peer = Peer(who, opened, Path(scratch), Path(store))
    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        peer.count(*question) if who == COUNTS else peer.closure(question[0], up=question[1])
        cost = Cost(1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall))
        print(json.dumps(cost), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
