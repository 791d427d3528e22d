"""What was done to a catalogue, by whom and when: a log in which no line can be changed without its chain breaking.

Beside the crates stands ``log/``, with a file of lines for each host and person, ``log/<host>-<user id>.jsonl``: nobody
waits for anybody, and no lock of a network file system is relied on. Each line carries the SHA-256 of the line before
it, and two clocks: the wall's, which can be set, and that of the machine since it was started, which cannot be set
back. The log is for auditors; no answer is made from it, and a catalogue that cannot be written to goes without.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Final

FORMAT: Final = 1
LOG: Final = "log"
BEGUN: Final = "log begun"
_END: Final = 64 << 10
_NOTHING: Final = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log.

    Parameters
    ----------
    segment
        The file it stands in.
    number
        Which line of that file it is, from 1.
    when
        The wall's clock, in UTC.
    event
        What was done: ``taken in``, ``forgotten``, ``gone``, ``annotated``, ``sealed``, ``log begun``.
    about
        The run, or the thing.
    digest
        Of the crate's metadata, or of the record that was written, where there is one.
    user, host
        Who did it, and where.
    boot, running
        Which start of the machine it was, and seconds since then.
    """

    segment: str
    number: int
    when: datetime
    event: str
    about: str
    digest: str | None
    user: str
    host: str
    boot: str
    running: float

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        return {
            "segment": self.segment,
            "number": self.number,
            "when": f"{self.when:%Y-%m-%dT%H:%M:%S.%fZ}",
            "event": self.event,
            "about": self.about,
            "digest": self.digest,
            "user": self.user,
            "host": self.host,
        }


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the log, read.

    Parameters
    ----------
    name
        The file's name.
    events
        What its lines tell.
    hashes
        SHA-256 of each of these lines.
    faults
        What is wrong with it, in sentences.
    remarks
        What is not as usual, and proves nothing: a line that was cut off when a machine stopped, a clock set back.
    """

    name: str
    events: tuple[Event, ...]
    hashes: tuple[str, ...]
    faults: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def write_event(catalogue: Path, event: str, about: str, digest: str | None = None) -> None:
    """Add a line to the log of a catalogue's folder; without leave to write, nothing happens."""
    with suppress(OSError):
        home = catalogue / LOG
        home.mkdir(exist_ok=True)
        place = home / f"{host_name()}-{os.getuid()}.jsonl"
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with suppress(OSError):  # a file system without locks; one person's processes of one host are few
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            _append(descriptor, event, about, digest)
        finally:
            os.close(descriptor)


def read_log(catalogue: Path) -> tuple[Segment, ...]:
    """Read every file of the log, and see that each line carries the hash of the line before it."""
    home = catalogue / LOG
    names = sorted(entry.name for entry in home.iterdir() if entry.name.endswith(".jsonl")) if home.is_dir() else []
    return tuple(_read_segment(home / name) for name in names)


def _append(descriptor: int, event: str, about: str, digest: str | None) -> None:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    os.lseek(descriptor, max(size - _END, 0), os.SEEK_SET)
    tail = os.read(descriptor, _END)
    number, previous = last_line_in(tail)
    lines = []
    if number == 0:
        lines.append(_line(1, previous, BEGUN, "", None))
        number, previous = 1, hashlib.sha256(lines[-1]).hexdigest()
    lines.append(_line(number + 1, previous, event, about, digest))
    # What was cut off stays as it is, on a line of its own; the chain goes on from the last line that is one.
    os.write(descriptor, (b"" if tail.endswith(b"\n") or not tail else b"\n") + b"\n".join(lines) + b"\n")


def last_line_in(lines: bytes) -> tuple[int, str]:
    """Return the number and the hash of the last line that is one."""
    for line in reversed(lines.split(b"\n")):
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            return int(json.loads(line)["number"]), hashlib.sha256(line).hexdigest()
    return 0, _NOTHING


def _line(number: int, previous: str, event: str, about: str, digest: str | None) -> bytes:
    told = {
        "format": FORMAT,
        "number": number,
        "previous": previous,
        "when": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        "boot": boot_name(),
        "running": round(time.clock_gettime(time.CLOCK_BOOTTIME), 3),
        "host": host_name(),
        "user": _user(),
        "event": event,
        "about": about,
        "digest": digest,
    }
    return json.dumps(told, separators=(",", ":")).encode("ascii")


def _read_segment(path: Path) -> Segment:
    events: list[Event] = []
    hashes: list[str] = []
    faults: list[str] = []
    remarks: list[str] = []
    content = path.read_bytes()
    for place, line in enumerate(content.split(b"\n")[: None if not content.endswith(b"\n") else -1], start=1):
        try:
            told = json.loads(line)
            event = _event(path.name, told)
            previous = str(told["previous"])
        except (ValueError, TypeError, KeyError, RecursionError):
            remarks.append(f"Line {place} was cut off, or is none of the log: {line[:60]!r}.")
            continue
        number, before = (events[-1].number, hashes[-1]) if events else (0, _NOTHING)
        if event.number != number + 1 or previous != before:
            faults.append(
                f"Line {place} (number {event.number}, {event.when:%Y-%m-%d %H:%M:%S} UTC) does not follow the line "
                f"before it (number {number}): lines were changed, taken out or put in here."
            )
        elif events and event.boot == events[-1].boot and event.running < events[-1].running:
            faults.append(f"Line {place} was written before the line that it follows, by the machine's own clock.")
        elif events and event.when < events[-1].when:
            remarks.append(f"The wall's clock was set back before line {place} ({event.when:%Y-%m-%d %H:%M:%S} UTC).")
        events.append(event)
        hashes.append(hashlib.sha256(line).hexdigest())
    return Segment(path.name, tuple(events), tuple(hashes), tuple(faults), tuple(remarks))


def _event(segment: str, told: dict[str, object]) -> Event:
    if told["format"] != FORMAT:
        raise ValueError(f"format {told['format']!r}")
    digest = told["digest"]
    when = datetime.fromisoformat(str(told["when"]))
    return Event(
        segment=segment,
        number=int(str(told["number"])),
        when=when.astimezone(UTC),
        event=str(told["event"]),
        about=str(told["about"]),
        digest=None if digest is None else str(digest),
        user=str(told["user"]),
        host=str(told["host"]),
        boot=str(told["boot"]),
        running=float(str(told["running"])),
    )


def last_events(segments: tuple[Segment, ...]) -> Iterator[Event]:
    """Yield the events of all segments, the newest first."""
    yield from sorted((event for segment in segments for event in segment.events), key=lambda e: e.when, reverse=True)


@lru_cache(maxsize=1)
def host_name() -> str:
    """Return this machine's name, as it may stand in a file's."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", platform.node()) or "host"


@lru_cache(maxsize=1)
def _user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):  # an account without a name
        return str(os.getuid())


@lru_cache(maxsize=1)
def boot_name() -> str:
    """Return what tells one start of the machine from another, and nothing else of it."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
    return hashlib.sha256(text.encode()).hexdigest()[:16]
