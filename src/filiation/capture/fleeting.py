"""Digests of what will not last: outputs under ``temp()``, local copies of stored things, taken while they are there.

Snakemake removes a temporary output as soon as nothing needs it any more, at the earliest right after it has said that
the job finished. So the file is opened in the thread that says so, which keeps its bytes reachable, and it is read in
a thread of its own; the scheduler waits for neither. Local copies of stored things go earlier: they are opened when
Snakemake says that it has fetched one, or is about to store it. A directory cannot be held open like that: it is read
at once, and what was gone before it was read is said to be.
"""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Plain = dict[str, Any]
FLAGS = ("temp", "storage_object")
_NEVER_READ = ("pipe", "service")
# Beyond this many unread files none is held open any longer: a process may open few (1,024 by default).
_MOST_HELD = 128


@dataclass(frozen=True, slots=True)
class Seized:
    """An output at the moment when its job had finished.

    Parameters
    ----------
    path
        As the job names it.
    place
        Where it is.
    descriptor
        Of the opened file; None for a directory, and where too many are open.
    """

    path: str
    place: str
    descriptor: int | None


class FleetingOutputs:
    """Takes the digests of outputs that will be removed.

    Parameters
    ----------
    tell
        Called with a job and what was learned of its outputs, or with None and of a copy, in another thread.
    """

    def __init__(self, tell: Callable[[int | None, Plain], None]) -> None:
        self._tell = tell
        self._expected: dict[int, list[str]] = {}
        self._waiting: queue.SimpleQueue[tuple[int | None, list[Seized]] | None] = queue.SimpleQueue()
        self._copies: set[str] = set()
        self._room = threading.BoundedSemaphore(_MOST_HELD)
        self._reader: threading.Thread | None = None

    def expect(self, job: int, outputs: Iterable[Any], inputs: Iterable[Any] = ()) -> None:
        """Remember which outputs of a job will not last, and which inputs are copies: Snakemake's own file objects.

        Runs in the scheduler's thread, as :meth:`seize` does, so that it cannot come too late.
        """
        found = [str(output) for output in outputs if _is_fleeting(getattr(output, "flags", None))]
        found += [str(each) for each in inputs if "storage_object" in (getattr(each, "flags", None) or ())]
        if found:
            self._expected[job] = found
            self._begin()  # while the job runs, there is time to import what reading needs

    def seize(self, job: int) -> list[Seized]:
        """Take hold of a finished job's outputs, which are named from the folder that the process works in."""
        return [self._seize(path) for path in self._expected.pop(job, ()) if path not in self._copies]

    def seize_copy(self, copy: Any) -> list[Seized]:
        """Take hold of the local copy of a stored thing, Snakemake's own file object, while it is surely there."""
        self._copies.add(str(copy))
        return [self._seize(str(copy))]

    def _seize(self, path: str) -> Seized:
        place = os.path.abspath(path)
        return Seized(path, place, self._open(place))

    def read(self, job: int | None, seized: list[Seized]) -> None:
        """Have the files read; without any, nothing is done."""
        if seized:
            self._begin()
            self._waiting.put((job, seized))

    def _begin(self) -> None:
        if self._reader is None:
            self._reader = threading.Thread(target=self._read_all, name="filiation-digests", daemon=True)
            self._reader.start()

    def finish(self) -> None:
        """Wait until everything was read."""
        if self._reader is not None:
            self._waiting.put(None)
            self._reader.join()

    def _open(self, place: str) -> int | None:
        if not self._room.acquire(blocking=False):
            return None
        descriptor = None
        try:
            # Without O_NONBLOCK, opening a FIFO would wait for its writer.
            descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
        except OSError:
            pass
        self._room.release()
        return None

    def _read_all(self) -> None:
        # Imported here: every call of Snakemake imports the recorder, few have temporary outputs.
        import filiation.capture.observation
        import filiation.digest  # noqa: F401

        while (item := self._waiting.get()) is not None:
            job, seized = item
            try:
                self._tell(job, {each.path: self._describe(each) for each in seized})
            except Exception as error:  # a digest that cannot be had costs that digest
                self._tell(job, {each.path: {"not_captured": repr(error)} for each in seized})

    def _describe(self, seized: Seized) -> Plain:
        from filiation.capture.observation import facts_beside, kind_of, origin_of
        from filiation.digest import digest_file, digest_tree
        from filiation.errors import FiliationError

        try:
            if seized.descriptor is not None:
                # The descriptor reaches the bytes even after the name is gone.
                place = Path(f"/dev/fd/{seized.descriptor}")
                return {"digest": str(digest_file(place)), "size": os.fstat(seized.descriptor).st_size}
            place = Path(seized.place)
            if place.is_dir():
                tree = digest_tree(place, workers=1)
                kind = kind_of(seized.place).value
                facts = {"digest": str(tree.digest), "size": tree.size, "files": tree.files, "kind": kind}
                more = {"origin": origin_of(seized.place), "metadata": facts_beside(seized.place)}
                return facts | {name: told for name, told in more.items() if told}
            return {"digest": str(digest_file(place)), "size": place.stat().st_size}
        except (FiliationError, OSError) as error:
            return {
                "not_captured": str(error) if isinstance(error, FiliationError) else (error.strerror or repr(error))
            }
        finally:
            if seized.descriptor is not None:
                os.close(seized.descriptor)
                self._room.release()


def _is_fleeting(flags: Mapping[str, Any] | None) -> bool:
    if not flags:
        return False
    return any(flag in flags for flag in FLAGS) and not any(flag in flags for flag in _NEVER_READ)
