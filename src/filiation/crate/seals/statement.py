"""What a person states of a crate by sealing it, as the file that is signed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filiation.crate.metadata import parse_json
from filiation.errors import BadInputError, InvalidCrateError
from filiation.model import Digest, DigestKind

SEALS: Final = "seal"
"""The folder of a crate's seals, one numbered folder each."""
STATEMENT: Final = "statement.json"
MANIFEST: Final = "manifest.sha256"
SIGNATURE: Final = "statement.json.sig"
TIME_STAMP: Final = "statement.json.sig.tsr"
ATTESTATION: Final = "attestation.dsse.json"
FORMAT: Final = 1
_LARGEST: Final = 1 << 20
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class SealedTree:
    """A folder or store inside a crate that its metadata names as one thing.

    Parameters
    ----------
    path
        Inside the crate.
    digest
        Its tree digest, as the crate's metadata records it and as its files had it when they were sealed.
    """

    path: str
    digest: Digest


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody states of a crate.

    Parameters
    ----------
    number
        Which seal of the crate it is, from 1.
    crate
        The crate's IRI, ``arcp://uuid,…/``.
    name
        What the crate is called in its metadata.
    metadata
        SHA-256 of ``ro-crate-metadata.json``.
    manifest
        SHA-256 of the seal's manifest: of the list of all files of the crate, without its seals.
    files
        How many files and links the manifest lists.
    trees
        The stores and folders among them.
    elsewhere
        How many things the metadata names by digest that are not in the crate; the digests are sealed with it.
    unidentified
        How many local things the metadata names without a digest: of them nothing is stated.
    signer
        The person's name.
    orcid
        The person's ORCID, as an address.
    meaning
        In what sense they stand for it: made, reviewed, approved, …
    sealed
        When, in UTC, by the clock of their machine.
    software
        What made the seal.
    previous
        SHA-256 of the statement before this one; None for the first.
    """

    number: int
    crate: str
    name: str
    metadata: Digest
    manifest: Digest
    files: int
    trees: tuple[SealedTree, ...]
    elsewhere: int
    unidentified: int
    signer: str
    orcid: str | None
    meaning: str
    sealed: datetime
    software: str
    previous: Digest | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "filiationSeal": FORMAT,
            "number": self.number,
            "crate": self.crate,
            "name": self.name,
            "metadata": str(self.metadata),
            "manifest": str(self.manifest),
            "files": self.files,
            "trees": [{"path": tree.path, "digest": str(tree.digest)} for tree in self.trees],
            "elsewhere": self.elsewhere,
            "unidentified": self.unidentified,
            "signer": self.signer,
            "orcid": self.orcid,
            "meaning": self.meaning,
            "sealed": f"{self.sealed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "software": self.software,
            "previous": None if self.previous is None else str(self.previous),
        }

    def to_bytes(self) -> bytes:
        """Return the file that is signed: JSON in UTF-8, two spaces deep, the keys in the order of the fields."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")

    @staticmethod
    def from_bytes(content: bytes, place: Path) -> Statement:
        """Read a statement with suspicion.

        Raises
        ------
        InvalidCrateError
            If it is not one, or one of a later format.
        """
        if len(content) > _LARGEST:
            raise InvalidCrateError(f"{place} has {len(content)} bytes; a statement has {_LARGEST} at most.")
        try:
            found = parse_json(content.decode("utf-8"))
            if not isinstance(found, Mapping) or "filiationSeal" not in found:
                raise InvalidCrateError(f"{place} is not the statement of a seal: it has no key 'filiationSeal'.")
            if found["filiationSeal"] != FORMAT:
                raise InvalidCrateError(
                    f"{place} is a seal of format {found['filiationSeal']!r}; this version knows format {FORMAT}. "
                    "Use a newer filiation."
                )
            return _read(found)
        except (UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, InvalidCrateError):
                raise InvalidCrateError(f"{place}: {error}") from error
            raise InvalidCrateError(f"{place} is no statement: {type(error).__name__}: {error}.") from error


def _read(found: Mapping[str, object]) -> Statement:
    trees = found["trees"]
    if not isinstance(trees, list):
        raise TypeError("'trees' is no list")
    return Statement(
        number=_count(found, "number"),
        crate=_text(found, "crate"),
        name=_text(found, "name"),
        metadata=_digest(found, "metadata", DigestKind.FILE),
        manifest=_digest(found, "manifest", DigestKind.FILE),
        files=_count(found, "files"),
        trees=tuple(SealedTree(_text(tree, "path"), _digest(tree, "digest", DigestKind.TREE)) for tree in trees),
        elsewhere=_count(found, "elsewhere"),
        unidentified=_count(found, "unidentified"),
        signer=_text(found, "signer"),
        orcid=None if found["orcid"] is None else _text(found, "orcid"),
        meaning=_text(found, "meaning"),
        sealed=_moment(_text(found, "sealed")),
        software=_text(found, "software"),
        previous=None if found["previous"] is None else _digest(found, "previous", DigestKind.FILE),
    )


def _text(found: Mapping[str, object], key: str) -> str:
    value = found[key]
    if not isinstance(value, str) or _CONTROL.search(value):
        raise TypeError(f"{key!r} is no plain text: {value!r:.80}")
    return value


def _count(found: Mapping[str, object], key: str) -> int:
    value = found[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{key!r} is no count: {value!r:.80}")
    return value


def _digest(found: Mapping[str, object], key: str, kind: DigestKind) -> Digest:
    try:
        digest = Digest.from_text(_text(found, key))
    except BadInputError as error:
        raise ValueError(str(error)) from error
    if digest.kind is not kind:
        raise ValueError(f"{key!r} is {digest}; expected one of the kind {kind.value!r}")
    return digest


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"'sealed' has no zone: {text!r}")
    return moment.astimezone(UTC)
