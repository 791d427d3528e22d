"""The catalogue, opened for requests: each thread has a ledger of its own, and a page is answered from one moment."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

from filiation.catalogue import CatalogueFolder
from filiation.lineage import Ledger


class Questions:
    """Ledgers of one catalogue, one a thread.

    They know things by what was recorded alone: what a reader names is never looked for on this machine's disk.

    Parameters
    ----------
    catalogue
        As for :class:`~filiation.lineage.Ledger`; found once, so that it matters no more where the server works.

    Raises
    ------
    NotFoundError
        If there is no catalogue.
    """

    def __init__(self, catalogue: Path | str | None) -> None:
        self.folder = CatalogueFolder.find(catalogue).root.absolute()
        self._of_thread = threading.local()

    @contextmanager
    def asking(self) -> Iterator[Ledger]:
        """Give this thread's ledger; every question inside is answered from the catalogue as it is now."""
        ledger: Ledger | None = getattr(self._of_thread, "ledger", None)
        if ledger is None:
            ledger = self._of_thread.ledger = Ledger(self.folder, on_disk=False)
        with ledger.at_one_moment():
            yield ledger


def questions(request: Request) -> Questions:
    """Give a request what answers it."""
    found: Questions = request.app.state.questions
    return found


Asked = Annotated[Questions, Depends(questions)]
"""The catalogue, as an answer's parameter: ``with catalogue.asking() as ledger: …``."""
