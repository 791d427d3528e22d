"""Objects in OMERO as people name them, and what the catalogue knows of them.

Known are ``Image:51@omero.example.org``, ``Image:51`` where one server is known, ``omero://omero.example.org/image/51``,
the link that OMERO.web shows (``https://web.example.org/webclient/?show=image-51``), and the IRI
``https://omero.example.org/Image/51``. A dataset, project, screen, plate or well instead of an image stands for the
images in it, as far as recorded.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from filiation.errors import BadInputError, NotFoundError
from filiation.model import OmeroId, object_iri
from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from filiation.catalogue import EntityNode, LineageIndex

_KINDS: Final = "image|dataset|project|screen|plate|well"
_SHORT: Final = re.compile(
    rf"(?P<kind>{_KINDS}):(?P<id>[1-9]\d{{0,17}})(?:@(?P<host>[a-z0-9][a-z0-9.\-]*)(?::\d+)?)?", re.IGNORECASE
)
_SHOWN: Final = re.compile(rf"(?P<kind>{_KINDS})-(?P<id>[1-9]\d{{0,17}})", re.IGNORECASE)
_MOST_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class OmeroName:
    """An object in OMERO as somebody wrote it.

    Parameters
    ----------
    kind, id
        Which it is on its server.
    host
        The server; None if it was not named.
    page
        The link that it was named by, whose host may be another one than the server's.
    """

    kind: str
    id: int
    host: str | None = None
    page: str | None = None

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" + (f"@{self.host}" if self.host else "")


def omero_name(thing: str) -> OmeroName | None:
    """Read a name of an object in OMERO; None if it is the name of something else.

    Raises
    ------
    BadInputError
        If it is a link that shows several objects.

    >>> str(omero_name("omero://OMERO.example.org:14064/image/51"))
    'Image:51@omero.example.org'
    >>> str(omero_name("https://web.example.org/webclient/?show=image-51"))
    'Image:51'
    """
    short = _SHORT.fullmatch(thing)
    if short is not None:
        return OmeroName(short["kind"].capitalize(), int(short["id"]), short["host"] and short["host"].lower())
    named = OmeroId.from_iri(object_iri(thing))
    if named is not None:
        return OmeroName(named.kind, named.id, named.host)
    return _shown_by(thing)


def _shown_by(link: str) -> OmeroName | None:
    """Read a link into OMERO.web: ``https://<web>/webclient/?show=image-51``."""
    parts = urlsplit(link) if link.startswith(("http://", "https://")) else None
    if parts is None or "webclient" not in parts.path.split("/"):
        return None
    shown = [value for key, value in parse_qsl(parts.query) if key == "show"]
    objects = [each for value in shown for each in value.split("|")]
    if len(objects) > 1:
        raise BadInputError(f"{link} shows {len(objects)} objects; ask for one: {', '.join(objects[:_MOST_NAMED])}.")
    found = _SHOWN.fullmatch(objects[0]) if objects else None
    return None if found is None else OmeroName(found["kind"].capitalize(), int(found["id"]), None, link)


@dataclass(frozen=True, slots=True)
class KnownObject:
    """An object in OMERO that the catalogue knows.

    Parameters
    ----------
    iris
        Its IRIs: several if its server is known under several names. The newest record's comes first.
    notes
        What must be said with an answer about it.
    """

    iris: tuple[str, ...]
    notes: tuple[str, ...] = ()


class OmeroObjects:
    """Finds objects in OMERO among what was recorded.

    Parameters
    ----------
    index
        What was recorded.
    """

    def __init__(self, index: LineageIndex) -> None:
        self._index = index

    def find(self, name: OmeroName) -> KnownObject:
        """Find an object, under every name that its server is known by.

        Raises
        ------
        NotFoundError
            If no run used or made it; the message says what is known.
        BadInputError
            If several servers have an object of that number, and none was named.
        """
        records = self._records(name)
        hosts = sorted({found.host for entity in records if (found := OmeroId.from_iri(entity.iri)) is not None})
        if name.host is not None:
            records = [entity for entity in records if entity.iri == OmeroId(name.host, name.kind, name.id).iri]
        elif name.page is not None and len(hosts) > 1:
            records = self._of_page(records, name.page) or records
        if not records:
            raise NotFoundError(self._unknown(name))
        databases = {entity.server.database for entity in records if entity.server is not None}
        same = [entity for entity in self._records(name) if _database(entity) in databases]
        iris = tuple(dict.fromkeys(entity.iri for entity in (*records, *same)))
        if name.host is None and len(_servers(records)) > 1:
            raise BadInputError(_several(name, hosts))
        notes = (*_notes(records, iris), *self._note_on_page(records, name.page, hosts))
        return KnownObject(iris, notes)

    def inside(self, name: OmeroName) -> KnownObject:
        """Find the images that were in a dataset, project, screen, plate or well when runs read them.

        Raises
        ------
        NotFoundError
            If no image is known to have been in it; the message says what is known.
        BadInputError
            If several servers have a container of that kind and number, and none was named.
        """
        filed = [
            (place, entity)
            for iri in self._index.iris_like("https://*/Image/*")
            for entity in self._index.entities(iri=iri)
            for place in _containers(entity)
            if place.kind == name.kind
        ]
        found = [(place, entity) for place, entity in filed if place.id == name.id and name.host in (None, place.host)]
        if not found:
            raise NotFoundError(_unknown_container(name, sorted({place for place, _ in filed})))
        hosts = sorted({place.host for place, _ in found})
        if len(_servers([entity for _, entity in found])) > 1:
            raise BadInputError(_several(name, hosts))
        iris = tuple(sorted({entity.iri for _, entity in found}))
        were = "1 image was" if len(iris) == 1 else f"{len(iris)} images were"
        return KnownObject(iris, (f"{were} in {found[0][0]} when runs read them; what else was in it is not known.",))

    def _records(self, name: OmeroName) -> list[EntityNode]:
        return [
            entity
            for iri in self._index.iris_like(f"https://*/{name.kind}/{name.id}")
            if OmeroId.from_iri(iri) is not None
            for entity in self._index.entities(iri=iri)
        ]

    @staticmethod
    def _of_page(records: list[EntityNode], page: str) -> list[EntityNode]:
        """Keep what was recorded with that page, or what is on a server of the page's name."""
        address = urlsplit(page)
        web = f"{address.scheme}://{address.netloc}"
        return [entity for entity in records if (entity.url or "").startswith(f"{web}/")] or [
            entity for entity in records if entity.iri.startswith(f"https://{address.hostname}/")
        ]

    @classmethod
    def _note_on_page(cls, records: list[EntityNode], page: str | None, hosts: list[str]) -> list[str]:
        """Say what a link is taken for, where no record tells that its page shows that server."""
        if page is None or cls._of_page(records, page):
            return []
        return [
            f"The link is of {urlsplit(page).hostname}, which no record tells of; it is taken for a page of "
            f"{', '.join(hosts)}, the only server known to have an image of this number."
        ]

    def _unknown(self, name: OmeroName) -> str:
        known = [found for iri in self._index.iris_like("https://*/Image/*") if (found := OmeroId.from_iri(iri))]
        if not known:
            return (
                f"The catalogue knows nothing of {name}: no run that was tracked used an image in OMERO. Run the "
                "workflow on it with `--logger filiation`, or ingest the crate that tells of it."
            )
        here = sorted(found for found in known if found.host == name.host)
        if name.host is not None and not here:
            hosts = ", ".join(sorted({found.host for found in known}))
            return Sentence(
                "The catalogue knows nothing of the server {host}; it knows images of {hosts}.",
                host=name.host, hosts=hosts,
            )  # fmt: skip
        listed = [str(found) for found in (here or sorted(known))[:_MOST_NAMED]]
        more = len(here or known) - len(listed)
        known_are = Sentence("{names} and {more} more", names=tuple(listed), more=more) if more else tuple(listed)
        return Sentence(
            "No run that was tracked used or made {name}. Known are {names}. `filiation omero audit` lists images that "
            "were never analysed.",
            name=name,
            names=known_are,
        )


def _notes(records: list[EntityNode], iris: tuple[str, ...]) -> list[str]:
    notes: list[str] = []
    if len(iris) > 1:
        hosts = ", ".join(str(found.host) for iri in iris if (found := OmeroId.from_iri(iri)) is not None)
        notes.append(
            Sentence(
                "The server is known by several names, {hosts}, with one database: this is about all of them.",
                hosts=hosts,
            )
        )
    databases = {_database(entity) for entity in records} - {""}
    if len(databases) > 1:
        notes.append(
            Sentence(
                "{count} servers answered under this name, with different databases, so this is about {count} images; "
                "`filiation audit` says which runs met which.",
                count=len(databases),
            )
        )
        return notes
    digests = {entity.pixels for entity in records if entity.pixels is not None}
    several = Counter(digest.kind for digest in digests).most_common(1)
    if several and several[0][1] > 1:
        notes.append(
            Sentence(
                "Runs read {count} different images under this id; `filiation audit` says which run read which.",
                count=several[0][1],
            )
        )
    return notes


def _several(name: OmeroName, hosts: list[str]) -> str:
    listed = ", ".join(f"{name.kind}:{name.id}@{host}" for host in hosts)
    return Sentence(
        "{name} is known on {count} servers. Name one: {listed}.", name=name, count=len(hosts), listed=listed
    )


def _containers(entity: EntityNode) -> set[OmeroId]:
    """Return everything that an image was in when it was read: its dataset, and the project around that."""
    found: set[OmeroId] = set()
    waiting = list(entity.metadata.containers) if entity.metadata is not None else []
    while waiting:
        container = waiting.pop()
        waiting += container.containers
        if (place := OmeroId.from_iri(container.iri)) is not None:
            found.add(place)
    return found


def _unknown_container(name: OmeroName, known: list[OmeroId]) -> str:
    kind = name.kind.lower()
    listed = ", ".join(map(str, known[:_MOST_NAMED]))
    more = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
    return f"No image that a run read is known to have been in {name}. " + (
        f"Known are {listed}{more}." if known else f"Of no image it is recorded in which {kind} it was."
    )


def _servers(records: list[EntityNode]) -> set[str]:
    """Return what tells the servers of records apart: the database where it is known, else the host's name."""
    databases: dict[str, str] = {}
    for entity in records:
        named = OmeroId.from_iri(entity.iri)
        host = named.host if named is not None else entity.iri
        databases[host] = _database(entity) or databases.get(host, "")
    return {database or host for host, database in databases.items()}


def _database(entity: EntityNode) -> str:
    return entity.server.database if entity.server is not None else ""
