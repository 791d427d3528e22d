"""Several processes that answer at one socket, and the one that starts them, and starts another where one ends.

One Python process works out one answer at a time. What they have to agree on is in :mod:`filiation.web.shared`.
Each is a program of its own: ``python -m filiation.web.workers``, told on its standard input what to serve. It ends
when that ends, and so with who started it, however that comes about.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, TYPE_CHECKING, Final, cast

from filiation import errors
from filiation.errors import FiliationError
from filiation.web.settings import WebSettings
from filiation.web.shared import Shared, Sharing

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_READY: Final = "ready"
_GRACE: Final = 10.0
"""Seconds that a process has to end by itself."""
_SHORT: Final = 10.0
"""A process that lived for fewer seconds is not followed by another at once: it might not be able to live."""
_PAUSE: Final = 1.0


def processes_here() -> int:
    """Return how many processes answer unless somebody says it: as many as there are processors, four at most."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(4, mine)


def serve_by_many(
    settings: WebSettings,
    listening: socket.socket,
    count: int,
    *,
    begun: Callable[[], None],
    tell: Callable[[str], None],
) -> None:
    """Answer by several processes until this one is interrupted.

    Parameters
    ----------
    settings
        What to serve.
    listening
        Where; it is listened at already.
    count
        How many processes.
    begun
        Called when all of them answer.
    tell
        Called with a sentence when one of them ended and another takes its place.

    Raises
    ------
    FiliationError
        If one of the first cannot begin, for its reason.
    KeyboardInterrupt
        When it was interrupted.
    """
    with TemporaryDirectory(prefix="filiation-", dir=os.environ.get("XDG_RUNTIME_DIR") or None) as private:
        sharing = Sharing(Path(private) / "shared.sqlite")
        shared = Shared(sharing)
        ended: SimpleQueue[_Worker] = SimpleQueue()
        told = _told().dump_json((replace(settings, sharing=sharing), listening.fileno())) + b"\n"
        with _ending() as workers:
            for _ in range(count):
                with _interrupted_later():
                    workers.append(_Worker(told, listening))
            for worker in workers:
                worker.begin()
                worker.tell_of_end(ended)
            begun()
            while True:
                gone = ended.get()
                shared.forget_process(gone.number)
                tell(f"Process {gone.number} {gone.how_it_ended()}; another takes its place.")
                if gone.age < _SHORT:
                    time.sleep(_PAUSE)
                workers.remove(gone)
                with _interrupted_later():
                    workers.append(_Worker(told, listening))
                workers[-1].tell_of_end(ended)


@contextmanager
def _ending() -> Iterator[list[_Worker]]:
    """Have processes end with the block."""
    workers: list[_Worker] = []
    try:
        yield workers
    finally:
        for worker in workers:
            worker.end()
        for worker in workers:
            worker.wait()


@contextmanager
def _interrupted_later() -> Iterator[None]:
    """Let an interruption come when the block is done: a process that was begun is known then, and can be ended."""
    came: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if threading.current_thread() is not threading.main_thread() or None in handlers.values():
        yield  # signals are another's
        return
    for number in handlers:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for first in came[:1]:
            signal.raise_signal(first)


class _Worker:
    """A process that answers.

    Parameters
    ----------
    told
        What to serve, as :func:`main` reads it.
    listening
        Where.
    """

    def __init__(self, told: bytes, listening: socket.socket) -> None:
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[listening.fileno()],
            process_group=0,  # Ctrl-C is for the process that started it, which ends it
        )
        with suppress(BrokenPipeError):
            self._input.write(told)
            self._input.flush()

    @property
    def number(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._began

    def begin(self) -> None:
        """Wait until it answers.

        Raises
        ------
        FiliationError
            If it cannot, for its reason.
        """
        told = cast("IO[bytes]", self._process.stdout).readline().decode().rstrip("\n")
        if told == _READY:
            return
        kind, _, reason = told.partition(" ")
        found = getattr(errors, kind, FiliationError)
        raise found(
            reason.replace("\x00", "\n") or f"A process of the server {self.how_it_ended()} before it answered."
        )

    def tell_of_end(self, ended: SimpleQueue[_Worker]) -> None:
        """Put it into a queue when it has ended."""

        def wait() -> None:
            self._process.wait()
            ended.put(self)

        threading.Thread(target=wait, daemon=True).start()

    def how_it_ended(self) -> str:
        """Say how it ended."""
        status = self._process.wait()
        return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"

    def end(self) -> None:
        """Have it end, when it has answered who is waiting."""
        self._process.terminate()
        with suppress(OSError):
            self._input.close()

    def wait(self) -> None:
        """Wait until it has ended."""
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    @property
    def _input(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)  # it was asked for


def _told() -> TypeAdapter[tuple[WebSettings, int]]:
    """Return what writes and reads the settings and the number of the socket, as one line of JSON."""
    from pydantic import ConfigDict, TypeAdapter  # it comes with FastAPI

    return TypeAdapter(tuple[WebSettings, int], config=ConfigDict(ser_json_bytes="base64", val_json_bytes="base64"))


def main() -> None:
    """Serve what is told on the standard input, until that ends."""
    told_to_serve = sys.stdin.buffer.readline()
    if not told_to_serve:  # who started it has ended meanwhile
        raise SystemExit(1)
    settings, number = _told().validate_json(told_to_serve)
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    listening = socket.socket(fileno=number)
    told = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else is told there
    try:
        from filiation.web.application import create_app, prepare
        from filiation.web.serving import answer

        app = create_app(settings)
        prepare(app)
    except FiliationError as error:
        told.write(f"{type(error).__name__} {error}".replace("\n", "\x00") + "\n")
        raise SystemExit(1) from None

    def begun() -> None:
        told.write(f"{_READY}\n")
        told.close()

    answer(app, listening, begun)


def _end_with_the_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
