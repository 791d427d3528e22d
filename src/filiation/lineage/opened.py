"""An opened catalogue: brought up to date by each question, then read as it is at that moment."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filiation.catalogue import (
    Catalogue,
    CatalogueFolder,
    Joining,
    LineageIndex,
    RunSummary,
)
from filiation.errors import AccessError, NotFoundError
from filiation.lineage.resolution import Resolution, Resolver
from filiation.lineage.tracing import Tracer
from filiation.model import Digest, is_uri
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from filiation.catalogue.annotations import Annotation
    from filiation.catalogue.selection import Selection
    from filiation.lineage.conditions import Condition
    from filiation.lineage.fields import Surroundings
    from filiation.lineage.finding import Source


class OpenedCatalogue:
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
    on_disk
        Whether what a person names may be looked for on disk, and its bytes read to know it again. If not, a path means
        what was recorded there, as it must for those who may ask and not look.
    selection
        Answer as if the catalogue held nothing but the runs that this shows; None for all. Of those, the present alone
        can be asked, nothing can be changed, and questions to the graph or over all files are refused.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    BadInputError
        If ``as_of`` is no time, or in the future.
    """

    def __init__(
        self,
        catalogue: Path | str | None = None,
        *,
        wait: float = 10.0,
        as_of: datetime | str | None = None,
        on_disk: bool = True,
        selection: Selection | None = None,
    ) -> None:
        folder = CatalogueFolder.find(catalogue)
        self.as_of = _moment(as_of)
        """The time as of which is asked, in UTC; None for the present."""
        self.selection = selection
        """The runs that are shown; None for all."""
        if selection is not None:
            self._catalogue: Catalogue = _part(folder, selection, wait, self.as_of)
        elif self.as_of is not None:
            self._catalogue = _past(folder, self.as_of, wait)
        else:
            self._catalogue = Catalogue(folder, wait=wait)
        self.problems: tuple[str, ...] = ()
        """Crates in the folder that cannot be read, each as one message; brought up to date by each question."""
        self._on_disk = on_disk
        self._now: tuple[LineageIndex, Joining] | None = None
        self._annotations: tuple[str, tuple[Annotation, ...], tuple[str, ...]] | None = None

    @property
    def folder(self) -> Path:
        """Where the catalogue stands."""
        return self._catalogue.folder.root

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

    def _catch_up(self) -> None:
        if self._now is None:
            self.problems = self._catalogue.catch_up().problems

    def look(self) -> None:
        """Take in what came into the folder since, as every question does first; of many crates, that takes a while."""
        self._catch_up()

    def moment(self) -> tuple[str, int, str]:
        """Return what tells one state of the catalogue from every other, as far as runs and annotations go."""
        from filiation.catalogue.annotation_graph import annotations_stamp

        with self._reading() as (index, _):
            made, generation, _since = index.state()
        return made, generation, annotations_stamp(self._catalogue.folder)

    @contextmanager
    def at_one_moment(self, *, look: bool = True) -> Iterator[None]:
        """Answer every question inside from the catalogue as it is now, opened once; not for what changes it.

        Parameters
        ----------
        look
            Whether to take in first what came into the folder since; else somebody else has just done so.
        """
        with self._reading(look=look) as moment:
            before, self._now = self._now, moment
            try:
                yield
            finally:
                self._now = before

    @contextmanager
    def _reading(self, *, look: bool = True) -> Iterator[tuple[LineageIndex, Joining]]:
        if self._now is not None:
            yield self._now
            return
        if look:
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

    @contextmanager
    def _former(self, index: LineageIndex, asked: Iterable[Condition]) -> Iterator[list[Source]]:
        """Open what does not hold any more, if it is asked for."""
        from filiation.lineage.finding import asks_for_former

        if not asks_for_former(asked):
            yield []
            return
        from filiation.catalogue.former import former_indexes
        from filiation.lineage.fields import RunsOf

        self._refuse_if_selected()
        around = self._surroundings(index, asked)
        with former_indexes(self._catalogue.folder, index.former_versions(), wait=self._catalogue.wait) as opened:
            yield [(former, replace(around, runs=RunsOf(former), former=versions)) for former, versions in opened]

    def _noted(self) -> tuple[Annotation, ...]:
        from filiation.catalogue.annotation_graph import annotations_stamp
        from filiation.catalogue.annotations import read_annotations

        stamp = annotations_stamp(self._catalogue.folder)
        if self._annotations is None or self._annotations[0] != stamp:
            self._annotations = (stamp, *read_annotations(self._catalogue.folder, self.as_of))
        _, annotations, problems = self._annotations
        if self.selection is not None:
            return self._of_what_is_shown(annotations)
        self.problems = (*self.problems, *problems)
        return annotations

    def _of_what_is_shown(self, annotations: Iterable[Annotation]) -> tuple[Annotation, ...]:
        with self._reading() as (index, _):
            return tuple(
                each
                for each in annotations
                if any(index.entities(iri=iri) or index.actions(iri=iri) for iri in each.iris)
                or (each.digest is not None and index.entities(digest=each.digest))
            )

    def _refuse_if_selected(self) -> None:
        """Refuse what goes over all files, where some runs alone are shown."""
        if self.selection is not None:
            raise AccessError(Sentence("This goes over the whole catalogue, of which you may see a part."))

    def _run(self, run: str, index: LineageIndex, joining: Joining) -> RunSummary:
        """Find a run; of one that was known and is not any more, say so."""
        try:
            return self._resolver(index, joining).run(run)
        except NotFoundError as error:
            was = next((each for each in reversed(index.former_versions()) if _id(each.crate).startswith(run)), None)
            if was is None or not run:
                raise
            from filiation.lineage.words import ending

            raise NotFoundError(
                Sentence(
                    "{error} {ending} Ask as of a time before, such as {taken_in}.",
                    error=error.message,
                    ending=ending(was),
                    taken_in=was.taken_in,
                )
            ) from error

    def _resolver(self, index: LineageIndex, joining: Joining) -> Resolver:
        folder = self._catalogue.folder
        past = self.as_of is not None
        return Resolver(index, joining, folder.digests, folder.root.parent, on_disk=self._on_disk, past=past)


def conditions_in(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions that are written in texts."""
    given = tuple(texts)
    if not given:
        return ()
    from filiation.lineage.conditions import read_conditions  # most lineages are asked for without any

    return read_conditions(given)


def _id(crate: str) -> str:
    return crate.removeprefix("arcp://uuid,").rstrip("/")


def _past(folder: CatalogueFolder, moment: datetime, wait: float) -> Catalogue:
    from filiation.catalogue.as_of import PastCatalogue  # most questions are about the present

    return PastCatalogue(folder, moment, wait=wait)


def _part(folder: CatalogueFolder, selection: Selection, wait: float, as_of: datetime | None) -> Catalogue:
    from filiation.catalogue.selection import SelectedCatalogue  # most may see everything

    if as_of is not None:
        raise AccessError(Sentence("Of a catalogue that you may see a part of, the present alone can be asked."))
    return SelectedCatalogue(folder, selection, wait=wait)


def _moment(as_of: datetime | str | None) -> datetime | None:
    if isinstance(as_of, str):
        from filiation.lineage.moments import read_as_of

        return read_as_of(as_of)
    if as_of is not None and as_of.tzinfo is None:
        return as_of.replace(tzinfo=UTC)
    return as_of
