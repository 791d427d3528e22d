"""An opened catalogue, with every question as a method."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue import (
    IngestReport,
    Progress,
    RebuildReport,
    RunSummary,
)
from filiation.catalogue.resumptions import resumed_in, resumption_of
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.answers import RunDetail
from filiation.lineage.of_all import OfAll
from filiation.lineage.of_the_world import OfTheWorld
from filiation.lineage.of_things import OfThings
from filiation.lineage.registrations import registrations_of
from filiation.lineage.reproductions import reproductions_of
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from filiation.catalogue.annotations import Annotation
    from filiation.catalogue.versions import Version
    from filiation.lineage.crate_evidence import CrateEvidence
    from filiation.model import Digest


class Ledger(OfThings, OfAll, OfTheWorld):
    """An opened catalogue: every question, and what changes it. See :class:`OpenedCatalogue` for its parameters."""

    def runs(self) -> tuple[RunSummary, ...]:
        """Return every run, the newest first."""
        with self._reading() as (index, _):
            return tuple(sorted(index.runs(), key=_newest_first))

    def newest_runs(self, first: int = 0, *, limit: int) -> tuple[RunSummary, ...]:
        """Return some of the runs, the newest first, without reading the others.

        Parameters
        ----------
        first
            How many to leave out.
        limit
            How many at most.
        """
        with self._reading() as (index, _):
            return index.newest_runs(first, limit)

    def how_many_runs(self) -> int:
        """Return how many runs there are."""
        with self._reading() as (index, _):
            return index.how_many_runs()

    def show(self, run: str) -> RunDetail:
        """Return one run with all it did.

        Parameters
        ----------
        run
            The run's id, or the start of it.

        Raises
        ------
        NotFoundError
            If there is no such run.
        BadInputError
            If several runs' ids start so.
        """
        with self._reading() as (index, joining):
            summary = self._run(run, index, joining)
            actions = sorted(
                index.actions(crate=summary.iri), key=lambda action: (action.job or 0, action.attempt or 0, action.iri)
            )
            entities = sorted(index.entities(crate=summary.iri), key=lambda entity: entity.path)
            found = [(entity, joining.makers(entity)) for entity in entities if not entity.generated]
            reused = tuple((entity.iri, tuple(maker.crate for maker in makers)) for entity, makers in found if makers)
            again = reproductions_of(index, summary.iri)
            resumes, resumed = resumption_of(index, joining, summary), resumed_in(index, joining, summary)
            registered, versions = registrations_of(index, summary.iri), index.versions(summary.iri)
            return RunDetail(
                summary, tuple(actions), tuple(entities), reused, again, resumes, resumed, registered, versions
            )

    def crate_of(self, run: str) -> Path:
        """Return the folder of a run's crate.

        Parameters
        ----------
        run
            The run's id, or the start of it.

        Raises
        ------
        NotFoundError
            If there is no such run, or its folder is not known.
        BadInputError
            If several runs' ids start so.
        """
        with self._reading() as (index, joining):
            found = self._run(run, index, joining)
            name = index.folder_of(found.iri)
        if name is None:
            raise NotFoundError(Sentence("It is not known where the crate of run {run} is.", run=found.id))
        return self.folder / "crates" / name

    def crate_evidence(self, run: str) -> CrateEvidence:
        """Return what stands in a run's crate for the run; see :meth:`crate_of`."""
        from filiation.lineage.crate_evidence import crate_evidence

        with self._reading() as (index, joining):
            found = self._run(run, index, joining)
            folder, metadata = index.folder_of(found.iri), index.metadata_digest(found.iri)
        return crate_evidence(found, folder, metadata, self.folder / "crates")

    def former(self) -> tuple[Version, ...]:
        """Return the crates that do not hold any more, sorted by run and time: superseded, forgotten, or gone."""
        with self._reading() as (index, _):
            return index.former_versions()

    def annotate(self, thing: str, *pairs: str, why: str | None = None) -> tuple[Annotation, ...]:
        """Note something of a thing or a job, with who and when; it is written to disk, and never over another.

        Parameters
        ----------
        thing
            As for :meth:`resolve`.
        pairs
            ``key=value`` each; ``key=`` takes a value back.
        why
            The reason.

        Raises
        ------
        BadInputError
            If a pair is none.
        """
        from filiation.lineage.annotating import annotate

        if self.as_of is not None:
            raise BadInputError("What is noted is noted now: leave out the time as of which to ask.")
        with self._reading() as (index, joining):
            found = self._resolver(index, joining).resolve(thing)
            return annotate(self._catalogue.folder, index, found, pairs, why)

    def annotations(self, thing: str | None = None) -> tuple[Annotation, ...]:
        """Return what was noted of a thing, or of everything, the oldest first; also what was taken back since."""
        with self._reading() as (index, joining):
            annotations = self._noted()
            if thing is None:
                return annotations
            found = self._resolver(index, joining).resolve(thing)
        iris, digest = set(found.nodes), None if found.digest is None else str(found.digest)
        return tuple(
            each for each in annotations if iris & set(each.iris) or (digest is not None and digest == each.digest)
        )

    def note_published(self, thing: str, digests: Iterable[Digest], pair: str, *, why: str) -> int:
        """Note of everything with one of some digests that it was published; return of how many things.

        Parameters
        ----------
        thing
            What was published, in words.
        digests
            Of what is in it.
        pair
            ``doi=…``, or ``published=…``.
        why
            Where, and by which deposit.
        """
        from filiation.lineage.annotating import annotate_bytes

        with self._reading() as (index, _):
            return annotate_bytes(self._catalogue.folder, index, thing, digests, pair, why)

    def tell_of_waiting(self, tell: Callable[[], None]) -> None:
        """Have something called when another process that writes to the catalogue is waited for."""
        self._catalogue.on_wait = tell

    def ingest(self, crate: Path | str) -> IngestReport:
        """Take a crate in, of any engine; it is copied into the catalogue.

        Parameters
        ----------
        crate
            Its folder, its metadata file, a ZIP archive of it, or a PROV document (PROV-JSON, PROV-N, PROV-O in Turtle
            or TriG).

        Raises
        ------
        NotFoundError
            If there is none.
        InvalidCrateError
            If it cannot be read; the catalogue is then as before.
        """
        return self.ingest_runs(crate)[-1]

    def ingest_runs(self, place: Path | str) -> tuple[IngestReport, ...]:
        """Take in what stands at a place: what :meth:`ingest` takes, or every run of Nextflow's lineage store.

        Raises
        ------
        NotFoundError, InvalidCrateError
            As :meth:`ingest`.
        """
        from filiation.incoming import take_in

        return take_in(self._catalogue, Path(place))

    def forget(self, run: str, *, why: str) -> Version:
        """Take a run out of the answers from now on; its crate is kept beside the history, with who, when and why.

        Parameters
        ----------
        run
            Its id, or the start of it.
        why
            The reason.

        Raises
        ------
        NotFoundError
            If there is no such run.
        BadInputError
            If no reason is given, or the catalogue is asked as of a time.
        """
        from filiation.lineage.annotating import author

        if not why.strip():
            raise BadInputError("Say why the run is to be forgotten: it is kept with it.")
        with self._reading() as (index, joining):
            found = self._run(run, index, joining)
        by, by_id = author(self._catalogue.folder)
        return self._catalogue.forget(found.id, by=by, by_id=by_id, why=why)

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Make store and index again from the crates, beside those in use until they are whole."""
        report = self._catalogue.rebuild(progress)
        self.problems = report.problems
        return report


def _newest_first(run: RunSummary) -> tuple[float, str]:
    return (-run.started.timestamp() if run.started is not None else float("inf"), run.iri)
