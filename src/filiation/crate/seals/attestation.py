"""A seal as an in-toto statement in a DSSE envelope: the form in which supply-chain tools ask what made something.

Subjects are the results with their digests, the predicate names the crate (https://github.com/in-toto/attestation,
Statement v1; https://github.com/secure-systems-lab/dsse, envelope v1). It is signed with the key of the seal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filiation.crate.reader import read_crate
from filiation.crate.seals.ssh import public_key
from filiation.crate.seals.statement import Statement
from filiation.errors import BadInputError, BadSignatureError, InvalidCrateError, MissingExtraError
from filiation.model import DataEntity, DigestKind

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
PREDICATE_TYPE: Final = "https://w3id.org/ro/terms/filiation#Seal"
_STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"


def attester(crate: Path, key: Path) -> Callable[[Statement], bytes]:
    """Return what writes the envelope for the seal of a crate of ours.

    Parameters
    ----------
    crate
        The crate's folder.
    key
        File of the private SSH key, without a passphrase: no agent signs envelopes.

    Raises
    ------
    InvalidCrateError
        If it is not a crate of ours (what another engine's results are is not always told), or has no results.
    BadInputError
        If the key cannot be read.
    MissingExtraError
        If the extra ``seal`` is not installed.
    """
    signer = _signer(key)
    run = read_crate(crate)
    made = {slot.path for action in run.actions for slot in action.outputs}
    subjects = list(_subjects(entity for entity in run.entities if entity.path in made))
    if not subjects:
        raise InvalidCrateError(f"{crate} records no result with a digest, so there is nothing to attest.")

    def write(statement: Statement) -> bytes:
        from securesystemslib.dsse import Envelope

        payload = {
            "_type": _STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": statement.to_json(),
        }
        envelope = Envelope(json.dumps(payload, ensure_ascii=False).encode(), PAYLOAD_TYPE, {})
        envelope.sign(signer)
        return (json.dumps(envelope.to_dict(), indent=2) + "\n").encode()

    return write


def check_attestation(content: bytes, signature: bytes, statement: Statement) -> None:
    """See that an envelope is signed by the key that signed the seal, and is about this seal.

    Raises
    ------
    BadSignatureError
        If not.
    MissingExtraError
        If the extra ``seal`` is not installed.
    """
    _library()
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import Error
    from securesystemslib.signer import SSlibKey

    try:
        envelope = Envelope.from_dict(json.loads(content))
        key = SSlibKey.from_crypto(load_ssh_public_key(public_key(signature)))
        envelope.verify([key], 1)
        predicate = json.loads(envelope.payload)["predicate"]
    except (Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadSignatureError(f"the attestation is not signed by the key of the seal ({error})") from error
    if predicate != statement.to_json():
        raise BadSignatureError("the attestation is about another seal")


def _subjects(entities: Iterable[DataEntity]) -> Iterable[dict[str, Any]]:
    for entity in entities:
        if entity.digest is not None:
            kind = "sha256" if entity.digest.kind is DigestKind.FILE else f"filiation_{entity.digest.kind.value}"
            yield {"name": entity.path, "digest": {kind: entity.digest.hex}}


def _signer(key: Path) -> CryptoSigner:
    _library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key
    from securesystemslib.exceptions import Error
    from securesystemslib.signer import CryptoSigner

    try:
        return CryptoSigner(load_ssh_private_key(key.read_bytes(), None))
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, Error) as error:
        raise BadInputError(
            f"{key} cannot sign an attestation: {error}. Expected the file of a private SSH key (ED25519, ECDSA, RSA)."
        ) from error


def _library() -> None:
    try:
        import cryptography
        import securesystemslib  # noqa: F401

        _ = cryptography
    except ImportError as error:
        raise MissingExtraError("Attestations need the extra 'seal': pip install 'filiation[seal]'") from error
