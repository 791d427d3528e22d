"""Attempts: which events and which step record belong to which try of which job."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from filiation.capture.commands import of_jobs
from filiation.capture.exit_codes import exit_code_in
from filiation.capture.journal import Event
from filiation.capture.steps import StepRecord
from filiation.model import Status


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one job, before it becomes an action.

    Parameters
    ----------
    facts
        Data of its ``job_started`` event.
    number
        From 1.
    status
        How it ended.
    submitted, ended
        When Snakemake started and stopped waiting for it.
    error
        What Snakemake said when it failed.
    exit_code
        How its command or script ended, where Snakemake said so.
    external
        The cluster's job id.
    outputs
        State of its outputs when Snakemake declared it finished.
    step
        Its step record.
    """

    facts: Mapping[str, Any]
    number: int
    status: Status
    submitted: datetime
    ended: datetime | None = None
    error: str | None = None
    exit_code: int | None = None
    external: str | None = None
    outputs: Mapping[str, Any] | None = None
    step: StepRecord | None = None


def split_attempts(events: Sequence[Event], steps: Sequence[StepRecord]) -> tuple[Attempt, ...]:
    """Find the attempts of a run, in order of submission, each with its own step record.

    Snakemake numbers jobs within a run and announces each try anew, except tries that a cluster job makes by itself:
    those are known from their step records alone.
    """
    attempts: list[Attempt] = []
    current: dict[int, int] = {}
    errors: list[str] = []
    for event in events:
        job = event.data.get("job")
        if event.kind == "error":
            errors.append(str(event.data.get("message")))
        if not isinstance(job, int):
            continue
        if event.kind == "job_started":
            tries = sum(1 for attempt in attempts if attempt.facts["job"] == job) if job in current else 0
            number = int(event.data.get("attempt") or tries + 1)
            current[job] = len(attempts)
            attempts.append(Attempt(event.data, number, Status.INTERRUPTED, event.time, error=_INTERRUPTED))
        elif job in current:
            attempts[current[job]] = _advance(attempts[current[job]], event, errors)
    return _with_steps(_with_silent_failures(attempts, events), steps)


_UNTOLD = "Snakemake tried it again and did not say why."
_INTERRUPTED = "The run was stopped before this job ended."


def _with_silent_failures(attempts: Sequence[Attempt], events: Sequence[Event]) -> list[Attempt]:
    """Let those attempts fail that Snakemake gave up after their work was done, as when a declared output is missing.

    It reports the exception and counts the job as failed, but announces no failed job.
    """
    over = any(event.kind == "run_ended" for event in events)
    errors = [(event.time, str(event.data.get("message"))) for event in events if event.kind == "error"]
    last = {attempt.facts["job"]: place for place, attempt in enumerate(attempts)}
    told: list[Attempt] = []
    for place, attempt in enumerate(attempts):
        job, rule = attempt.facts["job"], attempt.facts["rule"]
        again = last[job] > place
        if attempt.status is Status.INTERRUPTED and (over or again):
            about = re.compile(rf"\b(?:Job {job}\b|rule {re.escape(str(rule))} in file)")
            found = next((each for each in errors if each[0] >= attempt.submitted and about.search(each[1])), None)
            if found is not None or again:
                ended, error = found or (None, _UNTOLD)
                attempt = replace(attempt, status=Status.FAILED, ended=ended, error=error)
        told.append(attempt)
    return told


def _advance(attempt: Attempt, event: Event, errors: list[str]) -> Attempt:
    if event.kind == "job_finished":
        return replace(
            attempt, status=Status.FINISHED, ended=event.time, error=None, outputs=event.data.get("output") or {}
        )
    if event.kind == "job_failed":
        told = event.data.get("raised") or _take_error(attempt.facts, errors)
        error = str(told or event.data.get("message"))
        external = event.data.get("external") or attempt.external
        code = exit_code_in(error, attempt.facts.get("command"))
        return replace(attempt, status=Status.FAILED, ended=event.time, error=error, exit_code=code, external=external)
    if event.kind == "job_submitted":
        return replace(attempt, external=str(event.data["external"]))
    return attempt


def _take_error(facts: Mapping[str, Any], errors: list[str]) -> str | None:
    """Return the exception text that belongs to a job: Snakemake prints it just before it declares the job failed.

    With several jobs at once texts may interleave; one that names the job's command or Snakefile goes first.
    """
    command = facts.get("command")
    for index, text in enumerate(errors):
        if command and str(command) in text:
            return errors.pop(index)
    for index, text in enumerate(errors):
        if facts.get("rule_file") and f'"{facts["rule_file"]}"' in text:
            return errors.pop(index)
    return errors.pop(0) if errors else None


def _with_steps(attempts: list[Attempt], steps: Sequence[StepRecord]) -> tuple[Attempt, ...]:
    """Give each attempt its step record: the k-th record of the same rule and outputs is the k-th try."""
    left: dict[tuple[str, tuple[str, ...]], list[StepRecord]] = {}
    for step in of_jobs(steps, attempts):
        left.setdefault((step.rule, step.outputs), []).append(step)
    matched: list[Attempt] = []
    last: dict[tuple[str, tuple[str, ...]], int] = {}
    for attempt in attempts:
        key = (str(attempt.facts["rule"]), tuple(str(entry["path"]) for entry in attempt.facts.get("output", ())))
        records = left.get(key)
        last[key] = len(matched)
        matched.append(_with_step(attempt, records.pop(0)) if records else attempt)
    # Records that are left over are tries inside the last announced one; the last record is the one that ended it.
    for key, extra in left.items():
        if extra and key in last:
            matched[last[key] : last[key] + 1] = _hidden_tries(matched[last[key]], extra)
            last = {other: place + len(extra) if place > last[key] else place for other, place in last.items()}
    return tuple(matched)


def _hidden_tries(announced: Attempt, records: Sequence[StepRecord]) -> list[Attempt]:
    first = announced.step
    every = [*([first] if first else []), *records]
    tries = [
        replace(
            announced,
            number=announced.number + index,
            step=step,
            # Snakemake tries again what failed; a recorded command may be only a part of what the job did.
            status=Status.FAILED if step.command is not None else step.status,
            error=step.error or _UNTOLD,
            ended=step.ended,
            outputs=None,
        )
        for index, step in enumerate(every[:-1])
    ]
    return [*tries, _with_step(replace(announced, number=announced.number + len(tries)), every[-1])]


def _with_step(attempt: Attempt, step: StepRecord) -> Attempt:
    # The step's own error says what went wrong; Snakemake's only that the process returned non-zero. Of a command both
    # know no more than that, and Snakemake tells the more.
    if step.command is not None:
        return replace(attempt, step=step, error=attempt.error or step.error)
    return replace(attempt, step=step, error=step.error or attempt.error)
