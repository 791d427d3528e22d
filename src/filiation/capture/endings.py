"""How a run ended, and what could not be learned of it."""

from __future__ import annotations

from collections.abc import Sequence

from filiation.capture.attempts import Attempt
from filiation.capture.commands import nobodys
from filiation.capture.journal import Event, Journal
from filiation.capture.steps import StepRecord
from filiation.model import Status

_STOPPED = {
    "interrupt": "Stopped on the user's request.",
    "terminate": "Asked to stop by a signal; jobs that were running could finish.",
}


def run_status(events: Sequence[Event], attempts: Sequence[Attempt], ended: Event | None, touch: bool) -> Status:
    """Return a run's status: finished only if Snakemake said so; ``ended`` is the event of its end, if there is one."""
    if ended is None:
        return Status.INTERRUPTED
    last = {attempt.facts["job"]: attempt.status for attempt in attempts}
    if any(event.kind == "stop_requested" for event in events):
        return Status.INTERRUPTED
    # An error after the last finished job is no retried job's: the run ended with it.
    if Status.FAILED in last.values() or _last_words(events):
        return Status.FAILED
    if Status.INTERRUPTED in last.values():
        return Status.INTERRUPTED
    return Status.TOUCHED if touch else Status.FINISHED


def run_error(events: Sequence[Event]) -> str | None:
    """Return the error that ended a run: not one that a retry made good, and not one that a job's action tells."""
    stopped = next((str(event.data["how"]) for event in events if event.kind == "stop_requested"), None)
    if stopped is not None:
        return _STOPPED.get(stopped, f"Asked to stop ({stopped}).")
    errors = [str(event.data.get("message")) for event in events if event.kind == "error"]
    failed = [event for event in events if event.kind == "job_failed"]
    late = _last_words(events)
    if not errors or (not late and failed):
        return None
    return late[-1] if late else errors[-1]


def _last_words(events: Sequence[Event]) -> list[str]:
    """Return the errors after the last finished job: a retried job's error is the attempt's, told there."""
    last_finished = max((event.sequence for event in events if event.kind == "job_finished"), default=-1)
    return [
        str(event.data.get("message")) for event in events if event.kind == "error" and event.sequence > last_finished
    ]


def not_captured(journal: Journal, attempts: Sequence[Attempt]) -> tuple[str, ...]:
    """Return a sentence for each thing that the journal itself says was not captured."""
    found = []
    if journal.torn:
        found.append(f"The journal's last line was unfinished ({journal.torn} bytes) and was left out.")
    if not any(event.kind == "run_ended" for event in journal.events):
        found.append("The journal has no end: the main process was stopped before it could write one.")
    for attempt in attempts:
        if attempt.facts.get("capture") == "events only":
            rule = attempt.facts["rule"]
            found.append(f"Job {attempt.facts['job']} ({rule}): parameters, script and environment were not captured.")
    found.extend(
        f"The digest of {path} was not captured while it was there: {facts['not_captured']}"
        for event in journal.events
        if event.kind in ("outputs_digested", "copies_digested")
        for path, facts in event.data.get("output", event.data.get("copy")).items()
        if facts.get("not_captured")
    )
    found.extend(
        f"Not captured: {event.data['what']} ({event.data['error']})."
        for event in journal.events
        if event.kind == "not_captured"
    )
    return tuple(found)


def unowned(steps: Sequence[StepRecord], attempts: Sequence[Attempt]) -> list[str]:
    """Return a sentence for each recorded command of which nobody can tell whose job it was."""
    return [
        f"Whose job the command {step.command.program!r} was, started {step.started:%Y-%m-%d %H:%M:%S} UTC, cannot be "
        f"told; its record is {step.path.name}."
        for step in nobodys(steps, attempts)
        if step.command
    ]
