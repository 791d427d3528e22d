"""What is asked of everything in a catalogue: facts, what the records leave open, questions by name, SPARQL."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from filiation.digest import DigestCache
from filiation.errors import BadInputError
from filiation.lineage.answers import Answer
from filiation.lineage.of_things import PAGE
from filiation.lineage.opened import OpenedCatalogue, conditions_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rdflib import Dataset

    from filiation.catalogue.summary import DayOfWork
    from filiation.lineage.finding import Found
    from filiation.lineage.lookup import LookedUp
    from filiation.lineage.observations import Observations
    from filiation.lineage.overview import Overview
    from filiation.lineage.questions import Question
    from filiation.lineage.sparql import Confined, QueryLimits


class OfAll(OpenedCatalogue):
    """The questions of an opened catalogue that go over all runs."""

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

        asked = conditions_in(conditions)
        with self._reading() as (index, _), self._former(index, asked) as former:
            return find(index, self._surroundings(index, asked), kind, asked, limit, former)

    def look_up(self, asked: str, *, limit: int = 20) -> LookedUp:
        """Return what a word may mean: the thing or run that it names exactly, else whatever is called so, by kind.

        Parameters
        ----------
        asked
            What :meth:`resolve` takes; a person's name or ORCID; a parameter such as ``sigma=2``, or any condition of
            :meth:`find`; any text.
        limit
            So many of each kind at most.
        """
        from filiation.lineage.lookup import look_up

        with self._reading() as (index, joining):
            around, resolver = self._surroundings(index), self._resolver(index, joining)
            return look_up(index, around, resolver, asked, limit, partial(self._former, index))

    def how_many(self, kind: str, *conditions: str) -> int:
        """Return how many actions or things are as every condition says, without reading them; see :meth:`find`."""
        from filiation.lineage.finding import how_many

        asked = conditions_in(conditions)
        with self._reading() as (index, _), self._former(index, asked) as former:
            return how_many(index, self._surroundings(index, asked), kind, asked, former)

    def days(self) -> tuple[DayOfWork, ...]:
        """Return how many runs and jobs there were on each day (UTC) by whom, from what was counted of each crate."""
        with self._reading() as (index, _):
            return index.jobs_by_day_and_agent()

    def overview(self, by: str | None = None) -> Overview:
        """Return what the catalogue comes to: runs over time, failures by rule, what was made by kind, people.

        Parameters
        ----------
        by
            ``day``, ``week`` or ``month``; None for the shortest of which all fit into a picture.

        Raises
        ------
        BadInputError
            If it is none of these.
        """
        from filiation.lineage.overview import look_over

        with self._reading() as (index, _):
            return look_over(index, by)

    def gaps(self, *kinds: str, page: int | None = None, lines: int = PAGE) -> Observations:
        """Return what the record leaves open or contradicts, over every run.

        Parameters
        ----------
        kinds
            Of :data:`filiation.lineage.gaps.KINDS`, such as ``no agent``; all if there are none.
        page
            Which page of the lines to tell, from 1; 0 for none but the counts, which need no node; None for all.
        lines
            How many lines a page has: a thousand, if nothing is said.

        Raises
        ------
        BadInputError
            If there is no such kind.
        """
        from filiation.lineage.gaps import KINDS, Page, find_gaps

        _refuse_unknown("gap", kinds, KINDS)
        with self._reading() as (index, joining):
            return find_gaps(index, joining, kinds, Page.numbered(page, lines))

    def orphans(self, *kinds: str, page: int | None = None, lines: int = PAGE) -> Observations:
        """Return the things that nobody made and that are no sources, and those that were made and lead nowhere.

        Parameters
        ----------
        kinds
            Of :data:`filiation.lineage.orphans.KINDS`, such as ``other bytes``; if there are none, all but ``source``
            and ``unknown file``, which looks at the disk.
        page, lines
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
            return find_orphans(index, joining, kinds, Page.numbered(page, lines))

    def duplicates(self) -> Observations:
        """Return the bytes that were made more than once, and the time and space that it cost."""
        from filiation.lineage.duplicates import find_duplicates

        with self._reading() as (index, joining):
            return find_duplicates(index, joining)

    def stale(self, *things: str, disk: bool | None = None, page: int | None = None, lines: int = PAGE) -> Observations:
        """Return what would be made otherwise today: inputs, code, parameters or software have changed since.

        Parameters
        ----------
        things
            Each as for :meth:`resolve`; none for all that was made last at its place.
        disk
            Whether to compare inputs and scripts with what lies there now; else only with later runs. None for
            whether the present is asked for, since what lies there now says nothing of the past.
        page, lines
            As for :meth:`gaps`.
        """
        from filiation.lineage.gaps import Page
        from filiation.lineage.staleness import StaleFinder

        disk = self.as_of is None if disk is None else disk
        with self._reading() as (index, joining), DigestCache(self._catalogue.folder.digests) as cache:
            resolver = self._resolver(index, joining)
            only = [iri for thing in things for iri in resolver.resolve(thing).nodes]
            finder = StaleFinder(index, joining, cache if disk else None)
            return finder.find(only if things else None, Page.numbered(page, lines))

    def questions(self) -> tuple[Question, ...]:
        """Return the questions that :meth:`ask` knows, with a title each."""
        from filiation.lineage.questions import questions

        return questions()

    def ask(
        self,
        name: str,
        *,
        run: str | None = None,
        given: Mapping[str, str] | None = None,
        limits: QueryLimits | None = None,
    ) -> Answer:
        """Answer a question by its name.

        Parameters
        ----------
        name
            For example ``cq5``.
        run
            A run's id or the start of it; None for all runs.
        given
            Values for what the question takes, by name.
        limits
            What answering it may take; it is then answered in a process of its own. None for whatever it takes.

        Raises
        ------
        NotFoundError
            If there is no question of that name, or no such run.
        BadInputError
            If something is given that the question does not take.
        QueryEndedError
            If it takes more than it may.
        """
        from filiation.lineage.questions import question

        asked = question(name)
        with self._reading() as (index, joining):
            graph = None if run is None else self._resolver(index, joining).run(run).iri
        if limits is None:
            return asked.answer(self._catalogue, graph, given or {})
        return asked.answer(self._confined(limits), graph, given or {})

    def sparql(
        self,
        query: str,
        *,
        timeout: float = 30.0,
        limit: int = 100_000,
        memory: int = 4 * 1024**3,
        lint: bool = False,
    ) -> Answer:
        """Answer a free SPARQL query, read-only and in a process of its own that is ended when it takes too long.

        Parameters
        ----------
        query
            SELECT, ASK, CONSTRUCT or DESCRIBE over the union of all crates' graphs; each is a named graph too.
        timeout
            Seconds.
        limit
            Rows at most; the answer says whether there were more.
        memory
            Bytes of memory that it may take.
        lint
            Whether the answer's ``warnings`` say what of the query costs more than it has to.

        Raises
        ------
        BadInputError
            If it is no query, or would reach beyond the catalogue (``SERVICE``, ``FROM``, updates).
        QueryEndedError
            If it takes longer, or more memory.
        """
        from filiation.lineage.sparql import QueryLimits, refuse_beyond

        refuse_beyond(query)
        self._catch_up()
        return self._confined(QueryLimits(timeout, limit, memory)).free(query, lint=lint)

    def _confined(self, limits: QueryLimits) -> Confined:
        from filiation.lineage.sparql import Confined

        self._refuse_if_selected()
        self._catalogue.prepare()
        return Confined(self._catalogue.folder, limits, self.as_of)

    def rdf(self) -> Dataset:
        """Return everything as an rdflib dataset, one named graph a crate."""
        from filiation.lineage.exchange import to_rdflib

        self._catch_up()
        return to_rdflib(self._catalogue.quads())


def _refuse_unknown(what: str, kinds: Iterable[str], known: Iterable[str]) -> None:
    if unknown := sorted(set(kinds) - set(known)):
        raise BadInputError(f"There is no kind of {what} called {unknown[0]!r}. There are: {', '.join(known)}.")
