"""Faults that a test may ask for, between a call and its answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.omero_server.accounts import Session
from tests.omero_server.saving import INDEX_LIMIT

READS = {"getPlane", "getTile", "getRow", "getCol", "getStack", "getTimepoint", "getHypercube"}
WRITES = {
    "setPlane", "setTile", "write", "save", "newTable", "initialize", "addData",
    "saveObject", "saveAndReturnObject", "saveArray", "saveAndReturnArray", "saveAndReturnIds",
}  # fmt: skip


@dataclass(slots=True)
class Faults:
    """Every fault is off until a test sets it; ``clear`` puts all off again.

    Reads are calls for pixels; ``drop_connection_at_read = 3`` lets two of them pass and breaks at the third, once.
    """

    refuse_sign_in: str = ""
    """The reason with which every sign-in is refused."""
    drop_connection_at_read: int = 0
    """At which read of pixels the connection is cut instead of an answer; the session lives on."""
    end_session_at_read: int = 0
    """At which read of pixels the session is gone."""
    expire_session_at_read: int = 0
    """At which read of pixels the session has run out."""
    seconds_per_call: float = 0.0
    """How long every answer takes at least."""
    seconds_per_read: float = 0.0
    """How long every read of pixels takes at least."""
    reads_wait_for: Callable[[], object] | None = None
    """What has to hold before reads of pixels are answered; they are after a minute all the same."""
    short_reads: bool = False
    """Whether the last byte of pixels is missing."""
    drop_connection_at_write: int = 0
    """At which write the connection is cut before anything is done; the session lives on."""
    drop_connection_after_write: int = 0
    """At which write the connection is cut instead of an answer, when all is done."""
    hold_at_write: int = 0
    """At which write the server waits, ``held`` being set, until ``let_go`` is; it is not done then."""
    held: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    short_writes: bool = False
    """Whether the second half of what is written gets lost: pixels stay zero there, files end early."""
    map_limit: int = INDEX_LIMIT
    """Bytes of a map's key or value above which it is refused."""
    reads: int = 0
    """Reads of pixels so far; ``clear`` begins to count anew."""
    writes: int = 0
    """Writes so far, of anything."""
    sessions: Any = None
    """The server's sessions; not a fault."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def clear(self) -> None:
        """Put all faults off."""
        fresh = Faults()
        for name in (each for each in Faults.__slots__ if each not in ("guard", "sessions")):
            setattr(self, name, getattr(fresh, name))

    def before(self, operation: str, session: Session | None, current: Any) -> None:
        """Do before an operation what was asked for."""
        if self.seconds_per_call:
            time.sleep(self.seconds_per_call)
        if operation in READS:
            self.before_read(session, current)
        if operation in WRITES:
            self.before_write(current)

    def after(self, operation: str, current: Any) -> None:
        """Do after an operation what was asked for."""
        if operation in WRITES and self.writes == self.drop_connection_after_write:
            current.con.close(True)

    def before_write(self, current: Any) -> None:
        """Count a write, and let it be the one that fails."""
        with self.guard:
            self.writes += 1
            number = self.writes
        if number == self.hold_at_write:
            self.held.set()
            self.let_go.wait(60)
            raise ConnectionError("held until it was too late")
        if number == self.drop_connection_at_write:
            current.con.close(True)
            raise ConnectionError("cut before the write")

    def before_read(self, session: Session | None, current: Any) -> None:
        """Count a read of pixels, and let it be the one that fails."""
        if self.seconds_per_read:
            time.sleep(self.seconds_per_read)
        late = time.monotonic() + 60
        while self.reads_wait_for is not None and not self.reads_wait_for() and time.monotonic() < late:
            time.sleep(0.01)
        with self.guard:
            self.reads += 1
            number = self.reads
        if number == self.drop_connection_at_read:
            current.con.close(True)
        if session is not None and number == self.end_session_at_read:
            self.sessions.end(session.key)
        if session is not None and number == self.expire_session_at_read:
            self.sessions.expire(session.key)

    def cut(self, content: bytes) -> bytes:
        """Return what is sent of pixels."""
        return content[:-1] if self.short_reads else content

    def shortened(self, content: bytes) -> bytes:
        """Return what arrives of something written: as long as it was sent, zero in its second half."""
        if not self.short_writes:
            return content
        half = len(content) // 2
        return content[:half] + bytes(len(content) - half)
