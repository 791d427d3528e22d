"""What an ``omero://`` URI names: an image, or the images of a dataset, project, plate, well, screen or tag."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from filiation.errors import BadInputError

DEFAULT_PORT = 4064
PORT_VARIABLE = "OMERO_PORT"
_URI = re.compile(
    r"omero://(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.\-]*[A-Za-z0-9])?)(?::(?P<port>\d{1,5}))?"
    r"/(?P<kind>[A-Za-z]+)(?:/(?P<id>\d{1,18}))?(?:\?(?P<query>.*))?"
)
_EXPECTED = (
    "expected omero://<host>/image/<id>, or dataset, project, screen, plate or well instead of image, or "
    "omero://<host>/images; with ?tag=<text> only what is tagged so"
)


class Kind(StrEnum):
    """What the URI names; the value is how it is written there."""

    IMAGE = "image"
    DATASET = "dataset"
    PROJECT = "project"
    SCREEN = "screen"
    PLATE = "plate"
    WELL = "well"
    IMAGES = "images"
    """All that can be seen."""


@dataclass(frozen=True, slots=True)
class Host:
    """An OMERO server: its name, in lower case, and the port of its router."""

    name: str
    port: int = DEFAULT_PORT

    def __str__(self) -> str:
        return self.name if self.port == DEFAULT_PORT else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Address:
    """An object, or a set of images, on a server.

    Parameters
    ----------
    host
        The server.
    kind, id
        What it is; no id for all images.
    tags
        Texts of tags that images must all have.
    """

    host: Host
    kind: Kind
    id: int = 0
    tags: tuple[str, ...] = ()

    @classmethod
    def from_uri(cls, uri: str) -> Address:
        """Read a URI.

        Raises
        ------
        BadInputError
            If it has another form. A user or password in it is refused, and not repeated.

        Examples
        --------
        >>> str(Address.from_uri("omero://OMERO.example.org/Image/51"))
        'omero://omero.example.org/image/51'
        >>> Address.from_uri("omero://omero.example.org/dataset/12?tag=control").tags
        ('control',)
        """
        if "@" in uri.partition("?")[0]:
            raise BadInputError(
                "An omero:// URI names a user before the @; sign in by the environment or by `omero login` instead, "
                f"and leave it out: {_EXPECTED}."
            )
        found = _URI.fullmatch(uri)
        kind = found["kind"].lower() if found else ""
        if found is None or kind not in set(Kind) or (kind == Kind.IMAGES) == bool(found["id"]):
            raise BadInputError(f"{uri!r} names nothing in OMERO; {_EXPECTED}.")
        pairs = parse_qsl(found["query"] or "", keep_blank_values=True)
        unknown = [name for name, _ in pairs if name != "tag"]
        if unknown or (pairs and kind == Kind.IMAGE):
            raise BadInputError(f"{uri!r} asks for {', '.join(unknown) or 'tags of one image'}; {_EXPECTED}.")
        return cls(
            Host(found["host"].lower(), port_of(found["port"])),
            Kind(kind),
            int(found["id"] or 0),
            tuple(value for _, value in pairs),
        )

    @property
    def iri(self) -> str:
        """The object's IRI, ``https://<host>/Image/51``: the same that omero-rdf writes."""
        return f"https://{self.host.name}/{self.kind.value.capitalize()}/{self.id}"

    def __str__(self) -> str:
        return f"omero://{self.host}/{self.kind.value}" + ("" if self.kind is Kind.IMAGES else f"/{self.id}")


def image_address(host: Host, number: int) -> Address:
    """Return the address of an image."""
    return Address(host, Kind.IMAGE, number)


def port_of(text: str | None) -> int:
    """Return a port as written, else that of the environment, else OMERO's own.

    Raises
    ------
    BadInputError
        If it is no port.
    """
    written = text or os.environ.get(PORT_VARIABLE) or str(DEFAULT_PORT)
    if not written.isdigit() or not 0 < int(written) < 65536:
        raise BadInputError(f"{written!r} is no port; expected a number from 1 to 65535.")
    return int(written)
