"""Writing to the embedded store: by a process of its own, which is not waited for longer than it should need."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from itertools import chain, islice, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from filiation.catalogue.lock import pauses
from filiation.errors import CatalogueBusyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from filiation.catalogue.graph import Triple

_LONGEST: Final = 60
_BYTES_A_SECOND: Final = 100_000
"""Slower than the slowest disk that was seen, by a factor of ten."""
_LONGEST_REMOVAL: Final = 300
_ONE_TRANSACTION: Final = 20_000
"""Triples of a graph that is written in one transaction, all of which is held in memory."""
_PART: Final = 100_000
"""Triples of a larger one that are written at a time, which makes files that are forced to disk."""
_PATIENCE: Final = 5
"""Seconds that are waited longer than the process itself allows itself."""
_LOCKED: Final = ("lock hold by", "LOCK:", "Resource temporarily unavailable")


class StoreError(OSError):
    """The store could not be written; what was to be written can be written again from the crates."""


class StoreWriter:
    """A :class:`~filiation.catalogue.graph.GraphWriter` for the store in a folder.

    Use it as a context manager: only one can write at a time, so it is opened late and closed early.

    Parameters
    ----------
    folder
        Where the store is, or will be.
    lock
        Descriptor of a lock that is held; the writing process keeps holding it if this one is killed.
    wait
        Seconds to try for the store's own lock.
    merging
        Whether it is opened to be merged (:meth:`merge`) and not to be given anything.

    Raises
    ------
    CatalogueBusyError
        If another process holds the store for writing.
    StoreError
        If it cannot be opened.
    """

    def __init__(self, folder: Path, *, lock: int | None = None, wait: float = 10.0, merging: bool = False) -> None:
        self._folder = folder
        self._loading = 0
        folder.parent.mkdir(parents=True, exist_ok=True)
        for _ in pauses(wait):
            self._process = _start(folder, lock, merging=merging)
            try:
                self._await_answer(_LONGEST)
            except StoreError as error:
                self._end()
                if not any(sign in str(error) for sign in _LOCKED):
                    raise
            else:
                return
        raise CatalogueBusyError(
            f"Another process is writing to the store {folder}; waited {wait:g} s. "
            "Nothing is lost: the crates are on disk. Try again when it has finished."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._end()

    def replace(self, graph: str, triples: Iterable[Triple]) -> None:
        """Put ``triples`` in place of everything in ``graph``; on disk when this returns.

        In one transaction, except a graph of more than some 10,000 triples: that is removed and comes in parts.

        Raises
        ------
        StoreError
            If that failed, or took so long that it was given up. The store is as before, or lacks some or all of a
            large graph, and this writer is done.
        """
        parts = _parts(triples)
        first, second = next(parts, b""), next(parts, None)
        if second is None:
            self._await_answer(self._put(graph, first))
        else:
            self.remove(graph)
            limit = 0
            for part in chain((first, second), parts):
                if limit:  # the next part was made while this one was written
                    self._await_answer(limit)
                limit = self._put(graph, part, part=True)
            self._await_answer(limit)

    def remove(self, graph: str) -> None:
        """Remove ``graph``; nothing happens if it is not there."""
        self._ask({"graph": graph}, (), _LONGEST_REMOVAL)
        self._await_answer(_LONGEST_REMOVAL)

    def load(self, *quads: bytes) -> None:
        """Hand over N-Quads, in pieces, to come to what is there; :meth:`settle` tells when they are on disk.

        Raises
        ------
        StoreError
            If what was handed over before could not be written.
        """
        self.settle()
        size = sum(map(len, quads))
        self._loading = _LONGEST + size // _BYTES_A_SECOND
        self._ask({"size": size}, quads, self._loading)

    def settle(self) -> None:
        """Wait until what was handed over is on disk.

        Raises
        ------
        StoreError
            If it could not be written, or took so long that it was given up.
        """
        limit, self._loading = self._loading, 0
        if limit:
            self._await_answer(limit)

    def merge(self) -> None:
        """Put all tables of the store together into tables that nothing lies beside, so that each is looked up once.

        It reads and writes all of the store; on disk when this returns.

        Raises
        ------
        StoreError
            If that failed, or took so long that it was given up.
        """
        limit = _LONGEST + sum(file.stat().st_size for file in self._folder.iterdir()) // _BYTES_A_SECOND
        self._ask({"merge": True}, (), limit)
        self._await_answer(limit)

    def close(self) -> None:
        """Let go of the store."""
        from filiation.catalogue import store_process

        self._close_stream()
        with suppress(subprocess.TimeoutExpired):  # what was answered is on disk
            self._process.wait(store_process.CLOSING + _PATIENCE)
        self._end()

    def _put(self, graph: str, body: bytes, **more: bool) -> int:
        """Hand over triples; return how many seconds to wait for the answer."""
        limit = _LONGEST + len(body) // _BYTES_A_SECOND
        self._ask({"graph": graph, "size": len(body), **more}, (body,), limit)
        return limit

    def _ask(self, request: dict[str, str | int], body: Iterable[bytes], limit: int) -> None:
        assert self._process.stdin is not None  # noqa: S101 - it was made with one
        with suppress(BrokenPipeError):  # it ended, and perhaps said why
            self._process.stdin.write(json.dumps({**request, "limit": limit}).encode() + b"\n")
            self._process.stdin.writelines(body)
            self._process.stdin.flush()

    def _await_answer(self, limit: int) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it was made with one
        ready, _, _ = select.select([self._process.stdout], [], [], limit + _PATIENCE)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            raise StoreError(self._why_it_is_silent(limit))
        problem = json.loads(line).get("error")
        if problem:
            raise StoreError(problem)

    def _why_it_is_silent(self, limit: int) -> str:
        self._process.kill()  # nothing happens if it has ended by itself
        code = self._process.wait()
        if code in (-signal.SIGALRM, -signal.SIGKILL):
            return f"writing to {self._folder} did not come to an end within {limit} s and was given up"
        return f"the process that writes {self._folder} ended with status {code}"

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._close_stream()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _close_stream(self) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it ended before it had read everything
                self._process.stdin.close()


def _parts(triples: Iterable[Triple]) -> Iterator[bytes]:
    from filiation.catalogue.oxigraph import n_triples

    coming = iter(triples)
    for size in chain((_ONE_TRANSACTION,), repeat(_PART)):
        part = n_triples(islice(coming, size))
        if not part:
            return
        yield part


def _start(folder: Path, lock: int | None, *, merging: bool) -> subprocess.Popen[bytes]:
    from filiation.catalogue import store_process

    # By its path, so that nothing else is imported first; -P: what lies beside it has the names of other modules.
    program = [sys.executable, "-P", str(Path(store_process.__file__)), os.fspath(folder), str(_LONGEST)]
    program += ["merging"] if merging else []
    kept = () if lock is None else (lock,)
    return subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=kept)
