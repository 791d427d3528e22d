"""Making store and index again from the crates, beside those in use; killed, it goes on where it was."""

from __future__ import annotations

import gc
import shutil
from typing import TYPE_CHECKING, Final

from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crate_graph import graph_of
from filiation.catalogue.crate_on_disk import open_crate
from filiation.catalogue.crates import ARRAYS, INDEX
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.lock import holding
from filiation.catalogue.payload import derive_from
from filiation.catalogue.reading import read_triples
from filiation.catalogue.stores import publish
from filiation.catalogue.taking_in import (
    IngestReport,
    Progress,
    RebuildReport,
    relate,
    report_of,
    settle,
    stamp_of,
    take_in_what_changed,
)
from filiation.catalogue.versions import note_what_is_there, runs_with_history
from filiation.errors import FiliationError, NotFoundError
from filiation.model import run_iri

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.filling import Filling
    from filiation.catalogue.stores import EmbeddedStore, ServedStore

_COMING: Final = ".coming"
_PATIENCE: Final = 60
"""Times as long as usual is waited for others in the end: all the work is done by then."""
_LOOKING: Final = 200
"""Crates after which Python looks for circular garbage, which it does not do of itself meanwhile."""


def rebuild(
    folder: CatalogueFolder,
    store: EmbeddedStore | ServedStore,
    *,
    lock: int,
    wait: float,
    progress: Progress | None = None,
) -> RebuildReport:
    """Make a new edition of store and index, and put it in the place of the one in use.

    Parameters
    ----------
    folder, store
        The catalogue, and where its graphs are.
    lock
        Descriptor of the lock that keeps others from doing the same.
    wait
        Seconds to wait for others.
    progress
        Told how many crates are read.
    """
    making = folder.made / _COMING
    making.mkdir(parents=True, exist_ok=True)
    with _index(making, wait) as index:
        with store.filling(index, making, lock=lock, wait=wait) as filling:
            index.begin_bulk()
            report = _Rebuild(folder, index, filling).read_all(progress)
        index.end_bulk()
        settle(index, folder)
        with store.writing(index) as graph, index.changing():
            relate([each for each in report.crates if each.outcome == "new"], graph, index)
        with holding(folder.lock, wait=wait * _PATIENCE):  # others have taken crates in meanwhile
            folder.sweep()
            _note_former(folder, index)
            with store.writing(index) as graph:
                late = take_in_what_changed(folder, graph, index)
            store.deliver(index)
            index.adjacency()  # makes arrays where they pay
            index.close()
            publish(folder, making)
    return RebuildReport(_together(report, late), tuple(dict.fromkeys((*report.problems, *late.problems))))


def _index(making: Path, wait: float) -> LineageIndex:
    """Open the index that was begun, or begin one."""
    try:
        return LineageIndex(making / INDEX, create=True, wait=wait, arrays=making / ARRAYS)
    except NotFoundError:  # of another format, or damaged
        shutil.rmtree(making)
        making.mkdir()
        return LineageIndex(making / INDEX, create=True, wait=wait, arrays=making / ARRAYS)


def _note_former(folder: CatalogueFolder, index: LineageIndex) -> None:
    """Note what is known of runs whose crates are not there any more."""
    there = {path.name for path in folder.list_crates()}
    with index.changing():
        for run in sorted(set(runs_with_history(folder)) - there):
            index.set_versions(run_iri(run), note_what_is_there(folder, run))


def _graph_in(crate: Path) -> str:
    """Return the name of the graph of the crate in a folder that has its id for a name."""
    return f"arcp://uuid,{crate.name}/"


def _together(first: RebuildReport, late: RebuildReport) -> tuple[IngestReport, ...]:
    found = {report.id: report for report in first.crates}
    return tuple({**found, **{report.id: report for report in late.crates if report.id not in found}}.values())


class _Rebuild:
    """Reads crates and puts them into a store and an index that hold none of them.

    Parameters
    ----------
    folder
        The catalogue.
    index, filling
        The index, and the way into the store.
    """

    def __init__(self, folder: CatalogueFolder, index: LineageIndex, filling: Filling) -> None:
        self._folder = folder
        self._index = index
        self._filling = filling
        self._taken: list[IngestReport] = []
        self._problems: list[str] = []

    @collecting_once()
    def read_all(self, progress: Progress | None) -> RebuildReport:
        """Read every crate that is not there yet; return of them all what became of them, by their ids."""
        there = {_graph_in(crate): crate for crate in self._folder.list_crates()}
        crates = [there.pop(graph) for graph in self._filling.in_order(tuple(there))]
        crates += there.values()  # under a name that cannot be a graph's
        known = self._index.stamps()
        for number, crate in enumerate(crates):
            if crate.name in known:
                self._taken.append(IngestReport(crate.name, run_iri(crate.name), crate, "unchanged"))
            else:
                try:
                    self._read(crate)
                except (FiliationError, OSError) as error:
                    if isinstance(error, OSError) and not isinstance(error, FiliationError):
                        raise
                    self._problems.append(f"{crate.name}: {error}")
            if number % _LOOKING == 0:
                gc.collect()
            if progress is not None:
                progress(number + 1, len(crates), crate.name)
        self._filling.finish()
        taken = sorted(self._taken, key=lambda report: report.id)
        return RebuildReport(tuple(taken), tuple(sorted(self._problems)))

    def _read(self, place: Path) -> None:
        stamp = stamp_of(place)  # before it is read, so that one that comes meanwhile is seen to be another
        crate, document = open_crate(place)
        if crate.id != place.name:
            crate = self._folder.settle(place)
        stated = read_triples(crate, document)
        derived = derive_from(crate, stated)
        versions = note_what_is_there(self._folder, crate.id)

        def note() -> None:
            digest = str(crate.metadata_digest)
            self._index.add(derived, folder=crate.folder.name, stamp=stamp, digest=digest, versions=versions)

        self._filling.take(crate.iri, graph_of(stated, derived, crate, versions), note)
        self._taken.append(report_of(crate, "new", derived))
