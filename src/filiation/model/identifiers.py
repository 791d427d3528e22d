"""Names that stay true: digests, run identifiers and the IRIs made of them.

The forms are those of ``docs/architecture.md``, section 4. A run's crate is ``arcp://uuid,<run id>/`` (the arcp
scheme, draft-soilandreyes-arcp-03) and everything inside resolves against it; bytes are ``ni:///sha-256;…``
(RFC 6920); directory trees and pixels have forms of our own, specified in ``docs/reference/tree-digest.md`` and
``docs/reference/pixel-digest.md``.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes
from uuid import UUID

from filiation.errors import BadInputError
from filiation.model.sentences import Sentence

_HEX = re.compile(r"[0-9a-f]{64}")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:")
_OMERO_URI = re.compile(r"omero://(?P<host>[A-Za-z0-9.\-]+)(?::\d+)?/(?P<kind>[A-Za-z]+)/(?P<id>\d+)")
# RFC 3987 would let more characters stand; percent-encoding all but the unreserved keeps one path one spelling.
_SAFE_IN_PATH = "/-._~"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/\-._~]*")  # the same as it is written and as it is


class DigestKind(StrEnum):
    """What a digest was computed over; the value is the prefix of its written form."""

    FILE = "sha256"
    TREE = "tree1"
    PIXELS = "pixels2"
    PIXELS_1 = "pixels1"
    """Pixels, as they were digested before; still read and compared with, no longer recorded anew."""

    @property
    def is_of_pixels(self) -> bool:
        """Whether it is over an image's pixels, by whichever version of the definition."""
        return self in (DigestKind.PIXELS, DigestKind.PIXELS_1)


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A digest over a file's bytes, a directory tree (both SHA-256) or an image's pixels (BLAKE3; SHA-256 before).

    Parameters
    ----------
    kind
        What was digested.
    hex
        64 lower-case hexadecimal digits.
    """

    kind: DigestKind
    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise BadInputError(
                Sentence("A digest needs 64 lower-case hexadecimal digits; found {found!r}.", found=self.hex)
            )

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.hex}"

    @property
    def iri(self) -> str:
        """The digest as an IRI: RFC 6920 for bytes, ``urn:filiation:…`` for trees and pixels."""
        if self.kind is DigestKind.FILE:
            text = base64.urlsafe_b64encode(bytes.fromhex(self.hex)).decode("ascii").rstrip("=")
            return f"ni:///sha-256;{text}"
        return f"urn:filiation:{self.kind.value}:{self.hex}"

    @classmethod
    def from_text(cls, text: str) -> Digest:
        """Read ``sha256:…``, ``tree1:…``, ``pixels2:…``, ``pixels1:…`` or the IRI of one of them.

        Raises
        ------
        BadInputError
            If the text is none of these forms.
        """
        if text.startswith("ni:///sha-256;"):
            encoded = text.removeprefix("ni:///sha-256;")
            try:
                raw = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            except ValueError as error:
                raise BadInputError(
                    Sentence("{text!r} is not an RFC 6920 name: {error}.", text=text, error=str(error))
                ) from error
            return cls(DigestKind.FILE, raw.hex())
        prefix, _, digits = text.removeprefix("urn:filiation:").partition(":")
        if prefix not in set(DigestKind):
            expected = ", ".join(f"{kind.value}:…" for kind in DigestKind)
            raise BadInputError(
                Sentence(
                    "{text!r} is not a digest; expected {expected} or ni:///sha-256;….", text=text, expected=expected
                )
            )
        return cls(DigestKind(prefix), digits)

    def speaks_against(self, other: Digest) -> bool:
        """Whether two digests of one kind differ; of different kinds, nothing follows from it."""
        return self.kind is other.kind and self.hex != other.hex


def encode_path(path: str) -> str:
    """Percent-encode a path for an IRI, byte for byte; undecodable bytes (surrogate escapes) survive."""
    if _PLAIN_PATH.fullmatch(path):
        return path
    return quote(os.fsencode(path), safe=_SAFE_IN_PATH)


def decode_path(text: str) -> str:
    """Undo :func:`encode_path`."""
    if _PLAIN_PATH.fullmatch(text):
        return text
    return os.fsdecode(unquote_to_bytes(text))


# RFC 3987 leaves these out of every part of an IRI.
_FORBIDDEN_IN_URI = re.compile(r"[\x00-\x20<>\"{}|\\^`\x7f]")


def is_uri(text: str) -> bool:
    """Tell ``skimage:immunohistochemistry`` or ``https://…`` from a path (a one-letter scheme is a drive)."""
    return _URI.match(text) is not None


def written_uri(text: str) -> str:
    """Return a URI as it may be written: what RFC 3987 forbids percent-encoded, the rest as it is.

    >>> written_uri("s3://lab/raw data.txt")
    's3://lab/raw%20data.txt'
    """
    return _FORBIDDEN_IN_URI.sub(lambda found: quote(found[0]), text)


def object_iri(uri: str) -> str:
    """Return the IRI of what a URI leads to: of an OMERO object the one that omero-rdf writes, else the URI itself.

    >>> object_iri("omero://OMERO.example.org:14064/image/51")
    'https://omero.example.org/Image/51'
    """
    found = _OMERO_URI.fullmatch(uri)
    if found is None:
        return written_uri(uri)
    return f"https://{found['host'].lower()}/{found['kind'].capitalize()}/{found['id']}"


def local_path(path: str) -> str:
    """Write a path so that nobody takes it for a URI: ``chr1:100.bed`` as ``./chr1:100.bed`` (RFC 3986, 4.2)."""
    return f"./{path}" if is_uri(path) else path


def run_iri(run_id: str) -> str:
    """Return the IRI of a run's crate, ``arcp://uuid,<run id>/``.

    Raises
    ------
    BadInputError
        If ``run_id`` is not a UUID.
    """
    try:
        return f"arcp://uuid,{UUID(run_id)}/"
    except ValueError as error:
        raise BadInputError(f"A run id is a UUID; found {run_id!r}.") from error


def crate_path(path: str) -> str:
    """Return where a thing of the run stands inside its crate, as a percent-encoded relative reference.

    Paths inside the run's folder stand under ``work/``, absolute ones under ``outside/``; a URI stays as it is.

    >>> crate_path("results/a b.tif")
    'work/results/a%20b.tif'
    >>> crate_path("/data/raw.tif")
    'outside/data/raw.tif'
    >>> crate_path("skimage:immunohistochemistry")
    'skimage:immunohistochemistry'
    """
    if is_uri(path):
        return path
    if path.startswith("/"):
        return "outside/" + encode_path(path.lstrip("/"))
    return "work/" + encode_path(path.removeprefix("./"))


def path_in_run(reference: str) -> str:
    """Undo :func:`crate_path`."""
    if reference.startswith("work/"):
        return local_path(decode_path(reference.removeprefix("work/")))
    if reference.startswith("outside/"):
        return "/" + decode_path(reference.removeprefix("outside/"))
    return reference


def entity_iri(run_id: str, path: str) -> str:
    """Return the IRI of the thing that a run saw at ``path``: the crate's IRI and :func:`crate_path`."""
    reference = crate_path(path)
    return reference if is_uri(reference) else run_iri(run_id) + reference
