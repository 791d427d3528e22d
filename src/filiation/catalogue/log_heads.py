"""How far a catalogue's log went, stated and signed: what was cut off its end, or written anew, shows against it.

A chain alone proves accidental change: who can write to it can write all of it again. So ``filiation log --sign``
states for each file of the log how many lines it has and the hash of the last, and signs it; a copy of that elsewhere
is proof against whoever holds the catalogue. Heads stand in ``log/heads/<number>.json`` with the signature beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.crates import CatalogueFolder
from filiation.catalogue.log import LOG, Segment, read_log
from filiation.catalogue.versions import FORGOTTEN, GONE, TAKEN_IN, versions_of
from filiation.crate import flush
from filiation.crate.seals import Signer, ssh
from filiation.digest import digest_file
from filiation.errors import BadInputError, BadSignatureError, CatalogueBusyError, NotFoundError

HEADS: Final = "heads"
NAMESPACE: Final = "filiation-log"
FORMAT: Final = 1


@dataclass(frozen=True, slots=True)
class Head:
    """A statement of how far the log went.

    Parameters
    ----------
    number
        Which.
    when
        When it was stated, in UTC.
    by
        By whom, in their own words.
    signature
        Whose signature it carries; None if it carries none, or a bad one.
    faults
        What is wrong with it, or with the log since.
    """

    number: int
    when: datetime | None
    by: str
    signature: ssh.Signature | None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogReport:
    """What the log proves.

    Parameters
    ----------
    segments
        Its files.
    heads
        What was stated of it, the oldest first.
    faults
        Where crates and log contradict each other, in sentences.
    before
        How many crates came before the log began.
    """

    segments: tuple[Segment, ...]
    heads: tuple[Head, ...]
    faults: tuple[str, ...]
    before: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing contradicts anything."""
        return not (
            self.faults or any(segment.faults for segment in self.segments) or any(head.faults for head in self.heads)
        )


def sign_log(catalogue: Path, signer: Signer) -> Path:
    """State how far the log goes, and sign it; return the head's file.

    Raises
    ------
    NotFoundError
        If there is no log yet.
    BadInputError
        If the log is broken (nobody should sign that), or the key does not sign.
    CatalogueBusyError
        If somebody else signed meanwhile.
    """
    segments = read_log(catalogue)
    if not segments:
        raise NotFoundError(f"{catalogue} has no log yet: nothing was taken in or noted since logs are kept.")
    if broken := [fault for segment in segments for fault in segment.faults]:
        raise BadInputError(
            f"The log is not signed, since its chain is broken. {broken[0]} See: filiation log --verify"
        )
    home = catalogue / LOG / HEADS
    home.mkdir(exist_ok=True)
    earlier = _heads(home)
    number = max(earlier, default=0) + 1
    told = {
        "filiationLogHead": FORMAT,
        "number": number,
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "signer": signer.name,
        "orcid": signer.orcid,
        "segments": {
            segment.name: {"lines": len(segment.hashes), "last": segment.hashes[-1]}
            for segment in segments
            if segment.hashes
        },
        "previous": digest_file(earlier[max(earlier)]).hex if earlier else None,
    }
    content = (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
    place = home / f"{number}.json"
    signature = None if signer.key is None else ssh.sign(content, signer.key, NAMESPACE)
    if signature is not None:
        (home / f"{number}.json.sig").write_bytes(signature)
    try:
        with place.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise CatalogueBusyError(f"{place} was made meanwhile by somebody else. Sign again, after it.") from error
    flush(place)
    flush(home)
    return place


def verify_log(
    folder: CatalogueFolder, signers: Path | None = None, progress: Callable[[int, int], None] | None = None
) -> LogReport:
    """See whether the log is whole, reaches as far as was signed, and tells of the crates that are there.

    Parameters
    ----------
    folder
        The catalogue.
    signers
        The list of those who may sign, for ``filiation-log`` among other things.
    progress
        Called with how many crates were looked at, and how many there are.
    """
    segments = read_log(folder.root)
    home = folder.root / LOG / HEADS
    heads: list[Head] = []
    previous: Path | None = None
    for number, place in _heads(home).items():
        heads.append(_check_head(number, place, previous, {segment.name: segment for segment in segments}, signers))
        previous = place
    faults, before = _contradictions(folder, segments, progress)
    return LogReport(segments, tuple(heads), tuple(faults), before)


def _heads(home: Path) -> dict[int, Path]:
    found = {int(path.stem): path for path in home.glob("*.json") if path.stem.isdecimal()} if home.is_dir() else {}
    return dict(sorted(found.items()))


def _check_head(
    number: int, place: Path, previous: Path | None, segments: Mapping[str, Segment], signers: Path | None
) -> Head:
    content = place.read_bytes()
    try:
        told = json.loads(content)
        if told["filiationLogHead"] != FORMAT or told["number"] != number:
            raise ValueError("another format or number")
        when = datetime.fromisoformat(told["when"]).astimezone(UTC)
        by = str(told["signer"])
        stated = {str(name): (int(part["lines"]), str(part["last"])) for name, part in told["segments"].items()}
        before = told["previous"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        return Head(number, None, "", None, (f"{place} is no head of a log: {error}.",))
    faults = []
    if before != (None if previous is None else digest_file(previous).hex):
        faults.append(f"Head {number} does not follow the one before it: one was changed or taken away.")
    for name, (lines, last) in stated.items():
        there = segments[name].hashes if name in segments else ()
        if len(there) < lines:
            faults.append(
                f"{name} had {lines} lines when head {number} was signed, and has {len(there)}: it was cut off."
            )
        elif lines < 1 or there[lines - 1] != last:
            faults.append(f"{name} was written anew since head {number} was signed: its line {lines} is another one.")
    signature = None
    beside = place.with_name(f"{place.name}.sig")
    if beside.is_file():
        try:
            signature = ssh.check(content, beside, signers, when, None, NAMESPACE)
        except BadSignatureError as error:
            faults.append(str(error))
    return Head(number, when, by, signature, tuple(faults))


def _contradictions(
    folder: CatalogueFolder, segments: tuple[Segment, ...], progress: Callable[[int, int], None] | None
) -> tuple[list[str], int]:
    """Compare the crates that are there with the last that the log tells of each."""
    events = sorted((event for segment in segments for event in segment.events), key=lambda event: event.when)
    last = {event.about: event for event in events if event.event in (TAKEN_IN, FORGOTTEN, GONE)}
    begun = events[0].when if events else None
    faults: list[str] = []
    before = 0
    crates = {path.name: path for path in folder.list_crates()}
    for done, (run, crate) in enumerate(crates.items(), start=1):
        told = last.get(run)
        if told is not None:
            digest = str(digest_file(crate / METADATA)) if (crate / METADATA).is_file() else None
            if told.event != TAKEN_IN:
                faults.append(f"Run {run} is there, and the log says that it was {told.event}.")
            elif digest != told.digest:
                faults.append(f"The crate of run {run} is not the one that was taken in on {told.when:%Y-%m-%d}.")
        elif begun is None or datetime.fromisoformat(versions_of(folder, run)[-1].taken_in) < begun:
            before += 1
        else:
            faults.append(f"Run {run} came without a word in the log.")
        if progress is not None:
            progress(done, len(crates))
    gone = sorted(run for run, event in last.items() if event.event == TAKEN_IN and run not in crates)
    faults += [f"Run {run} was taken in, is not there, and nobody had it forgotten." for run in gone]
    return faults, before
