"""What is asked of things that are named: what they descend from, what came of them, and how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue import (
    THING,
    EntityNode,
)
from filiation.catalogue.resumptions import resumptions_among
from filiation.digest import DigestCache
from filiation.errors import FiliationError, NotFoundError
from filiation.lineage.answers import ANCESTORS, DESCENDANTS, Counted, Lineage
from filiation.lineage.opened import OpenedCatalogue, conditions_in
from filiation.lineage.registrations import registrations_using
from filiation.lineage.reproductions import reproductions_of
from filiation.lineage.tracing import Extent
from filiation.lineage.walk import reach
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.digest.recorded import RecordedTree
    from filiation.lineage.descent import Descent
    from filiation.lineage.differences import Difference
    from filiation.lineage.dossier import Dossier
    from filiation.lineage.dropped import Dropped
    from filiation.lineage.neighbourhood import Neighbourhood
    from filiation.lineage.objects import ObjectLineage
    from filiation.lineage.observations import Observations
    from filiation.lineage.pairs import Origin, PairsFound
    from filiation.lineage.paths import LineagePath
    from filiation.lineage.pictured import Pictured, PicturedObject
    from filiation.model import Digest

PAGE: Final = 1_000
"""Names on a page of :meth:`Ledger.count`."""


class OfThings(OpenedCatalogue):
    """The questions of an opened catalogue that begin with a thing, a run or two of them."""

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
        extent = Extent(depth, conditions_in(until), conditions_in(only), from_run, published)
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
        extent = Extent(depth, conditions_in(until), conditions_in(only), from_run, published)
        with self._tracing() as (_, tracer):
            return tracer.walk(things, DESCENDANTS, extent)

    def around(
        self,
        thing: str,
        *,
        back: int = 1,
        on: int = 1,
        expanded: Iterable[str] = (),
        each: bool = False,
        read: int | None = None,
    ) -> Neighbourhood:
        """Return what lies around a thing, for a drawing: at most 300 things and jobs, and how many are left out.

        Parameters
        ----------
        thing
            As for :meth:`resolve`.
        back, on
            How many actions to go over: to what it descends from, and to what came of it.
        expanded
            IRIs of things and actions of the answer from which to go a step each way besides; others do nothing.
        each
            Whether equal jobs are told each, instead of as one.
        read
            How many things and jobs are read each way, of more the nearest, and the others are counted; None for 3,000.
        """
        from filiation.lineage.neighbourhood import Steps, look_around

        with self._tracing() as (index, tracer):
            return look_around(index, tracer, thing, Steps(back, on, tuple(expanded), each, read))

    def dossier(self, thing: str, *, language: str = "en") -> Dossier:
        """Return all that is told of a thing, as much as a reader takes in; see :class:`~.dossier.Dossier`.

        Parameters
        ----------
        thing
            As for :meth:`resolve`.
        language
            ``en`` or ``fr``: of the sentences.
        """
        from filiation.lineage.dossier import compile_dossier

        with self._tracing() as (index, tracer):
            found = tracer.resolver.resolve(thing)
            return compile_dossier(index, tracer, found, self._noted(), self._catalogue.folder.crates, language)

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
        """Return one object of a label image: where it is, what tells of it, what it descends from.

        Parameters
        ----------
        thing
            The label image, as for :meth:`resolve`; it is read where it lies. Or what was made from it and tells of the
            object: a table, regions, a mesh or the folder of them. A mesh that no run recorded, such as a
            copy of one, is taken for what it says that it is of.
        label
            The object's value.

        Raises
        ------
        NotFoundError
            If the label image is not there any more, or has no such object; or if the thing tells nothing of it.
        BadInputError
            If it is no label image, and was made from none.
        ChangedError
            If the label image has changed since.
        """
        from filiation.lineage.objects import describe_object, label_image_of

        lineage, thing = self._lineage_of_object(thing, label)
        labels = label_image_of(lineage)
        named = thing if labels.iri in lineage.roots else labels.place or labels.iri
        following = self.impact(named, depth=1)
        with self._reading() as (index, _):
            crates = {action.crate for each in (lineage, following) for action in each.actions}
            folders = {crate: index.folder_of(crate) for crate in crates}

        def crate_folder(crate: str) -> Path | None:
            name = folders.get(crate)
            return None if name is None else self.folder / "crates" / name

        return describe_object(label, labels, lineage, following, crate_folder)

    def recognise(self, name: str, digest: Digest | str) -> Dropped:
        """Tell whether bytes are known that somebody else has digested, or others of their name.

        Parameters
        ----------
        name
            What the file or folder is called; of a path its end counts.
        digest
            SHA-256 of a file, or the digest of a tree.

        Raises
        ------
        BadInputError
            If it is no digest of a file or tree.
        """
        from filiation.lineage.dropped import recognise
        from filiation.model import Digest

        read = Digest.from_text(digest) if isinstance(digest, str) else digest
        with self._reading() as (index, joining):
            return recognise(index, joining, self._catalogue.folder.crates, name, read)

    def manifest(self, iri: str) -> bytes:
        """Return which files a recorded tree had, with the SHA-256 of each: ``docs/reference/tree-digest.md``.

        Raises
        ------
        NotFoundError
            If no crate keeps it.
        """
        from filiation.lineage.dropped import recorded_manifest

        with self._reading() as (index, _):
            return recorded_manifest(index, self._catalogue.folder.crates, iri)

    def picture(self, thing: str) -> Pictured:
        """Return what can be looked at of a thing: a label image over the image that it was drawn on.

        Pixels come from stores as they were recorded, each chunk held against its digest, or not at all.

        Parameters
        ----------
        thing
            As for :meth:`resolve`: a label image, what was made from one, or an image.

        Raises
        ------
        NotFoundError
            If nothing of it can be shown; the message says why.
        """
        from filiation.lineage.pictured import Pictures

        lineage = self.trace(thing)
        with self._reading() as (index, _):
            return Pictures(index, self._catalogue.folder.crates).of(lineage)

    def pictured_object(self, pictured: Pictured, label: int) -> PicturedObject:
        """Return what is known of an object of a label image that is looked at.

        Raises
        ------
        NotFoundError
            If there is no such object.
        BadInputError
            If there is no label image.
        ChangedError
            If the label image has changed since.
        """
        from filiation.lineage.pictured import describe

        with DigestCache(self._catalogue.folder.digests) as cache:
            return describe(pictured, label, lambda iri: self.impact(iri, depth=1).entities, cache)

    def recorded_tree(self, iri: str) -> RecordedTree:
        """Return the files of a store as they were recorded, to be read.

        Raises
        ------
        NotFoundError
            If the catalogue has no such store, or it is not there any more.
        """
        from filiation.lineage.pictured import Pictures

        with self._reading() as (index, _):
            node = next(iter(index.entities(iri=iri)), None)
            if node is None:
                raise NotFoundError(Sentence("The catalogue knows no thing by the IRI {iri!r}.", iri=iri))
            return Pictures(index, self._catalogue.folder.crates).tree(node)

    def pairs(self, *where: str, by: str = "image", corrected_by: str | None = None) -> PairsFound:
        """Return label images with the images that they were drawn on, for a training set.

        Parameters
        ----------
        where
            Conditions as for :meth:`find`, each asked of the label image, of what it descends from and of the jobs
            between; those joined by ``and`` must hold of one job or thing: ``rule=correct and agent~Carberry``.
        by
            At what level pairs belong together: ``image`` (the raw image), ``well``, ``plate``, ``specimen``,
            ``series``, or a key that was noted.
        corrected_by
            Only label images that this person corrected: a name or an ORCID, ``*`` for anybody.

        Raises
        ------
        BadInputError
            If a condition is none.
        """
        from filiation.lineage.pairs import find_pairs

        with self._tracing() as (index, tracer):
            return find_pairs(index, tracer, self._surroundings(index), where, by, corrected_by)

    def origins(self, digests: Iterable[Digest], by: str = "image") -> dict[Digest, Origin]:
        """Return what things stem from, by their bytes or pixels; those that the catalogue does not know are left out.

        Parameters
        ----------
        digests
            Of files, stores or pixels.
        by
            As for :meth:`pairs`.
        """
        from filiation.lineage.pairs import find_origin

        with self._tracing() as (index, tracer):
            around = self._surroundings(index)
            found = ((digest, find_origin(tracer, index, around, digest, by)) for digest in digests)
            return {digest: origin for digest, origin in found if origin is not None}

    def truth_since(self, *things: str, disk: bool = True) -> Observations:
        """Return what became of the label images that a training set or a model descends from, after it was made.

        Parameters
        ----------
        things
            Each as for :meth:`resolve`.
        disk
            Whether to compare them with what lies on disk now.
        """
        from filiation.lineage.truth import changes_since

        with self._tracing() as (index, tracer), DigestCache(self._catalogue.folder.digests) as cache:
            roots = [iri for thing in things for iri in tracer.resolver.resolve(thing).origins]
            return changes_since(index, tracer.joining, self._surroundings(index), roots, cache if disk else None)

    def images(self) -> tuple[EntityNode, ...]:
        """Return the images that the catalogue knows, each once by its bytes: stores, and files that nobody made."""
        from filiation.lineage.pairs import images_to_compare

        with self._reading() as (index, _):
            return images_to_compare(index, self._surroundings(index, ()))

    def _lineage_of_object(self, thing: str, label: int) -> tuple[Lineage, str]:
        """Return the lineage of what an object is asked of, and its name; a mesh found alone is what it says it is."""
        from filiation.images.mesh_files import pixels_of_mesh

        try:
            return self.trace(thing), thing
        except NotFoundError:
            said = pixels_of_mesh(Path(thing))
            if said is None:
                raise
        note = Sentence(
            "No run recorded {thing}; it says that it is of object {label} of a label image with these pixels.",
            thing=thing,
            label=label,
        )
        try:
            return replace(self.trace(said), note=note), said
        except FiliationError as error:
            raise NotFoundError(
                Sentence(
                    "No run recorded {thing}, nor a label image with the pixels that it says it is of ({said}). "
                    "Take the crate in that tells of it: `filiation ingest`.",
                    thing=thing,
                    said=said,
                )
            ) from error

    def path(
        self,
        first: str,
        second: str,
        *,
        depth: int | None = None,
        until: Iterable[str] = (),
        only: Iterable[str] = (),
        from_run: str | None = None,
        published: bool = False,
    ) -> LineagePath:
        """Return the shortest ways between two things, each step with the crate that tells of it.

        Parameters
        ----------
        first, second
            Each as for :meth:`resolve`, in either order.
        depth
            Only ways over so many actions at most; None for all.
        until
            No ways that lead over what any of these conditions names; see :meth:`trace`.
        only
            Conditions on what is shown of the ways; what is between is left out and the ends joined.
        from_run
            The start of a run's id: the later of the two as this run made or found it, where several did.
        published
            Only ways over something published.

        Raises
        ------
        BadInputError
            If they are the same thing.
        NotFoundError
            If neither descends from the other; the message names what both descend from.
        """
        from filiation.lineage.paths import find_path

        extent = Extent(depth, conditions_in(until), conditions_in(only), from_run, published)
        with self._tracing() as (index, tracer):
            one, other = tracer.resolver.resolve(first), tracer.resolver.resolve(second)
            return find_path(index, tracer, one, other, extent)

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

    def descents(self, run: str) -> tuple[Descent, ...]:
        """Return the label images and tables of a run that descend from images on servers; see :meth:`show`."""
        from filiation.lineage.descent import descents

        with self._reading() as (index, joining):
            return descents(index, joining, self._resolver(index, joining).run(run))
