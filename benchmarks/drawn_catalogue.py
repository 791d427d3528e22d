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

import pyoxigraph as ox
from institute import Institute, derived, statements

from filiation.catalogue import CatalogueFolder, LineageIndex, Literal
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.graph import Triple
from filiation.catalogue.join_rules import work_out_joins

_AT_ONCE = 1 << 22
"""Bytes that are drawn before the store takes them."""


def make(institute: Institute, folder: CatalogueFolder) -> list[str]:
    """Make index and store; return lines that tell what each step cost."""
    told = []
    folder.store.mkdir(parents=True)
    command = [sys.executable, __file__, str(institute.size), str(institute.seed), str(folder.store)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as storing:
        for what, seconds in _make_index(institute, folder):
            told.append(f"{what} {seconds:.0f}")
            print(f"{what}: {seconds:.0f} s of processor time", flush=True)
        assert storing.stdout is not None
        print(line := storing.stdout.read().strip(), flush=True)
    if storing.returncode:
        raise SystemExit("The store was not made.")
    return [f"processor seconds: {', '.join(told)}", line]


def _make_index(institute: Institute, folder: CatalogueFolder) -> Iterator[tuple[str, float]]:
    drawing = begun = 0.0
    with LineageIndex(folder.index, create=True, arrays=folder.arrays) as index:
        # It is all or nothing here, so nothing has to be forced to disk for each run.
        index._connection.execute("PRAGMA synchronous = OFF")
        begun = seconds()
        for drawn in institute.runs():
            before = seconds()
            run = derived(drawn)
            drawing += seconds() - before
            metadata = folder.crates / drawn.id / "ro-crate-metadata.json"
            metadata.parent.mkdir(parents=True)
            metadata.write_text("{}")
            state = metadata.stat()
            stamp = f"{state.st_size}:{state.st_mtime_ns}"
            index.replace(run, folder=drawn.id, stamp=stamp, digest=f"sha256:{0:064x}")
        yield "index", seconds() - begun - drawing
        begun = seconds()
        work_out_joins(index)
        yield "joins", seconds() - begun
        begun = seconds()
        write_arrays(index)
        yield "arrays", seconds() - begun


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
    institute = Institute(int(size) * 96, int(seed))
    drawn = Drawn(institute)
    store = ox.Store(place)
    store.bulk_load(input=drawn, format=ox.RdfFormat.N_QUADS)
    store.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"store of {drawn.count:,} statements: {seconds():.0f} s with their drawing, {peak:,.0f} MB of memory")


if __name__ == "__main__":
    main(*sys.argv[1:])
