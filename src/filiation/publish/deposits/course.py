"""The course of a deposit: a draft found or made, a DOI kept, the crate sealed with it, files sent and compared.

Every step is announced in the journal, done, and noted; so whoever is killed in between goes on, and a step that may
have been done is looked for before it is done again. A draft carries ``urn:uuid:<the deposit's id>``, by which one is
found whose making nobody was told of. Where none is found, and one may have been made, none is made but by whoever says
so: services list what is new late, and two drafts are worse than a question.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.errors import BadInputError, ChangedError, NotFoundError, ServerError
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.http import LostAnswerError
from filiation.publish.deposits.journal import DepositState, Journal
from filiation.publish.deposits.package import Seal, crate_folder
from filiation.publish.deposits.patience import USUAL, Patience
from filiation.publish.deposits.preparing import NOBODY, Form, Telling, prepared, tidy
from filiation.publish.deposits.repository import LocalFile, Record, Repository, Stored

MOST_TRIES: Final = 4
"""How often a file is sent that arrives otherwise than it was sent."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """One deposit of one crate at one service.

    Parameters
    ----------
    journal
        What was done.
    repository, form
        The service, and what it wants.
    seal
        Seals the copy that is sent; None to leave that.
    patience
        How long to wait where a service has not made up its mind.
    telling
        Who is told.
    """

    journal: Journal
    repository: Repository
    form: Form
    seal: Seal | None = None
    patience: Patience = USUAL
    telling: Telling = NOBODY

    @property
    def state(self) -> DepositState:
        """How far it is."""
        return self.journal.state

    @property
    def marker(self) -> str:
        """What a record is known by."""
        return f"urn:uuid:{self.state.id}"

    def go_on(self, crate: Path, digest: str, *, publish: bool = False, create_again: bool = False) -> tuple[str, ...]:
        """Do what is left to do of a deposit, to a complete draft, or until it is published.

        Parameters
        ----------
        crate, digest
            The crate, and the SHA-256 of its metadata.
        publish
            Whether it is to be published, which nobody can take back.
        create_again
            Whether a draft is made although an earlier one may have been, and is not listed.

        Returns
        -------
        tuple of str
            What the service says is missing or wrong in the draft.

        Raises
        ------
        BadInputError
            If the service would not take the crate, or refuses it.
        NotFoundError
            If the draft is not there any more.
        ChangedError
            If files keep arriving otherwise than they were sent.
        ServerError, AccessError
            If the service is away, refuses this token, or may have made a draft that it does not list; the next call
            goes on.
        """
        source = crate_folder(crate, self.journal.unpacked)
        self.form.refuse(source)
        record = self._record(source, create_again=create_again)
        if record.published:
            self._note_published(record)
            return ()
        record = self._with_doi(record)
        files = prepared(
            self.journal, self.form, source, doi=record.doi, digest=digest, seal=self.seal, telling=self.telling
        )
        self._send(record, files)
        problems = self._describe(source, record, files)
        self.journal.write(step.DESCRIBED)
        if publish:
            if problems:
                raise BadInputError(
                    f"{self.repository.service} would not publish this: {'; '.join(problems)}. The draft is kept at "
                    f"{record.page}. Complete the crate's metadata, or the draft there, and call again."
                )
            self._publish(record)
        shutil.rmtree(self.journal.unpacked, ignore_errors=True)
        return problems

    def discard(self) -> None:
        """Remove the draft.

        Raises
        ------
        NotFoundError
            If there is no draft.
        BadInputError
            If it is published.
        """
        state = self.state
        record = self._known() if state.record else self._found(thorough=state.stage == step.CREATING)
        if record is None and not state.is_open:
            raise NotFoundError("There is no draft to discard.")
        if record is not None and record.published:
            self._note_published(record)
            raise BadInputError(f"{record.doi or record.id} is published; what is published stays. See {record.page}")
        self.journal.write(step.DISCARDING)
        if record is not None:
            self.telling.step("Discarding the draft")
            self.repository.discard(record)
        self.journal.write(step.DISCARDED)
        tidy(self.journal)

    def _record(self, source: Path, *, create_again: bool) -> Record:
        """Return the deposit's record: the one that is known, found by its marker, or made now."""
        state = self.state
        if state.record is not None:
            found = self._known()
            if found is not None:
                return found
            raise NotFoundError(
                f"The draft {state.record} is not at {self.repository.service} any more, or not for this token. If you "
                "removed it there, say so with --discard, and deposit again."
            )
        if state.new_version_of is not None:
            return self._created(lambda: self.repository.new_version(str(state.new_version_of)), create_again=True)
        payload = self.form.payload(source, marker=self.marker)
        return self._created(lambda: self.repository.create(payload), create_again=create_again)

    def _created(self, make: Callable[[], Record], *, create_again: bool) -> Record:
        """Make a draft, unless one with this marker is there, or may be."""
        is_new_version = self.state.new_version_of is not None
        pauses = self.patience.pauses()
        while True:
            may_be_there = self.state.stage == step.CREATING
            record = None if is_new_version else self._found(thorough=may_be_there)
            if record is None:
                if may_be_there and not create_again:
                    self._refuse_a_second()
                self.journal.write(step.CREATING)
                self.telling.step("Making a draft")
                try:
                    record = make()
                except LostAnswerError:
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    self.patience.sleep(pause)
                    continue
                if may_be_there and not is_new_version:
                    record = self._the_only_one(record)
            self.journal.write(step.CREATED, record=record.id, page=record.page, doi=record.doi)
            return record

    def _refuse_a_second(self) -> None:
        """Refuse to make a draft while one may be there that is not listed yet."""
        asked = self.state.changed
        since = None if asked is None else self.patience.clock() - asked.timestamp()
        if since is not None and since >= self.patience.sure_after:
            return
        raise ServerError(
            f"Whether {self.repository.service} made a draft is not known: the answer never came, and none that "
            f"carries {self.marker} is listed. Nothing is made twice. Look at your drafts there. If there is one, call "
            "again: it is looked for, and gone on with. If there is none, call again in an hour, or now with "
            "--create-again."
        )

    def _the_only_one(self, made: Record) -> Record:
        """Return what was just made, unless an earlier request was done after all: then that, and the new one goes."""
        earlier = self.repository.find(self.marker)
        if earlier is None or earlier.id == made.id:
            return made
        self.repository.discard(made)
        return earlier

    def _found(self, *, thorough: bool) -> Record | None:
        """Look for a record with this marker; where there may be one, more than once, as services index with delay."""
        pauses = tuple(self.patience.pauses(self.patience.looks)) if thorough else ()
        for pause in (*pauses, None):
            found = self.repository.find(self.marker)
            if found is not None or pause is None:
                return found
            if pause == pauses[0]:
                self.telling.step(
                    f"A draft may have been made; waiting up to {round(sum(pauses))} s for it to be listed"
                )
            self.patience.sleep(pause)
        return None

    def _known(self) -> Record | None:
        return self.repository.look(str(self.state.record))

    def _with_doi(self, record: Record) -> Record:
        doi = record.doi
        if doi is None:
            self.telling.step("Having a DOI reserved")
            doi = self.repository.reserve(record)
        if doi is not None and doi != self.state.doi:
            self.journal.write(step.RESERVED, doi=doi)
        return Record(record.id, record.page, doi, record.published, record.problems)

    def _describe(self, source: Path, record: Record, files: tuple[LocalFile, ...]) -> tuple[str, ...]:
        """Write the metadata; by names alone if the service has something against identifiers."""
        self.telling.step("Describing it")
        payload = self.form.payload(source, marker=self.marker, files=files)
        problems = self.repository.describe(record, payload)
        by_name = self.form.payload(source, marker=self.marker, files=files, by_name=True)
        if not problems or by_name == payload:
            return problems
        fewer = self.repository.describe(record, by_name)
        return fewer if len(fewer) < len(problems) else self.repository.describe(record, payload)

    def _send(self, record: Record, files: tuple[LocalFile, ...]) -> None:
        """Send what is not there yet, and take out what is not ours of an earlier version."""
        there = dict(self.repository.stored(record))
        missing = [file for file in files if file.name not in there or not file.is_as(there[file.name])]
        self.telling.whole(sum(file.size for file in missing))
        for file in files:
            if file not in missing:
                if file.name not in self.state.uploaded:
                    self.journal.write(step.UPLOADED, name=file.name)
                continue
            self._send_one(record, file, there.get(file.name))
        names = {file.name for file in files}
        if self.state.new_version_of is not None:
            for name in sorted(set(there) - names):
                self.repository.remove(record, there[name])

    def _send_one(self, record: Record, file: LocalFile, there: Stored | None) -> None:
        arrived: Stored | None = None
        pauses = self.patience.pauses()
        for _ in range(MOST_TRIES):
            if there is not None:
                self.repository.remove(record, there)
            self.telling.step(f"Sending {file.name}")
            self.journal.write(step.UPLOADING, name=file.name)
            try:
                arrived = self.repository.upload(record, file, self.telling.sent)
            except LostAnswerError:
                pause = next(pauses, None)
                if pause is None:
                    raise
                self.patience.sleep(pause)
                arrived = self.repository.stored(record).get(file.name)
            if arrived is not None and file.is_as(arrived):
                self.journal.write(step.UPLOADED, name=file.name)
                return
            there = arrived
        raise ChangedError(
            f"{file.name} was sent {MOST_TRIES} times to {self.repository.service} and arrived otherwise each time: it "
            f"has {_digest_words(arrived)}, sent was {file.digest(arrived.algorithm if arrived else 'md5')}. "
            "The draft is kept; look into the network or the disk between here and there, and call again."
        )

    def _publish(self, record: Record) -> None:
        pauses = self.patience.pauses()
        while True:
            self.journal.write(step.PUBLISHING)
            self.telling.step("Publishing")
            try:
                self.repository.publish(record)
            except LostAnswerError:
                pause = next(pauses, None)
                if pause is None:
                    raise
                self.patience.sleep(pause)
            now = self.repository.look(record.id)
            if now is not None and now.published:
                self._note_published(now)
                return
            pause = next(pauses, None)
            if pause is None:
                raise ServerError(
                    f"{self.repository.service} took the request to publish {record.id}, and shows it as a draft "
                    f"still. Look at {record.page}; the same command tells when it is published."
                )
            self.patience.sleep(pause)

    def _note_published(self, record: Record) -> None:
        if self.state.published is None:
            self.journal.write(step.PUBLISHED, record=record.id, doi=record.doi or self.state.doi, page=record.page)
        tidy(self.journal)


def _digest_words(stored: Stored | None) -> str:
    return "nothing of it" if stored is None else f"{stored.algorithm or 'no digest'} {stored.checksum}".strip()
