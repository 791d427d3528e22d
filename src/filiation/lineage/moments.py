"""The time as of which a question is asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from filiation.errors import BadInputError
from filiation.lineage.comparing import read_period

_TICK: Final = timedelta(microseconds=1)


def read_as_of(text: str, *, now: datetime | None = None) -> datetime:
    """Read the time as of which to ask: a year, a month, a day or a minute means the end of it.

    Parameters
    ----------
    text
        Such as ``2026-03``, ``2026-03-01`` or ``2026-03-01T10:30+01:00``; without a zone it is UTC.
    now
        The present, for tests.

    Raises
    ------
    BadInputError
        If it is no time, or one that has not begun.

    >>> read_as_of("2026-03-01").isoformat()
    '2026-03-01T23:59:59.999999+00:00'
    """
    try:
        begin, end = read_period(text)
    except ValueError as error:
        raise BadInputError(f"As of {text!r} cannot be asked: {error}.") from error
    if begin > (now or datetime.now(UTC)):
        raise BadInputError(f"As of {text!r} cannot be asked: it is in the future, and nobody knows yet.")
    return begin if begin.microsecond else end - _TICK
