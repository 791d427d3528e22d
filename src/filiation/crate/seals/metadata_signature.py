"""A minisign signature of a crate's metadata file, as electronic laboratory notebooks put it into ``.eln`` archives.

It is ``ro-crate-metadata.json.minisig`` beside the metadata (Ed25519; https://jedisct1.github.io/minisign/). It covers
the metadata alone; but where that names every file by a digest, it covers every byte, and that is what is checked here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.crate.metadata import METADATA_FILE
from filiation.crate.seals.contents import MINISIG, Contents, Named, named_in
from filiation.digest import Difference
from filiation.errors import AccessError, BadInputError, MissingExtraError
from filiation.model import DigestKind

if TYPE_CHECKING:
    from minisign import PublicKey

_LARGEST: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class MetadataSignature:
    """A signature of a crate's metadata file, looked at.

    Parameters
    ----------
    key
        The key's id as minisign prints it; empty if the signature cannot be read.
    known
        Whether the key is one that the verifier named, and the signature is right.
    comment
        What the signer says beside it, signed with it.
    fault
        What is wrong with the signature; None if nothing is.
    differences
        Files that are not as the metadata names them, or that it does not name by a digest.
    """

    key: str
    known: bool
    comment: str = ""
    fault: str | None = None
    differences: tuple[Difference, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "key": self.key,
            "known": self.known,
            "comment": self.comment,
            "fault": self.fault,
            "differences": [{"path": found.path, "what": found.what} for found in self.differences],
        }


Reader = Callable[[bytes, bytes], MetadataSignature]


def metadata_signer(key: Path, password: Callable[[], str | None]) -> Callable[[bytes], bytes]:
    """Return what signs a metadata file's bytes with a minisign key.

    Parameters
    ----------
    key
        File of the secret key.
    password
        Asked for the key's password, if it has one; None where nobody gives one.

    Raises
    ------
    BadInputError
        If there is no such key.
    AccessError
        If the password is wrong, or missing.
    MissingExtraError
        If the extra ``export`` is not installed.
    """
    _library()
    from minisign import Error, SecretKey

    try:
        secret = SecretKey.from_file(key)
    except (OSError, Error, UnicodeDecodeError) as error:
        raise BadInputError(
            f"{key} is no secret key of minisign: {error}. Make one with: minisign -G -p minisign.pub -s minisign.key"
        ) from error
    if secret.is_encrypted():
        given = password()
        if given is None:
            raise AccessError(
                f"{key} has a password, and nobody gave it. Set FILIATION_MINISIGN_PASSWORD, or call it in a terminal."
            )
        try:
            secret.decrypt(given)
        except (Error, ValueError) as error:
            raise AccessError(f"The password of {key} is another one ({error}).") from error

    def sign(content: bytes) -> bytes:
        return bytes(secret.sign(content, untrusted_comment="signature of an RO-Crate's metadata")) + b"\n"

    return sign


def signature_reader(keys: Collection[str]) -> Reader:
    """Return what reads a signature of some bytes; ``keys`` are files of public keys, or the keys' texts.

    Raises
    ------
    BadInputError
        If one is no public key.
    MissingExtraError
        If the extra ``export`` is not installed.
    """
    _library()
    known = {_identity(key): key for key in map(_public_key, keys)}

    def read(signature: bytes, content: bytes) -> MetadataSignature:
        from minisign import Error, Signature

        try:
            found = Signature.from_bytes(signature.rstrip(b"\n"))
        except (Error, ValueError) as error:
            return MetadataSignature("", known=False, fault=f"{MINISIG} is no signature of minisign ({error})")
        # The library keeps the id to itself; the form is: two bytes of the algorithm, eight of the id, the signature.
        identity = _written(_decoded(signature)[2:10])
        comment = "".join(character for character in found.trusted_comment if character.isprintable())
        if identity not in known:
            return MetadataSignature(identity, known=False, comment=comment)
        try:
            known[identity].verify(content, found)
        except (Error, ValueError):
            return MetadataSignature(identity, known=False, fault=f"{MINISIG} is not of this {METADATA_FILE}")
        return MetadataSignature(identity, known=True, comment=comment)

    return read


def check_metadata_signature(crate: Path, contents: Contents, read: Reader) -> MetadataSignature | None:
    """Look at the signature of a crate's metadata, and whether all files are as that says; None if there is none.

    Raises
    ------
    InvalidCrateError
        If the metadata cannot be read.
    """
    place = crate / MINISIG
    if not os.path.lexists(place):
        return None
    if place.is_symlink() or not place.is_file() or place.stat().st_size > _LARGEST:
        return MetadataSignature("", known=False, fault=f"{MINISIG} is no file of a signature")
    found = read(place.read_bytes(), (crate / METADATA_FILE).read_bytes())
    return replace(found, differences=differences_from(named_in(crate)[0], contents))


def differences_from(named: tuple[Named, ...], contents: Contents) -> tuple[Difference, ...]:
    """Return the files that are not as a crate's metadata names them, and those that it does not name by a digest."""
    held = [thing for thing in named if not thing.elsewhere and not thing.redacted]
    everything = {os.fsdecode(path) for path in contents.hashes}
    rest = everything - {METADATA_FILE}
    found: list[Difference] = []
    for thing in held:
        if thing.digest.kind is DigestKind.TREE:
            rest -= {path for path in rest if path.startswith(thing.path + "/")}
            if contents.tree(thing.path) != thing.digest:
                found.append(Difference(thing.path, "changed"))
        elif thing.digest.kind is DigestKind.FILE:
            rest.discard(thing.path)
            if thing.path not in everything:
                found.append(Difference(thing.path, "missing"))
            elif contents.hashes[os.fsencode(thing.path)] != thing.digest.hex:
                found.append(Difference(thing.path, "changed"))
    return tuple(sorted((*found, *(Difference(path, "unexpected") for path in rest)), key=lambda one: one.path))


def _public_key(text: str) -> PublicKey:
    from minisign import Error, PublicKey

    try:
        return PublicKey.from_file(text) if Path(text).is_file() else PublicKey.from_base64(text.strip())
    except (OSError, Error, ValueError) as error:
        raise BadInputError(
            f"{text!r} is no public key of minisign: {error}. Expected its file (minisign.pub), or its text: RW…"
        ) from error


def _identity(key: PublicKey) -> str:
    from base64 import b64decode

    return _written(b64decode(key.to_base64())[2:10])


def _decoded(signature: bytes) -> bytes:
    from base64 import b64decode

    return b64decode(signature.splitlines()[1])


def _written(identity: bytes) -> str:
    """Return a key's id as minisign prints it: a number, its last byte first."""
    return f"{int.from_bytes(identity, 'little'):016X}"


def _library() -> None:
    try:
        import minisign  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "Minisign's signatures need the extra 'export': pip install 'filiation[export]'"
        ) from error
