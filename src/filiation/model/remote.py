"""What a server says of an image that it keeps: which database it is in, and what it was imported from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MOST_FILES: Final = 1_000
"""So many original files of an image are named; a fileset of a plate may have a hundred times as many."""

_OBJECT: Final = re.compile(
    r"https://(?P<host>[A-Za-z0-9.\-]+)/(?P<kind>Image|Dataset|Project|Screen|Plate|Well)/(?P<id>[1-9]\d{0,17})"
)


@dataclass(frozen=True, slots=True)
class OriginalFile:
    """A file that an image was imported from, as its server keeps it.

    Parameters
    ----------
    iri
        ``https://<host>/OriginalFile/<id>``.
    name
        Its name, without a folder.
    size
        In bytes.
    checksum
        As the server computed it at import, lower-case hexadecimal; None if it has none, or none yet.
    algorithm
        By the server's name of it, such as ``SHA1-160``.
    """

    iri: str
    name: str
    size: int | None = None
    checksum: str | None = None
    algorithm: str | None = None


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server said of an image when its pixels were read.

    Parameters
    ----------
    database
        UUID of the server's database: host names change, and may come to mean another server.
    files
        What the image was imported from, by id; at most :data:`MOST_FILES` of them.
    file_count
        How many there are.
    """

    database: str
    files: tuple[OriginalFile, ...] = ()
    file_count: int = 0


@dataclass(frozen=True, slots=True, order=True)
class OmeroId:
    """An object on an OMERO server.

    Parameters
    ----------
    host
        The server's name, in lower case.
    kind
        ``Image``, ``Dataset``, ``Project``, ``Screen``, ``Plate`` or ``Well``.
    id
        Its number there.
    """

    host: str
    kind: str
    id: int

    @classmethod
    def from_iri(cls, iri: str) -> OmeroId | None:
        """Read ``https://<host>/Image/51``; None if the IRI has another form.

        >>> str(OmeroId.from_iri("https://omero.example.org/Image/51"))
        'Image:51@omero.example.org'
        """
        found = _OBJECT.fullmatch(iri)
        return None if found is None else cls(found["host"].lower(), found["kind"], int(found["id"]))

    @property
    def iri(self) -> str:
        """The object's IRI, as omero-rdf writes it too."""
        return f"https://{self.host}/{self.kind}/{self.id}"

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}@{self.host}"
