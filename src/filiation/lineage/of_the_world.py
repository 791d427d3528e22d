"""What of a catalogue is held against the world: the disk, and servers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from filiation.lineage.opened import OpenedCatalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from filiation.lineage.answers import Lineage
    from filiation.lineage.audit_findings import AuditReport
    from filiation.lineage.findings import CheckReport
    from filiation.lineage.omero_names import OmeroName


class _TooMany(Exception):
    """More bytes were read than anybody asked for: what is there is larger than what was recorded."""


class OfTheWorld(OpenedCatalogue):
    """The questions of an opened catalogue that read files again, or ask a server."""

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

        if thing is None:
            self._refuse_if_selected()
        name = omero_name(thing) if thing is not None else None
        if thing is not None and name is not None:
            return self._check_on_server(thing, name, pixels=pixels, progress=progress or (lambda count: None))
        with self._reading() as (index, joining):
            checker = Checker(index, joining, self._catalogue.folder)
            plan = checker.plan(thing, self._resolver(index, joining))
        outcomes = checker.read(plan, progress)  # takes long; nobody has to wait for it
        with self._reading() as (index, joining):
            return checker.report(plan, outcomes, index, joining)

    def check_lineage(
        self, lineage: Lineage, *, most: int | None = None, progress: Callable[[int], None] | None = None
    ) -> CheckReport | None:
        """Compare the bytes of all that is in an answer with their records; images on servers are not asked for.

        Parameters
        ----------
        lineage
            The answer.
        most
            Return None if there are more bytes than this to be read, whatever was recorded of their number.
        progress
            Called with the number of bytes read since the last call.
        """
        from filiation.lineage.integrity import Checker

        with self._reading() as (index, joining):
            checker = Checker(index, joining, self._catalogue.folder)
            plan = checker.plan_of(lineage.entities)
        if most is not None and plan.size > most:
            return None
        try:
            outcomes = checker.read(plan, _no_more_than(most, progress))
        except _TooMany:
            return None
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

        self._refuse_if_selected()
        auditor = Auditor(self._catalogue.folder)
        gathered = auditor.gather()
        with self._reading() as (index, joining):
            plan = auditor.plan(gathered, index, joining, self._resolver(index, joining))
        return auditor.look(plan, progress)  # takes long; nobody has to wait for it

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

        self._refuse_if_selected()
        with self._reading() as (index, joining):
            place = Address.from_uri(f"omero://{server or only_host(index)}/{container or 'images'}")
            known = known_images(index, joining, place.host.name)
        wanted = replace(place, tags=tuple(tags))
        return audit_server(known, place.host, wanted if container is not None or wanted.tags else None)


def _no_more_than(most: int | None, progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    if most is None:
        return progress
    read = 0

    def advance(count: int) -> None:
        nonlocal read
        read += count
        if read > most:
            raise _TooMany
        if progress is not None:
            progress(count)

    return advance
