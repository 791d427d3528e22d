"""An opened catalogue, with every question as a method."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import (
    THING,
    Catalogue,
    CatalogueFolder,
    IngestReport,
    Joining,
    LineageIndex,
    Progress,
    RebuildReport,
    RunSummary,
)
from filiation.catalogue.resumptions import resumed_in, resumption_of, resumptions_among
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage.answers import ANCESTORS, DESCENDANTS, Answer, Counted, Lineage, RunDetail
from filiation.lineage.registrations import registrations_of, registrations_using
from filiation.lineage.reproductions import reproductions_of
from filiation.lineage.resolution import Resolution, Resolver
from filiation.lineage.tracing import Extent, Tracer
from filiation.lineage.walk import reach
from filiation.model import Digest, is_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rdflib import Dataset

    from filiation.catalogue.annotations import Annotation
    from filiation.catalogue.summary import DayOfWork
    from filiation.catalogue.versions import Version
    from filiation.lineage.audit_findings import AuditReport
    from filiation.lineage.conditions import Condition
    from filiation.lineage.descent import Descent
    from filiation.lineage.differences import Difference
    from filiation.lineage.fields import Surroundings
    from filiation.lineage.finding import Found
    from filiation.lineage.findings import CheckReport
    from filiation.lineage.objects import ObjectLineage
    from filiation.lineage.observations import Observations
    from filiation.lineage.omero_names import OmeroName
    from filiation.lineage.paths import LineagePath
    from filiation.lineage.questions import Question


PAGE: Final = 1_000
"""Names on a page of :meth:`Ledger.count`."""


class Ledger:
    """An opened catalogue.

    Opening costs nothing; each question first takes in what has come into the folder since, then reads the
    catalogue as it is at that moment, whatever others write meanwhile.

    Parameters
    ----------
    catalogue
        The catalogue's folder, or one that holds it; by default the environment's, else the one found upwards from the
        working folder.
    wait
        Seconds to wait at most, where something is written, for another process that writes.
    as_of
        Ask the catalogue as it was known at this time, with a zone or else in UTC: crates taken in by then, and
        annotations noted by then. As text, a day or a month means its end. None for all that is known.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    BadInputError
        If ``as_of`` is no time, or in the future.
    """

    def __init__(
        self, catalogue: Path | str | None = None, *, wait: float = 10.0, as_of: datetime | str | None = None
    ) -> None:
        folder = CatalogueFolder.find(catalogue)
        self.as_of = _moment(as_of)
        """The time as of which is asked, in UTC; None for the present."""
        self._catalogue = Catalogue(folder, wait=wait) if self.as_of is None else _past(folder, self.as_of, wait)
        self.problems: tuple[str, ...] = ()
        """Crates in the folder that cannot be read, each as one message; brought up to date by each question."""

    @property
    def folder(self) -> Path:
        """Where the catalogue stands."""
        return self._catalogue.folder.root

    # --- what is there -----------------------------------------------------------------------------------------

    def runs(self) -> tuple[RunSummary, ...]:
        """Return every run, the newest first."""
        with self._reading() as (index, _):
            return tuple(sorted(index.runs(), key=_newest_first))

    def days(self) -> tuple[DayOfWork, ...]:
        """Return how many runs and jobs there were on each day (UTC) by whom, from what was counted of each crate."""
        with self._reading() as (index, _):
            return index.jobs_by_day_and_agent()

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

    def former(self) -> tuple[Version, ...]:
        """Return the crates that do not hold any more, sorted by run and time: superseded, forgotten, or gone."""
        with self._reading() as (index, _):
            return index.former_versions()

    def descents(self, run: str) -> tuple[Descent, ...]:
        """Return the label images and tables of a run that descend from images on servers; see :meth:`show`."""
        from filiation.lineage.descent import descents

        with self._reading() as (index, joining):
            return descents(index, joining, self._resolver(index, joining).run(run))

    def resolve(self, thing: str) -> Resolution:
        """Find what a path, a digest, an IRI, a run or the start of one stands for.

        Raises
        ------
        NotFoundError
            If the catalogue has nothing of that name and content.
        ChangedError
            If the path is known, but what is there now was never recorded.
        BadInputError
            If it is the start of several names; the message lists them.
        """
        with self._reading() as (index, joining):
            return self._resolver(index, joining).resolve(thing)

    def places(self, digest: Digest) -> tuple[str, ...]:
        """Return where runs saw these bytes, as absolute paths, sorted; nothing says whether they are there still."""
        with self._reading() as (index, _):
            seen = (entity.place for entity in index.entities(digest=str(digest)))
            return tuple(sorted({place for place in seen if place is not None and not is_uri(place)}))

    # --- lineage -----------------------------------------------------------------------------------------------

    def trace(
        self,
        *things: str,
        depth: int | None = None,
        until: Iterable[str] = (),
        only: Iterable[str] = (),
        from_run: str | None = None,
        published: bool = False,
    ) -> Lineage:
        """Return what things descend from.

        Parameters
        ----------
        things
            Each as for :meth:`resolve`.
        depth
            How many actions to go back at most; None for all.
        until
            Conditions such as ``rule=segment`` (``docs/reference/questions.md``): the walk ends at what any of them
            names, and leaves out what lies beyond.
        only
            Conditions on what is shown of the answer; what is between is left out and the ends joined.
        from_run
            The start of a run's id: the things as this run made or found them, where several did.
        published
            Keep only what is published, and what lies between it and the things (``docs/reference/questions.md``).

        Raises
        ------
        BadInputError
            If a condition is none.
        NotFoundError
            If the run has nothing to do with a thing.
        """
        extent = Extent(depth, _conditions(until), _conditions(only), from_run, published)
        with self._tracing() as (index, tracer):
            lineage = tracer.walk(things, ANCESTORS, extent)
            crates = sorted({entity.crate for iri in lineage.roots for entity in index.entities(iri=iri)})
            again = tuple(action for crate in crates for action in reproductions_of(index, crate))
            registered = registrations_using(index, lineage.roots)
            resumed = resumptions_among(index, tracer.joining, {action.crate for action in lineage.actions})
            return replace(lineage, reproductions=again, registrations=registered, resumptions=resumed)

    def impact(
        self,
        *things: str,
        depth: int | None = None,
        until: Iterable[str] = (),
        only: Iterable[str] = (),
        from_run: str | None = None,
        published: bool = False,
    ) -> Lineage:
        """Return what descends from things; see :meth:`trace`."""
        extent = Extent(depth, _conditions(until), _conditions(only), from_run, published)
        with self._tracing() as (_, tracer):
            return tracer.walk(things, DESCENDANTS, extent)

    def count(self, *things: str, direction: str = DESCENDANTS, page: int | None = None) -> Counted:
        """Return how large a lineage is, without drawing it: a million names take longer than a million steps.

        Parameters
        ----------
        things
            Each as for :meth:`resolve`.
        direction
            ``ancestors`` or ``descendants``.
        page
            Which thousand of the things' IRIs to list, from 1; None for none.
        """
        with self._tracing() as (index, tracer):
            found = [tracer.resolver.resolve(thing) for thing in dict.fromkeys(things)]
            up = direction == ANCESTORS
            roots = {iri for each in found for iri in (each.origins if up else each.nodes)}
            reached = reach(index, roots, up=up)
            names = () if page is None else reached.page((page - 1) * PAGE, PAGE, kind=THING)
            return Counted(", ".join(each.thing for each in found), direction, *reached.count(), reached.crates, names)

    def object(self, thing: str, label: int) -> ObjectLineage:
        """Return one object of a label image: where it is, what was measured of it, what it descends from.

        Parameters
        ----------
        thing
            The label image, as for :meth:`resolve`; it is read where it lies.
        label
            The object's value.

        Raises
        ------
        NotFoundError
            If the label image is not there any more, or has no such object.
        BadInputError
            If it is no label image.
        """
        from filiation.lineage.objects import describe_object

        return describe_object(label, self.trace(thing), self.impact(thing, depth=1))

    def path(self, first: str, second: str) -> LineagePath:
        """Return the shortest ways between two things, each step with the crate that tells of it.

        Parameters
        ----------
        first, second
            Each as for :meth:`resolve`, in either order.

        Raises
        ------
        BadInputError
            If they are the same thing.
        NotFoundError
            If neither descends from the other; the message names what both descend from.
        """
        from filiation.lineage.paths import find_path

        with self._tracing() as (index, tracer):
            return find_path(index, tracer, tracer.resolver.resolve(first), tracer.resolver.resolve(second))

    def diff(self, first: str, second: str) -> Difference:
        """Return what differs between two runs, or between the lineages of two things.

        Parameters
        ----------
        first, second
            Each a run's id or the start of it, or as for :meth:`resolve`; before, and after.

        Raises
        ------
        NotFoundError
            If there is no such run or thing.
        BadInputError
            If a run is compared with a thing.
        """
        from filiation.lineage.comparing_runs import compare

        with self._tracing() as (index, tracer):
            return compare(index, self._catalogue.folder.crates, *tracer.sides(first, second))

    def check(
        self, thing: str | None = None, *, pixels: bool = False, progress: Callable[[int], None] | None = None
    ) -> CheckReport:
        """Compare bytes with their record: of one thing, or of everything that the catalogue knows the place of.

        Parameters
        ----------
        thing
            As for :meth:`resolve`; None for everything. Of images in OMERO their server is asked.
        pixels
            Whether the pixels of an image in OMERO are read again.
        progress
            Called with the number of bytes read since the last call.

        Raises
        ------
        AccessError, ServerError, MissingExtraError
            If the server of an image cannot be asked.
        """
        from filiation.lineage.integrity import Checker
        from filiation.lineage.omero_names import omero_name

        name = omero_name(thing) if thing is not None else None
        if thing is not None and name is not None:
            return self._check_on_server(thing, name, pixels=pixels, progress=progress or (lambda count: None))
        with self._reading() as (index, joining):
            checker = Checker(index, joining, self._catalogue.folder)
            plan = checker.plan(thing, self._resolver(index, joining))
        outcomes = checker.read(plan, progress)  # takes long; nobody has to wait for it
        with self._reading() as (index, joining):
            return checker.report(plan, outcomes, index, joining)

    def _check_on_server(
        self, thing: str, name: OmeroName, *, pixels: bool, progress: Callable[[int], None]
    ) -> CheckReport:
        from filiation.lineage.omero_check import look, remote_record, report, together

        with self._reading() as (index, joining):
            found = self._resolver(index, joining).resolve(thing)
            # An image may have several names, if its server has; a dataset has several images.
            images = [found.origins] if name.kind == "Image" else [(iri,) for iri in found.origins]
            remotes = [remote_record(index, joining, iris, name.host) for iris in images]
        # Takes long; nobody has to wait for it.
        return together(
            report(remote, look(remote, pixels=pixels, progress=progress), pixels=pixels) for remote in remotes
        )

    def audit(self, *, progress: Callable[[int], None] | None = None) -> AuditReport:
        """Return what somebody must know who is to rely on what was recorded.

        Parameters
        ----------
        progress
            Called with the number of bytes read since the last call.
        """
        from filiation.lineage.audit import Auditor

        auditor = Auditor(self._catalogue.folder)
        gathered = auditor.gather()
        with self._reading() as (index, joining):
            plan = auditor.plan(gathered, index, joining, self._resolver(index, joining))
        return auditor.look(plan, progress)  # takes long; nobody has to wait for it

    def find(self, kind: str, *conditions: str, limit: int | None = None) -> Found:
        """Return the actions or things of all runs that are as every condition says.

        Parameters
        ----------
        kind
            ``action`` or ``entity``.
        conditions
            Such as ``rule=segment`` or ``size>10MB``; ``docs/reference/questions.md`` lists the fields.
        limit
            So many at most; the answer says how many there are.

        Raises
        ------
        BadInputError
            If a condition is none, or cannot be asked of such.
        """
        from filiation.lineage.finding import find

        asked = _conditions(conditions)
        with self._reading() as (index, _):
            return find(index, self._surroundings(index, asked), kind, asked, limit)

    def how_many(self, kind: str, *conditions: str) -> int:
        """Return how many actions or things are as every condition says, without reading them; see :meth:`find`."""
        from filiation.lineage.finding import how_many

        asked = _conditions(conditions)
        with self._reading() as (index, _):
            return how_many(index, self._surroundings(index, asked), kind, asked)

    def audit_server(
        self, server: str | None = None, container: str | None = None, tags: Iterable[str] = ()
    ) -> AuditReport:
        """Hold a server against the catalogue: what the one has of runs and images that the other does not know.

        Parameters
        ----------
        server
            An OMERO server, with a port if it is not OMERO's own; the only one that the catalogue knows if left out.
        container
            What the question is limited to, such as ``dataset/12``; ``images`` for all that can be seen.
        tags
            Texts of tags that images must all have.

        Raises
        ------
        NotFoundError
            If there is no such container, or no server is known.
        BadInputError
            If several servers are known and none is named.
        AccessError, ServerError, MissingExtraError
            If the server cannot be asked.
        """
        from filiation.images.omero import Address
        from filiation.lineage.omero_audit import audit_server, known_images, only_host

        with self._reading() as (index, joining):
            place = Address.from_uri(f"omero://{server or only_host(index)}/{container or 'images'}")
            known = known_images(index, joining, place.host.name)
        wanted = replace(place, tags=tuple(tags))
        return audit_server(known, place.host, wanted if container is not None or wanted.tags else None)

    # --- annotations -------------------------------------------------------------------------------------------

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

    # --- over the whole catalogue ------------------------------------------------------------------------------

    def gaps(self, *kinds: str, page: int | None = None) -> Observations:
        """Return what the record leaves open or contradicts, over every run.

        Parameters
        ----------
        kinds
            Of :data:`filiation.lineage.gaps.KINDS`, such as ``no agent``; all if there are none.
        page
            Which thousand of the lines to tell, from 1; 0 for none but the counts, which need no node; None for all.

        Raises
        ------
        BadInputError
            If there is no such kind.
        """
        from filiation.lineage.gaps import KINDS, Page, find_gaps

        _refuse_unknown("gap", kinds, KINDS)
        with self._reading() as (index, joining):
            return find_gaps(index, joining, kinds, Page.numbered(page, PAGE))

    def orphans(self, *kinds: str, page: int | None = None) -> Observations:
        """Return the things that nobody made and that are no sources, and those that were made and lead nowhere.

        Parameters
        ----------
        kinds
            Of :data:`filiation.lineage.orphans.KINDS`, such as ``other bytes``; if there are none, all but ``source``
            and ``unknown file``, which looks at the disk.
        page
            As for :meth:`gaps`.

        Raises
        ------
        BadInputError
            If there is no such kind.
        """
        from filiation.lineage.gaps import Page
        from filiation.lineage.orphans import KINDS, find_orphans

        _refuse_unknown("orphan", kinds, KINDS)
        with self._reading() as (index, joining):
            return find_orphans(index, joining, kinds, Page.numbered(page, PAGE))

    def duplicates(self) -> Observations:
        """Return the bytes that were made more than once, and the time and space that it cost."""
        from filiation.lineage.duplicates import find_duplicates

        with self._reading() as (index, joining):
            return find_duplicates(index, joining)

    def stale(self, *things: str, disk: bool = True) -> Observations:
        """Return what would be made otherwise today: inputs, code, parameters or software have changed since.

        Parameters
        ----------
        things
            Each as for :meth:`resolve`; none for all that was made last at its place.
        disk
            Whether to compare inputs and scripts with what lies there now; else only with later runs.
        """
        from filiation.lineage.staleness import StaleFinder

        with self._reading() as (index, joining):
            resolver = self._resolver(index, joining)
            only = [iri for thing in things for iri in resolver.resolve(thing).nodes]
            cache = self._catalogue.folder.digests if disk else None
            return StaleFinder(index, joining, cache).find(only if things else None)

    # --- questions ---------------------------------------------------------------------------------------------

    def questions(self) -> tuple[Question, ...]:
        """Return the questions that :meth:`ask` knows, with a title each."""
        from filiation.lineage.questions import questions

        return questions()

    def ask(self, name: str, *, run: str | None = None, given: Mapping[str, str] | None = None) -> Answer:
        """Answer a question by its name.

        Parameters
        ----------
        name
            For example ``cq5``.
        run
            A run's id or the start of it; None for all runs.
        given
            Values for what the question takes, by name.

        Raises
        ------
        NotFoundError
            If there is no question of that name, or no such run.
        BadInputError
            If something is given that the question does not take.
        """
        from filiation.lineage.questions import question

        asked = question(name)
        with self._reading() as (index, joining):
            graph = None if run is None else self._resolver(index, joining).run(run).iri
        return asked.answer(self._catalogue, graph, given or {})

    def sparql(self, query: str, *, timeout: float = 30.0, limit: int = 100_000) -> Answer:
        """Answer a free SPARQL query, read-only and in a process of its own that is ended when it takes too long.

        Parameters
        ----------
        query
            SELECT, ASK, CONSTRUCT or DESCRIBE over the union of all crates' graphs; each is a named graph too.
        timeout
            Seconds.
        limit
            Rows at most; the answer says whether there were more.

        Raises
        ------
        BadInputError
            If it is no query, would reach beyond the catalogue (``SERVICE``, ``FROM``, updates), or takes too long.
        """
        from filiation.lineage.sparql import answer_query

        self._catch_up()
        self._catalogue.prepare()
        return answer_query(self._catalogue.folder, query, timeout=timeout, limit=limit, as_of=self.as_of)

    def rdf(self) -> Dataset:
        """Return everything as an rdflib dataset, one named graph a crate."""
        from filiation.lineage.exchange import to_rdflib

        self._catch_up()
        return to_rdflib(self._catalogue.quads())

    # --- the catalogue itself ----------------------------------------------------------------------------------

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
        """Delete store and index and make them again from the crates."""
        report = self._catalogue.rebuild(progress)
        self.problems = report.problems
        return report

    def _catch_up(self) -> None:
        self.problems = self._catalogue.catch_up().problems

    @contextmanager
    def _reading(self) -> Iterator[tuple[LineageIndex, Joining]]:
        self._catch_up()
        with self._catalogue.reading() as index:
            self.problems = (*self.problems, *self._catalogue.lost)
            yield index, Joining(index)

    @contextmanager
    def _tracing(self) -> Iterator[tuple[LineageIndex, Tracer]]:
        with self._reading() as (index, joining):
            yield index, Tracer(index, joining, self._resolver(index, joining), lambda: self._surroundings(index))

    def _surroundings(self, index: LineageIndex, asked: Iterable[Condition] | None = None) -> Surroundings:
        """Return what conditions may ask for besides what nodes say themselves.

        Parameters
        ----------
        index
            The index.
        asked
            The conditions, if they are known: what people noted is only read for those that ask for it.
        """
        from filiation.lineage.annotating import by_node
        from filiation.lineage.fields import RunsOf, Surroundings

        runs = RunsOf(index)
        if asked is not None and not any(condition.field.name in ("annotation.", "text") for condition in asked):
            return Surroundings(runs)
        return Surroundings(runs, by_node(index, self._noted()))

    def _noted(self) -> tuple[Annotation, ...]:
        from filiation.catalogue.annotations import read_annotations

        annotations, problems = read_annotations(self._catalogue.folder, self.as_of)
        self.problems = (*self.problems, *problems)
        return annotations

    def _run(self, run: str, index: LineageIndex, joining: Joining) -> RunSummary:
        """Find a run; of one that was known and is not any more, say so."""
        try:
            return self._resolver(index, joining).run(run)
        except NotFoundError as error:
            was = next((each for each in reversed(index.former_versions()) if _id(each.crate).startswith(run)), None)
            if was is None or not run:
                raise
            from filiation.lineage.words import ending

            raise NotFoundError(f"{error} {ending(was)} Ask as of a time before, such as {was.taken_in}.") from error

    def _resolver(self, index: LineageIndex, joining: Joining) -> Resolver:
        folder = self._catalogue.folder
        return Resolver(index, joining, folder.digests, folder.root.parent)


def _id(crate: str) -> str:
    return crate.removeprefix("arcp://uuid,").rstrip("/")


def _past(folder: CatalogueFolder, moment: datetime, wait: float) -> Catalogue:
    from filiation.catalogue.as_of import PastCatalogue  # most questions are about the present

    return PastCatalogue(folder, moment, wait=wait)


def _moment(as_of: datetime | str | None) -> datetime | None:
    if isinstance(as_of, str):
        from filiation.lineage.moments import read_as_of

        return read_as_of(as_of)
    if as_of is not None and as_of.tzinfo is None:
        return as_of.replace(tzinfo=UTC)
    return as_of


def _conditions(texts: Iterable[str]) -> tuple[Condition, ...]:
    given = tuple(texts)
    if not given:
        return ()
    from filiation.lineage.conditions import read_conditions  # most lineages are asked for without any

    return read_conditions(given)


def _refuse_unknown(what: str, kinds: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(kinds) - set(known)):
        raise BadInputError(f"There is no kind of {what} called {unknown[0]!r}. There are: {', '.join(known)}.")


def _newest_first(run: RunSummary) -> tuple[float, str]:
    return (-run.started.timestamp() if run.started is not None else float("inf"), run.iri)
