"""Looks into the catalogue's folder for what came since: now and then, by one of the server's processes for all."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, thread_time
from typing import Final

from filiation.web.shared import Shared

EVERY: Final = 1.0
"""Seconds between two looks at least."""
_SHARE: Final = 0.05
"""Of a processor's time that looks may take: where there are many crates, each takes a while."""
_AT_LEAST: Final = 10.0
"""So often there is one, however long it takes."""


@dataclass(slots=True)
class Look:
    """A look that is taken.

    Parameters
    ----------
    problems
        What was found to be wrong, in sentences.
    """

    problems: tuple[str, ...] = ()


class Looks:
    """Says when a look is due, and what the last one of any process found.

    Parameters
    ----------
    shared
        Where processes tell each other.
    """

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._looking = threading.Lock()
        self._next: float | None = None
        self.problems: tuple[str, ...] = ()
        """What the last look found to be wrong."""

    @contextmanager
    def due(self) -> Iterator[Look | None]:
        """Give a look to be taken inside, if it is time and nobody else takes it; the first of a process always is."""
        first = self._next is None
        if (self._next is not None and monotonic() < self._next) or not self._looking.acquire(blocking=first):
            yield None
            return
        try:
            if self._next is None or self._claimed():
                began, worked = monotonic(), thread_time()
                look = Look()
                yield look
                self._note(began, thread_time() - worked, look)
            else:
                yield None
        finally:
            self._looking.release()

    def _claimed(self) -> bool:
        """Take the next look for this process, unless another has taken it; else learn what that one found."""
        now = monotonic()
        with self._shared.changing() as cursor:
            cursor.execute("UPDATE look SET began = :now WHERE began + every <= :now", {"now": now})
            if cursor.rowcount == 1:
                return True
        for began, every, problems in self._shared.ask("SELECT began, every, problems FROM look"):
            self.problems = tuple(json.loads(problems))
            self._next = began + every
        return False

    def _note(self, began: float, worked: float, look: Look) -> None:
        every = min(max(EVERY, worked / _SHARE), _AT_LEAST)
        self.problems = look.problems
        self._next = monotonic() + every
        with self._shared.changing() as cursor:
            cursor.execute("INSERT OR REPLACE INTO look VALUES (1, ?, ?, ?)", (began, every, json.dumps(look.problems)))
