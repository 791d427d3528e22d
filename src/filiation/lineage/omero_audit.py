"""A server and the catalogue, held against each other: what the one has of runs that the other does not know.

Looked for are runs on images that no crate explains, images that runs read and that are gone or changed, what was
registered and is not there, and images that nobody analysed. No pixel is read; ``filiation check`` does that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from filiation.catalogue import USED, EntityNode, Joining, LineageIndex
from filiation.crate.record_names import REGISTRATION
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import words
from filiation.lineage.audit_findings import ORDER, AuditFinding, AuditReport, Severity
from filiation.lineage.omero_check import CHANGED, MISSING, RemoteOutcome, RemoteRecord, changed_until, look
from filiation.lineage.registrations import registrations_of
from filiation.model import OmeroId

if TYPE_CHECKING:
    from filiation.images.omero import Address, Host
    from filiation.images.omero.objects import ObjectId
    from filiation.images.omero.survey import RegisteredRun, Survey

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class KnownImages:
    """What the catalogue knows of one server.

    Parameters
    ----------
    host
        Its name.
    records
        By the image's id, as the newest run that read it saw it.
    since
        Up to when changes of an image are in its record, by its id.
    runs
        Ids of all runs, of whatever server.
    registered
        What was written there and not taken away again, with the id of the run that it tells of.
    """

    host: str
    records: dict[int, EntityNode]
    since: dict[int, datetime | None]
    runs: frozenset[str]
    registered: dict[ObjectId, str]


def known_hosts(index: LineageIndex) -> tuple[str, ...]:
    """Return the names of the servers that runs read images of, sorted."""
    found = (OmeroId.from_iri(iri) for iri in index.iris_like("https://*/Image/*"))
    return tuple(sorted({image.host for image in found if image is not None}))


def only_host(index: LineageIndex) -> str:
    """Return the one server that the catalogue knows.

    Raises
    ------
    NotFoundError
        If it knows none.
    BadInputError
        If it knows several.
    """
    hosts = known_hosts(index)
    if not hosts:
        raise NotFoundError("The catalogue knows no image in OMERO. Name the server with --server.")
    if len(hosts) > 1:
        raise BadInputError(f"The catalogue knows images of {', '.join(hosts)}: name one with --server.")
    return hosts[0]


def known_images(index: LineageIndex, joining: Joining, host: str) -> KnownImages:
    """Gather what the catalogue knows of a server, under all names that it was met by."""
    from filiation.images.omero.objects import object_named

    seen = [
        (image, entity)
        for iri in index.iris_like("https://*/Image/*")
        if (image := OmeroId.from_iri(iri)) is not None
        for entity in index.entities(iri=iri)
        if _was_read(index, entity)
    ]
    here = {entity.server.database for image, entity in seen if image.host == host and entity.server is not None}
    records: dict[int, EntityNode] = {}
    for image, entity in sorted(seen, key=lambda each: (joining.began(each[1]), each[1].iri)):
        if image.host == host or (entity.server is not None and entity.server.database in here):
            records[image.id] = entity
    registered = {}
    for run in index.runs():
        for each in registrations_of(index, run.iri):
            for thing in each.there:
                place = object_named(thing.iri)
                if place is not None and place[0] == host:
                    registered[place[1]] = run.id
    since = {number: changed_until(entity, joining) for number, entity in records.items()}
    return KnownImages(host, records, since, frozenset(run.id for run in index.runs()), registered)


def audit_server(known: KnownImages, host: Host, container: Address | None) -> AuditReport:
    """Ask the server, and say where it and the catalogue differ.

    Parameters
    ----------
    known
        What the catalogue knows.
    host
        The server.
    container
        A dataset, project, screen, plate, well or tag that the question is limited to; None for all that is known.

    Raises
    ------
    NotFoundError
        If the container is not there.
    AccessError, ServerError, MissingExtraError
        If the server cannot be asked.
    """
    from filiation.images.omero.survey import survey

    found = survey(host, known.records, known.registered, container)
    images = {number for number in known.records if found.listed is None or number in found.listed}
    findings = [
        *_another_server(known, found),
        *_unexplained(known, found),
        *_taken_away(known, found, limited=container is not None),
        *(each for number in sorted(images) for each in _image(known, found, number)),
        *_never_analysed(known, found, container),
    ]
    ordered = sorted(findings, key=lambda each: (ORDER.index(each.severity), each.kind, _place(each.where), each.what))
    runs = {each.run for each in found.registered}
    return AuditReport(tuple(ordered), len(runs), len(images | set(found.listed or ())), place="image")


def _was_read(index: LineageIndex, entity: EntityNode) -> bool:
    """Tell whether a run used an image, as others than the acts of writing to it do."""
    return any(
        edge.role == USED and REGISTRATION not in edge.dst and edge.crate == entity.crate
        for edge in index.edges_out_of(entity.iri)
    )


def _another_server(known: KnownImages, found: Survey) -> Iterator[AuditFinding]:
    if others := _other_databases(known, found):
        yield AuditFinding(
            Severity.SERIOUS,
            "another-server",
            "Another server answers under this name than the one that runs read images of: one id means two images.",
            f"https://{known.host}/",
            "Find out which server runs meant; ask the old one under its new name, and see filiation audit.",
            evidence=(f"its database is {found.database}", *(f"recorded: {other}" for other in sorted(others))),
        )


def _other_databases(known: KnownImages, found: Survey) -> set[str]:
    return {each.server.database for each in known.records.values() if each.server is not None} - {found.database}


def _unexplained(known: KnownImages, found: Survey) -> Iterator[AuditFinding]:
    """Tell of runs that stand on images and have no crate here."""
    by_run: dict[str, list[RegisteredRun]] = defaultdict(list)
    for each in found.registered:
        if each.run not in known.runs:
            by_run[each.run].append(each)
    for run, some in by_run.items():
        first, pairs = some[0], dict(some[0].pairs)
        images = [f"Image:{each.image}" for each in some[:_MOST_NAMED]]
        more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
        yield AuditFinding(
            Severity.WARNING,
            "unexplained-run",
            f"A run stands on {words.counted(len(some), 'image')}, and no crate of this catalogue tells of it."
            if run
            else "Pairs stand on an image that name no run.",
            OmeroId(known.host, "Image", first.image).iri,
            "Ingest the run's crate (filiation ingest), ask who registered it for it, or remove the pairs if the run "
            "is given up: filiation omero register RUN --undo, where its crate is.",
            run=run or None,
            evidence=(
                f"registered by {first.owner} on {', '.join(images)}{more}, as MapAnnotation:{first.annotation}",
                *(f"{key}: {pairs[key]}" for key in ("workflow", "started", "status") if key in pairs),
            ),
        )


def _taken_away(known: KnownImages, found: Survey, *, limited: bool) -> Iterator[AuditFinding]:
    """Tell of what was registered and is not on the server; not of another server, which never had it."""
    if _other_databases(known, found):
        return
    gone: dict[str, list[ObjectId]] = defaultdict(list)
    for which, run in known.registered.items():
        if which not in found.standing and not limited:
            gone[run].append(which)
    for run, some in gone.items():
        named = ", ".join(map(str, sorted(some)[:_MOST_NAMED]))
        more = f" and {len(some) - _MOST_NAMED} more" if len(some) > _MOST_NAMED else ""
        yield AuditFinding(
            Severity.WARNING,
            "registration-gone",
            f"{words.counted(len(some), 'object')} that the catalogue says were written to the server are not there: "
            "somebody removed them, or this user may not see them.",
            f"https://{known.host}/",
            f"Write them again: filiation omero register {run[:8]}",
            run=run,
            evidence=(f"{named}{more}",),
        )


def _image(known: KnownImages, found: Survey, number: int) -> Iterator[AuditFinding]:
    """Hold one image against its record; only of one that was changed more is asked."""
    record = known.records[number]
    if record.server is not None and record.server.database != found.database:
        return  # told once for all
    changed, since = found.changed.get(number), known.since[number]
    if changed is not None and (since is None or changed <= since):
        return
    image = OmeroId(known.host, "Image", number)
    outcome = RemoteOutcome(MISSING) if changed is None else look(RemoteRecord(image, record, since), pixels=False)
    advice = f"What was made from it: filiation impact {image}"
    read = f"read by run {words.run_name(record.crate)}"
    if outcome.what == MISSING:
        yield AuditFinding(
            Severity.SERIOUS,
            "image-gone",
            "A run read this image; it is not on the server any more, or this user may not see it.",
            image.iri,
            f"Restore it, or keep the copy that was fetched. {advice}",
            run=_run(record),
            evidence=(read, *((str(record.pixels),) if record.pixels else ())),
        )
    elif outcome.problem is not None:
        yield AuditFinding(
            Severity.SERIOUS if outcome.what == CHANGED else Severity.WARNING,
            "image-changed" if outcome.what == CHANGED else "image-modified",
            outcome.problem,
            image.iri,
            f"Compare the pixels: filiation check {image} --pixels. {advice}",
            run=_run(record),
            evidence=(read,),
        )


def _never_analysed(known: KnownImages, found: Survey, container: Address | None) -> Iterator[AuditFinding]:
    for number, name in (found.listed or {}).items():
        if number not in known.records:
            runs = sorted({each.run[:8] for each in found.registered if each.image == number and each.run})
            yield AuditFinding(
                Severity.NOTE,
                "never-analysed",
                f"No run in this catalogue read this image of {container}.",
                OmeroId(known.host, "Image", number).iri,
                "Nothing, if that is meant. As samples: filiation omero samples.",
                evidence=(name, *((f"runs that stand on it: {', '.join(runs)}",) if runs else ())),
            )


def _run(record: EntityNode) -> str:
    return record.crate.removeprefix("arcp://uuid,").rstrip("/")


def _place(where: str) -> tuple[int, str]:
    """Order images by their number."""
    image = OmeroId.from_iri(where)
    return (image.id if image is not None else 0, where)
