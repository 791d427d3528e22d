"""How many long questions are answered at once: each reader's share, and that of all together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from filiation.errors import CatalogueBusyError


class TooManyError(CatalogueBusyError):
    """Somebody asks more at once than their share."""


class Turns:
    """Hands out turns, without a queue: who gets none is told so at once.

    Parameters
    ----------
    each
        Turns that one reader may have at once.
    all_together
        Turns that there are.
    """

    def __init__(self, *, each: int, all_together: int) -> None:
        self._each = each
        self._all = all_together
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, reader: str) -> Iterator[None]:
        """Take a turn, and give it back.

        Raises
        ------
        TooManyError
            If the reader has all of theirs already.
        CatalogueBusyError
            If others have all there are.
        """
        with self._lock:
            if self._taken[reader] >= self._each:
                raise TooManyError(
                    f"{self._each} of your queries are being answered; ask again when one of them is done."
                )
            if self._taken.total() >= self._all:
                raise CatalogueBusyError(f"{self._all} queries are being answered. Ask again in some seconds.")
            self._taken[reader] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[reader] -= 1
                self._taken += Counter()  # lets go of readers without any
