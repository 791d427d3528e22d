"""When a signature was there at the latest, by the word of a time-stamp authority (RFC 3161).

Asking the authority needs a network; reading its answer needs none. The stamp is of the signature's own file, so it
proves that the signature existed: a key that has expired since, or a clock put back, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.crate.seals.report import TimeStamp
from filiation.errors import BadInputError, BadSignatureError, MissingExtraError, ServerError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

_LARGEST: Final = 64 << 10
_WAIT: Final = 30.0


def stamper(address: str) -> Callable[[bytes], bytes]:
    """Return what asks the authority at ``address`` for a time stamp of some bytes; they themselves are not sent.

    Raises
    ------
    BadInputError
        If the address is none of HTTP.
    MissingExtraError
        If the extra ``seal`` is not installed.
    """
    _client()
    if not address.startswith(("https://", "http://")):
        raise BadInputError(
            f"{address!r} is no address of a time-stamp authority; expected one with https:// (or http://)."
        )
    return partial(_ask, address)


def stamp_reader(roots: Path | None) -> Callable[[bytes, bytes], TimeStamp]:
    """Return what reads the time stamp of some bytes.

    Parameters
    ----------
    roots
        PEM file with the certificates of the authorities that are trusted; None if none is.

    Raises
    ------
    NotFoundError, BadInputError
        If that file is not there, or holds no certificates.
    MissingExtraError
        If the extra ``seal`` is not installed.
    """
    _client()
    return partial(_read, () if roots is None else _certificates(roots))


def _ask(address: str, content: bytes) -> bytes:
    import requests
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    request = (
        TimestampRequestBuilder().data(content).hash_algorithm(HashAlgorithm.SHA256).nonce(nonce=True)
        .cert_request(cert_request=True).build()
    )  # fmt: skip
    try:
        answer = requests.post(
            address,
            data=request.as_bytes(),
            headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
            timeout=_WAIT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise ServerError(
            f"No answer from the time-stamp authority at {address}: {error}. Nothing was sealed."
        ) from error
    if answer.status_code != 200 or len(answer.content) > _LARGEST:
        raise ServerError(
            f"The time-stamp authority at {address} answered {answer.status_code} with {len(answer.content)} bytes; "
            "expected 200 and a time stamp. Nothing was sealed."
        )
    stamp = _parsed(answer.content)
    told = stamp.tst_info
    if (told.nonce, told.message_imprint.message) != (request.nonce, request.message_imprint.message):
        raise ServerError(f"The time-stamp authority at {address} stamped something else. Nothing was sealed.")
    return answer.content


def _read(roots: tuple[Certificate, ...], stamp: bytes, content: bytes) -> TimeStamp:
    from rfc3161_client import VerificationError, VerifierBuilder

    found = _parsed(stamp)
    if not roots:
        return TimeStamp(found.tst_info.gen_time.astimezone(UTC), None)
    try:
        VerifierBuilder(roots=list(roots)).build().verify_message(found, content)
    except (VerificationError, ValueError) as error:
        raise BadSignatureError(f"the time stamp is of another signature, or by nobody trusted ({error})") from error
    return TimeStamp(found.tst_info.gen_time.astimezone(UTC), True)


def _parsed(stamp: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response

    try:
        found = decode_timestamp_response(stamp)
        _ = found.tst_info.gen_time
    except (ValueError, TypeError) as error:
        raise BadSignatureError(f"the time stamp cannot be read ({error})") from error
    return found


def _certificates(place: Path) -> tuple[Certificate, ...]:
    from cryptography.x509 import load_pem_x509_certificates

    try:
        return tuple(load_pem_x509_certificates(place.read_bytes()))
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"{place} holds no certificates: {error}. Expected a PEM file with those of the trusted authorities."
        ) from error


def _client() -> None:
    try:
        import rfc3161_client  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("Time stamps need the extra 'seal': pip install 'filiation[seal]'") from error
