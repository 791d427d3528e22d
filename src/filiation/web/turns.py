"""How many long questions are answered at once: each reader's share, and that of all together, over all processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from filiation.errors import CatalogueBusyError
from filiation.model.sentences import Sentence
from filiation.web.shared import Shared


class TooManyError(CatalogueBusyError):
    """Somebody asks more at once than their share."""


class Turns:
    """Hands out turns, without a queue: who gets none is told so at once.

    Parameters
    ----------
    shared
        Where the server's processes tell each other which are taken.
    what
        A word for what the turns are of.
    each
        Turns that one reader may have at once.
    all_together
        Turns that there are.
    """

    def __init__(self, shared: Shared, what: str = "query", *, each: int, all_together: int) -> None:
        self._shared = shared
        self._what = what
        self._each = each
        self._all = all_together

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
        number = self._take(reader)
        try:
            yield
        finally:
            with self._shared.changing() as cursor:
                cursor.execute("DELETE FROM turn WHERE number = ?", (number,))

    def _take(self, reader: str) -> int:
        with self._shared.changing() as cursor:
            taken = [name for (name,) in cursor.execute("SELECT reader FROM turn WHERE what = ?", (self._what,))]
            if taken.count(reader) >= self._each:
                raise TooManyError(
                    Sentence(
                        "{each} of your queries are being answered; ask again when one of them is done.",
                        each=self._each,
                    )
                )
            if len(taken) >= self._all:
                raise CatalogueBusyError(
                    Sentence("{all} queries are being answered. Ask again in some seconds.", all=self._all)
                )
            cursor.execute(
                "INSERT INTO turn (what, reader, process) VALUES (?, ?, ?)", (self._what, reader, os.getpid())
            )
            return int(cursor.lastrowid or 0)
