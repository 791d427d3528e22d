"""What was done of a deposit: a line before and after each step, so that whoever goes on knows where.

A deposit has a folder: ``journal.jsonl``, a lock, and in ``package/`` what is sent. Each line is on disk before the
step that it announces. No token is ever in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filiation.catalogue.lock import holding
from filiation.crate import flush
from filiation.errors import CatalogueBusyError, DamagedJournalError
from filiation.publish.deposits.repository import LocalFile

FORMAT: Final = 1
JOURNAL: Final = "journal.jsonl"
PACKAGE: Final = "package"

BEGUN, CREATING, CREATED, RESERVED = "begun", "creating", "created", "reserved"
PREPARING, PREPARED, UPLOADING, UPLOADED = "preparing", "prepared", "uploading", "uploaded"
DESCRIBED, PUBLISHING, PUBLISHED, NOTED = "described", "publishing", "published", "noted"
DISCARDING, DISCARDED = "discarding", "discarded"
ANNOTATED, RECORDED = "annotated", "recorded"


@dataclass(frozen=True, slots=True)
class NoteInOmero:
    """Key-value pairs with the DOI, as they were written on an image.

    Parameters
    ----------
    server
        Host and port.
    image, annotation
        As the server names them: ``Image:51``, ``MapAnnotation:7``.
    by
        Login name of whose the annotation is.
    at
        When it was written, or seen there.
    """

    server: str
    image: str
    annotation: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DepositState:
    """How far a deposit is, as its journal says.

    Parameters
    ----------
    id
        UUID of the deposit; the record carries it as ``urn:uuid:…``.
    service, address
        Name of the kind, and where.
    crate
        Folder or archive that is deposited.
    digest
        SHA-256 of the crate's metadata when it was prepared last, or begun.
    new_version_of
        The record that this is a new version of.
    stage
        The last step that was done or begun.
    record, page, doi
        What the service calls it.
    files
        What is sent.
    sealed
        Whether that was sealed when it was packed.
    uploaded
        Names of what came.
    begun, changed
        When, in UTC.
    published
        When others could see it; None for a draft.
    noted
        Whether the catalogue knows the DOI.
    in_omero
        Notes on images of which the catalogue is not told yet.
    """

    id: str
    service: str = ""
    address: str = ""
    crate: str = ""
    digest: str = ""
    new_version_of: str | None = None
    stage: str = ""
    record: str | None = None
    page: str = ""
    doi: str | None = None
    files: tuple[LocalFile, ...] = ()
    sealed: bool = False
    uploaded: frozenset[str] = frozenset()
    begun: datetime | None = None
    changed: datetime | None = None
    published: datetime | None = None
    noted: bool = False
    in_omero: tuple[NoteInOmero, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is, or may be, a draft."""
        return bool(self.stage) and self.stage != DISCARDED and self.published is None

    @property
    def words(self) -> str:
        """How far it is, for a person."""
        if self.published is not None:
            return "published"
        if self.stage == DISCARDED:
            return "discarded"
        if self.files and self.record is not None:
            return f"draft, {len(self.uploaded)} of {len(self.files)} files there"
        return "draft" if self.record is not None else self.stage

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "id": self.id,
            "service": self.service,
            "address": self.address,
            "crate": self.crate,
            "state": self.words,
            "stage": self.stage,
            "record": self.record,
            "page": self.page or None,
            "doi": self.doi,
            "newVersionOf": self.new_version_of,
            "files": [{"name": each.name, "size": each.size, "there": each.name in self.uploaded}
                      for each in self.files],
            "begun": _shown(self.begun),
            "changed": _shown(self.changed),
            "published": _shown(self.published),
        }  # fmt: skip


class Journal:
    """The journal of one deposit.

    Parameters
    ----------
    folder
        The deposit's folder; its name is the deposit's id.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._state = read_state(folder)

    @property
    def state(self) -> DepositState:
        """How far it is."""
        return self._state

    @property
    def package(self) -> Path:
        """Folder of what is sent."""
        return self.folder / PACKAGE

    @property
    def unpacked(self) -> Path:
        """Folder that an archive is unpacked into."""
        return self.folder / "unpacked"

    def write(self, event: str, **told: object) -> None:
        """Add a line; it is on disk when this returns.

        Raises
        ------
        OSError
            If it cannot be written; the step must not be done then.
        """
        line = {"format": FORMAT, "event": event, "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}", **told}
        place = self.folder / JOURNAL
        is_new = not place.exists()
        self.folder.mkdir(parents=True, exist_ok=True)
        with place.open("ab") as stream:
            if not is_new and not _ends_whole(place):
                stream.write(b"\n")  # what a killed process left of its line is a line of its own, and skipped
            stream.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        if is_new:
            flush(self.folder)
        self._state = _after(self._state, line, self.folder)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the deposit: nobody else goes on with it meanwhile.

        Raises
        ------
        CatalogueBusyError
            If somebody does.
        """
        try:
            with holding(self.folder / "lock", wait=0):
                self._state = read_state(self.folder)
                yield
        except CatalogueBusyError as error:
            raise CatalogueBusyError(
                f"Another process is at this deposit ({self.folder}). Wait for it; the same command then tells how far "
                "it came."
            ) from error


def read_state(folder: Path) -> DepositState:
    """Return how far a deposit is.

    Raises
    ------
    DamagedJournalError
        If the journal is of a later version, or no journal.
    """
    state = DepositState(folder.name)
    place = folder / JOURNAL
    if not place.exists():
        return state
    for text in place.read_bytes().split(b"\n"):
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the rest of a line whose process was killed: the step after it was never begun
        if not isinstance(line, dict) or line.get("format") != FORMAT:
            raise DamagedJournalError(
                f"{place} has a line of format {line.get('format') if isinstance(line, dict) else line!r}; this "
                f"version reads {FORMAT}. Use the version of filiation that began the deposit."
            )
        try:
            state = _after(state, line, folder)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedJournalError(
                f"{place} has a line that filiation never writes ({error!r}). Look on the service's page what became "
                "of the draft, then remove this folder."
            ) from error
    return state


def _after(state: DepositState, line: Mapping[str, Any], folder: Path) -> DepositState:
    """Return the state after a line of the journal."""
    event, when = line["event"], datetime.fromisoformat(line["at"])
    if event == BEGUN and not state.is_open:
        state = DepositState(state.id, begun=when)
    state = replace(state, stage=event, changed=when)
    if event == BEGUN:
        told = {name: line[name] for name in ("service", "address", "crate", "digest")}
        return replace(state, new_version_of=line.get("newVersionOf"), **told)
    if event == CREATED:
        return replace(state, record=line["record"], page=line["page"], doi=line.get("doi") or state.doi)
    if event == RESERVED:
        return replace(state, doi=line["doi"])
    if event == PREPARED:
        files = tuple(
            LocalFile(each["name"], folder / each["path"], each["size"], each["digests"]) for each in line["files"]
        )
        sealed = bool(line.get("sealed"))
        return replace(state, digest=line["digest"], files=files, sealed=sealed, uploaded=frozenset())
    if event == UPLOADED:
        return replace(state, uploaded=state.uploaded | {line["name"]})
    if event == PUBLISHED:
        doi, page = line.get("doi") or state.doi, line.get("page") or state.page
        record = line.get("record") or state.record
        return replace(state, published=when, doi=doi, page=page, record=record)
    if event == NOTED:
        return replace(state, noted=True)
    if event == ANNOTATED:
        made = NoteInOmero(line["server"], line["image"], line["annotation"], str(line.get("by") or ""), when)
        return replace(state, in_omero=(*state.in_omero, made))
    if event == RECORDED:
        left = tuple(note for note in state.in_omero if (note.server, note.image) != (line["server"], line["image"]))
        return replace(state, in_omero=left)
    return state


def _ends_whole(place: Path) -> bool:
    with place.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        if not size:
            return True
        stream.seek(size - 1)
        return stream.read(1) == b"\n"


def _shown(when: datetime | None) -> str | None:
    return None if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"
