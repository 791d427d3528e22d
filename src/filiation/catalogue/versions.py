"""What a catalogue knew of a run, and when: each crate that came, what took its place, what was forgotten or is gone.

Beside the crates stands ``history/``: for each run one file of lines, ``history/<run>.jsonl``, each with an event and
its time, and each crate that another one took the place of, in a folder named after when it was taken in:
``history/<run>/20260301T101500.000000Z/``. So whoever makes the index again finds the same times. A crate without a
line, as where that may not be written, counts as known since its folder stands there.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.log import write_event
from filiation.crate import flush
from filiation.digest import digest_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filiation.catalogue.crates import CatalogueFolder
    from filiation.catalogue.nodes import Json

FORMAT: Final = 1
TAKEN_IN: Final = "taken in"
GONE: Final = "gone"
FORGOTTEN: Final = "forgotten"
SUPERSEDED: Final = "superseded"
_KEEPING: Final = ".keeping"


@dataclass(frozen=True, slots=True)
class Version:
    """A crate of a run as it was known for a time.

    Parameters
    ----------
    crate
        The IRI of the run's crate.
    digest
        Of its metadata, as written.
    taken_in
        Since when it is known, as :func:`written_time` writes it.
    until
        Until when; None for the crate that holds.
    folder
        Its folder, from the folder of crates; None where it is not there any more.
    ended
        ``superseded`` by another crate, ``forgotten``, or ``gone`` from the folder of crates without a word; empty for
        the one that holds.
    by, why
        Who had it forgotten, and the reason.
    """

    crate: str
    digest: str
    taken_in: str
    until: str | None = None
    folder: str | None = None
    ended: str = ""
    by: str | None = None
    why: str | None = None

    @property
    def iri(self) -> str:
        """An IRI of its own; the crate's IRI stands for whatever crate of the run holds."""
        return f"{self.crate}#taken-in-{self.taken_in}"

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON; what is not known is left out."""
        told: dict[str, Json] = {
            "digest": self.digest,
            "taken_in": self.taken_in,
            "until": self.until,
            "ended": self.ended or None,
            "by": self.by,
            "why": self.why,
        }
        return {key: value for key, value in told.items() if value is not None}


def written_time(when: datetime) -> str:
    """Write a time in UTC, always to the microsecond, so that the order of texts is that of times.

    >>> written_time(datetime(2026, 1, 2, tzinfo=UTC))
    '2026-01-02T00:00:00.000000Z'
    """
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def versions_of(folder: CatalogueFolder, run: str) -> tuple[Version, ...]:
    """Return what is known of a run's crates from the disk alone, the oldest first."""
    home = folder.crates / run
    versions = _told(folder, run)
    here = _digest_of(home)
    last = versions[-1] if versions else None
    if here is None:
        if last is not None and last.until is None:
            versions[-1] = replace(last, until=_after(last.taken_in, datetime.now(UTC)), ended=GONE)
    elif last is not None and last.until is None and last.digest == here:
        versions[-1] = replace(last, folder=run)
    else:  # it came without a word, or was changed where it stands
        since = datetime.fromtimestamp(home.stat().st_ctime, UTC)
        begin = written_time(since) if last is None else _after(last.until or last.taken_in, since)
        if last is not None and last.until is None:
            versions[-1] = replace(last, until=begin, ended=SUPERSEDED)
        versions.append(Version(_iri(run), here, begin, folder=run))
    return tuple(version if version.folder else _with_folder(folder, run, version) for version in versions)


def runs_with_history(folder: CatalogueFolder) -> tuple[str, ...]:
    """Return the ids of the runs of which something was noted, sorted."""
    names = os.listdir(folder.history) if folder.history.is_dir() else []  # noqa: PTH208 - of many names
    return tuple(sorted(name.removesuffix(".jsonl") for name in names if name.endswith(".jsonl")))


def note_what_is_there(folder: CatalogueFolder, run: str) -> tuple[Version, ...]:
    """Note what came, or is gone, without a word; return what is known of the run's crates.

    Where that may not be written, it is known all the same, as long as the folder keeps its time.
    """
    versions = versions_of(folder, run)
    told = {(version.taken_in, version.until) for version in _told(folder, run)}
    with suppress(OSError):
        for version in versions:
            if version.ended == GONE and (version.taken_in, version.until) not in told:
                _note(folder, run, GONE, str(version.until))
            elif version.until is None and (version.taken_in, None) not in told:
                _note(folder, run, TAKEN_IN, version.taken_in, digest=version.digest)
    return versions


def note_arrival(folder: CatalogueFolder, run: str, digest: str) -> None:
    """Note that a crate has come; without leave to write, its folder's time tells."""
    last = _told(folder, run)[-1:]
    after = "" if not last else last[0].until or last[0].taken_in
    with suppress(OSError):
        _note(folder, run, TAKEN_IN, _after(after, datetime.now(UTC)), digest=digest)


def keep_aside(folder: CatalogueFolder, run: str) -> None:
    """Keep a run's crate beside its history, before another one takes its place.

    The files are linked, not copied, where the file system can; so the crate is never missing, and killed halfway,
    nothing has changed.

    Raises
    ------
    OSError
        If it cannot be kept; then nothing may take its place.
    """
    if not (folder.crates / run / METADATA).is_file():
        return
    now = note_what_is_there(folder, run)[-1]
    home = folder.history / run
    place = home / _name(now.taken_in)
    if _digest_of(place) == now.digest:
        return
    home.mkdir(parents=True, exist_ok=True)
    keeping = home / _KEEPING
    shutil.rmtree(keeping, ignore_errors=True)
    shutil.rmtree(place, ignore_errors=True)  # begun, and not finished: the crate itself is still there
    shutil.copytree(folder.crates / run, keeping, symlinks=True, copy_function=_link)
    keeping.rename(place)
    flush(home)


def forget(folder: CatalogueFolder, run: str, *, by: str, by_id: str | None, why: str) -> Version:
    """Take a run's crate out of the answers from now on; it stays beside its history, and so does who wanted it.

    Raises
    ------
    OSError
        If it cannot be kept there.
    """
    now = note_what_is_there(folder, run)[-1]
    keep_aside(folder, run)
    until = _after(now.taken_in, datetime.now(UTC))
    _note(folder, run, FORGOTTEN, until, by=by, **({} if by_id is None else {"by_id": by_id}), why=why)
    flush(folder.history)
    # Renamed first: what is half removed is no crate any more.
    leaving = folder.crates / f".leaving-{run}"
    (folder.crates / run).rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)
    return versions_of(folder, run)[-1]


def _told(folder: CatalogueFolder, run: str) -> list[Version]:
    """Return what the lines say, whatever is on disk."""
    versions: list[Version] = []
    for event in _events(folder.history / f"{run}.jsonl"):
        last = versions[-1] if versions else None
        if last is not None and last.until is None:
            ended = SUPERSEDED if event["event"] == TAKEN_IN else event["event"]
            versions[-1] = replace(last, until=event["when"], ended=ended, by=event.get("by"), why=event.get("why"))
        if event["event"] == TAKEN_IN:
            versions.append(Version(_iri(run), event["digest"], event["when"]))
    return versions


def _events(path: Path) -> Iterator[dict[str, str]]:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return
    last = ""
    for line in lines:
        with suppress(ValueError, RecursionError):  # a line that was not written to its end
            event = json.loads(line)
            if _is_event(event) and event["when"] > last:
                last = event["when"]
                yield event


def _is_event(event: object) -> bool:
    if not isinstance(event, dict) or event.get("format") != FORMAT:
        return False
    texts = ("event", "when", "digest") if event.get("event") == TAKEN_IN else ("event", "when")
    return event.get("event") in (TAKEN_IN, GONE, FORGOTTEN) and all(isinstance(event.get(key), str) for key in texts)


def _note(folder: CatalogueFolder, run: str, event: str, when: str, **more: str) -> None:
    folder.history.mkdir(exist_ok=True)
    line = json.dumps({"format": FORMAT, "event": event, "when": when, **more}) + "\n"
    descriptor = os.open(folder.history / f"{run}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        # A line that was cut off before stays apart from this one.
        size = os.fstat(descriptor).st_size
        if size and not (folder.history / f"{run}.jsonl").read_bytes().endswith(b"\n"):
            line = f"\n{line}"
        os.write(descriptor, line.encode("utf-8"))
    finally:
        os.close(descriptor)
    write_event(folder.root, event, run, more.get("digest"))


def _with_folder(folder: CatalogueFolder, run: str, version: Version) -> Version:
    name = _name(version.taken_in)
    kept = (folder.history / run / name / METADATA).is_file()
    return replace(version, folder=f"../{folder.history.name}/{run}/{name}") if kept else version


def _name(taken_in: str) -> str:
    """Write a time as a folder's name: without what some file systems have another use for."""
    return taken_in.replace(":", "").replace("-", "")


def _after(text: str, when: datetime) -> str:
    """Return a time, moved to just after another one if a clock was set back."""
    found = written_time(when)
    if found > text:
        return found
    return written_time(datetime.fromisoformat(text) + timedelta(microseconds=1))


def _digest_of(crate: Path) -> str | None:
    return str(digest_file(crate / METADATA)) if (crate / METADATA).is_file() else None


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without, or another one
        shutil.copy2(source, target, follow_symlinks=False)


def _iri(run: str) -> str:
    from filiation.model import run_iri

    return run_iri(run)
