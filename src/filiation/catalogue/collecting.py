"""When Python looks for circular garbage while a run of many jobs is in memory."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def collecting_once() -> Iterator[None]:
    """Look for circular garbage after the block, when Python next does so of itself, not again and again meanwhile.

    Python looks whenever so many objects were made, among all there are. Of what a run is made of, nothing is garbage
    until it is packed, and the looking takes a third of the time. Where it is put off already nothing changes.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
