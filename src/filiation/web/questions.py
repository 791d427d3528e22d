"""The catalogue, opened for requests: each thread has a ledger of its own, and a page is answered from one moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.index_file import KeptOpen
from filiation.catalogue.selection import Selection
from filiation.lineage import Ledger
from filiation.web.access.viewer import who_looks
from filiation.web.answers import Answers
from filiation.web.looks import Looks
from filiation.web.parts import Parts
from filiation.web.shared import Shared

_T = TypeVar("_T")
_LEDGERS: Final = 32
"""Ledgers that a thread keeps, for as many parts of the catalogue."""
_NEEDED: Final = (
    "networkx", "numpy", "filiation.catalogue.annotations", "filiation.catalogue.array_writer",
    "filiation.lineage.collapsing", "filiation.lineage.finding", "filiation.lineage.lookup",
)  # fmt: skip
"""What most answers need, and what is else imported when it is needed: a command has to start quickly, a server not."""


class Questions:
    """Ledgers of one catalogue, each for one thread and for what a reader may see.

    This is where a reader's part of the catalogue is kept to: whatever a page asks, it asks a ledger from here, which
    knows nothing else. Where nobody is known to look, nothing is answered.

    They know things by what was recorded alone: what a reader names is never looked for on this machine's disk.

    Parameters
    ----------
    catalogue
        As for :class:`~filiation.lineage.Ledger`; found once, so that it matters no more where the server works.
    shared
        Where the server's processes tell each other who looked into the folder when; None if there is one.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    """

    def __init__(self, catalogue: Path | str | None, shared: Shared | None = None) -> None:
        self.folder = CatalogueFolder.find(catalogue).root.absolute()
        self._of_thread = threading.local()
        self._looks = Looks(shared or Shared())
        self._kept_open = KeptOpen()
        self._answers = Answers()
        self._parts = Parts(self.folder)

    def begin(self) -> None:
        """Look into the folder, and import what answers need, so that the first reader waits for neither."""
        for module in _NEEDED:
            import_module(module)
        self._look()
        whole = self._ledger(None)
        with whole.at_one_moment(look=False):
            whole.newest_runs(limit=1)

    @contextmanager
    def asking(self) -> Iterator[Ledger]:
        """Give this thread's ledger; every question inside is answered from the catalogue as it was a moment ago.

        Raises
        ------
        AccessError
            If nobody looks.
        CatalogueBusyError
            If the part that they may see is still being put together.
        """
        sees = who_looks().sees
        self._look()
        self._parts.wait_for(sees)
        ledger = self._ledger(sees)
        ledger.problems = self._looks.problems if sees is None else ()
        with ledger.at_one_moment(look=False):
            yield ledger

    def once(self, ledger: Ledger, asked: Hashable, answer: Callable[[], _T]) -> _T:
        """Return an answer that rests on runs and annotations alone, worked out once for each state of the catalogue.

        Parameters
        ----------
        ledger
            That :meth:`asking` gave.
        asked
            What tells this question from every other.
        answer
            What works it out.
        """
        return self._answers.kept((ledger.moment(), ledger.selection, ledger.problems, asked), answer)

    @property
    def answers(self) -> Answers:
        """Answers that are kept, with how they were shown."""
        return self._answers

    def _ledger(self, sees: Selection | None) -> Ledger:
        ledgers: dict[Selection | None, Ledger] | None = getattr(self._of_thread, "ledgers", None)
        if ledgers is None:
            ledgers = self._of_thread.ledgers = {}
        if sees not in ledgers:
            while len(ledgers) >= _LEDGERS:
                del ledgers[next(iter(ledgers))]
            ledgers[sees] = Ledger(self.folder, on_disk=False, selection=sees)
        return ledgers[sees]

    def _look(self) -> None:
        """Take in what came since, if the last look is some time ago; meanwhile others read what was there before."""
        with self._looks.due() as look:
            if look is not None:
                whole = self._ledger(None)
                whole.look()
                look.problems = whole.problems
        if look is not None:
            self._kept_open.follow(CatalogueFolder(self.folder).index)


def questions(request: Request) -> Questions:
    """Give a request what answers it."""
    found: Questions = request.app.state.questions
    return found


Asked = Annotated[Questions, Depends(questions)]
"""The catalogue, as an answer's parameter: ``with catalogue.asking() as ledger: …``."""
