"""What it costs to put crates into the catalogue: everything made again, and one crate more.

``python benchmarks/taking_in.py rebuild 1000`` writes that many crates of 96 jobs (``--crates FOLDER`` uses those that
are there), makes store and index of them and tells the processor time of a crate, by the process that spent it.
``--sparse`` writes crates of 33 statements a job instead of our own of 90. ``one 10000`` takes ten crates
(``--new``), one after another, into a catalogue of that many jobs and tells what each cost, what the store cost that
gets what waited, and what they cost together: of 200, the store gets some on the way, when enough wait.

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
from pathlib import Path

from institute import JOBS, Institute, derived, statements, write

from filiation.catalogue import Catalogue, CatalogueFolder, Literal
from filiation.catalogue.crate_on_disk import METADATA

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


def take_in(folder: CatalogueFolder, count: int, seed: int, new: int, *, sparse: bool) -> Iterator[str]:
    """Take in new crates one after another, then let the store have them; yield lines on what that cost."""
    institute = Institute(count * JOBS, seed)
    catalogue = Catalogue(folder)
    first = max(count, len(folder.list_crates()))
    costs = []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(first, first + new):
            place = Path(scratch) / str(number)
            crate = write_sparse(institute, number, place) if sparse else write(institute.run(number), place)
            begun = sum(spent())
            assert catalogue.ingest(crate).outcome == "new"
            costs.append(1000 * (sum(spent()) - begun))
    yield f"one crate: {statistics.median(costs):.0f} ms of processor time (median of {new}; {min(costs):.0f} to {max(costs):.0f})"  # noqa: E501
    begun = sum(spent())
    catalogue.deliver()
    rest = 1000 * (sum(spent()) - begun)
    yield f"the store gets the crates that wait: {rest:.0f} ms"
    yield f"all together, store and index: {(sum(costs) + rest) / new:.0f} ms a crate"


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rebuild", "one"])
    parser.add_argument("count", type=int, help="crates for rebuild, jobs for one")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sparse", action="store_true")
    parser.add_argument("--new", type=int, default=10, help="crates that are taken in by one")
    parser.add_argument("--crates", type=Path, help="use the first of these")
    parser.add_argument("--keep", type=Path, help="keep the catalogue here, or use the one that is there")
    asked = parser.parse_args()
    count = asked.count if asked.what == "rebuild" else max(1, asked.count // JOBS)
    with tempfile.TemporaryDirectory() as scratch:
        folder = CatalogueFolder.create((asked.keep or Path(scratch)) / ".filiation")
        if not folder.list_crates():
            fill(folder, count, asked.seed, asked.crates, sparse=asked.sparse)
        if asked.what == "rebuild" or not folder.index.is_file():
            for line in rebuild(folder, count):
                print(line, flush=True)
        if asked.what == "one":
            for line in take_in(folder, count, asked.seed, asked.new, sparse=asked.sparse):
                print(line, flush=True)
        print(f"load of the machine: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


if __name__ == "__main__":
    main()
