"""What goes wrong with a block: which one it was, and whether memory ran out."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from filiation.errors import FiliationError, OutOfMemoryError
from filiation.segmentation.blockwise.grid import Grid

_REMEDY = "Take smaller blocks, fewer processes, or more memory for the job."
_NAMED = 8  # blocks that a message names


@contextmanager
def naming_the_block(grid: Grid, number: int) -> Iterator[None]:
    """Let an error say in which block it came about.

    Raises
    ------
    OutOfMemoryError
        If the block did not fit into memory.
    """
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(f"{_place(grid, number)} does not fit into memory: {error}. {_REMEDY}") from error
    except FiliationError as error:
        error.args = (f"{_place(grid, number)}: {error}",)
        raise
    except Exception as error:
        error.add_note(f"This was in {_place(grid, number).lower()}.")
        raise


def _place(grid: Grid, number: int) -> str:
    sides = ", ".join(f"{side.start} to {side.stop}" for side in grid.block(number).core)
    return f"Block {number} of {len(grid)} (pixels {sides})"


def lost_worker(blocks: Iterable[int], statuses: Iterable[int | None]) -> FiliationError:
    """Return what to say of a process that ended without a word.

    Parameters
    ----------
    blocks
        Those that were at work.
    statuses
        Exit statuses of the processes, as ``multiprocessing`` has them: a signal's number is negative.
    """
    named = sorted(blocks)
    told = ", ".join(map(str, named[:_NAMED])) + (f" and {len(named) - _NAMED} more" if len(named) > _NAMED else "")
    where = f"while blocks {told} were at work or waiting for it"
    # The others are ended, by SIGTERM, because of the first.
    ended = {status for status in statuses if status is not None and status not in (0, -signal.SIGTERM)}
    if -signal.SIGKILL in ended:
        return OutOfMemoryError(
            f"A process was killed {where}, as the system does when memory runs out. {_REMEDY} What is done is kept: "
            "the next call goes on with the rest."
        )
    status = f" with exit status {min(ended)}" if ended else ""
    return FiliationError(
        f"A process ended{status} {where}, without saying why. What is done is kept: the next call goes on with the "
        "rest."
    )
