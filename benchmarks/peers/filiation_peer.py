"""filiation's own index, made by its ingest from derived values on, as in ``benchmarks/catalogue.py``.

It takes in more than the peers do: times, parameters, digests and people of every job. What is the same bytes has a
name in each run that saw it here, and is joined by its digest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).resolve().parent.parent))

from institute import Institute, derived

from filiation.catalogue import CatalogueFolder, Joining, LineageIndex
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.join_rules import work_out_joins
from filiation.lineage.walk import ancestors, descendants, reach

if TYPE_CHECKING:
    from drawn_jobs import Job


class Peer:
    """The index and its arrays, without the store, which walks do not need."""

    title = "filiation"

    def __init__(self, folder: Path) -> None:
        self._folder = CatalogueFolder(folder / ".filiation")
        self._drawn = folder.parent / "drawn"
        self.ways = {"names": self.list_all, "names, edges and their crates": self.walk}

    def load(self, jobs: Iterable[Job]) -> None:
        """Draw the runs again, with all that was left out of ``jobs``, and take them in."""
        folder = CatalogueFolder.create(self._folder.root)
        drawn = Institute(**json.loads((self._drawn / "institute.json").read_text()))
        with LineageIndex(folder.index, create=True, arrays=folder.arrays) as index:
            for run in drawn.runs():
                index.replace(derived(run), folder=run.id, stamp="", digest=f"sha256:{0:064x}")
            work_out_joins(index)
            write_arrays(index)

    def open(self) -> None:
        """Open the index, and read which name in a run is which thing."""
        self._index = LineageIndex(self._folder.index, arrays=self._folder.arrays)
        self._index.adjacency()

    def list_all(self, name: str, up: bool) -> tuple[str, ...]:
        """Return the IRIs of everything."""
        found = reach(self._index, [self.iri(name)], up=up)
        return found.page(0, len(found))

    def walk(self, name: str, up: bool) -> set[str]:
        """Return the IRIs of everything, and along with them every edge with the crate that tells of it."""
        return (ancestors if up else descendants)(self._index, Joining(self._index), [self.iri(name)]).iris

    def names(self, found: Collection[str]) -> Iterable[str]:
        """Return the drawn names; several IRIs may have the same."""
        name = dict(line.split("\t") for line in (self._drawn / "iris.tsv").read_text().splitlines())
        return {name[iri] for iri in found}

    def iri(self, name: str) -> str:
        """Return the IRI of a thing that is asked for."""
        asked: dict[str, str] = json.loads((self._drawn / "asked.json").read_text())
        return asked[name]
