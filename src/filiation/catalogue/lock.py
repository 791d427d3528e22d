"""One writer at a time: the catalogue's lock, waited for with patience that ends."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from filiation.errors import CatalogueBusyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FIRST_PAUSE: Final = 0.01
LONGEST_PAUSE: Final = 0.5
_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES})
# Some network file systems know no locks at all; one writer is then the user's to see to.
_UNSUPPORTED: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


@contextmanager
def holding(
    path: Path, *, shared: bool = False, wait: float = 10.0, waiting: Callable[[], None] | None = None
) -> Iterator[int]:
    """Hold the lock ``path`` while the block runs; the system lets go of it if the process dies.

    Yields its descriptor: a process that inherits it holds the lock too.

    Parameters
    ----------
    path
        The lock file, made if need be.
    shared
        Whether others may hold it too, as readers do.
    wait
        Seconds to try at most.
    waiting
        Called once if others hold it and are waited for.

    Raises
    ------
    CatalogueBusyError
        If others held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        _take(descriptor, path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, wait, waiting)
        yield descriptor
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, kind: int, wait: float, waiting: Callable[[], None] | None) -> None:
    for number, _ in enumerate(pauses(wait)):
        if number == 1 and waiting is not None:
            waiting()
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                return
            if error.errno not in _TAKEN:
                raise
        else:
            return
    raise CatalogueBusyError(
        f"Another process is writing to the catalogue {path.parent}; waited {wait:g} s. "
        "Nothing is lost: the crates are on disk. Try again when it has finished."
    )


def pauses(wait: float) -> Iterator[None]:
    """Yield at once, then after growing pauses, until ``wait`` seconds are over."""
    end = time.monotonic() + wait
    pause = FIRST_PAUSE
    while True:
        yield
        left = end - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(pause, left))
        pause = min(pause * 2, LONGEST_PAUSE)
