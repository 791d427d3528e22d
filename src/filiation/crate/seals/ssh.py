"""SSH signatures: made and verified by OpenSSH's own ``ssh-keygen -Y`` (its manual, section ALLOWED SIGNERS).

Whoever works on a cluster has a key, and whoever audits can read ``allowed_signers``: who may sign, with which key,
from when to when. Private keys are never read here; ``ssh-keygen`` or an agent does it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shutil
import struct
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filiation.errors import BadInputError, BadSignatureError, MissingExtraError, NotFoundError

NAMESPACE: Final = "ro-crate"
"""What the signature is for: one made for a commit or an e-mail is none of a crate."""
KEY_VARIABLE: Final = "FILIATION_SIGNING_KEY"
SIGNERS_VARIABLE: Final = "FILIATION_SIGNERS"
_USUAL_KEYS: Final = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")
_GOOD: Final = re.compile(r'^Good "[^"]*" signature (?:for .+ )?with (\S+) key (SHA256:\S+)$', re.MULTILINE)
_LARGEST: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that is of the bytes it stands beside.

    Parameters
    ----------
    key
        Fingerprint of the key, ``SHA256:…``.
    kind
        Such as ``ED25519``.
    signer
        Whom the list of signers gives for the key; None if it gives nobody, or there is no list.
    was_signer
        Whom the list gave at the time that the statement names, where it gives nobody now: the key has expired.
    """

    key: str
    kind: str
    signer: str | None = None
    was_signer: str | None = None


def signing_key(named: str | Path | None = None) -> Path:
    """Return the key to sign with: the one named, else that of ``FILIATION_SIGNING_KEY``, else the usual of OpenSSH.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    if chosen := named or os.environ.get(KEY_VARIABLE):
        key = Path(chosen).expanduser()
        if not key.is_file():
            raise NotFoundError(f"No key at {key}. Name the file of an SSH key, or make one: ssh-keygen -t ed25519")
        return key
    home = Path.home() / ".ssh"
    found = next((home / name for name in _USUAL_KEYS if (home / name).is_file()), None)
    if found is None:
        raise NotFoundError(
            f"No SSH key in {home}, and none is named with --key or {KEY_VARIABLE}. Make one with: "
            "ssh-keygen -t ed25519. To seal without a signature, which proves accidental change only: --unsigned"
        )
    return found


def signers_list(named: str | Path | None = None) -> Path | None:
    """Return the list of allowed signers: the one named, else of ``FILIATION_SIGNERS``, else of the user's settings.

    Raises
    ------
    NotFoundError
        If the one named is not there.
    """
    if chosen := named or os.environ.get(SIGNERS_VARIABLE):
        path = Path(chosen).expanduser()
        if not path.is_file():
            raise NotFoundError(
                f"No list of signers at {path}. It has a line for each person and key: "
                "'ada@example.org ssh-ed25519 AAAA…'."
            )
        return path
    usual = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "filiation" / "allowed_signers"
    return usual if usual.is_file() else None


def sign(content: bytes, key: Path, namespace: str = NAMESPACE) -> bytes:
    """Return the armoured signature of ``content``; a passphrase is asked for by ``ssh-keygen``, at the terminal.

    Raises
    ------
    BadInputError
        If the key cannot sign.
    MissingExtraError
        If there is no ``ssh-keygen``.
    """
    done = _keygen("-Y", "sign", "-n", namespace, "-f", str(key), content=content)
    if done.returncode or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise BadInputError(
            f"{key} did not sign: {_last_line(done.stderr)}. Expected the file of a private SSH key, or of a public "
            "one whose private key an agent holds (ssh-add)."
        )
    return done.stdout


def check(
    content: bytes,
    signature: Path,
    signers: Path | None,
    stated: datetime,
    proven: datetime | None,
    namespace: str = NAMESPACE,
) -> Signature:
    """See whose signature of ``content`` it is.

    Parameters
    ----------
    content
        What was signed.
    signature
        The file of the armoured signature.
    signers
        The list of allowed signers; None if nobody is known.
    stated
        When the statement says that it was signed.
    proven
        When it was signed by the word of a trusted time stamp; keys must have been allowed then. None: they must be
        allowed now, since whoever holds an expired key can write any date.
    namespace
        What the signature is for.

    Raises
    ------
    BadSignatureError
        If it is not a signature of just these bytes, for this.
    """
    if signature.stat().st_size > _LARGEST:
        raise BadSignatureError(f"{signature} has {signature.stat().st_size} bytes: that is no signature.")
    done = _keygen("-Y", "check-novalidate", "-n", namespace, "-s", str(signature), content=content)
    good = _GOOD.search(done.stdout.decode("utf-8", "replace"))
    if done.returncode or not good:
        raise BadSignatureError(
            f"{signature} is not a signature of the statement: {_last_line(done.stderr, done.stdout)}."
        )
    kind, key = good.groups()
    if signers is None:
        return Signature(key, kind)
    if signer := _allowed(content, signature, signers, proven, namespace):
        return Signature(key, kind, signer)
    return Signature(
        key, kind, None, _allowed(content, signature, signers, stated, namespace) if proven is None else None
    )


def public_key(signature: bytes) -> bytes:
    """Return the public key that an armoured signature carries, as a line of ``authorized_keys``.

    The format is that of OpenSSH's ``PROTOCOL.sshsig``: the magic, a version, then the key as a string.

    Raises
    ------
    BadSignatureError
        If it is no such signature.
    """
    lines = [line for line in signature.strip().splitlines() if not line.startswith(b"-----")]
    try:
        blob = base64.b64decode(b"".join(lines), validate=True)
        if blob[:6] != b"SSHSIG":
            raise ValueError("no SSHSIG")
        (length,) = struct.unpack(">I", blob[10:14])
        key = blob[14 : 14 + length]
        (name,) = struct.unpack(">I", key[:4])
        return key[4 : 4 + name] + b" " + base64.b64encode(key)
    except (binascii.Error, ValueError, struct.error) as error:
        raise BadSignatureError(f"The signature is none of SSH: {error}.") from error


def _allowed(content: bytes, signature: Path, signers: Path, when: datetime | None, namespace: str) -> str | None:
    """Return the first in the list who may have signed this, at that time or now."""
    at = () if when is None else ("-O", f"verify-time={when.astimezone(UTC):%Y%m%d%H%M%S}Z")
    found = _keygen("-Y", "find-principals", "-s", str(signature), "-f", str(signers), *at)
    for who in found.stdout.decode("utf-8", "replace").splitlines() if found.returncode == 0 else ():
        of = ("-n", namespace, "-s", str(signature), "-f", str(signers), "-I", who)
        if _keygen("-Y", "verify", *of, *at, content=content).returncode == 0:
            return who
    return None


def _keygen(*arguments: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise MissingExtraError(
            "Seals are signed and verified by ssh-keygen, which is not on the PATH. Install OpenSSH (on Debian and "
            "Ubuntu: apt-get install openssh-client)."
        )
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run([program, *arguments], input=content, capture_output=True, check=False, env=environment)


def _last_line(*streams: bytes) -> str:
    lines = [line for stream in streams for line in stream.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[0].strip().rstrip(".") if lines else "it says nothing"
