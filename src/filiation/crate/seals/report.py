"""What the verification of a crate's seals found, for a person and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from filiation.crate.seals.metadata_signature import MetadataSignature
from filiation.crate.seals.ssh import Signature
from filiation.crate.seals.statement import Statement
from filiation.digest import Difference
from filiation.errors import BadSignatureError, ChangedError, FiliationError, NotSealedError, UnknownSignerError

MOST_SHOWN: Final = 20
"""So many differing files are listed for a person."""


class Outcome(StrEnum):
    """What a verification comes to; all but the first are failures, each with an exit code of its own."""

    HOLDS = "holds"
    CHANGED = "changed"
    NOT_SEALED = "not sealed"
    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad signature"
    UNKNOWN_SIGNER = "unknown signer"

    @property
    def exit_code(self) -> int:
        """What ``filiation verify`` returns to the shell."""
        return 0 if self is Outcome.HOLDS else _ERRORS[self].exit_code


_ERRORS: Final[Mapping[Outcome, type[FiliationError]]] = {
    Outcome.CHANGED: ChangedError,
    Outcome.NOT_SEALED: NotSealedError,
    Outcome.UNSIGNED: NotSealedError,
    Outcome.BAD_SIGNATURE: BadSignatureError,
    Outcome.UNKNOWN_SIGNER: UnknownSignerError,
}


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """When an authority saw a signature.

    Parameters
    ----------
    when
        By the authority's clock, in UTC.
    trusted
        Whether it is signed by an authority that the verifier trusts; None if no such authority was named.
    """

    when: datetime
    trusted: bool | None


@dataclass(frozen=True, slots=True)
class SealCheck:
    """One seal of a crate, looked at.

    Parameters
    ----------
    number
        Which.
    statement
        What it states; None if that cannot be read.
    signature
        Whose it is; None if nobody signed, or the signature is bad.
    is_signed
        Whether a signature stands beside the statement, good or bad.
    time_stamp
        When an authority saw the signature, if one did.
    differences
        What of the crate is not as this seal lists it.
    attested
        Whether there is an attestation by the same key about this seal; None if there is none, or it was not checked.
    faults
        What is wrong with the seal itself, in sentences: such a seal proves nothing.
    """

    number: int
    statement: Statement | None = None
    signature: Signature | None = None
    is_signed: bool = False
    time_stamp: TimeStamp | None = None
    differences: tuple[Difference, ...] = ()
    attested: bool | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealReport:
    """What a crate's seals prove.

    Parameters
    ----------
    crate
        The crate's folder.
    outcome
        In a word.
    reason
        In a sentence.
    seals
        Each seal, the oldest first. The newest is the one that tells of the crate as it is now.
    elsewhere
        Things that the crate names without holding them, compared with a folder: path, and what differs, or None if
        it is not there. Empty if no folder was named.
    minisign
        The signature of the metadata file by minisign; None if there is none, or it was not looked at.
    """

    crate: Path
    outcome: Outcome
    reason: str
    seals: tuple[SealCheck, ...] = ()
    elsewhere: tuple[tuple[str, tuple[Difference, ...] | None], ...] = ()
    minisign: MetadataSignature | None = None

    @property
    def holds(self) -> bool:
        """Whether all that was asked for is proven."""
        return self.outcome is Outcome.HOLDS

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "outcome": self.outcome.value,
            "reason": self.reason,
            "seals": [_seal_to_json(seal) for seal in self.seals],
            "elsewhere": [
                {"path": path, "there": found is not None, "differences": _differences_to_json(found or ())}
                for path, found in self.elsewhere
            ],
            "minisign": None if self.minisign is None else self.minisign.to_json(),
        }

    def text(self, named: str) -> str:
        """Return it for a person; ``named`` is what they call the crate."""
        lines = [f"{named}: {'HOLDS' if self.holds else self.outcome.value.upper()}. {self.reason}"]
        for seal in self.seals:
            lines += ["", *_seal_lines(seal)]
        if self.minisign is not None:
            lines += ["", *_minisign_lines(self.minisign)]
        if self.elsewhere:
            lines += ["", *_elsewhere_lines(self.elsewhere)]
        return "\n".join(lines)


def _seal_lines(seal: SealCheck) -> Iterator[str]:
    stated = seal.statement
    if stated is None:
        yield f"Seal {seal.number}"
    else:
        who = stated.signer + (f" ({stated.orcid})" if stated.orcid else "")
        yield f"Seal {seal.number}: {stated.meaning!r}, by {who}, {stated.sealed:%Y-%m-%d %H:%M:%S} UTC"
        yield f"  crate      {stated.name or 'without a name'} ({stated.crate})"
        stores = f", {len(stated.trees)} stores or folders as a whole" if stated.trees else ""
        yield f"  holds      {stated.files} files{stores}; {stated.elsewhere} things elsewhere by their digests"
        if stated.unidentified:
            yield f"  leaves out {stated.unidentified} things that the crate names without a digest"
    if seal.signature is not None:
        whose = seal.signature.signer or (
            f"{seal.signature.was_signer}, who may not sign now" if seal.signature.was_signer else "nobody known"
        )
        yield f"  signed by  {whose}, with {seal.signature.kind} key {seal.signature.key}"
    elif not seal.is_signed:
        yield "  signed by  nobody"
    if seal.time_stamp is not None:
        trust = "a trusted authority" if seal.time_stamp.trusted else "an authority that was not checked"
        yield f"  stamped    {seal.time_stamp.when:%Y-%m-%d %H:%M:%S} UTC by {trust}"
    if seal.attested:
        yield "  attested   to the results, in an in-toto statement by the same key"
    yield from (f"  FAULT      {fault}" for fault in seal.faults)
    yield from (f"  {difference.what:10} {difference.path}" for difference in seal.differences[:MOST_SHOWN])
    if len(seal.differences) > MOST_SHOWN:
        yield f"  … and {len(seal.differences) - MOST_SHOWN} more; --json lists all"


def _minisign_lines(signature: MetadataSignature) -> Iterator[str]:
    yield "Signature of the metadata (minisign)"
    if signature.key:
        known = "one of those that were named" if signature.known else "nobody known"
        yield f"  signed by  {known}, with key {signature.key}"
    if signature.comment:
        yield f"  comment    {signature.comment}"
    if signature.fault:
        yield f"  FAULT      {signature.fault}"
    yield from (f"  {difference.what:10} {difference.path}" for difference in signature.differences[:MOST_SHOWN])
    if len(signature.differences) > MOST_SHOWN:
        yield f"  … and {len(signature.differences) - MOST_SHOWN} more; --json lists all"


def _elsewhere_lines(elsewhere: tuple[tuple[str, tuple[Difference, ...] | None], ...]) -> Iterator[str]:
    right = sum(found == () for _, found in elsewhere)
    absent = [path for path, found in elsewhere if found is None]
    yield f"Of {len(elsewhere)} things elsewhere, {right} are as recorded, {len(absent)} are not in the folder."
    for path, found in elsewhere:
        for difference in (found or ())[:MOST_SHOWN]:
            inner = "" if difference.path == path else f": {difference.path}"
            yield f"  {difference.what:10} {path}{inner}"
    yield from (f"  not there  {path}" for path in absent[:MOST_SHOWN])


def _seal_to_json(seal: SealCheck) -> dict[str, object]:
    signature = seal.signature
    return {
        "number": seal.number,
        "statement": None if seal.statement is None else seal.statement.to_json(),
        "signed": seal.is_signed,
        "signer": None if signature is None else signature.signer,
        "key": None if signature is None else signature.key,
        "expired_signer": None if signature is None else signature.was_signer,
        "stamped": None if seal.time_stamp is None else f"{seal.time_stamp.when:%Y-%m-%dT%H:%M:%SZ}",
        "stamp_trusted": None if seal.time_stamp is None else seal.time_stamp.trusted,
        "attested": seal.attested,
        "faults": list(seal.faults),
        "differences": _differences_to_json(seal.differences),
    }


def _differences_to_json(differences: tuple[Difference, ...]) -> list[dict[str, str]]:
    return [{"path": difference.path, "what": difference.what} for difference in differences]
