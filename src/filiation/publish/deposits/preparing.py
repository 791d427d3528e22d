"""What is sent, made once and kept until it arrived; made anew if the crate changed meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from filiation.errors import BadInputError
from filiation.publish.deposits import journal as step
from filiation.publish.deposits.journal import Journal
from filiation.publish.deposits.package import Seal, copy_completed
from filiation.publish.deposits.repository import Advance, LocalFile, Payload


class Form(Protocol):
    """What a service wants of a crate."""

    def payload(self, crate: Path, *, marker: str, files: tuple[LocalFile, ...] = (), by_name: bool = False) -> Payload:
        """Return the metadata as the service wants it, with the marker; by names for one that does not know our ids."""

    def files(self, crate: Path, folder: Path, advance: Advance) -> tuple[LocalFile, ...]:
        """Return what is sent of a crate; what has to be made is made in ``folder``."""

    def completed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a crate's metadata with what the service asks for, as far as the crate says it elsewhere."""

    def refuse(self, crate: Path) -> None:
        """Raise BadInputError, before anything is sent, for what the service would not take, all of it at once."""


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told of what goes on.

    Parameters
    ----------
    step
        Told in a sentence what is done now.
    packed, sent
        Told how many bytes were packed, or sent, since the last call.
    whole
        Told how many bytes are to be sent.
    """

    step: Callable[[str], None] = lambda _: None
    packed: Advance = lambda _: None
    sent: Advance = lambda _: None
    whole: Callable[[int], None] = lambda _: None


NOBODY: Final = Telling()
"""Nobody is told."""


def prepared(
    journal: Journal,
    form: Form,
    source: Path,
    *,
    doi: str | None,
    digest: str,
    seal: Seal | None,
    telling: Telling,
) -> tuple[LocalFile, ...]:
    """Return what is sent of a crate, as it was made before if neither the crate nor that changed.

    Parameters
    ----------
    journal, form
        The deposit, and what the service wants.
    source, digest
        The crate's folder, and the SHA-256 of its metadata.
    doi
        To be written into the copy.
    seal
        Seals the copy; None to leave that.
    telling
        Who is told.

    Raises
    ------
    BadInputError
        If it was sealed and has to be made anew without a seal, or the crate holds links.
    """
    state = journal.state
    is_as_asked = state.digest == digest and (seal is None or state.sealed)
    if state.files and is_as_asked and all(_is_there(file) for file in state.files):
        return state.files
    if state.sealed and seal is None:
        raise BadInputError(
            f"What was packed of {state.crate} was sealed, and has to be packed anew. Seal that too: --seal."
        )
    telling.step("Packing the crate")
    journal.write(step.PREPARING)
    shutil.rmtree(journal.package, ignore_errors=True)
    copy = journal.package / "crate"
    copy.parent.mkdir(parents=True)
    copy_completed(source, copy, form.completed, doi, seal)
    files = form.files(copy, journal.package / "files", telling.packed)
    if all(copy not in file.path.parents for file in files):
        shutil.rmtree(copy)
    told = [
        {
            "name": file.name,
            "path": str(file.path.relative_to(journal.folder)),
            "size": file.size,
            "digests": dict(file.digests),
        }
        for file in files
    ]
    journal.write(step.PREPARED, digest=digest, sealed=seal is not None, files=told)
    return files


def tidy(journal: Journal) -> None:
    """Remove what was made to be sent."""
    for left in (journal.package, journal.unpacked):
        shutil.rmtree(left, ignore_errors=True)


def _is_there(file: LocalFile) -> bool:
    return file.path.is_file() and file.path.stat().st_size == file.size
