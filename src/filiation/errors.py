"""The errors that filiation raises.

Every error says what happened, where, what was found, what was expected and what to do next. Each child also is
the builtin it stands for, so a caller who knows only Python can catch it. ``exit_code`` is what the command line
returns when the error ends a command; ``docs/reference/exit-codes.md`` lists them.
"""

from __future__ import annotations

from typing import ClassVar


class FiliationError(Exception):
    """Base of every error that filiation raises on purpose; its text is one message for a person."""

    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """The text as it was given: a sentence that can be said in other languages is one still."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class BadInputError(FiliationError, ValueError):
    """What was given cannot be used: a wrong type, a missing column, an unknown method, an unreadable image."""

    exit_code = 2


class QueryEndedError(BadInputError, TimeoutError):
    """A query was ended, because it took more time or memory than it may."""


class NotFoundError(FiliationError, LookupError):
    """The thing asked for is not in the catalogue, or not on disk."""

    exit_code = 3


class InvalidCrateError(FiliationError, ValueError):
    """A crate is truncated, malformed or not valid by its profile."""

    exit_code = 4


class ChangedError(FiliationError):
    """Bytes differ from their record."""

    exit_code = 5


class DamagedJournalError(FiliationError, ValueError):
    """A journal was changed after it was written: a line does not carry the hash of the line before it."""

    exit_code = 6


class MissingExtraError(FiliationError, ImportError):
    """An optional library is not installed; the message names the extra to install."""

    exit_code = 7


class CatalogueBusyError(FiliationError, BlockingIOError):
    """Another process is writing to the catalogue."""

    exit_code = 8


class OutOfMemoryError(FiliationError, MemoryError):
    """Something did not fit into memory, or a process was ended as the system does when none is left."""

    exit_code = 13


class NotReproducedError(FiliationError):
    """A run was run again and did not give the same."""

    exit_code = 10


class FindingsError(FiliationError):
    """An audit found something that has to be looked into."""

    exit_code = 9


class AccessError(FiliationError, PermissionError):
    """A server refuses: a wrong password, a session that is over, no permission, no credentials to be found."""

    exit_code = 11


class ServerError(FiliationError, ConnectionError):
    """A server cannot be reached, broke off, or sent less than it should."""

    exit_code = 12


class NotSealedError(FiliationError, LookupError):
    """A crate has no seal, or one that nobody signed."""

    exit_code = 14


class BadSignatureError(FiliationError, ValueError):
    """A signature is not of what it stands beside, or its key may not sign (any more)."""

    exit_code = 15


class UnknownSignerError(FiliationError, LookupError):
    """A signature is right, and whose it is is not known, or it is not the one asked for."""

    exit_code = 16
