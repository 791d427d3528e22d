"""The listener: hears Snakemake's log records where they are said, and hands them to a thread of its own.

Events carry neither parameters by name nor real paths, flags, attempts or scripts. In the thread that logs, the
caller's frame still holds the live job, so a reference is taken there and nothing else is done. The reading and the
writing happen in the listener's thread: at once when little goes on, and together when much does. Snakemake's own queue
for logger plugins copies every record, wakes its thread for each of them and so takes the interpreter from the
scheduler; it is left to other plugins.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from logging.handlers import QueueHandler
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from filiation.capture import events
from filiation.capture.fleeting import FleetingOutputs
from filiation.capture.reading import stop_listening

_GATHER = 0.05
"""Seconds in which what is said is written together; a killed process can lose this much."""
_DEEPEST_FRAME = 12


@dataclass(frozen=True, slots=True)
class Heard:
    """A log record with what it was about.

    Parameters
    ----------
    record
        As logged.
    live
        Of a job's start: the job, its attempt and its parameters. Of a group: its id and its jobs' numbers. Of the
        workflow's start: the workflow and the name of its executor. Else None.
    monotonic
        When, by the monotonic clock, in seconds.
    """

    record: logging.LogRecord
    live: Any
    monotonic: float


class Listener(logging.Handler):
    """Hears the records of one run.

    Parameters
    ----------
    begin
        Told of the workflow's start, in the thread that logs: what follows has a journal to go to.
    describe
        Told of the workflow's start once more, in a thread of its own, for what takes long: no record waits for it.
    record
        Told of everything else, in the listener's thread, together where much is said at once.
    fleeting
        Gets to know of outputs that will be removed, while they are still there.
    alone
        Whether no other logger plugin needs Snakemake's queue.
    """

    def __init__(
        self,
        begin: Callable[[Heard], None],
        describe: Callable[[Heard], None],
        record: Callable[[list[Heard]], None],
        fleeting: FleetingOutputs,
        *,
        alone: bool = False,
    ) -> None:
        super().__init__()
        self._begin = begin
        self._describe = describe
        self._record = record
        self._fleeting = fleeting
        self._alone = alone
        self._heard: SimpleQueue[Heard | None] = SimpleQueue()
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self._describing: threading.Thread | None = None
        self._asked_for_ends = False
        self._outgrown = False

    @property
    def hears(self) -> bool:
        """Whether it has heard the workflow's start."""
        return self._thread is not None

    def handle(self, record: logging.LogRecord) -> bool:
        """Hear one record; never raises into Snakemake. The base class's lock is not needed for this."""
        event = record.__dict__.get("event")
        if event in events.UNTOLD or (event is None and not events.may_tell(record)):
            return True
        if event == "workflow_started":
            self._start(record)
        elif self._thread is not None:
            self._heard.put(self._with_its_job(record, event))
        return True

    def finish(self) -> None:
        """Have what was heard recorded, and hear no more."""
        if self._thread is not None:
            self._heard.put(None)
            self._ending.set()
            self._thread.join()
        if self._describing is not None:
            self._describing.join()

    def _start(self, record: logging.LogRecord) -> None:
        if self._thread is not None:
            return
        stop_listening()
        if self._alone:
            _silence_queue(logging.getLogger(record.name))
        heard = Heard(record, _live_workflow(), time.monotonic())
        self._begin(heard)
        self._thread = threading.Thread(target=self._work, name="filiation-listener", daemon=True)
        self._thread.start()
        self._describing = threading.Thread(
            target=self._describe, args=[heard], name="filiation-description", daemon=True
        )
        self._describing.start()

    def _with_its_job(self, record: logging.LogRecord, event: str | None) -> Heard:
        live: Any = None
        try:
            if event == "job_info":
                live = self._live_job(record)
            elif event == "job_finished":
                # Read from now on, not when it is this record's turn: a directory may be gone by then.
                job = record.__dict__["job_id"]
                self._fleeting.read(job, self._fleeting.seize(job))
            elif event == "group_info":
                live = _live_group()
            elif event is None and events.changes_the_plan(record):
                self._outgrown = True
            elif event is None and (function := events.copied_by(record)):
                frame = frame_of(function)
                if frame is not None:
                    self._fleeting.read(None, self._fleeting.seize_copy(frame.f_locals["self"]))
        except Exception:  # noqa: S110 - observe, never disturb: a job that cannot be had costs detail
            pass
        return Heard(record, live, time.monotonic())

    def _live_job(self, record: logging.LogRecord) -> tuple[Any, int, Any] | None:
        frame = frame_of("log_info")
        job = frame.f_locals["self"] if frame is not None else None
        if job is None or job.is_group():
            return None
        if not self._asked_for_ends:
            self._asked_for_ends = True
            _ask_for_ends(getattr(job.dag.workflow, "scheduler", None))
        if self._outgrown:
            # Only now, between two jobs, the plan is whole again.
            self._outgrown = False
            self._heard.put(Heard(events.plan(record, job.dag), None, time.monotonic()))
        self._fleeting.expect(record.__dict__["jobid"], job.output, job.input)
        # The attempt is raised in place for a retry, so it is taken now; so are the parameters, which Snakemake
        # evaluates once in this thread and keeps.
        return job, job.attempt, job.params

    def _work(self) -> None:
        ended = False
        while not ended:
            heard = [self._heard.get()]
            try:
                while True:
                    heard.append(self._heard.get_nowait())
            except Empty:
                pass
            ended = None in heard
            self._record([each for each in heard if each is not None])
            self._ending.wait(_GATHER)


def _ask_for_ends(scheduler: Any) -> None:
    """Have the end of jobs logged, which Snakemake leaves out when it is to be quiet about progress.

    What it shows stays as it was asked for: the filter of its terminal, and of its log file, keeps that out once more.
    """
    if getattr(scheduler, "print_progress", None) is False:
        scheduler.print_progress = True


def _live_workflow() -> tuple[Any, str] | None:
    try:
        frame = frame_of("execute")
        # Snakemake keeps the executor on the workflow only after this event.
        return None if frame is None else (frame.f_locals["self"], frame.f_locals["executor_plugin"].name)
    except Exception:  # without the live workflow, the record's own fields are what is known
        return None


def _live_group() -> tuple[Any, list[int]] | None:
    frame = frame_of("log_info")
    if frame is None:
        return None
    group = frame.f_locals["self"]
    # Snakemake forgets a group's members as they are done.
    return group.jobid, [job.jobid for job in group.jobs]


def frame_of(function: str) -> FrameType | None:
    """Return the nearest calling frame of a function with that name."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_DEEPEST_FRAME):
        if frame is None or frame.f_code.co_name == function:
            return frame
        frame = frame.f_back
    return None


def _silence_queue(logger: logging.Logger) -> None:
    """Spare Snakemake the copying of records for a queue that nobody else listens to."""
    for handler in logger.handlers:
        if type(handler) is QueueHandler:
            handler.setLevel(logging.CRITICAL + 1)
