"""What it costs to put crates into the catalogue: everything made again, and one crate more.

``python benchmarks/taking_in.py rebuild 1000`` writes that many crates of 96 jobs (``--crates FOLDER`` uses those that
are there), makes store and index of them and tells the processor time of a crate, by the process that spent it.
``--sparse`` writes crates of 33 statements a job instead of our own of 90. ``one 1000 10000 100000`` takes ten crates
(``--new``), one after another, into catalogues of so many jobs and tells in one table what each cost, what the store
cost that gets what waited, and with ``--merge`` a crate's share in merging that store, which is done once in thousands
of crates.

Processor time is that of this process and of those that it started; figures of other processes on the machine are not
in it, but they make it larger.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as icount
from itertools import islice
from pathlib import Path

from institute import JOBS, Institute, derived, statements, write

from filiation.catalogue import Catalogue, CatalogueFolder, LineageIndex, Literal
from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.store_merging import merge
from filiation.catalogue.store_parts import Parts, enough, keep_what_waits, size_of

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def spent() -> tuple[float, float]:
    """Return the processor time of this process, and of its children that ended, in seconds."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, others.ru_utime + others.ru_stime


def write_sparse(institute: Institute, number: int, crates: Path) -> Path:
    """Write a run as a crate that says no more than 33 statements a job, as other engines' crates do."""
    run = derived(institute.run(number))
    crate = run.run.iri
    entities: dict[str, dict[str, object]] = {}
    for subject, predicate, term in statements(run):
        if "/prov#" in predicate or "/prov#" in str(term):  # what is derived at ingest
            continue
        told = entities.setdefault(subject, {"@id": _reference(subject, crate)})
        if predicate.endswith("#type"):
            told.setdefault("@type", _name(str(term)))
            continue
        value = str(term) if isinstance(term, Literal) else {"@id": _reference(term, crate)}
        told.setdefault(_name(predicate), [])
        told[_name(predicate)] += [value]  # type: ignore[operator]
    for entity in run.entities:
        if entity.digest is not None:
            entities[entity.iri]["sha256"] = entity.digest.hex
    root = {"@id": "./", "@type": "Dataset", "https://w3id.org/ro/terms/filiation#runId": run.run.id}
    for key, value in entities.pop(crate).items():
        root.setdefault(key, value)
    graph = [{"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}}, root, *entities.values()]
    place = crates / run.run.id
    place.mkdir(parents=True)
    context = [CONTEXT, {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}]
    (place / METADATA).write_text(json.dumps({"@context": context, "@graph": graph}))
    return place


def _reference(iri: str, crate: str) -> str:
    return iri.removeprefix(crate) or "./" if iri.startswith(crate) else iri


def _name(iri: str) -> str:
    name = iri.rpartition("/")[2]
    return "File" if name == "MediaObject" else name


def fill(folder: CatalogueFolder, count: int, seed: int, source: Path | None, *, sparse: bool) -> None:
    """Put crates into a catalogue's folder, without taking them in."""
    if source is not None:
        for name in sorted(path.name for path in source.iterdir())[:count]:
            shutil.copytree(source / name, folder.crates / name, copy_function=os.link)
        return
    institute = Institute(count * JOBS, seed)
    for number in range(count):
        if sparse:
            write_sparse(institute, number, folder.crates)
        else:
            write(institute.run(number), folder.crates)


def rebuild(folder: CatalogueFolder, count: int) -> Iterator[str]:
    """Make everything again; yield lines on what that cost."""
    begun, wall = spent(), time.monotonic()
    report = Catalogue(folder).rebuild()
    own, store = (after - before for after, before in zip(spent(), begun, strict=True))
    yield f"{len(report.crates)} crates, {len(report.problems)} problems, {time.monotonic() - wall:.0f} s"
    yield f"processor time a crate: {1000 * own / count:.1f} ms reading and index, {1000 * store / count:.1f} ms store"
    peaks = [resource.getrusage(who).ru_maxrss // 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    yield f"peak memory: {peaks[0]} MB, and {peaks[1]} MB of the process that writes the store"
    size = sum(path.stat().st_size for path in folder.store.iterdir())
    yield f"store {size / 1e6:,.0f} MB in {len(list(folder.store.iterdir()))} files, index {folder.index.stat().st_size / 1e6:,.0f} MB"  # noqa: E501
    with Catalogue(folder).reading() as index:
        yield f"{len(index.runs())} runs, {sum(1 for _ in index.joins())} joins"


@dataclass(frozen=True)
class Cost:
    """What one crate more costs, in milliseconds of processor time.

    Parameters
    ----------
    index
        For each crate that was taken in: copied, forced to disk, read, and in the index.
    store
        A crate's share of what it cost that the store got them.
    merging
        A crate's share of what merging the store costs when it is due; None if that was not measured.
    """

    jobs: int
    index: list[float]
    store: float
    merging: float | None

    def __str__(self) -> str:
        """Write it as a row of :data:`HEAD`."""
        middle = statistics.median(self.index)
        merging = "-" if self.merging is None else f"{self.merging:.0f}"
        return (
            f"| {self.jobs:,} | {middle:.0f} ({min(self.index):.0f} to {max(self.index):.0f}) | {self.store:.0f} "
            f"| {merging} | {middle + self.store + (self.merging or 0):.0f} |"
        )


HEAD = """
| jobs | one crate, in the index: median (least, most) | its share in the store | in merging that | together |
|---|---|---|---|---|"""


def take_in(folder: CatalogueFolder, count: int, seed: int, new: int, *, sparse: bool, merging: bool) -> Cost:
    """Take in new crates one after another, let the store have them, and merge it if asked to."""
    institute = Institute(count * JOBS, seed)
    catalogue = Catalogue(folder)
    with LineageIndex(folder.index) as index:
        keep_what_waits(folder.edition, index, at_least=1)  # it is not of the new crates
    before = size_of(folder.store)
    costs = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in islice(_not_there(institute, folder, count), new):
            place = Path(scratch) / str(number)
            crate = write_sparse(institute, number, place) if sparse else write(institute.run(number), place)
            begun = sum(spent())
            assert catalogue.ingest(crate).outcome == "new"
            costs.append(1000 * (sum(spent()) - begun))
    with LineageIndex(folder.index) as index:
        compressed = statistics.mean(list(index.sizes_waiting().values())[-new:])
    begun = sum(spent())
    catalogue.deliver()
    store = 1000 * (sum(spent()) - begun) / new
    there = size_of(folder.store)
    if not merging:
        return Cost(count * JOBS, costs, store, None)
    with LineageIndex(folder.index) as index:
        keep_what_waits(folder.edition, index, at_least=1)
    once, again = (_merged(folder) for _ in range(2))  # what is merged already tells what it costs to begin
    share = (once - again) / there * written_a_crate(there, compressed, (there - before) / new)
    return Cost(count * JOBS, costs, store, share)


def _not_there(institute: Institute, folder: CatalogueFolder, first: int) -> Iterator[int]:
    return (number for number in icount(first) if not (folder.crates / institute.run(number).id).exists())


def _merged(folder: CatalogueFolder) -> float:
    begun = sum(spent())
    assert merge(folder)
    return 1000 * (sum(spent()) - begun)


def written_a_crate(whole: int, compressed: float, tables: float) -> float:
    """Return how many bytes of tables are merged for each new crate, from one time that a store is merged to the next.

    Parameters
    ----------
    whole
        Bytes of the store's tables.
    compressed, tables
        Bytes of a crate's graph while it waits, and of the tables that are made of it.
    """
    size, parts, crates = float(whole), 0, 0.0
    while not Parts(whole, parts).are_many(int(size)):
        more = enough(int(size)) / compressed
        size, parts, crates = size + more * tables, parts + 1, crates + more
    return size / crates


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rebuild", "one"])
    parser.add_argument("counts", type=int, nargs="+", help="crates for rebuild, jobs for one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--new", type=int, default=10, help="crates that are taken in by one")
    parser.add_argument("--merge", action="store_true", help="tell what merging the store costs too")
    parser.add_argument("--crates", type=Path, help="use the first of these")
    parser.add_argument("--keep", type=Path, help="keep each catalogue here by its count, or use the one that is there")
    asked = parser.parse_args()
    costs: list[Cost] = []
    for number in asked.counts:
        count = number if asked.what == "rebuild" else max(1, number // JOBS)
        with tempfile.TemporaryDirectory() as scratch:
            folder = CatalogueFolder.create((asked.keep or Path(scratch)) / str(number) / ".filiation")
            if not folder.list_crates():
                fill(folder, count, asked.seed, asked.crates, sparse=asked.sparse)
            if asked.what == "rebuild" or not folder.index.is_file():
                for line in rebuild(folder, count):
                    print(line, flush=True)
            if asked.what == "one":
                cost = take_in(folder, count, asked.seed, asked.new, sparse=asked.sparse, merging=asked.merge)
                costs.append(cost)
    if costs:
        print(HEAD, *costs, sep="\n")
    print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
