"""Who looked at what: a log of every page that was shown, in which no line can be changed without its chain breaking.

It stands beside the log of what was done, in ``log/views/``, with a file for each month, host and account:
``2026-11-<host>-<user id>.jsonl``. Each line carries the SHA-256 of the line before it, and the first of a month that
of the last of the month before, so that whole months can go when their time is over and nothing else can. Names of
people are in it: it is kept for as many months as the server's settings say, and nobody else can read it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from filiation.catalogue.log import LOG, boot_name, host_name, last_line_in

VIEWS: Final = "views"
FORMAT: Final = 1
BEGUN: Final = "log begun"
_END: Final = 64 << 10
_LONGEST: Final = 1_000
_CREDENTIALS: Final = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class View:
    """One thing that somebody looked at, or wanted to.

    Parameters
    ----------
    when
        UTC.
    who
        The account; None for somebody who did not say who they are.
    address
        Where they came from.
    what
        The page's path, such as ``/thing``.
    about
        The thing or run that was asked for, as it was named.
    status
        What became of it, as HTTP says it.
    """

    when: datetime
    who: str | None
    address: str | None
    what: str
    about: str | None
    status: int

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "when": f"{self.when:%Y-%m-%dT%H:%M:%S.%fZ}",
            "who": self.who,
            "address": self.address,
            "what": self.what,
            "about": self.about,
            "status": self.status,
        }


@dataclass(frozen=True, slots=True)
class ViewsRead:
    """The log of views, read.

    Parameters
    ----------
    views
        The newest first.
    faults
        What is wrong with it, in sentences.
    remarks
        What is not as usual and proves nothing.
    files
        How many there are.
    """

    views: tuple[View, ...]
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    files: int


class ViewLog:
    """Where a server writes who looked at what.

    Parameters
    ----------
    catalogue
        The catalogue's folder.
    keep_months
        How many whole months are kept besides this one; 0 for all.
    lock
        A file of this machine by which the processes of one server take turns, as the catalogue's file system may know
        no locks; None for one process.

    Raises
    ------
    OSError
        If nothing can be written there.
    """

    def __init__(self, catalogue: Path, keep_months: int = 0, lock: Path | None = None) -> None:
        self._home = catalogue / LOG / VIEWS
        self._keep = keep_months
        self._lock = threading.Lock()
        self._turn = -1 if lock is None else os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._month = ""
        self._descriptor = -1
        self._end = (-1, 0, "")  # size of the file, number and hash of its last line
        (catalogue / LOG).mkdir(exist_ok=True)
        self._home.mkdir(mode=0o700, exist_ok=True)
        with self._lock:
            self._open(datetime.now(UTC))

    def write(self, view: View) -> None:
        """Add a line.

        Raises
        ------
        OSError
            If it cannot be written; then nothing of it is there.
        """
        with self._lock:
            self._open(view.when)
            with _alone(self._turn), _alone(self._descriptor):
                self._append(view.to_json() | {"about": _shown(view.about), "what": _shown(view.what)})

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            for descriptor in (self._descriptor, self._turn):
                if descriptor >= 0:
                    os.close(descriptor)
            self._descriptor, self._turn, self._month = -1, -1, ""

    def _open(self, now: datetime) -> None:
        month = f"{now:%Y-%m}"
        if month == self._month:
            return
        place = self._home / f"{month}-{_whose()}"
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._month, self._end = descriptor, month, (-1, 0, "")
        self._let_go(now)

    def _append(self, told: dict[str, object]) -> None:
        size = os.fstat(self._descriptor).st_size
        number, previous = self._end[1:] if self._end[0] == size else self._read_end(size)
        lines: list[bytes] = []
        if number == 0:
            after, before = self._month_before()
            lines.append(_line(1, before, {"event": BEGUN, "after": after}))
            number, previous = 1, hashlib.sha256(lines[-1]).hexdigest()
        lines.append(_line(number + 1, previous, told))
        content = b"\n".join(lines) + b"\n"
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            content = b"\n" + content  # what was cut off stays as it is, on a line of its own
        written = os.write(self._descriptor, content)
        if written != len(content):
            os.ftruncate(self._descriptor, size)
            raise OSError(28, "No space left on device", str(self._home))
        self._end = (size + len(content), number + 1, hashlib.sha256(lines[-1]).hexdigest())

    def _read_end(self, size: int) -> tuple[int, str]:
        return last_line_in(os.pread(self._descriptor, _END, max(size - _END, 0)))

    def _month_before(self) -> tuple[str | None, str]:
        """Return the newest file of a month before this one, and the hash of its last line."""
        mine = [path for path in _files(self._home) if path.name[8:] == _whose() and path.name[:7] < self._month]
        if not mine:
            return None, ""
        content = mine[-1].read_bytes()[-_END:]
        return mine[-1].name, last_line_in(content)[1]

    def _let_go(self, now: datetime) -> None:
        """Remove the months whose time is over, of every host that writes here."""
        if self._keep == 0:
            return
        months = now.year * 12 + now.month - 1 - self._keep
        first = f"{months // 12:04d}-{months % 12 + 1:02d}"
        for path in _files(self._home):
            if path.name[:7] < first:
                with suppress(OSError):  # somebody else's
                    path.unlink()


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    """Hold the lock of a file, where there is one and its file system knows locks."""
    if descriptor < 0:
        yield
        return
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def read_views(catalogue: Path) -> ViewsRead:
    """Read the log of views, and see that each line carries the hash of the line before it."""
    views: list[View] = []
    faults: list[str] = []
    remarks: list[str] = []
    ends: dict[str, str] = {}
    files = _files(catalogue / LOG / VIEWS)
    for path in files:
        ends[path.name] = _read(path, ends, views, faults, remarks)
    views.sort(key=lambda view: view.when)
    return ViewsRead(tuple(reversed(views)), tuple(faults), tuple(remarks), len(files))


def _read(path: Path, ends: dict[str, str], views: list[View], faults: list[str], remarks: list[str]) -> str:
    number, previous = 0, ""
    for place, line in enumerate(_lines(path), start=1):
        try:
            told = json.loads(line)
            found, carried = int(told["number"]), str(told["previous"])
            view = None if told.get("event") == BEGUN else _view(told)
        except (ValueError, TypeError, KeyError, RecursionError):
            remarks.append(f"{path.name}: line {place} was cut off, or is none of the log.")
            continue
        if found == 1 and number == 0 and told.get("event") == BEGUN:
            after = told.get("after")
            if after is not None and after not in ends:
                remarks.append(f"{path.name}: it goes on from {after}, which is not kept any more.")
                carried = ""
            previous = ends.get(str(after), "")
        if found != number + 1 or carried != previous:
            faults.append(
                f"{path.name}: line {place} (number {found}) does not follow the line before it (number {number}): "
                "lines were changed, taken out or put in here."
            )
        number, previous = found, hashlib.sha256(line).hexdigest()
        if view is not None:
            views.append(view)
    return previous


def _lines(path: Path) -> Iterator[bytes]:
    content = path.read_bytes()
    yield from (line for line in content.split(b"\n") if line)


def _view(told: dict[str, object]) -> View:
    if told["format"] != FORMAT:
        raise ValueError(f"format {told['format']!r}")
    return View(
        when=datetime.fromisoformat(str(told["when"])).astimezone(UTC),
        who=_text(told["who"]),
        address=_text(told["address"]),
        what=str(told["what"]),
        about=_text(told["about"]),
        status=int(str(told["status"])),
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _line(number: int, previous: str, told: dict[str, object]) -> bytes:
    chained = {
        "format": FORMAT,
        "number": number,
        "previous": previous,
        "boot": boot_name(),
        "running": round(time.clock_gettime(time.CLOCK_BOOTTIME), 3),
        **told,
    }
    return json.dumps(chained, separators=(",", ":")).encode("ascii")


def _shown(text: str | None) -> str | None:
    """Return a name as it is logged: shortened, and without the password that an address may hold."""
    return None if text is None else _CREDENTIALS.sub("//…@", text[:_LONGEST])


def _files(home: Path) -> list[Path]:
    return sorted(home.glob("????-??-*.jsonl")) if home.is_dir() else []


def _whose() -> str:
    return f"{host_name()}-{os.getuid()}.jsonl"
