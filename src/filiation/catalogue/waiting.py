"""Which runs wait to be packed, and what killed packings left behind.

A run waits once it is over: its journal has an end, or its main process is gone. From another machine, or out of a
container, a process cannot be seen; there a run counts as over when its journal has been quiet for a week. Whoever
knows better names the run. A run that was taken for over and goes on waits again as soon as its journal has grown.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from filiation.capture.journal import BEGINNING, Journal, read_journal
from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.crates import CatalogueFolder
from filiation.errors import DamagedJournalError

QUIET: Final = timedelta(days=7)
"""How long a journal without end must have been quiet where its process cannot be seen. Longer than most clusters let
a job run, as nothing is written while the main process waits for one job."""
_ABANDONED: Final = timedelta(days=1)
_PACKING: Final = "packing"
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


def unpacked_runs(folder: CatalogueFolder) -> tuple[str, ...]:
    """Return the ids of the runs that are over and wait to be packed, in order of the journals' age.

    A journal that was changed after it was written waits too: packing it says what is wrong. One without a whole
    event is left out, there is nothing to pack; so is a run that another process is packing.
    """
    busy = _being_packed(folder)
    waiting = [path for path in _by_age(folder) if path.stem not in busy and not _has_crate(folder, path)]
    return tuple(path.stem for path in waiting if _is_over(path))


def still_waits(folder: CatalogueFolder, run_id: str) -> bool:
    """Tell whether nobody packed a run, or began to, since it was found waiting."""
    return run_id not in _being_packed(folder) and not _has_crate(folder, folder.journals / f"{run_id}.jsonl")


def _being_packed(folder: CatalogueFolder) -> frozenset[str]:
    claims = _claims(folder)
    return frozenset(run for run, pid, started, host in claims if host == _host() and is_running(pid, started))


def is_going_on(journal: Journal) -> bool | None:
    """Tell whether the run that writes a journal is still there; None if that cannot be seen from this machine."""
    if not journal.events or journal.events[-1].kind == "run_ended":
        return False
    start = journal.events[0].data
    machine = start.get("machine", {})
    if machine.get("host") != platform.node():
        return None
    # Another boot id: this machine was started again since.
    return machine.get("boot") == _boot() and _holds(start.get("pid"), journal.path)


@contextmanager
def packing_place(folder: CatalogueFolder, run_id: str) -> Iterator[Path]:
    """Give a folder to make a run's crate in, on the catalogue's file system; it is gone afterwards.

    Its name says who works there, so that others leave the run alone meanwhile and clear up after a killed packing.
    """
    place = folder.root / _PACKING / f"{run_id}+{os.getpid()}+{_started(os.getpid())}+{_host()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def clear_up(folder: CatalogueFolder) -> tuple[str, ...]:
    """Remove what was left behind by the killed: of packings at once if they ran here, the rest when a day old.

    The rest is what nobody but its writer ever reads: journals without a whole line, and halves of step records.
    """
    cleared = []
    for run, pid, started, host in _claims(folder):
        place = folder.root / _PACKING / f"{run}+{pid}+{started}+{host}"
        if is_running(pid, started) if host == _host() else _is_recent(place):
            continue
        shutil.rmtree(place, ignore_errors=True)
        cleared.append(place.name)
    for place in (*folder.journals.glob(f"*{BEGINNING}"), *folder.steps.glob("*/*.part")):
        if not _is_recent(place):
            place.unlink(missing_ok=True)
            cleared.append(place.name)
    return tuple(cleared)


def _by_age(folder: CatalogueFolder) -> list[Path]:
    ages = []
    for path in folder.journals.glob("*.jsonl"):
        try:
            ages.append((path.stat().st_mtime_ns, path.name, path))
        except FileNotFoundError:  # a run that had nothing to do took its journal away
            continue
    return [path for *_, path in sorted(ages)]


def _has_crate(folder: CatalogueFolder, journal: Path) -> bool:
    """Tell whether a run's crate was made from the whole of its journal."""
    crate = folder.crates / journal.stem
    if not (crate / METADATA).is_file():
        return False
    try:
        return (crate / "journal.jsonl").stat().st_size >= journal.stat().st_size
    except FileNotFoundError:
        return True


def _is_over(path: Path) -> bool:
    try:
        journal = read_journal(path)
    except (DamagedJournalError, OSError):
        return path.exists()
    going_on = is_going_on(journal)
    return bool(journal.events) and (_is_quiet(journal) if going_on is None else not going_on)


def _is_quiet(journal: Journal) -> bool:
    # The later of two clocks, the file server's and the writer's: either may be wrong.
    written = datetime.fromtimestamp(journal.path.stat().st_mtime, UTC)
    return datetime.now(UTC) - max(written, journal.events[-1].time) > QUIET


def _claims(folder: CatalogueFolder) -> list[tuple[str, int, int, str]]:
    """Return run, process, the process's start and host of every packing place."""
    found = []
    for place in folder.root.joinpath(_PACKING).glob("*+*+*+*"):
        run, pid, started, host = place.name.split("+", 3)
        if pid.isdigit() and started.isdigit():
            found.append((run, int(pid), int(started), host))
    return sorted(found)


def _is_recent(place: Path) -> bool:
    try:
        return time.time() - place.stat().st_mtime < _ABANDONED.total_seconds()
    except FileNotFoundError:
        return False


def _holds(pid: object, journal: Path) -> bool:
    """Tell whether a process of this machine has the journal open: a number alone may be another process's by now."""
    if not isinstance(pid, int) or not is_running(pid):
        return False
    try:
        opened = [os.path.realpath(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")]
    except OSError:  # another person's process, or a system without /proc
        return is_running(pid)
    return os.path.realpath(journal) in opened


def is_running(pid: int, started: int = 0) -> bool:
    """Tell whether a process is there, the very one if its start is given; one that waits to be reaped is not."""
    found = _started(pid)
    if found:
        return started in (0, found)
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> int:
    """Return when a living process began, in ticks since the machine's start (proc(5), stat field 22); 0 if unknown."""
    try:
        # The second field, the program's name, may hold anything; what follows the last bracket does not.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[19])


def _host() -> str:
    return platform.node().replace("/", "_") or "unknown"


def _boot() -> str | None:
    return _BOOT.read_text("ascii").strip() if _BOOT.exists() else None
