"""One crate in a folder: who it is, what it says, what it carries. Read with suspicion: anyone may have written it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from filiation.crate import metadata as crate_metadata
from filiation.digest import digest_file
from filiation.errors import BadInputError, InvalidCrateError, NotFoundError
from filiation.model import Digest, DigestKind, decode_path, is_uri, run_iri

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

METADATA: Final = crate_metadata.METADATA_FILE

_RUN_ID_KEYS: Final = (
    "runId",
    "filiation:runId",
    "https://w3id.org/ro/terms/filiation#runId",
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class CrateOnDisk:
    """A crate that stands in a folder.

    Parameters
    ----------
    folder
        Where it stands.
    id
        The run's UUID; for a crate that carries none, the version 5 UUID of the SHA-256 of its metadata file.
    metadata_digest
        Of ``ro-crate-metadata.json``.
    own
        Whether the id is the crate's own, so whether it is one that filiation wrote.
    """

    folder: Path
    id: str
    metadata_digest: Digest
    own: bool

    @property
    def iri(self) -> str:
        """The crate's IRI, which also names its graph."""
        return run_iri(self.id)

    @property
    def metadata(self) -> Path:
        """The metadata file."""
        return self.folder / METADATA


def identify(folder: Path) -> CrateOnDisk:
    """Tell which crate stands in ``folder``.

    Raises
    ------
    NotFoundError
        If there is no crate.
    InvalidCrateError
        If its metadata file cannot be read.
    """
    return open_crate(folder)[0]


def open_crate(folder: Path) -> tuple[CrateOnDisk, dict[str, object]]:
    """Tell which crate stands in ``folder``, and return its metadata document; raises as :func:`identify`."""
    document, digest = read_metadata(folder)
    return crate_of(folder, document, digest), document


def crate_of(folder: Path, document: dict[str, object], digest: Digest) -> CrateOnDisk:
    """Tell which crate it is whose metadata was read already, wherever it stands.

    Raises
    ------
    InvalidCrateError
        If its run id is none.
    """
    own = _run_id(document)
    return CrateOnDisk(folder, own or str(uuid5(NAMESPACE_URL, digest.iri)), digest, own=own is not None)


def read_metadata(folder: Path) -> tuple[dict[str, object], Digest]:
    """Read a crate's metadata file with suspicion, and digest it.

    Raises
    ------
    NotFoundError
        If the folder or the file is not there.
    InvalidCrateError
        If it is truncated, malformed, too large or too deep.
    """
    path = folder / METADATA
    if not path.is_file():
        if folder.is_file():
            raise NotFoundError(f"{folder} is a file; a crate is a folder with {METADATA}. Unpack an archive first.")
        raise NotFoundError(f"No crate at {folder}: it has no {METADATA}.")
    return dict(crate_metadata.read_metadata(folder)), digest_file(path)


def payload_path(crate: Path, reference: str) -> Path | None:
    """Return the file that a relative reference names inside a crate; None if it leads outside or is not there."""
    path = crate / reference
    return path if _is_inside(crate, reference) and path.exists() else None


def carried(crate: Path) -> Iterator[tuple[str, Digest]]:
    """Yield what a crate carries itself, as its metadata tells: the path inside the crate, and the recorded digest.

    Parameters
    ----------
    crate
        The crate's folder.
    """
    document, _ = read_metadata(crate)
    graph = document["@graph"]
    for entity in graph if isinstance(graph, list) else ():
        if not isinstance(entity, dict):
            continue
        identifier = entity.get("@id")
        if not isinstance(identifier, str) or identifier.startswith("#") or is_uri(identifier):
            continue
        for key, kind in (("sha256", DigestKind.FILE), ("treeDigest", DigestKind.TREE)):
            text = entity.get(key)
            reference = decode_path(identifier).removeprefix("./").rstrip("/")
            if isinstance(text, str) and _is_inside(crate, reference):
                try:
                    yield reference, Digest(kind, text.strip().lower())
                except BadInputError:
                    continue  # a checksum of another kind, as some engines write


def _is_inside(crate: Path, reference: str) -> bool:
    """Whether a reference stays in the crate's folder, whether or not there is something."""
    if not reference or reference.startswith("/") or _CONTROL.search(reference):
        return False
    try:
        return (crate / reference).resolve().is_relative_to(crate.resolve())
    except OSError:
        return False


def _run_id(document: dict[str, object]) -> str | None:
    graph = document["@graph"]
    for entity in graph if isinstance(graph, list) else ():
        if not isinstance(entity, dict) or entity.get("@id") not in ("./", ".", ""):
            continue
        for key in _RUN_ID_KEYS:
            value = entity.get(key)
            if isinstance(value, str):
                try:
                    return str(UUID(value))
                except ValueError as error:
                    raise InvalidCrateError(f"The crate's runId is no UUID: {value!r}.") from error
    return None
