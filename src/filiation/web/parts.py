"""Parts of the catalogue that some may see: put together once, while whoever waits is told so."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from filiation.catalogue.selection import Selection
from filiation.errors import CatalogueBusyError, FiliationError
from filiation.lineage import Ledger
from filiation.web.words import _

_PATIENCE: Final = 30.0
"""Seconds that somebody waits before they are told that it takes longer: of most catalogues it takes less than one."""
_WAITING: Final = 4
"""People who wait so; more are told at once, as there have to be threads for everybody else."""


class _Part:
    """A part that is being put together in a thread of its own."""

    def __init__(self, folder: Path, sees: Selection) -> None:
        self.is_done = threading.Event()
        self.error: FiliationError | None = None
        threading.Thread(target=self._make, args=(folder, sees), daemon=True).start()

    def _make(self, folder: Path, sees: Selection) -> None:
        try:
            with Ledger(folder, on_disk=False, selection=sees).at_one_moment(look=False):
                pass
        except FiliationError as error:
            self.error = error
        finally:
            self.is_done.set()


class Parts:
    """The parts that one process has asked for.

    Parameters
    ----------
    folder
        The catalogue's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._parts: dict[Selection, _Part] = {}
        self._waiting = threading.BoundedSemaphore(_WAITING)

    def wait_for(self, sees: Selection | None) -> None:
        """Wait until what somebody may see is there.

        Raises
        ------
        CatalogueBusyError
            If that takes long; it goes on meanwhile.
        """
        if sees is None:
            return
        with self._lock:
            part = self._parts.get(sees)
            if part is None:
                part = self._parts[sees] = _Part(self._folder, sees)
        if not part.is_done.is_set():
            if not self._waiting.acquire(blocking=False):
                raise _busy()
            try:
                part.is_done.wait(_PATIENCE)
            finally:
                self._waiting.release()
        if not part.is_done.is_set():
            raise _busy()
        if part.error is not None:
            with self._lock:
                self._parts.pop(sees, None)  # whoever asks next begins anew
            raise _busy() if isinstance(part.error, CatalogueBusyError) else part.error


def _busy() -> CatalogueBusyError:
    return CatalogueBusyError(
        _("What you may see is being put together, which takes a while in a large catalogue. Ask again in a minute.")
    )
