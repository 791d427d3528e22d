"""What a repository does with a deposit, whichever it is: the seam between the course of a deposit and a service."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from filiation.publish.deposits.services import Service

Payload = dict[str, Any]
"""A body as the service wants it; JSON."""
Advance = Callable[[int], None]
_OF_ANY_LENGTH: Final = frozenset({"shake_128", "shake_256"})


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a service: a draft, or published.

    Parameters
    ----------
    id
        As the service names it.
    page
        Where a person sees it.
    doi
        Its DOI without a resolver, reserved or registered; None while there is none.
    published
        Whether others can see it.
    problems
        What the service says is missing or wrong, for a person.
    """

    id: str
    page: str = ""
    doi: str | None = None
    published: bool = False
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A file as a service has it.

    Parameters
    ----------
    name
        Its name there, with folders where it knows them.
    complete
        Whether all of it came.
    size
        Bytes; None if it does not say.
    algorithm, checksum
        The digest that it computed, in hexadecimal; empty if it does not say.
    id
        What it is removed by.
    """

    name: str
    complete: bool
    size: int | None = None
    algorithm: str = ""
    checksum: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that is to be deposited.

    Parameters
    ----------
    name
        Its name at the service, with folders where it knows them.
    path
        Where it is here.
    size
        Bytes.
    digests
        In hexadecimal, by algorithm: ``md5`` and ``sha256``; others are computed where a service has them.
    """

    name: str
    path: Path
    size: int
    digests: Mapping[str, str]

    def is_as(self, stored: Stored) -> bool:
        """Whether a service has exactly these bytes."""
        return (
            stored.complete
            and stored.size in (None, self.size)
            and self.digest(stored.algorithm) == stored.checksum.lower() != ""
        )

    def digest(self, algorithm: str) -> str:
        """Return a digest, read from the disk if it was not kept; empty for an algorithm that nobody has."""
        if algorithm in self.digests or algorithm not in hashlib.algorithms_guaranteed - _OF_ANY_LENGTH:
            return self.digests.get(algorithm, "")
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, algorithm).hexdigest()


class Repository(Protocol):
    """A service that keeps drafts; each method is one step, safe to repeat unless it says otherwise."""

    service: Service

    def find(self, marker: str) -> Record | None:
        """Return this user's record that carries a marker, if there is one."""

    def create(self, payload: Payload) -> Record:
        """Make a draft; twice, there are two. Raises LostAnswerError if it may have been made."""

    def new_version(self, of: str) -> Record:
        """Return the draft of the next version of a published record, made if need be."""

    def look(self, record: str) -> Record | None:
        """Return a record as it is now; None if it is not there."""

    def reserve(self, record: Record) -> str | None:
        """Return the DOI that is kept for a record; None for a service that gives none."""

    def stored(self, record: Record) -> Mapping[str, Stored]:
        """Return the files of a draft by name."""

    def upload(self, record: Record, file: LocalFile, advance: Advance) -> Stored:
        """Send a file. Raises LostAnswerError if it may have come."""

    def remove(self, record: Record, stored: Stored) -> None:
        """Take a file out of a draft."""

    def describe(self, record: Record, payload: Payload) -> tuple[str, ...]:
        """Write a draft's metadata; return what the service says is wrong with it."""

    def publish(self, record: Record) -> None:
        """Make it visible. Raises LostAnswerError if that may have happened."""

    def discard(self, record: Record) -> None:
        """Remove a draft; nothing happens if there is none."""
