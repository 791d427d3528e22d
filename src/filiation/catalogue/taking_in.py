"""Taking crates in: what one crate gives to store and index, and what follows for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue.annotation_graph import annotation_triples, annotations_graph, annotations_stamp
from filiation.catalogue.annotations import read_annotations
from filiation.catalogue.arrays import open_arrays
from filiation.catalogue.collecting import collecting_once
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.join_rules import work_out_joins
from filiation.catalogue.joining import Joining
from filiation.catalogue.resumptions import graph_about, resumption_of, runs_after, statements_of
from filiation.catalogue.store_writer import StoreError
from filiation.catalogue.stores import WaitingInIndex
from filiation.catalogue.versions import note_what_is_there
from filiation.errors import FiliationError

if TYPE_CHECKING:
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.derive import Derived
    from filiation.catalogue.graph import GraphWriter, Triple

_CRATES_AT_ONCE: Final = 100
"""Crates that are taken in in one transaction, when many are behind."""

Progress: TypeAlias = Callable[[int, int, str], None]
"""Told how many of how many are done, and the name of the one at hand."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a crate that was taken in.

    Parameters
    ----------
    id, iri
        The run's UUID and its crate's IRI.
    folder
        Where the crate stands now.
    outcome
        ``new``, ``replaced`` or ``unchanged``.
    entities, actions, edges
        How many.
    own
        Whether filiation wrote the crate.
    """

    id: str
    iri: str
    folder: Path
    outcome: str
    entities: int = 0
    actions: int = 0
    edges: int = 0
    own: bool = True


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What became of the crates when store and index were made from them.

    Parameters
    ----------
    crates
        Those taken in.
    problems
        Those that cannot be read, each as one message; they stay where they are.
    """

    crates: tuple[IngestReport, ...]
    problems: tuple[str, ...]


def take_in_what_changed(folder: CatalogueFolder, graph: GraphWriter, index: LineageIndex) -> RebuildReport:
    """Bring an index and its store up to date with a folder of crates, so many crates at a time.

    Parameters
    ----------
    folder
        The catalogue.
    graph, index
        The way into the store, and the index beside it.
    """
    known = index.stamps()
    there = dict(folder.stamped_crates())
    orphans: set[str] = set()
    with index.changing():
        for name, (iri, _) in known.items():
            if name not in there:
                orphans.update(runs_after(index, iri))
                index.remove(iri, note_what_is_there(folder, name))
                graph.remove(iri)
        relate((), graph, index, orphans)
    behind = [folder.crates / name for name, stamp in there.items() if known.get(name, ("", ""))[1] != stamp]
    reports: list[IngestReport] = []
    problems: list[str] = []
    for start in range(0, len(behind) or 1, _CRATES_AT_ONCE):
        with index.changing():
            part = _take_all_in(folder, behind[start : start + _CRATES_AT_ONCE], graph, index)
            settle(index, folder)
            relate(part.crates, graph, index)
        reports += part.crates
        problems += part.problems
    _state_annotations(folder, graph, index)
    return RebuildReport(tuple(reports), tuple(problems))


def _state_annotations(folder: CatalogueFolder, graph: GraphWriter, index: LineageIndex) -> None:
    """Make the graph of what was noted again, if something was since."""
    if annotations_stamp(folder) == index.noted():
        return
    name = annotations_graph(folder)
    stamp = annotations_stamp(folder)  # before they are read: what comes meanwhile is stated by the next
    with index.changing():
        if name is not None:
            graph.replace(name, annotation_triples(read_annotations(folder)[0], name))
        index.set_noted(stamp)


def settle(index: LineageIndex, folder: CatalogueFolder) -> None:
    """Work out what depends on all crates together, and forget what arrays have made superfluous."""
    work_out_joins(index, folder.crates)
    arrays, (_, _, kept) = open_arrays(index), index.state()
    if arrays is not None and arrays.generation > kept:
        index.forget_changes(arrays.generation)


def relate(taken: Sequence[IngestReport], graph: GraphWriter, index: LineageIndex, orphans: Iterable[str] = ()) -> None:
    """State which unfinished runs the runs went on from: those taken in, and those after them in their folders.

    Only the store of our own holds it: what a SPARQL server is sent is what each crate says by itself.

    Parameters
    ----------
    taken
        The crates taken in, whose joins are worked out.
    graph, index
        The store and the index.
    orphans
        IRIs of crates that are gone, or whose run came after one that is gone.
    """
    if isinstance(graph, WaitingInIndex):
        joining = Joining(index)
        new = {report.iri for report in taken if report.outcome == "new"}
        changed = [report.iri for report in taken if report.outcome != "unchanged"]
        for crate in sorted({*orphans, *(iri for each in changed for iri in runs_after(index, each))}):
            run = index.run(crate)
            found = resumption_of(index, joining, run) if run is not None else None
            if found is not None:
                graph.replace(graph_about(crate), statements_of(found))
            elif crate not in new:
                graph.remove(graph_about(crate))
    for report in taken:
        index.restamp(report.iri, stamp_of(report.folder))


def _take_all_in(
    catalogue: CatalogueFolder, folders: list[Path], graph: GraphWriter, index: LineageIndex
) -> RebuildReport:
    reports, problems = [], []
    for folder in folders:
        try:
            reports.append(take_in(catalogue, catalogue.settle(folder), graph, index))
        except StoreError:
            raise  # it is not this crate's fault, and the next would fare no better
        except (FiliationError, OSError) as error:
            problems.append(f"{folder.name}: {error}")
    return RebuildReport(tuple(reports), tuple(problems))


@collecting_once()
def take_in(
    catalogue: CatalogueFolder,
    crate: CrateOnDisk,
    graph: GraphWriter,
    index: LineageIndex,
    stated: tuple[Triple, ...] | None = None,
) -> IngestReport:
    """Let store and index have what a crate says, unless they have it; ``stated`` is that, if it was read already."""
    # Questions import this module too, and have nothing to take in.
    from filiation.catalogue.crate_graph import graph_of
    from filiation.catalogue.payload import derive_from
    from filiation.catalogue.reading import read_triples

    known = index.metadata_digest(crate.iri)
    digest = str(crate.metadata_digest)
    versions = note_what_is_there(catalogue, crate.id)
    if known == digest:
        if versions != index.versions(crate.iri):
            index.set_versions(crate.iri, versions)
        return report_of(crate, "unchanged", None)
    stated = read_triples(crate) if stated is None else stated
    derived = derive_from(crate, stated)
    graph.replace(crate.iri, graph_of(stated, derived, crate, versions))
    # Without its stamp, which it gets when all is said that follows from it: else the next who asks says it.
    index.replace(derived, folder=crate.folder.name, stamp="", digest=digest, versions=versions)
    return report_of(crate, "new" if known is None else "replaced", derived)


def report_of(crate: CrateOnDisk, outcome: str, derived: Derived | None) -> IngestReport:
    """Tell what became of a crate."""
    if derived is None:
        return IngestReport(crate.id, crate.iri, crate.folder, outcome, own=crate.own)
    counts = len(derived.entities), len(derived.actions), len(derived.edges)
    return IngestReport(crate.id, crate.iri, crate.folder, outcome, *counts, own=crate.own)


def stamp_of(folder: Path) -> str:
    """Return what tells cheaply whether a crate's metadata has changed."""
    found = (folder / METADATA).stat()
    return f"{found.st_size}:{found.st_mtime_ns}"
