"""Images on a server against their record: gone, changed, or behind a name that another server has taken over.

The server is asked what it knows; pixels are read again only where that is asked for, as it takes as long as the first
time. Nothing is asked of a server that nobody named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from filiation.errors import NotFoundError
from filiation.lineage import words
from filiation.lineage.findings import CheckReport, Finding
from filiation.lineage.walk import descendants
from filiation.model import Digest, OmeroId

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode, Joining, LineageIndex
    from filiation.images.omero.source import OmeroImage

Progress = Callable[[int], None]
INTACT, MODIFIED, CHANGED, MISSING = "intact", "modified", "changed", "missing"


@dataclass(frozen=True, slots=True)
class RemoteRecord:
    """What is recorded of an image on a server.

    Parameters
    ----------
    image
        Which.
    record
        By the newest run that read it.
    since
        When it was last changed when it was read; where that is not recorded, when the run ended that read it.
    downstream
        What was made from it, by path.
    """

    image: OmeroId
    record: EntityNode
    since: datetime | None = None
    downstream: tuple[EntityNode, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoteOutcome:
    """What the server says of an image now.

    Parameters
    ----------
    what
        ``intact``; ``modified``: changed on the server since, its pixels perhaps not; ``changed``: not what was
        recorded; ``missing``.
    problem
        In a sentence.
    found
        Digest of the pixels, where they were read again.
    """

    what: str
    problem: str | None = None
    found: Digest | None = None


def remote_record(index: LineageIndex, joining: Joining, iris: Iterable[str], host: str | None) -> RemoteRecord:
    """Return what is recorded of an image that is known by some IRIs.

    Parameters
    ----------
    iris
        The image's IRIs, one for each name that its server is known by.
    host
        By which of these names the server is to be asked; None for the newest.
    """
    names = tuple(iris)
    seen = [entity for iri in names for entity in index.entities(iri=iri)]
    newest = max(seen, key=lambda entity: (entity.pixels is not None, joining.began(entity), entity.iri))
    named = max(seen, key=lambda entity: (joining.began(entity), entity.iri))
    image = OmeroId.from_iri(named.iri)
    if image is None:  # the resolver gives no other
        raise NotFoundError(f"{named.iri} is no image in OMERO.")
    below: dict[tuple[str, str], EntityNode] = {}
    for iri in sorted(descendants(index, joining, names).iris - set(names)):
        for entity in index.entities(iri=iri):
            below.setdefault((entity.path, str(entity.digest)), entity)
    made = tuple(sorted(below.values(), key=lambda entity: (entity.path, entity.iri)))
    return RemoteRecord(OmeroId(host or image.host, image.kind, image.id), newest, changed_until(newest, joining), made)


def changed_until(record: EntityNode, joining: Joining) -> datetime | None:
    """Return up to when changes of an image are in its record."""
    run = joining.run_of(record)
    return record.modified or (run.ended if run is not None else None)


def compare(remote: RemoteRecord, image: OmeroImage) -> RemoteOutcome:
    """Hold what a server says of an image against its record; no pixel is read."""
    record = remote.record
    known, now = record.server, image.server
    if known is not None and known.database != now.database:
        return RemoteOutcome(
            CHANGED,
            f"Another server answers under this name: its database is {now.database}, the one recorded is "
            f"{known.database}. What its image {image.address.id} is has nothing to do with the record.",
        )
    if record.image is not None:
        before, after = ((facts.axes, facts.shape, facts.dtype) for facts in (record.image, image.facts))
        if before != after:
            return RemoteOutcome(CHANGED, f"Another shape or type: {_shown(*after)}; recorded {_shown(*before)}.")
    if known is not None and [file.checksum for file in known.files if file.checksum] != [
        file.checksum for file in now.files if file.checksum
    ]:
        return RemoteOutcome(CHANGED, "Its original files are others by the server's checksums: it was imported again.")
    if remote.since is not None and image.modified > remote.since:
        until = "when it was read, its last change was of" if record.modified else "the run that read it ended on"
        return RemoteOutcome(
            MODIFIED,
            f"Changed on the server on {words.moment(image.modified)}; {until} {words.moment(remote.since)}. Its name "
            "or its pixels: `--pixels` reads them again and tells.",
        )
    return RemoteOutcome(INTACT)


def look(remote: RemoteRecord, *, pixels: bool, progress: Progress = lambda count: None) -> RemoteOutcome:
    """Ask the server of an image.

    Parameters
    ----------
    remote
        What is recorded.
    pixels
        Whether all pixels are read again.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    AccessError
        If nothing is found to sign in with, or the server refuses it.
    ServerError, MissingExtraError
        If the server cannot be asked.
    """
    from filiation.images.omero.address import Host, image_address, port_of
    from filiation.images.omero.source import OmeroSource

    source = OmeroSource(image_address(Host(remote.image.host, port_of(None)), remote.image.id))
    try:
        image = source.describe()
    except NotFoundError as error:
        return RemoteOutcome(MISSING, str(error))
    outcome = compare(remote, image)
    recorded = remote.record.pixels
    if not pixels or outcome.what == CHANGED or recorded is None:
        return outcome
    read = 0

    def advance(done: int, total: int) -> None:
        nonlocal read
        progress(done - read)
        read = done

    found = source.digest_pixels(image, recorded.kind, advance)
    return RemoteOutcome(INTACT if found == recorded else CHANGED, None, found)


def report(remote: RemoteRecord, outcome: RemoteOutcome, *, pixels: bool) -> CheckReport:
    """Say what was found."""
    record = remote.record
    if record.pixels is None and record.server is None:
        return CheckReport((), 0, 0, unrecorded=(record,), remarks=("Nothing is recorded to compare it with.",))
    remarks = []
    if not pixels:
        remarks.append("The server was asked, and no pixel was read; --pixels reads them all again.")
    elif record.pixels is None:
        remarks.append("No digest of its pixels is recorded, so they were not read again.")
    if outcome.what == INTACT:
        return CheckReport((), 1, record.size or 0, remarks=tuple(remarks))
    finding = Finding(
        record=record,
        place=remote.image.iri,
        what=outcome.what,
        found=outcome.found,
        problem=outcome.problem,
        downstream=remote.downstream,
    )
    return CheckReport((finding,), 0, record.size or 0, remarks=tuple(remarks))


def together(reports: Iterable[CheckReport]) -> CheckReport:
    """Say of several images what was found, the remarks once."""
    each = tuple(reports)
    return CheckReport(
        findings=tuple(finding for found in each for finding in found.findings),
        intact=sum(found.intact for found in each),
        size=sum(found.size for found in each),
        unrecorded=tuple(record for found in each for record in found.unrecorded),
        remarks=tuple(dict.fromkeys(remark for found in each for remark in found.remarks)),
    )


def _shown(axes: tuple[str, ...], shape: tuple[int, ...], dtype: str) -> str:
    return f"{' x '.join(str(length) for length in shape)} ({', '.join(axes)}) {dtype}"
