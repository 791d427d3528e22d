"""Records of ``filiation step``: whose job each command was part of, and one record for all commands of one try.

A command does not know its job. Three things tell: what the Snakemake above it was told to do (on a cluster), its
fingerprint, and that no other job was open when it started, or none that names its program. A command of which that
tells no one job is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from filiation.capture.steps import StepRecord, parse_job
from filiation.model import Status, Usage

if TYPE_CHECKING:
    from filiation.capture.attempts import Attempt

Job = tuple[str, tuple[str, ...]]
"""Rule and outputs."""
_KINDS = frozenset({"shell", "script", "notebook", "wrapper"})
"""Rules whose every try starts one shell; a ``run:`` rule starts as many as it likes, none of which is the whole."""


def of_jobs(steps: Sequence[StepRecord], attempts: Sequence[Attempt]) -> tuple[StepRecord, ...]:
    """Return the records of steps, with those of commands under the rule and outputs of the job that they belong to.

    A script that records itself knows more than what started it, so its own record counts.
    """
    own = [step for step in steps if step.command is None]
    recorded = {(step.rule, step.outputs) for step in own}
    found = list(own)
    for commands in _tries(steps):
        job = _job_of(commands, attempts)
        if job is not None and job not in recorded:
            found.append(_as_one(commands, job))
    return tuple(sorted(found, key=lambda step: (step.started, step.path.name)))


def nobodys(steps: Sequence[StepRecord], attempts: Sequence[Attempt]) -> tuple[StepRecord, ...]:
    """Return the records of commands of which cannot be told whose they are; parts of ``run:`` rules are left out."""
    parts = {
        (str(attempt.facts["rule"]), _wildcards(attempt))
        for attempt in attempts
        if attempt.facts.get("kind") not in _KINDS
    }
    return tuple(
        step
        for commands in _tries(steps)
        if _job_of(commands, attempts) is None and not _told(commands) & parts
        for step in commands
    )


def _tries(steps: Iterable[StepRecord]) -> list[list[StepRecord]]:
    """Return the records of commands by the shell that they have in common, in order of start."""
    tries: dict[tuple[str, str], list[StepRecord]] = {}
    for step in sorted(steps, key=lambda step: (step.started, step.path.name)):
        if step.command is not None:
            tries.setdefault((step.machine.host if step.machine else "", step.command.shell), []).append(step)
    return list(tries.values())


def _job_of(commands: Sequence[StepRecord], attempts: Sequence[Attempt]) -> Job | None:
    able = [attempt for attempt in attempts if attempt.facts.get("kind") in _KINDS]
    told = _told(commands)
    if told:
        able = [attempt for attempt in able if (str(attempt.facts["rule"]), _wildcards(attempt)) in told]
    jobs = {_job(attempt) for attempt in able}
    if told and len(jobs) <= 1:
        return jobs.pop() if jobs else None
    prints = {step.command.fingerprint for step in commands if step.command} - {None}
    same = {_job(attempt) for attempt in able if prints & set(attempt.facts.get("fingerprints", ()))}
    if len(same) == 1:
        return same.pop()
    able = [attempt for attempt in able if _open(attempt, commands[0].started)]
    jobs = {_job(attempt) for attempt in able}
    if len(jobs) > 1:
        jobs = {_job(attempt) for attempt in able if _names_programs(attempt, commands)}
    return jobs.pop() if len(jobs) == 1 else None


def _told(commands: Iterable[StepRecord]) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    return {parse_job(text) for step in commands if step.command for text in step.command.jobs}


def _job(attempt: Attempt) -> Job:
    return str(attempt.facts["rule"]), tuple(str(entry["path"]) for entry in attempt.facts.get("output", ()))


def _wildcards(attempt: Attempt) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(name), str(value)) for name, value in attempt.facts.get("wildcards", {}).items()))


def _names_programs(attempt: Attempt, commands: Iterable[StepRecord]) -> bool:
    text = str(attempt.facts.get("command") or "")
    programs = [step.command.program for step in commands if step.command]
    return all(re.search(rf"(?<![\w.-]){re.escape(program)}(?![\w.-])", text) for program in programs)


def _open(attempt: Attempt, moment: datetime) -> bool:
    return attempt.submitted <= moment and (attempt.ended is None or moment <= attempt.ended)


def _as_one(commands: Sequence[StepRecord], job: Job) -> StepRecord:
    """Return one record for the commands of one try: from the first start to the last end."""
    first, last = commands[0], commands[-1]
    ends = [step.ended for step in commands if step.ended is not None]
    whole = len(ends) == len(commands)
    return replace(
        first,
        rule=job[0],
        outputs=job[1],
        status=last.status if whole else Status.INTERRUPTED,
        ended=max(ends) if whole else None,
        usage=_together([step.usage for step in commands]) if len(commands) > 1 else first.usage,
        error=last.error,
    )


def _together(usages: Sequence[tuple[Usage, ...]]) -> tuple[Usage, ...]:
    """Return processor times added up and the largest peak; wall times may overlap, so that of none is told."""
    found: dict[str, Usage] = {}
    for usage in (each for every in usages for each in every):
        known = found.get(usage.name)
        if known is None:
            found[usage.name] = usage
        else:
            value = known.value + usage.value if usage.name == "cpu time" else max(known.value, usage.value)
            found[usage.name] = replace(known, value=value)
    found.pop("wall time", None)
    return tuple(found.values())
