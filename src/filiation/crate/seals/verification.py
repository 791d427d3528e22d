"""What a crate's seals prove now: whose they are, and whether every byte is as sealed. No network, no catalogue."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from filiation.crate.metadata import METADATA_FILE
from filiation.crate.seals import ssh
from filiation.crate.seals.contents import MINISIG, compare_elsewhere, read_contents
from filiation.crate.seals.metadata_signature import MetadataSignature, Reader, check_metadata_signature
from filiation.crate.seals.report import Outcome, SealCheck, SealReport, TimeStamp
from filiation.crate.seals.sealing import seal_folders
from filiation.crate.seals.statement import (
    ATTESTATION,
    MANIFEST,
    SEALS,
    SIGNATURE,
    STATEMENT,
    TIME_STAMP,
    Statement,
)
from filiation.digest import Difference, digest_file
from filiation.digest.manifest import SYMLINK_SUFFIX, read_manifest
from filiation.errors import BadSignatureError, FiliationError, NotFoundError
from filiation.model.sentences import Sentence

_KNOWN: Final = frozenset({STATEMENT, MANIFEST, SIGNATURE, TIME_STAMP, ATTESTATION})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What reads the evidence beside a signature; each raises :class:`BadSignatureError` where it is of something else.

    Parameters
    ----------
    signers
        The list of those who may sign (``ssh-keygen``'s ``allowed_signers``); None if nobody is known.
    time_stamp
        Reads the time stamp of a signature's bytes; None to leave time stamps aside.
    attestation
        Checks the attestation with the signature's bytes, and the statement; None to leave attestations aside.
    minisign
        Reads a signature of the metadata file by minisign; None to leave it aside.
    """

    signers: Path | None = None
    time_stamp: Callable[[bytes, bytes], TimeStamp] | None = None
    attestation: Callable[[bytes, bytes, Statement], None] | None = None
    minisign: Reader | None = None


def verify_crate(
    crate: Path,
    *,
    evidence: Evidence | None = None,
    any_signer: bool = False,
    required: Collection[str] = (),
    data: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> SealReport:
    """Verify the seals of a crate, failing closed: what is not proven is a failure.

    Parameters
    ----------
    crate
        The crate's folder.
    evidence
        Who may sign, and what else is read beside a signature.
    any_signer
        Whether a signature by a key that nobody vouches for is enough.
    required
        Those who must have signed the crate as it is now, by their names in the list.
    data
        A folder to compare with what the crate names without holding it: the run's folder, or a copy of it.
    progress
        Called with the number of bytes read since the last call.

    Raises
    ------
    NotFoundError
        If there is no crate.
    BadInputError
        If something in it cannot be read.
    """
    if not (crate / METADATA_FILE).is_file():
        raise NotFoundError(f"No crate at {crate}: it has no {METADATA_FILE}.")
    evidence = evidence or Evidence()
    folders = seal_folders(crate)
    if not folders and not os.path.lexists(crate / MINISIG):
        return SealReport(
            crate,
            Outcome.NOT_SEALED,
            Sentence(
                "{crate} has no seal: nobody stated what it holds. Seal it with: filiation seal", crate=str(crate)
            ),
        )
    contents = read_contents(crate, progress)
    signed = check_metadata_signature(crate, contents, evidence.minisign) if evidence.minisign else None
    if not folders:
        elsewhere = _elsewhere(crate, data, progress)
        return SealReport(crate, *_judge_signature(signed, elsewhere, required), elsewhere=elsewhere, minisign=signed)
    present = dict(contents.hashes)
    # Beside the seals' folders nothing is expected, and no seal lists what stands there.
    present |= {os.fsencode(f"{SEALS}/{name}"): "" for name in _beside(crate / SEALS)}
    previous: Path | None = None
    checks: list[SealCheck] = []
    for number, folder in folders.items():
        checks.append(_check(folder, number, previous, present, evidence))
        previous = folder / STATEMENT
    elsewhere = _elsewhere(crate, data, progress)
    gone = [number for number in range(1, max(folders)) if number not in folders]
    outcome, reason = _judge(tuple(checks), gone, elsewhere, evidence.signers, any_signer=any_signer, required=required)
    if signed is not None and signed.fault is not None:
        outcome, reason = Outcome.BAD_SIGNATURE, f"{signed.fault}."
    return SealReport(crate, outcome, reason, tuple(checks), elsewhere, signed)


def verify_within(
    crate: Path,
    *,
    evidence: Evidence | None = None,
    any_signer: bool = False,
    progress: Callable[[int], None] | None = None,
) -> dict[str, SealReport]:
    """Verify the sealed crates that a crate holds, such as those of runs in a bundle of evidence, by their places.

    Crates that nobody sealed are left out: the seal of the crate around them tells of their bytes.
    Parameters are those of :func:`verify_crate`.
    """
    inner = sorted(place.parent for place in crate.glob(f"crates/*/{METADATA_FILE}") if seal_folders(place.parent))
    return {
        place.relative_to(crate).as_posix(): verify_crate(
            place, evidence=evidence, any_signer=any_signer, progress=progress
        )
        for place in inner
    }


def _check(
    folder: Path, number: int, previous: Path | None, present: Mapping[bytes, str], evidence: Evidence
) -> SealCheck:
    """Look at one seal; ``previous`` is the statement before it."""
    entries = sorted(folder.iterdir())
    faults = [f"{entry.name!r} is nothing of a seal" for entry in entries if entry.name not in _KNOWN]
    if odd := [entry.name for entry in entries if entry.is_symlink() or not entry.is_file()]:
        return SealCheck(number, faults=(*faults, f"{', '.join(odd)}: a seal holds plain files only"))
    signature = folder / SIGNATURE
    try:
        content = (folder / STATEMENT).read_bytes()
        statement = Statement.from_bytes(content, folder / STATEMENT)
        manifest = (folder / MANIFEST).read_bytes()
        differences = _differences(manifest, present)
    except (OSError, FiliationError) as error:
        return SealCheck(number, is_signed=signature.exists(), faults=(*faults, str(error)))
    if hashlib.sha256(manifest).hexdigest() != statement.manifest.hex:
        faults.append(f"{MANIFEST} is not the one that the statement names")
    if statement.number != number:
        faults.append(f"the statement is that of seal {statement.number}")
    if statement.previous != (None if previous is None else digest_file(previous)):
        faults.append("the seal before it is not the one that the statement names")
    found = SealCheck(number, statement, is_signed=signature.is_file(), differences=differences, faults=tuple(faults))
    if not found.is_signed:
        return found
    try:
        return _with_signature(found, statement, folder, content, evidence)
    except BadSignatureError as error:
        return replace(found, faults=(*faults, str(error)))


def _with_signature(
    seal: SealCheck, statement: Statement, folder: Path, content: bytes, evidence: Evidence
) -> SealCheck:
    signature = (folder / SIGNATURE).read_bytes()
    stamp = None
    if evidence.time_stamp is not None and (folder / TIME_STAMP).is_file():
        stamp = evidence.time_stamp((folder / TIME_STAMP).read_bytes(), signature)
    proven = stamp.when if stamp is not None and stamp.trusted else None
    found = ssh.check(content, folder / SIGNATURE, evidence.signers, statement.sealed, proven)
    attested = None
    if evidence.attestation is not None and (folder / ATTESTATION).is_file():
        evidence.attestation((folder / ATTESTATION).read_bytes(), signature, statement)
        attested = True
    return replace(seal, signature=found, time_stamp=stamp, attested=attested)


def _beside(home: Path) -> list[str]:
    return [entry.name for entry in home.iterdir() if not (entry.name.isdecimal() and entry.is_dir())]


def _differences(manifest: bytes, present: Mapping[bytes, str]) -> tuple[Difference, ...]:
    read_manifest(manifest)  # refuses what is none
    sealed = {entry[66:]: entry[:64].decode("ascii") for entry in manifest.split(b"\0") if entry}
    found: list[Difference] = []
    for path in sorted(sealed.keys() | present.keys()):
        if sealed.get(path) != present.get(path):
            what = "missing" if path not in present else "unexpected" if path not in sealed else "changed"
            found.append(Difference(path.removesuffix(SYMLINK_SUFFIX).decode("utf-8", "surrogateescape"), what))  # type: ignore[arg-type]
    return tuple(found)


def _elsewhere(
    crate: Path, data: Path | None, progress: Callable[[int], None] | None
) -> tuple[tuple[str, tuple[Difference, ...] | None], ...]:
    if data is None:
        return ()
    return tuple((thing.path, differences) for thing, differences in compare_elsewhere(crate, data, progress))


def _judge_signature(
    signed: MetadataSignature | None,
    elsewhere: Iterable[tuple[str, tuple[Difference, ...] | None]],
    required: Collection[str],
) -> tuple[Outcome, str]:
    """Judge a crate that nobody sealed, but whose metadata somebody signed with minisign."""
    if signed is None:
        return Outcome.NOT_SEALED, (
            Sentence(
                "It has no seal, and the signature of its metadata (minisign) was not looked at. Install the "
                "extra for that: pip install 'filiation[export]'"
            )
        )
    if signed.fault is not None:
        return Outcome.BAD_SIGNATURE, Sentence("{fault}.", fault=signed.fault)
    wrong = [*signed.differences, *(each for _, found in elsewhere for each in found or ())]
    if wrong:
        return Outcome.CHANGED, (
            Sentence(
                "{count} of its files are not as its metadata names them: {file} is {what}.",
                count=len(wrong),
                file=wrong[0].path,
                what=Sentence.term(wrong[0].what),
            )
        )
    if not signed.known:
        return Outcome.UNKNOWN_SIGNER, (
            Sentence(
                "Its metadata are signed with the minisign key {key}, which was not named. If you trust it, "
                "name its public key: --minisign-key FILE",
                key=signed.key,
            )
        )
    if required:
        return Outcome.UNKNOWN_SIGNER, (
            Sentence(
                "{listed} did not sign it: it has no seal, only a signature by the minisign key {key}.",
                listed=", ".join(required),
                key=signed.key,
            )
        )
    return Outcome.HOLDS, Sentence(
        "Every file is as its metadata names it, and those are signed with key {key}.", key=signed.key
    )


def _judge(
    seals: tuple[SealCheck, ...],
    gone: list[int],
    elsewhere: Iterable[tuple[str, tuple[Difference, ...] | None]],
    signers: Path | None,
    *,
    any_signer: bool,
    required: Collection[str],
) -> tuple[Outcome, str]:
    """Return the first thing that is wrong, the gravest first: where a signature is bad, no list can be believed."""
    for seal in seals:
        if seal.faults:
            return Outcome.BAD_SIGNATURE, Sentence(
                "Seal {number} proves nothing: {listed}.", number=seal.number, listed="; ".join(seal.faults)
            )
    if gone:
        return Outcome.BAD_SIGNATURE, Sentence(
            "Seal {gone} is missing, though seal {number} came after it.", gone=gone[0], number=seals[-1].number
        )
    last = seals[-1]
    if last.differences:
        return Outcome.CHANGED, Sentence(
            "{counted} of the crate changed after seal {number} was made.",
            counted=_counted(last.differences),
            number=last.number,
        )
    changed = [path for path, differences in elsewhere if differences]
    if changed:
        return Outcome.CHANGED, Sentence(
            "{count} of the things that the crate names are not as recorded: {changed}.",
            count=len(changed),
            changed=changed[0],
        )
    if not last.is_signed or last.signature is None:
        return Outcome.UNSIGNED, (
            Sentence(
                "Nobody signed seal {number}. The bytes are as it lists them, which proves accidental change "
                "only: whoever can write to the crate can make such a seal.",
                number=last.number,
            )
        )
    holding = [seal for seal in seals if not seal.differences and seal.signature is not None]
    names = {seal.signature.signer for seal in holding if seal.signature is not None and seal.signature.signer}
    if missing := sorted(set(required) - names):
        return Outcome.UNKNOWN_SIGNER, (
            Sentence(
                "{listed} did not sign the crate as it is now. Signed by: {names}.",
                listed=", ".join(missing),
                names=", ".join(sorted(names)) or Sentence("nobody known"),
            )
        )
    if last.signature.signer is None and not any_signer and not names:
        return Outcome.UNKNOWN_SIGNER, _unknown(last.signature, signers)
    return Outcome.HOLDS, Sentence("Every byte of the crate is as it was sealed.")


def _unknown(signature: ssh.Signature, signers: Path | None) -> str:
    if signature.was_signer is not None:
        return Sentence(
            "The key {key} was {was_signer}'s and may not sign now ({signers}), and no trusted time "
            "stamp proves that the seal was made while it might. Ask for a new seal, or name the "
            "authority that stamped it: --tsa-roots FILE",
            key=signature.key,
            was_signer=signature.was_signer,
            signers=signers,
        )
    if signers is None:
        return Sentence(
            "The signature by {key} is right, and whose key that is is not known. Name a list of those "
            "who may sign (--signers FILE, or ~/.config/filiation/allowed_signers), or accept whoever it "
            "is: --any-signer",
            key=signature.key,
        )
    return Sentence(
        "The signature by {key} is right, and {signers} does not give that key to anybody for "
        "crates. Ask whose it is, and add a line to the list; or accept whoever it is: --any-signer",
        key=signature.key,
        signers=signers,
    )


def _counted(differences: Collection[Difference]) -> str:
    return Sentence("1 file") if len(differences) == 1 else Sentence("{count} files", count=len(differences))
