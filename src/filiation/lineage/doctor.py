"""Whether store and index say what the crates say, and the arrays what the index says; nothing is changed."""

from __future__ import annotations

import filecmp
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import GENERATED, USED, CatalogueFolder, Json, LineageIndex
from filiation.catalogue.annotation_graph import annotations_stamp
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.arrays import Arrays
from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.crates import ARRAYS, INDEX
from filiation.catalogue.editions import using_newest
from filiation.catalogue.stores import graph_store
from filiation.catalogue.versions import Version, runs_with_history, versions_of
from filiation.digest import digest_file
from filiation.errors import AccessError, NotFoundError, ServerError
from filiation.lineage import words
from filiation.lineage.audit_findings import ORDER, AuditFinding, Severity
from filiation.model import Digest, run_iri

if TYPE_CHECKING:
    from filiation.catalogue import LineageGraph, Progress, Term
    from filiation.catalogue.outbox import WaitingGraph

_ANY_COMMAND: Final = "Ask anything, for example: filiation runs. What is behind is taken in before each answer."
_REBUILD: Final = "filiation rebuild: it makes store and index again from the crates, of which nothing is lost."
_SERVER: Final = (
    "Start it, or see what filiation.toml says of it. What it has was not compared; the index, which trace and impact "
    "ask, was."
)
_PROV: Final = "http://www.w3.org/ns/prov#"
_SEALED: Final = "SELECT ?digest { ?crate <https://w3id.org/ro/terms/filiation#metadata> ?digest }"
_STEPS: Final = {
    USED: f"SELECT ?to ?from {{ ?to <{_PROV}used> ?from }}",
    GENERATED: f"SELECT ?to ?from {{ ?to <{_PROV}wasGeneratedBy> ?from }}",
}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found of a catalogue's store and index.

    Parameters
    ----------
    crates
        How many crates were compared.
    findings
        The serious ones first.
    """

    crates: int
    findings: tuple[AuditFinding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing has to be done."""
        return all(finding.severity is Severity.NOTE for finding in self.findings)

    def text(self) -> str:
        """Say it in lines."""
        lines = ["\n".join(finding.lines()) for finding in self.findings]
        verdict = "store and index agree with them" if self.is_sound else "store and index do not agree with them"
        return "\n".join([*lines, f"Compared {words.counted(self.crates, 'crate')}: {verdict}."]) + "\n"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "crates": self.crates,
            "sound": self.is_sound,
            "findings": [finding.to_json() for finding in self.findings],
        }


def examine(folder: CatalogueFolder, *, wait: float = 10.0, progress: Progress | None = None) -> Diagnosis:
    """Compare every crate's metadata with what index and store hold of it, edge by edge.

    Others may read and write meanwhile: what is compared is the index as it was when this began. What waits for the
    store is compared where it waits.

    Parameters
    ----------
    folder
        The catalogue.
    wait
        Seconds to wait where the file system lets nobody read while others write.
    progress
        Told how many crates are compared.
    """
    findings = [_left_over(path) for path in folder.leftovers()]
    crates = folder.list_crates()
    with ExitStack() as opened:
        edition = opened.enter_context(using_newest(folder.made)) or folder.edition
        try:
            index = opened.enter_context(LineageIndex(edition / INDEX, wait=wait, arrays=edition / ARRAYS))
            opened.enter_context(index.as_it_is())
            findings += _of_the_file(index)
        except (NotFoundError, sqlite3.Error) as error:
            if crates:
                findings.append(_behind("index-unreadable", str(error), edition / INDEX, _ANY_COMMAND))
            return _diagnosis(crates, findings)
        graphs = graph_store(folder)
        findings += _of_the_outbox(graphs.waiting(), folder)
        store: LineageGraph | None = opened.enter_context(graphs.reading(index, deliver=False))
        known = {name: iri for name, (iri, _) in index.stamps().items()}
        for number, crate in enumerate(crates):
            iri = known.pop(crate.name, None)
            findings += _of_a_crate(crate, iri, index)
            try:
                findings += _of_its_graph(crate, iri, index, store)
            except (ServerError, AccessError) as error:  # asked no more: each crate would wait for it again
                findings.append(
                    _wrong("server-silent", "The SPARQL server cannot be asked.", folder.root, _SERVER, str(error))
                )
                store = None
            if progress is not None:
                progress(number + 1, len(crates), crate.name)
        for name, iri in sorted(known.items()):
            what = f"The index tells of the crate {iri}, and its folder is not there."
            findings.append(_behind("crate-gone", what, folder.crates / name, _ANY_COMMAND))
        findings += _of_history(index, folder)
        findings += _of_joins(index, folder)
        findings += _of_arrays(index)
    return _diagnosis(crates, findings)


def _diagnosis(crates: tuple[Path, ...], findings: list[AuditFinding]) -> Diagnosis:
    ranked = sorted(findings, key=lambda found: (ORDER.index(found.severity), found.where, found.kind))
    return Diagnosis(len(crates), tuple(ranked))


def _of_the_outbox(waiting: tuple[WaitingGraph, ...], folder: CatalogueFolder) -> Iterator[AuditFinding]:
    for graph in waiting:
        what = f"The crate {graph.graph} waits to be sent to the SPARQL server since {words.moment(graph.since)}."
        yield _behind("graph-waits", what, folder.outbox, "filiation ingest, or filiation rebuild.", graph.problem)


def _of_the_file(index: LineageIndex) -> Iterator[AuditFinding]:
    for problem in index.damage():
        yield _wrong("index-damaged", f"SQLite finds the index damaged: {problem}.", index.path, _REBUILD)


def _of_a_crate(crate: Path, iri: str | None, index: LineageIndex) -> Iterator[AuditFinding]:
    if iri is None:
        yield _behind("crate-unknown", "The crate is in neither store nor index.", crate, _ANY_COMMAND)
        return
    written, read = str(digest_file(crate / METADATA)), index.metadata_digest(iri)
    if written != read:
        what = "The crate's metadata is not what store and index were made from."
        yield _behind(
            "crate-changed", what, crate, _ANY_COMMAND, f"on disk: {written}", f"read: {read or 'unfinished'}"
        )
    elif not index.is_whole(iri):
        yield _wrong("index-differs", "The index holds the crate's edges twice, and they differ.", crate, _REBUILD)
    elif not index.finds_all_of(iri):
        what = "The index holds things of the crate that it does not find by their digests or paths."
        yield _wrong("index-differs", what, crate, _REBUILD)


def _of_its_graph(
    crate: Path, iri: str | None, index: LineageIndex, store: LineageGraph | None
) -> Iterator[AuditFinding]:
    """Compare a crate's graph with the index, where that is of the crate as it is."""
    written = str(digest_file(crate / METADATA))
    if store is None or iri is None or index.metadata_digest(iri) != written:
        return
    sealed = {str(row[0]) for row in store.query(_SEALED, graph=iri).rows}
    if sealed != {Digest.from_text(written).iri}:
        what = (
            "The store has no graph of the crate, or one of other metadata." if sealed else "The store lacks the crate."
        )
        yield _wrong("store-differs", what, crate, _REBUILD)
        return
    edges = index.edges_of(iri)
    for role, query in _STEPS.items():
        told = {_pair(row) for row in store.query(query, graph=iri).rows}
        missing = {(edge.dst, edge.src) for edge in edges if edge.role == role} - told
        if missing:
            what = f"The index has {words.counted(len(missing), 'edge')} ({role}) that the store does not have."
            first = " from ".join(min(missing))
            yield _wrong("edges-differ", what, crate, _REBUILD, f"the first: {first}")


def _pair(row: tuple[Term | None, ...]) -> tuple[str, str]:
    return str(row[0]), str(row[1])


def _of_history(index: LineageIndex, folder: CatalogueFolder) -> Iterator[AuditFinding]:
    """Tell where the index knows another past than the disk, and what of the past is not kept."""
    crates = {path.name for path in folder.list_crates()}
    for run in sorted(crates | set(runs_with_history(folder))):
        told = versions_of(folder, run)
        holding = next((version.digest for version in told if version.until is None), None)
        if holding != index.metadata_digest(run_iri(run)):
            continue  # the crate itself is told of
        if told != index.versions(run_iri(run)):
            what = f"The index does not tell since when the crates of run {run} are known as the disk does."
            yield _behind("history-differs", what, folder.history / f"{run}.jsonl", _REBUILD)
        for version in told:
            if version.until is not None:
                yield from _of_a_former_crate(version, folder)
    if index.noted() != annotations_stamp(folder):
        yield _behind("annotations-behind", "The store lacks what was noted last.", folder.annotations, _ANY_COMMAND)


def _of_a_former_crate(version: Version, folder: CatalogueFolder) -> Iterator[AuditFinding]:
    known = f"known from {version.taken_in} to {version.until}"
    if version.folder is None:
        what = f"A crate of run {words.run_name(version.crate)}, {known}, is not kept ({version.ended})."
        todo = "Nothing can be done, unless there is a copy elsewhere: questions as of that time say so."
        yield AuditFinding(Severity.NOTE, "former-lost", what, str(folder.crates), todo, evidence=(version.digest,))
        return
    place = (folder.crates / version.folder).resolve()
    found = str(digest_file(place / METADATA))
    if found != version.digest:
        what = f"A former crate of run {words.run_name(version.crate)}, {known}, was changed since."
        evidence = (f"on disk: {found}", f"taken in: {version.digest}")
        yield _wrong("former-changed", what, place, "Put it back from a copy.", *evidence)


def _of_joins(index: LineageIndex, folder: CatalogueFolder) -> Iterator[AuditFinding]:
    waiting = index.unjoined()
    if waiting:
        what = f"How {words.counted(len(waiting), 'crate')} joins with others was not worked out to the end."
        yield _behind("joins-unfinished", what, folder.index, _ANY_COMMAND)


def _of_arrays(index: LineageIndex) -> Iterator[AuditFinding]:
    """Tell of arrays that are wrong; without any, answers are the same."""
    if index.arrays is None or not index.arrays.is_file():
        return
    made, generation, kept = index.state()
    try:
        arrays = Arrays(index.arrays)
    except (OSError, ValueError) as error:
        yield _behind("arrays-unreadable", f"{error} They are not used.", index.arrays, _ANY_COMMAND)
        return
    if arrays.made != made or not kept <= arrays.generation <= generation:
        yield _note("arrays-stale", "The arrays are of another state of the index. They are not used.", index.arrays)
        return
    same = arrays.is_sound()
    if same and arrays.generation == generation:
        with (
            tempfile.TemporaryDirectory() as scratch,
            LineageIndex(index.path, arrays=Path(scratch) / "again") as again,
        ):
            same = again.arrays is not None and write_arrays(again) and filecmp.cmp(again.arrays, index.arrays, False)
    if not same:
        todo = f"Remove {index.arrays}: it is made again when it is needed."
        yield _wrong("arrays-differ", "The arrays do not say what the index says.", index.arrays, todo)


def _left_over(path: Path) -> AuditFinding:
    return _behind("left-over", "Taking in a crate was interrupted here.", path, _ANY_COMMAND)


def _wrong(kind: str, what: str, where: Path | None, todo: str, *evidence: str) -> AuditFinding:
    return AuditFinding(Severity.SERIOUS, kind, what, str(where), todo, evidence=evidence)


def _behind(kind: str, what: str, where: Path, todo: str, *evidence: str) -> AuditFinding:
    return AuditFinding(Severity.WARNING, kind, what, str(where), todo, evidence=evidence)


def _note(kind: str, what: str, where: Path) -> AuditFinding:
    return AuditFinding(Severity.NOTE, kind, what, str(where), "Nothing: they are made again when they are needed.")
