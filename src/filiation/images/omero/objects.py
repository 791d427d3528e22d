"""Objects on a server by class and id, who they belong to, and whether one may write to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from filiation.errors import AccessError
from filiation.images.omero.connection import Connection

_IRI = re.compile(r"https://(?P<host>[^/:@?#]+)/(?P<kind>[A-Z][A-Za-z]+)/(?P<id>\d{1,18})")
_SELDOM_MORE = 500
"""Ids in one query."""
_MEANINGS = {
    "rw----": "private: nobody but the owner can write there",
    "rwr---": "read-only: members see each other's data and cannot annotate it",
    "rwra--": "read-annotate: members can annotate each other's data",
    "rwrw--": "read-write: members can change each other's data",
}


@dataclass(frozen=True, slots=True, order=True)
class ObjectId:
    """An object on some server.

    Parameters
    ----------
    kind
        Its class, as OMERO spells it: ``Image``, ``MapAnnotation``.
    id
        Its number.
    """

    kind: str
    id: int

    def iri(self, host: str) -> str:
        """Return its IRI on a server, in the form that omero-rdf writes."""
        return f"https://{host}/{self.kind}/{self.id}"

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


def object_named(iri: str) -> tuple[str, ObjectId] | None:
    """Return the host and the object that an IRI names; None if it has another form.

    >>> object_named("https://omero.example.org/Image/51")
    ('omero.example.org', ObjectId(kind='Image', id=51))
    """
    found = _IRI.fullmatch(iri)
    return None if found is None else (found["host"], ObjectId(found["kind"], int(found["id"])))


@dataclass(frozen=True, slots=True)
class Target:
    """Something that is written to: an image, a dataset or a plate.

    Parameters
    ----------
    object
        Which.
    name
        Its name.
    owner
        Login name of whom it belongs to.
    group, group_name, permissions
        The group it is in, and that group's permissions as OMERO writes them, for example ``rwra--``.
    may_annotate
        Whether the server lets this user annotate it.
    """

    object: ObjectId
    name: str
    owner: str
    group: int
    group_name: str
    permissions: str
    may_annotate: bool

    def why_not(self, user: str) -> str:
        """Say why a user may not annotate it, and what to ask of whom."""
        meaning = _MEANINGS.get(self.permissions, "")
        return (
            f"{self.object} {self.name!r} belongs to {self.owner!r}, in the group {self.group_name!r} "
            f"({self.permissions}{f', {meaning}' if meaning else ''}); {user!r} may not annotate it"
        )


def look_up(connection: Connection, objects: Sequence[ObjectId]) -> dict[ObjectId, Target]:
    """Return what can be written to, by object; what is not there, or not to be seen, is left out."""
    found: dict[ObjectId, Target] = {}
    for kind in sorted({each.kind for each in objects}):
        ids = sorted({each.id for each in objects if each.kind == kind})
        whose = {
            int(number): (name, owner, int(group), group_name)
            for number, name, owner, group, group_name in ask(
                connection,
                "select o.id, o.name, o.details.owner.omeName, o.details.group.id, o.details.group.name "  # noqa: S608
                f"from {kind} o where o.id in (:ids)",
                ids,
            )
        }
        rights = (wrapper for some in _parts(ids) for wrapper in connection.gateway.getObjects(kind, some))
        for wrapper in rights:
            number = int(wrapper.getId())
            name, owner, group, group_name = whose[number]
            found[ObjectId(kind, number)] = Target(
                object=ObjectId(kind, number),
                name=name or "",
                owner=owner,
                group=group,
                group_name=group_name,
                permissions=str(wrapper.getDetails().getPermissions()),
                may_annotate=bool(wrapper.canAnnotate()),
            )
    return found


def refuse_unless_writable(connection: Connection, targets: Sequence[Target]) -> None:
    """Check that everything may be annotated, before anything is written.

    Raises
    ------
    AccessError
        If something may not; the message says whose it is, what its group allows, and what to ask for.
    """
    closed = [target for target in targets if not target.may_annotate]
    if not closed:
        return
    listed = "; ".join(target.why_not(connection.user) for target in closed[:3])
    more = f"; and {len(closed) - 3} more" if len(closed) > 3 else ""
    raise AccessError(
        f"Nothing was written to {connection.host}: {listed}{more}. Ask the owner to register the run, or an "
        "administrator of the server to make the group read-annotate (rwra--)."
    )


def containers_of(connection: Connection, images: Sequence[int]) -> dict[int, tuple[ObjectId, ...]]:
    """Return for each image where a file about its run belongs: its datasets, else its plates, else itself."""
    datasets = _pairs(
        connection, "select l.child.id, l.parent.id from DatasetImageLink l where l.child.id in (:ids)", images
    )
    without = [image for image in images if image not in datasets]
    plates = _pairs(
        connection, "select s.image.id, w.plate.id from WellSample s join s.well w where s.image.id in (:ids)", without
    )
    found = {}
    for image in images:
        kind, ids = ("Dataset", datasets[image]) if image in datasets else ("Plate", plates.get(image, set()))
        found[image] = tuple(ObjectId(kind, number) for number in sorted(ids)) or (ObjectId("Image", image),)
    return found


def _pairs(connection: Connection, query: str, ids: Sequence[int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for one, other in ask(connection, query, ids):
        found.setdefault(int(one), set()).add(int(other))
    return found


def ask(connection: Connection, query: str, ids: Sequence[int] = (), **texts: str) -> Iterator[list[Any]]:
    """Yield the rows of a projection over all groups; ``ids`` go in parts, as a server takes only so many at once."""
    from omero.rtypes import rlist, rlong, rstring, unwrap
    from omero.sys import ParametersI

    for some in _parts(list(ids)) if ":ids" in query else [[]]:
        values = ParametersI()
        if some:
            values.add("ids", rlist([rlong(number) for number in some]))
        for name, text in texts.items():
            values.add(name, rstring(text))
        gateway = connection.gateway
        for row in gateway.getQueryService().projection(query, values, gateway.SERVICE_OPTS):
            yield unwrap(row)


def _parts(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _SELDOM_MORE):
        yield ids[start : start + _SELDOM_MORE]


@contextmanager
def in_group(connection: Connection, group: int) -> Iterator[Any]:
    """Let calls through the gateway be in one group, as writing must be: that of what is written to."""
    options = connection.gateway.SERVICE_OPTS
    before = options.getOmeroGroup()
    options.setOmeroGroup(str(group))
    try:
        yield options
    finally:
        options.setOmeroGroup(before)
