"""Sealing a crate: list all that it holds, state it, sign it; what was sealed before stays as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from filiation.crate.flushing import flush, flush_tree
from filiation.crate.metadata import METADATA_FILE, read_metadata
from filiation.crate.seals import ssh
from filiation.crate.seals.contents import named_in, read_contents, sealed_trees
from filiation.crate.seals.statement import ATTESTATION, MANIFEST, SEALS, SIGNATURE, STATEMENT, TIME_STAMP, Statement
from filiation.digest import digest_file
from filiation.errors import BadInputError, CatalogueBusyError, NotFoundError
from filiation.model import Digest, DigestKind, run_iri


@dataclass(frozen=True, slots=True)
class Signer:
    """Who seals.

    Parameters
    ----------
    name
        The person's name.
    orcid
        Their ORCID, as an address.
    key
        File of the SSH key; None for a seal without a signature, which proves accidental change only.
    """

    name: str
    orcid: str | None = None
    key: Path | None = None


def seal_crate(
    crate: Path,
    signer: Signer,
    *,
    meaning: str = "made",
    stamp: Callable[[bytes], bytes] | None = None,
    attest: Callable[[Statement], bytes] | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Statement, Path]:
    """Seal a crate, and return the statement with the folder of the seal.

    Every file is read. The seal appears whole or not at all, and changes nothing of the crate.

    Parameters
    ----------
    crate
        The crate's folder.
    signer
        Who states it.
    meaning
        In what sense they stand for it: made, reviewed, approved, … (21 CFR 11.50 asks for it).
    stamp
        Gives the time stamp of the signature's bytes (RFC 3161), from an authority; None for none.
    attest
        Gives an attestation of the statement (:mod:`filiation.crate.seals.attestation`); None for none.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    NotFoundError
        If there is no crate.
    InvalidCrateError
        If its metadata cannot be read, or an earlier seal's statement.
    ChangedError
        If what it holds is not what its metadata records.
    BadInputError
        If the key does not sign, or a name holds control characters.
    CatalogueBusyError
        If somebody else sealed it meanwhile.
    """
    if not (crate / METADATA_FILE).is_file():
        raise NotFoundError(f"No crate at {crate}: it has no {METADATA_FILE}.")
    meaning = " ".join(meaning.split())
    for text in (signer.name, signer.orcid or "", meaning):
        if not text.isprintable():
            raise BadInputError(f"{text!r} cannot be stated in a seal: it holds characters that cannot be seen.")
    contents = read_contents(crate, progress)
    named, unidentified = named_in(crate)
    metadata = digest_file(crate / METADATA_FILE)
    earlier = seal_folders(crate)
    before = earlier[max(earlier)] / STATEMENT if earlier else None
    identity, name = _identity(read_metadata(crate), metadata)
    statement = Statement(
        number=max(earlier, default=0) + 1,
        crate=identity,
        name=name,
        metadata=metadata,
        manifest=Digest(DigestKind.FILE, hashlib.sha256(contents.manifest).hexdigest()),
        files=len(contents.hashes),
        trees=sealed_trees(crate, contents, named),
        elsewhere=sum(thing.elsewhere for thing in named),
        unidentified=unidentified,
        signer=signer.name,
        orcid=signer.orcid,
        meaning=meaning,
        sealed=datetime.now(UTC),
        software=f"filiation {version('filiation')}",
        previous=None if before is None else digest_file(before),
    )
    files = {MANIFEST: contents.manifest, STATEMENT: statement.to_bytes()}
    if signer.key is not None:
        files[SIGNATURE] = ssh.sign(files[STATEMENT], signer.key)
        if stamp is not None:
            files[TIME_STAMP] = stamp(files[SIGNATURE])
        if attest is not None:
            files[ATTESTATION] = attest(statement)
    return statement, _put(crate / SEALS, statement.number, files)


def seal_folders(crate: Path) -> dict[int, Path]:
    """Return the folders of a crate's seals by their numbers, in order."""
    home = crate / SEALS
    if not home.is_dir() or home.is_symlink():
        return {}
    found = {int(entry.name): entry for entry in home.iterdir() if entry.name.isdecimal() and entry.is_dir()}
    return dict(sorted(found.items()))


def _put(home: Path, number: int, files: Mapping[str, bytes]) -> Path:
    making, place = home / f".making-{os.getpid()}", home / str(number)
    home.mkdir(exist_ok=True)
    try:
        making.mkdir()
        for name, content in files.items():
            (making / name).write_bytes(content)
        flush_tree(making)
        try:
            making.rename(place)
        except OSError as error:
            if not place.is_dir():
                raise
            raise CatalogueBusyError(f"{place} was made meanwhile by somebody else. Seal again, after it.") from error
        flush(home)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return place


def _identity(document: Mapping[str, Any], metadata: Digest) -> tuple[str, str]:
    """Return a crate's IRI and its name; one without a run id is named by its metadata's bytes, as in a catalogue."""
    root: Mapping[str, Any] = next(
        (
            entity
            for entity in document["@graph"]
            if isinstance(entity, Mapping) and entity.get("@id") in ("./", ".", "")
        ),
        {},
    )
    name = " ".join(str(root.get("name") or "").split())
    found = root.get("runId") or root.get("https://w3id.org/ro/terms/filiation#runId")
    try:
        run = str(UUID(str(found)))
    except ValueError:
        run = str(uuid5(NAMESPACE_URL, metadata.iri))
    return run_iri(run), "".join(character for character in name if character.isprintable())
