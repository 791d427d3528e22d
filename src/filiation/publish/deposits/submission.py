"""The course of a submission: one request that takes the whole crate, and does nothing when it is sent again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filiation.errors import BadInputError
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.journal import Journal
from filiation.publish.deposits.package import Seal, crate_folder
from filiation.publish.deposits.preparing import NOBODY, Form, Telling, prepared, tidy
from filiation.publish.deposits.workflowhub import WorkflowHub


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission of one crate.

    Parameters
    ----------
    journal
        What was done.
    hub, form
        The service, and what it wants.
    seal
        Seals the copy that is sent; None to leave that.
    telling
        Who is told.
    """

    journal: Journal
    hub: WorkflowHub
    form: Form
    seal: Seal | None = None
    telling: Telling = NOBODY

    def go_on(self, crate: Path, digest: str, *, publish: bool = False, create_again: bool = False) -> tuple[str, ...]:
        """Pack the crate, and submit it if it is to be published: there is nothing between here and there.

        Parameters
        ----------
        crate, digest
            The crate, and the SHA-256 of its metadata.
        publish
            Whether it is to be submitted, which nobody can take back.
        create_again
            Of no account: what was submitted is known again.

        Returns
        -------
        tuple of str
            What is left to do.

        Raises
        ------
        BadInputError
            If WorkflowHub would not take the crate, or refuses it.
        ServerError, AccessError
            If it is away, or refuses this token.
        """
        source = crate_folder(crate, self.journal.unpacked)
        self.form.refuse(source)
        (file,) = prepared(
            self.journal, self.form, source, doi=None, digest=digest, seal=self.seal, telling=self.telling
        )
        if not publish:
            return (f"WorkflowHub has no drafts; {file.path} is what would be submitted. Submit it with --publish.",)
        self.telling.whole(file.size)
        self.telling.step("Submitting the crate")
        self.journal.write(step.PUBLISHING)
        payload = self.form.payload(source, marker=f"urn:uuid:{self.journal.state.id}", files=(file,))
        record = self.hub.submit(file, payload, self.telling.sent)
        self.journal.write(step.PUBLISHED, record=record.id, doi=record.doi, page=record.page)
        tidy(self.journal)
        return ()

    def discard(self) -> None:
        """Forget what was packed.

        Raises
        ------
        BadInputError
            If it was submitted.
        """
        state = self.journal.state
        if state.published is not None or state.stage == step.PUBLISHING:
            raise BadInputError(f"It was submitted, or may have been; see {state.page or self.hub.service.address}.")
        self.journal.write(step.DISCARDED)
        tidy(self.journal)
