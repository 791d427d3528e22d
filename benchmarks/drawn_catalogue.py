"""A catalogue of the drawn runs of an institute: its index, and its store beside it, made at once in two processes.

The index is written by the product, run by run, from what its ingest would have derived. The store is filled in one
go from the same statements: run by run, as for crates that come one after another, a million jobs would take hours.
There are no crates: in place of each stands a folder whose metadata say nothing.
"""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox
from institute import Institute, derived, statements

from filiation.catalogue import CatalogueFolder, LineageIndex, Literal
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.graph import Triple
from filiation.catalogue.join_rules import work_out_joins
from filiation.errors import NotFoundError

_AT_ONCE = 1 << 22
"""Bytes that are drawn before the store takes them."""
_STAMP = "{}"


def prepare(institute: Institute, place: Path) -> tuple[CatalogueFolder, list[str]]:
    """Return the catalogue of an institute, and what it cost to make what was not there, in lines.

    One that was made of real crates is taken as it is. Of a drawn one the index is made again if it is of another
    version of the product, which takes a third of the time of all.
    """
    folder = CatalogueFolder.create(place / ".filiation")
    drawn = place / "drawn"
    if not drawn.exists() and any(folder.crates.iterdir()):
        return folder, []
    drawn.write_text(f"{institute.size} runs, seed {institute.seed}\n")
    storing = _start_store(institute, folder)
    told = [] if _is_current(folder) else _make_index(institute, folder)
    if storing is not None:
        told.append(storing.communicate()[0].strip())
        if storing.returncode:
            raise SystemExit("The store was not made.")
    return folder, told


def _is_current(folder: CatalogueFolder) -> bool:
    try:
        with LineageIndex(folder.index):
            return folder.arrays.is_file()  # made last
    except NotFoundError:
        return False


def _start_store(institute: Institute, folder: CatalogueFolder) -> subprocess.Popen[str] | None:
    """Make the store by a process of its own, if it is not there."""
    if folder.store.exists():
        return None
    folder.edition.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(institute.size), str(institute.seed), str(folder.store)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _make_index(institute: Institute, folder: CatalogueFolder) -> list[str]:
    folder.edition.mkdir(parents=True, exist_ok=True)
    for path in folder.edition.glob("index.*"):
        path.unlink()
    drawing = 0.0
    begun = seconds()
    with LineageIndex(folder.index, create=True, arrays=folder.arrays) as index:
        # It is all or nothing here, so nothing has to be forced to disk for each run.
        index._connection.execute("PRAGMA synchronous = OFF")
        index.begin_bulk()
        for drawn in institute.runs():
            before = seconds()
            run = derived(drawn)
            drawing += seconds() - before
            metadata = folder.crates / drawn.id / "ro-crate-metadata.json"
            if not metadata.exists():
                metadata.parent.mkdir(parents=True, exist_ok=True)
                metadata.write_text(_STAMP)
            state = metadata.stat()
            stamp = f"{state.st_size}:{state.st_mtime_ns}"
            index.add(run, folder=drawn.id, stamp=stamp, digest=f"sha256:{0:064x}")
            if drawn.number % 1000 == 0:
                print(f"{drawn.number:,} of {institute.size:,} runs in the index", file=sys.stderr, flush=True)
        index.end_bulk()
        spent = {"index": seconds() - begun - drawing}
        begun = seconds()
        work_out_joins(index)
        spent["joins"], begun = seconds() - begun, seconds()
        write_arrays(index)
        spent["arrays"] = seconds() - begun
    return [f"made in processor seconds: {', '.join(f'{what} {took:.1f}' for what, took in spent.items())}"]


class Drawn(io.RawIOBase):
    """The statements of all runs as N-Quads, drawn as they are read."""

    def __init__(self, institute: Institute) -> None:
        self._lines = (
            f"<{subject}> <{predicate}> {_written(term)} <{run.run.iri}> .\n"
            for run in map(derived, institute.runs())
            for subject, predicate, term in self._counted(statements(run))
        )
        self._rest = b""
        self.count = 0

    def readable(self) -> bool:
        """Whether it can be read: yes."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, fewer only at the end."""
        while len(self._rest) < max(size, 1):
            lines = []
            length = 0
            for line in self._lines:
                lines.append(line)
                length += len(line)
                if length > _AT_ONCE:
                    break
            if not lines:
                break
            self._rest += "".join(lines).encode()
        found, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return found

    def _counted(self, triples: Iterator[Triple]) -> Iterator[Triple]:
        for triple in triples:
            self.count += 1
            yield triple


def _written(term: str | Literal) -> str:
    return f'"{term.text}"' if isinstance(term, Literal) else f"<{term}>"


def seconds() -> float:
    """Return the processor time of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(size: str, seed: str, place: str) -> None:
    """Fill a store, and tell what that cost."""
    drawn = Drawn(Institute(int(size) * 96, int(seed)))
    making = Path(place).with_name("making")
    store = ox.Store(str(making))
    store.bulk_load(input=drawn, format=ox.RdfFormat.N_QUADS)
    store.flush()
    del store
    making.rename(place)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"store of {drawn.count:,} statements: {seconds():.0f} s with their drawing, {peak:,.0f} MB of memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
