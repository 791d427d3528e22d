"""How long a service is waited for: what it asks for, what is tried again, and where that ends."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

PASSING: Final = frozenset({500, 502, 503, 504})
"""What a service answers that has a fault or too much to do; another try may do."""
TOO_MANY: Final = 429
_A_DAY: Final = 86_400
_EPOCH_SINCE: Final = 1_000_000_000  # a reset that is larger is a time, one that is smaller a number of seconds


@dataclass(frozen=True, slots=True)
class Patience:
    """What is waited for, and how long.

    Parameters
    ----------
    tries
        How often a request is sent at most that did not come through.
    first_pause, longest_pause
        Seconds between tries; they double from the first to the longest, and a random part of each is waited.
    longest_wait
        Seconds that a service may ask for; one that asks for more is left, and the next call goes on.
    whole_wait
        Seconds that it may ask for in all during one call.
    connecting, silent
        Seconds after which a service that takes no connection, or sends nothing, counts as away.
    looks
        How often a record is looked for of which nobody knows whether it was made: services list what is new with a
        delay. With the usual pauses that is about two minutes.
    sure_after
        Seconds after which what a service does not list is not there.
    sleep, clock
        How to wait, and the time in seconds since 1970.
    """

    tries: int = 6
    first_pause: float = 0.5
    longest_pause: float = 30.0
    longest_wait: float = 900.0
    whole_wait: float = 3600.0
    connecting: float = 10.0
    silent: float = 120.0
    looks: int = 10
    sure_after: float = 3600.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def pauses(self, tries: int | None = None) -> Iterator[float]:
        """Yield the seconds to wait after each try but the last: random ones, so that clients do not come in step."""
        pause = self.first_pause
        for _ in range((tries or self.tries) - 1):
            yield pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads tries, keeps no secret
            pause = min(2 * pause, self.longest_pause)


USUAL: Final = Patience()
"""What a person waits for."""


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a service asks to be left alone; None if it does not say.

    Parameters
    ----------
    headers
        Of its answer, by names in lower case: ``retry-after`` (RFC 9110, 10.2.3: seconds or a date), else
        ``x-ratelimit-reset`` (seconds, or seconds since 1970) where ``x-ratelimit-remaining`` is 0.
    now
        Seconds since 1970.

    >>> asked_wait({"retry-after": "7"}, 0.0)
    7.0
    >>> asked_wait({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000060"}, 1790000000.0)
    60.0
    >>> asked_wait({"x-ratelimit-remaining": "12", "x-ratelimit-reset": "1790000060"}, 1790000000.0)
    """
    if after := headers.get("retry-after"):
        seconds = _seconds(after)
        if seconds is None:
            seconds = _until(after, now)
        if seconds is not None:
            return seconds
    if headers.get("x-ratelimit-remaining", "0").strip() != "0":
        return None
    reset = _seconds(headers.get("x-ratelimit-reset", ""))
    if reset is None:
        return None
    return max(reset - now, 0.0) if reset > _EPOCH_SINCE else reset


def is_exhausted(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that the next request would be one too many."""
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _until(text: str, now: float) -> float | None:
    try:
        when = parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(when - now, 0.0), _A_DAY)
