"""What runs recorded of images outside them, held against each other: one name, other pixels; one image, two names.

An IRI such as ``https://<host>/Image/51`` joins runs by itself. That is right as long as it means one image, and the
record can tell when it does not: by the digest of the pixels that were read, and by the UUID of the server's database.
``docs/decisions/0007-one-image-in-omero.md`` says what is done then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

from filiation.catalogue import EntityNode, Joining
from filiation.lineage import words
from filiation.lineage.audit_findings import AuditFinding, Severity
from filiation.model import EntityKind, OmeroId

_MOST_NAMED = 10
_Key = TypeVar("_Key", bound=Hashable)
_Thing = TypeVar("_Thing")


def remote_findings(entities: Iterable[EntityNode], joining: Joining) -> Iterator[AuditFinding]:
    """Find images outside the runs that are not what their names say, from the record alone."""
    remote = [entity for entity in entities if not entity.generated and _is_outside(entity)]
    remote.sort(key=lambda entity: (joining.began(entity), entity.iri))
    yield from _servers(remote, joining)
    yield from _changed(remote, joining)
    yield from _same_pixels(remote, joining)


def _servers(remote: list[EntityNode], joining: Joining) -> Iterator[AuditFinding]:
    """Tell of hosts that were another server before, and of servers that had another name."""
    known = [(named.host, entity.server.database, entity) for entity in remote
             if entity.server is not None and (named := OmeroId.from_iri(entity.iri)) is not None]  # fmt: skip
    by_host = _grouped(known, lambda each: each[0])
    for host, found in by_host.items():
        databases = _grouped(found, lambda each: each[1])
        if len(databases) > 1:
            yield AuditFinding(
                Severity.SERIOUS,
                "another-server",
                f"Under the name {host} runs met {len(databases)} OMERO servers, with different databases: one id "
                "there means different images.",
                f"https://{host}/",
                "Do not take what was made of an image of the one for that of the other; name the run with the image: "
                "filiation trace RUN. Give the new server a name of its own.",
                evidence=tuple(
                    f"database {database}: {_images(each)}, {_runs((entity for *_, entity in each), joining)}"
                    for database, each in databases.items()
                ),
            )
    for database, found in _grouped(known, lambda each: each[1]).items():
        hosts = _grouped(found, lambda each: each[0])
        if len(hosts) > 1:
            yield AuditFinding(
                Severity.NOTE,
                "renamed-server",
                f"One OMERO server is known by {len(hosts)} names: {', '.join(hosts)}. Asked for an image by one of "
                "them, filiation answers for all.",
                f"https://{next(reversed(hosts))}/",
                "Nothing, if it was renamed or has several names; a copy of a database keeps its UUID too.",
                evidence=(
                    f"database {database}",
                    *(
                        f"{host}: {_images(each)}, {_runs((entity for *_, entity in each), joining)}"
                        for host, each in hosts.items()
                    ),
                ),
            )


def _changed(remote: list[EntityNode], joining: Joining) -> Iterator[AuditFinding]:
    """Tell of names under which different pixels were read."""
    read = [entity for entity in remote if entity.pixels is not None]
    identify = _identities(remote)
    # What was digested by another version of the pixel digest tells of no change.
    for found in _grouped(read, lambda entity: (identify(entity), entity.pixels and entity.pixels.kind)).values():
        versions = _grouped(found, lambda entity: str(entity.pixels))
        if len(versions) > 1:
            yield AuditFinding(
                Severity.SERIOUS,
                "image-changed",
                f"Under this name runs read {len(versions)} different images: it was changed or imported again. What "
                "was made of the one does not belong to the other.",
                found[-1].iri,
                "Run again what was made of the older pixels, if the newer ones are right: "
                f"filiation impact {_name(found[-1].iri)} lists it, by run.",
                run=_run(found[-1]),
                evidence=tuple(
                    f"{digest}: {_runs(each, joining)}{_when_changed(each)}" for digest, each in versions.items()
                ),
            )


def _same_pixels(remote: list[EntityNode], joining: Joining) -> Iterator[AuditFinding]:
    """Tell of images that are the same, pixel for pixel, and have two names."""
    read = [entity for entity in remote if entity.pixels is not None]
    identify = _identities(remote)
    for digest, found in sorted(_grouped(read, lambda entity: str(entity.pixels)).items()):
        images = _grouped(found, identify)
        if len(images) > 1:
            names = sorted({entity.iri for entity in found})
            yield AuditFinding(
                Severity.NOTE,
                "same-pixels",
                f"{len(images)} images outside the runs have the same pixels: one is a copy of the other, or was "
                "imported twice.",
                names[0],
                "Nothing, if that is meant; what is counted or compared by image counts it twice.",
                run=_run(found[-1]),
                evidence=(
                    digest,
                    *(f"{each[0].iri}: {_runs(each, joining)}" for each in list(images.values())[:_MOST_NAMED]),
                ),
            )


def _identities(remote: Iterable[EntityNode]) -> Callable[[EntityNode], Hashable]:
    """Return what tells one image from another: server and id, whatever the host is called; else the name.

    A record that does not tell its server is of the one server known under that name, if it is one.
    """
    databases: dict[str, set[str]] = defaultdict(set)
    for entity in remote:
        if entity.server is not None:
            databases[entity.iri].add(entity.server.database)

    def identity(entity: EntityNode) -> Hashable:
        named, known = OmeroId.from_iri(entity.iri), databases[entity.iri]
        if named is None or not known:
            return entity.iri
        if len(known) == 1:
            return (*known, named.kind, named.id)
        return entity.iri if entity.server is None else (entity.server.database, named.kind, named.id)

    return identity


def _is_outside(entity: EntityNode) -> bool:
    return entity.kind == EntityKind.RAW_IMAGE or OmeroId.from_iri(entity.iri) is not None


def _name(iri: str) -> str:
    named = OmeroId.from_iri(iri)
    return str(named) if named is not None else iri


def _images(found: Iterable[tuple[str, str, EntityNode]]) -> str:
    return words.counted(len({entity.iri for *_, entity in found}), "image")


def _runs(entities: Iterable[EntityNode], joining: Joining) -> str:
    """Name runs, the oldest first, with the time they began."""
    crates = {entity.crate: entity for entity in entities}
    named = [
        f"run {words.run_name(crate)} of {words.moment(joining.began(entity))}" for crate, entity in crates.items()
    ]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return ", ".join(named[:_MOST_NAMED]) + more


def _when_changed(entities: list[EntityNode]) -> str:
    modified = entities[-1].modified
    return "" if modified is None else f" (changed on the server on {words.moment(modified)})"


def _run(entity: EntityNode) -> str:
    return entity.crate.removeprefix("arcp://uuid,").rstrip("/")


def _grouped(things: Iterable[_Thing], key: Callable[[_Thing], _Key]) -> dict[_Key, list[_Thing]]:
    """Gather what has the same key, in order of first mention."""
    found: dict[_Key, list[_Thing]] = defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return dict(found)
