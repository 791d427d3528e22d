"""The catalogue as it was known at a time: an index, and where it is asked for a store, of the crates that held then.

The index is a copy of today's from which what came later is taken and to which what was superseded, forgotten or lost
since is given back, read from the crates that are kept; joins are worked out again where that changes them. So every
question is asked of it as of any index. Both are caches in ``as-of/``, named after the crates that they are made of: a
later question about the same state of knowledge finds them, and the oldest go.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.annotation_graph import annotation_triples, annotations_graph
from filiation.catalogue.annotations import read_annotations
from filiation.catalogue.filling import load_in_parts
from filiation.catalogue.index import LineageIndex
from filiation.catalogue.index_file import FORMAT
from filiation.catalogue.ingest import Catalogue
from filiation.catalogue.join_rules import work_out_joins
from filiation.catalogue.joining import Joining
from filiation.catalogue.lock import holding
from filiation.catalogue.resumptions import graph_about, resumption_of, statements_of
from filiation.catalogue.store_parts import merge_tables
from filiation.catalogue.store_writer import StoreWriter
from filiation.catalogue.taking_in import IngestReport, Progress, RebuildReport
from filiation.catalogue.versions import Version, written_time
from filiation.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from filiation.catalogue.crate_on_disk import CrateOnDisk
    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.derive import Derived
    from filiation.catalogue.graph import Rows, Term, Triple

_KEPT: Final = 4
"""States of knowledge whose index and store are kept for the next question."""
_CHANGES: Final = "The past cannot be changed: leave out the time as of which to ask."


class PastCatalogue(Catalogue):
    """A catalogue as it was known at a time, to be asked as any other.

    Parameters
    ----------
    folder
        Where it stands.
    moment
        The time, with a zone.
    wait
        Seconds to wait for others at most.
    """

    def __init__(self, folder: CatalogueFolder, moment: datetime, *, wait: float = 10.0) -> None:
        super().__init__(folder, wait=wait)
        self.moment = written_time(moment)

    def ingest(self, crate: Path, *, move: bool = False) -> IngestReport:
        """Refuse it."""
        raise BadInputError(_CHANGES)

    def forget(self, run: str, *, by: str, by_id: str | None, why: str) -> Version:
        """Refuse it."""
        raise BadInputError(_CHANGES)

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Refuse it."""
        raise BadInputError(_CHANGES)

    @contextmanager
    def reading(self) -> Iterator[LineageIndex]:
        """Open the index of what was known.

        Raises
        ------
        NotFoundError
            If nothing was known then.
        """
        with super().reading() as today:
            known = self._known(today)
            if _is_today(known, today):
                yield today
                return
            place = self._place(known)
            index = place.with_suffix(".sqlite")
            if not index.is_file():
                _make_index(today, index, known, self.folder)
            _mark_as_used(place)
            with LineageIndex(index, wait=self.wait, arrays=place.with_suffix(".arrays")) as then:
                yield then

    def query(
        self, text: str, *, graph: str | None = None, given: Mapping[str, Term] | None = None, limit: int | None = None
    ) -> Rows:
        """Answer a SPARQL query over the graphs that were there; see :class:`Catalogue`."""
        from filiation.catalogue.oxigraph import OxigraphGraph

        place = self._graphs()
        if place is None:
            return super().query(text, graph=graph, given=given, limit=limit)
        with OxigraphGraph(place) as store:
            return store.query(text, graph=graph, given=given, limit=limit)

    def quads(self) -> tuple[tuple[str, str, Term, str], ...]:
        """Return everything that the store held."""
        from filiation.catalogue.oxigraph import OxigraphGraph

        place = self._graphs()
        if place is None:
            return super().quads()
        with OxigraphGraph(place) as store:
            return tuple(store.quads())

    def prepare(self) -> None:
        """Make the store of what was known, so that a query that may take a limited time finds it."""
        self._graphs()

    def _known(self, today: LineageIndex) -> tuple[Version, ...]:
        known = today.versions_at(self.moment)
        first = today.known_since()
        if first is None or first > self.moment:
            since = "nothing ever was" if first is None else f"the first crate was taken in at {first}"
            raise NotFoundError(f"Nothing was known at {self.moment}: {since}.")
        self.lost = tuple(_lost(version) for version in known if version.folder is None)
        return tuple(version for version in known if version.folder is not None)

    def _place(self, known: Sequence[Version], *noted: str) -> Path:
        """Return where the caches of a state of knowledge are, without a suffix."""
        state = "\n".join([*(f"{version.crate} {version.digest} {version.folder}" for version in known), *noted])
        folder = self.folder.caches / "as-of"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / sha256(f"{FORMAT}\n{state}".encode()).hexdigest()[:32]

    def _graphs(self) -> Path | None:
        """Return the store of what was known, which is made of the crates if it is not there; None for today's."""
        from filiation.catalogue.oxigraph import n_quads, n_triples

        with self.reading() as then, super().reading() as today:
            known = self._known(today)
            every, _ = read_annotations(self.folder)
            noted = [each for each in every if written_time(each.when) <= self.moment]
            if _is_today(known, today) and noted == list(every):
                return None
            name = annotations_graph(self.folder) if noted else None
            place = self._place(known, *(each.id for each in noted)).with_suffix(".store")
            with holding(place.with_suffix(".lock"), wait=self.wait):
                if not place.is_dir():
                    making = place.with_suffix(".making")
                    shutil.rmtree(making, ignore_errors=True)
                    graphs = chain(
                        ((each.crate, _graph(each, self.folder, self.moment, today)) for each in known),
                        ((graph_about(crate), triples) for crate, triples in _resumptions(then)),
                        [] if name is None else [(name, annotation_triples(noted, name))],
                    )
                    with StoreWriter(making, wait=self.wait) as store:
                        load_in_parts(store, (n_quads(graph, n_triples(triples)) for graph, triples in graphs))
                    merge_tables(making, wait=self.wait)
                    making.rename(place)
            _mark_as_used(place)
            return place


def _is_today(known: Sequence[Version], today: LineageIndex) -> bool:
    """Whether what was known is what is known."""
    now = {iri for iri, _ in today.stamps().values()}
    return all(version.until is None for version in known) and {version.crate for version in known} == now


def _lost(version: Version) -> str:
    run = version.crate.removeprefix("arcp://uuid,").rstrip("/")
    return f"{run}: its crate of then, known from {version.taken_in} to {version.until}, is not kept."


def _make_index(today: LineageIndex, place: Path, known: Sequence[Version], folder: CatalogueFolder) -> None:
    making = place.with_suffix(f".making-{os.getpid()}")
    making.unlink(missing_ok=True)
    try:
        today.copy(making)
        with LineageIndex(making) as index:
            index.keep_only({version.crate: version.digest for version in known})
            for version in known:
                if index.metadata_digest(version.crate) is None:
                    _, _, derived = read_version(version, folder)
                    index.replace(derived, folder=str(version.folder), stamp="", digest=version.digest)
                told = (each for each in today.versions(version.crate) if each.taken_in <= version.taken_in)
                index.set_versions(version.crate, (_as_known(each, version) for each in told))
            work_out_joins(index, folder.crates)
        making.rename(place)
    finally:
        making.unlink(missing_ok=True)


def _as_known(version: Version, last: Version) -> Version:
    """Return a version as it was told of while another one held."""
    if version.taken_in == last.taken_in:
        return replace(version, until=None, ended="", by=None, why=None)
    return version


def read_version(version: Version, folder: CatalogueFolder) -> tuple[CrateOnDisk, tuple[Triple, ...], Derived]:
    """Read a crate that held for a time, where it is kept: the crate, what it states, and what is derived from that."""
    from filiation.catalogue.crate_graph import run_id_in
    from filiation.catalogue.crate_on_disk import identify
    from filiation.catalogue.payload import derive_from
    from filiation.catalogue.reading import read_triples

    found = identify(folder.crates / str(version.folder))
    stated = read_triples(found)
    home = folder.crates / run_id_in(version.crate)  # where the crate that holds now stands, or stood
    return found, stated, derive_from(found, stated, home)


def _graph(version: Version, folder: CatalogueFolder, moment: str, today: LineageIndex) -> list[Triple]:
    from filiation.catalogue.crate_graph import graph_of

    crate, stated, derived = read_version(version, folder)
    told = tuple(_as_known(each, version) for each in today.versions(version.crate) if each.taken_in <= moment)
    return graph_of(stated, derived, crate, told)


def _resumptions(index: LineageIndex) -> Iterator[tuple[str, tuple[Triple, ...]]]:
    joining = Joining(index)
    for run in index.runs():
        found = resumption_of(index, joining, run)
        if found is not None:
            yield run.iri, statements_of(found)


def _mark_as_used(place: Path) -> None:
    """Let the states that were asked for longest ago go."""
    with suppress(OSError):
        place.with_suffix(".used").touch()
        used = sorted(place.parent.glob("*.used"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in used[_KEPT:]:
            for path in place.parent.glob(f"{old.stem}.*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
