"""Questions of lineage over the catalogue of an institute, beside what else could answer them.

``python benchmarks/catalogue.py 100000`` makes a catalogue of that many jobs and prints the table; ``--keep FOLDER``
keeps it there, or uses the one that is there. Store and index are made by the product's own ingest from derived values
and statements on, without reading crates, which would take ten times as long; new crates that are then taken in are
real ones. All are asked in turn, and medians are told; processor time says more than time on a machine that others use.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import networkx as nx
import pyoxigraph as ox
import rdflib
from drawn_catalogue import make
from institute import FLAT_FIELDS, SERVER, Institute, write

from filiation.catalogue import GENERATED, ROLES, Catalogue, CatalogueFolder, Joining, LineageIndex
from filiation.lineage.walk import ancestors, reach

ROUNDS = 5
PROV = "http://www.w3.org/ns/prov#"
UP = f"(<{PROV}wasGeneratedBy>/<{PROV}used>)+"
LARGEST_FOR_RDFLIB = 20_000
"""Things of an answer that rdflib is still asked for."""


_TELLING = """
import sys
from filiation.__main__ import main
try:
    main()
finally:
    (line,) = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(line, file=sys.stderr)
"""


@dataclass
class Costs:
    """What was measured, by what was asked and who answered."""

    milliseconds: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)

    @contextmanager
    def of(self, asked: str, by: str) -> Iterator[None]:
        """Measure a block: processor time of this process and its children, and time."""
        cpu, wall = processor_seconds(), time.perf_counter()
        yield
        found = 1000 * (processor_seconds() - cpu), 1000 * (time.perf_counter() - wall)
        self.milliseconds.setdefault((asked, by), []).append(found)

    def rows(self) -> Iterator[str]:
        """Yield a line for each."""
        for (asked, by), found in self.milliseconds.items():
            cpu, wall = (statistics.median(column) for column in zip(*found, strict=True))
            yield f"| {asked} | {by} | {shown(cpu)} | {shown(wall)} | {len(found)} |"


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def shown(milliseconds: float) -> str:
    """Write milliseconds with two digits that matter."""
    return f"{milliseconds:.2f}" if milliseconds < 10 else f"{milliseconds:,.0f}"


class Peers:
    """The same edges elsewhere: networkx, rdflib, and a store of edges alone to ask property paths of.

    What is the same bytes has one name there, that of what was made, since none of them joins by content.
    """

    def __init__(self, index: LineageIndex, scratch: Path) -> None:
        joins = {dst: src for src, dst, _, _ in index.joins()}
        numbers: dict[int, str] = index.iris_of(range(1, index.last_number() + 1))
        name = {number: numbers[joins.get(number, number)] for number in numbers}
        lines = scratch / "edges.nq"
        generated = ROLES.index(GENERATED)
        self.graph: nx.DiGraph = nx.DiGraph()
        with lines.open("w") as file:
            for src, dst, role, crate in index._connection.execute("SELECT src, dst, role, crate FROM edge"):
                self.graph.add_edge(name[src], name[dst])
                predicate = "wasGeneratedBy" if role == generated else "used"
                file.write(f"<{name[dst]}> <{PROV}{predicate}> <{name[src]}> <{numbers[crate]}> .\n")
        self.store = ox.Store(str(scratch / "edges"))
        self.store.bulk_load(path=str(lines), format=ox.RdfFormat.N_QUADS)
        self.rdf = rdflib.Graph()
        if self.graph.number_of_edges() < 1_000_000:
            for edge in self.store.quads_for_pattern(None, None, None):
                self.rdf.add(tuple(rdflib.URIRef(term.value) for term in (edge.subject, edge.predicate, edge.object)))
        self.name = {numbers[number]: found for number, found in name.items()}

    def path(self, iri: str, *, up: bool) -> int:
        """Ask the store's property path; return how many things it finds."""
        pattern = f"<{iri}> {UP} ?found" if up else f"?found {UP} <{iri}>"
        found = self.store.query(f"SELECT DISTINCT ?found {{ {pattern} }}", use_default_graph_as_union=True)
        return sum(1 for _ in found)

    def ask_rdflib(self, iri: str, *, up: bool) -> int:
        """Ask rdflib by following its triples, which is many times quicker there than a property path."""
        used, made = (rdflib.URIRef(PROV + name) for name in ("used", "wasGeneratedBy"))
        seen, waiting = set(), [rdflib.URIRef(iri)]
        while waiting:
            node = waiting.pop()
            for predicate in (used, made):
                for other in self.rdf.objects(node, predicate) if up else self.rdf.subjects(predicate, node):
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
        return len(seen)


def ask(institute: Institute, folder: CatalogueFolder, peers: Peers, costs: Costs) -> list[str]:
    """Ask everybody in turn; return lines on how large the answers are."""
    label, raw = institute.last_label(), institute.raw_image()
    flat = _flat_field(peers)
    told: list[str] = []
    with LineageIndex(folder.index, arrays=folder.arrays) as index:
        for number in range(ROUNDS):
            with costs.of("ancestors of a label, IRIs and crates", "filiation"):
                walked = ancestors(index, Joining(index), [label])
            for asked, iri, up in (
                ("ancestors of a label", label, True),
                ("descendants of a raw image", raw, False),
                ("descendants of a flat field", flat, False),
            ):
                with costs.of(f"{asked}: counted", "filiation"):
                    found = reach(index, [iri], up=up)
                    size = found.count()
                with costs.of(f"{asked}: 1,000 of them listed", "filiation"):
                    reach(index, [iri], up=up).page(len(found) // 2, 1_000)
                name = peers.name[iri]
                with costs.of(f"{asked}: counted", "networkx"):
                    (nx.ancestors if up else nx.descendants)(peers.graph, name)
                if number < 3 or size[0] < LARGEST_FOR_RDFLIB:
                    with costs.of(f"{asked}: counted", "the store's property path, edges alone"):
                        peers.path(name, up=up)
                if len(peers.rdf) and (size[0] < LARGEST_FOR_RDFLIB or number == 0):
                    with costs.of(f"{asked}: counted", "rdflib, triple by triple"):
                        peers.ask_rdflib(name, up=up)
                if number == 0:
                    told.append(f"{asked}: {size[0]:,} things, {size[1]:,} jobs, {found.crates:,} crates")
            with costs.of("runs by day and user, things nobody made, gaps: from summaries", "filiation"):
                index.jobs_by_day_and_agent()
                index.gaps()
        told.append(f"edges of the label's answer: {len(walked.edges):,}")
    return told


def _flat_field(peers: Peers) -> str:
    """Return the first that any run of a small institute used."""
    return next(f"{SERVER}{n}" for n in range(1, 1 + FLAT_FIELDS) if f"{SERVER}{n}" in peers.name)


def grow(institute: Institute, folder: CatalogueFolder, costs: Costs, scratch: Path) -> None:
    """Take in new crates, real ones."""
    catalogue = Catalogue(folder)
    for number in range(ROUNDS):
        crate = write(institute.run(institute.size + number), scratch / f"new-{number}")
        with costs.of("one new crate of 96 jobs, taken in whole", "filiation"):
            catalogue.ingest(crate)


def start_cold(institute: Institute, flat: str, folder: CatalogueFolder, costs: Costs) -> str:
    """Ask from a shell, each time in a new process."""
    # Compiled modules are kept, as anybody has them after the first call.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    memory = []
    for asked in (["trace", institute.last_label()], ["impact", "--count", flat]):
        arguments = [*asked, "--catalogue", str(folder.root)]
        for number in range(ROUNDS + 1):
            with costs.of(f"`filiation {' '.join(asked[:-1])}` from a cold shell", "filiation"):
                command = [sys.executable, "-m", "filiation", *arguments]
                subprocess.run(command, stdout=subprocess.DEVNULL, env=environment, check=True)
            if number == 0:  # it may have had modules to compile
                costs.milliseconds.popitem()
        told = subprocess.run([sys.executable, "-c", _TELLING, *arguments], capture_output=True, text=True, check=True)
        memory.append(f"`filiation {asked[0]}` {int(told.stderr.split()[-2]) / 1024:.0f} MB")
    return f"memory: {', '.join(memory)}"


def main() -> None:
    """Make, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    institute, costs = Institute(asked.jobs, asked.seed), Costs()
    with tempfile.TemporaryDirectory() as scratch:
        place = asked.keep or Path(scratch) / "institute"
        folder = CatalogueFolder.create(place / ".filiation")
        if not folder.arrays.is_file():
            make(institute, folder)
        with LineageIndex(folder.index, arrays=folder.arrays) as index:
            peers = Peers(index, Path(scratch))
        lines = ask(institute, folder, peers, costs)
        lines.append(start_cold(institute, _flat_field(peers), folder, costs))
        grow(institute, folder, costs, Path(scratch))
        print("\n".join(lines))
        print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}\n")
        print("| what | who | CPU ms | ms | times |\n|---|---|---|---|---|")
        print("\n".join(costs.rows()))


if __name__ == "__main__":
    main()
