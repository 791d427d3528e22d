"""What a server has, asked for many images at once: which are there, when changed, which runs stand on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from filiation.images.omero.address import Address, Host
from filiation.images.omero.annotations import annotations_on, standing
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.listing import list_images
from filiation.images.omero.namespaces import RUN
from filiation.images.omero.objects import ObjectId, ask

_CHANGED = (
    "select i.id, i.details.updateEvent.time, p.details.updateEvent.time from Image i join i.pixels p "
    "where i.id in (:ids)"
)
_REGISTERED = (
    "select l.parent.id from ImageAnnotationLink l join l.child a where a.ns = :namespace order by l.parent.id"
)


@dataclass(frozen=True, slots=True)
class RegisteredRun:
    """The pairs of a run on an image.

    Parameters
    ----------
    image, annotation
        Ids on the server.
    owner
        Login name of who registered it.
    pairs
        As they stand there.
    """

    image: int
    annotation: int
    owner: str
    pairs: tuple[tuple[str, str], ...]

    @property
    def run(self) -> str:
        """The run's id, as the pairs have it; empty if they have none."""
        return dict(self.pairs).get("run", "")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a server has.

    Parameters
    ----------
    database
        UUID of its database.
    changed
        When image or pixels were last changed, by id, of the images that were asked for and are there.
    listed
        Images of the container that was asked for, by id, with their names; None if there was none.
    registered
        Runs that stand on images: of the container, or on all that can be seen.
    standing
        Of the objects that were asked for, those that are there.
    """

    database: str
    changed: dict[int, datetime]
    listed: dict[int, str] | None
    registered: tuple[RegisteredRun, ...]
    standing: frozenset[ObjectId]


def survey(host: Host, images: Iterable[int], objects: Iterable[ObjectId], container: Address | None) -> Survey:
    """Ask a server.

    Parameters
    ----------
    host
        The server.
    images
        Images that are looked for, by id.
    objects
        What was written there, and is looked for.
    container
        What the question is limited to; None for everything.

    Raises
    ------
    NotFoundError
        If the container is not there.
    AccessError, ServerError, MissingExtraError
        If the server cannot be asked.
    """
    connection = connect(host)
    listed = None if container is None else {each.address.id: each.name for each in list_images(container)}
    wanted, ours = sorted(set(images)), sorted(set(objects))

    def everything() -> Survey:
        return Survey(
            database=str(connection.gateway.getConfigService().getDatabaseUuid()),
            changed=_changed(connection, wanted),
            listed=listed,
            registered=_registered(connection, listed),
            standing=frozenset(standing(connection, ours)) if ours else frozenset(),
        )

    return connection.call(everything, f"looking at {len(wanted)} images")


def _changed(connection: Connection, images: Sequence[int]) -> dict[int, datetime]:
    found: dict[int, float] = {}
    for number, *moments in ask(connection, _CHANGED, images) if images else ():
        found[int(number)] = max(found.get(int(number), 0.0), *(moment / 1000 for moment in moments))
    return {number: datetime.fromtimestamp(moment, UTC) for number, moment in found.items()}


def _registered(connection: Connection, listed: Iterable[int] | None) -> tuple[RegisteredRun, ...]:
    if listed is None:
        listed = {int(number) for (number,) in ask(connection, _REGISTERED, namespace=RUN)}
    targets = [ObjectId("Image", number) for number in sorted(listed)]
    annotations = (each for each in annotations_on(connection, targets) if each.namespace == RUN)
    return tuple(
        RegisteredRun(each.target.id, each.object.id, each.owner, each.pairs)
        for each in annotations
        if each.object.kind == "MapAnnotation"
    )
