"""From an attempt of a job to the action that a crate tells of it: what it used and made, when, where, in what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from filiation.capture.attempts import Attempt
from filiation.capture.deployment import Deployed
from filiation.capture.naming import entity_path
from filiation.capture.steps import StepRecord
from filiation.model import Action, ContainerImage, Parameter, Slot, Status, Usage, Value

Facts = Mapping[str, Any]
_CONTAINERS = frozenset({"apptainer", "singularity"})


def action_of(
    attempt: Attempt,
    touch: bool,
    usage: Mapping[str, tuple[Usage, ...]],
    deployed: Deployed,
    methods: frozenset[str],
) -> Action:
    """Return the action that an attempt was.

    Parameters
    ----------
    attempt
        One attempt of one job.
    touch
        Whether the run only set times.
    usage
        Resources from benchmark files, by their path.
    deployed
        What was deployed for the run's jobs.
    methods
        How the run deploys software, by Snakemake's names.
    """
    return _with_environment(_action(attempt, touch, usage), attempt.facts, deployed, methods)


def _action(attempt: Attempt, touch: bool, usage: Mapping[str, tuple[Usage, ...]]) -> Action:
    facts, step = attempt.facts, attempt.step
    status = Status.TOUCHED if touch and attempt.status is Status.FINISHED else attempt.status
    benchmark = facts.get("benchmark")
    requested = tuple(Parameter(str(name), Value.of(value)) for name, value in facts.get("params", {}).items())
    started, ended, source = _times(attempt)
    side = tuple(Slot(f"used[{index}]", used.iri) for index, used in enumerate(step.side_inputs if step else ()))
    return Action(
        job=int(facts["job"]),
        attempt=attempt.number,
        rule=str(facts["rule"]),
        status=status,
        wildcards=tuple(sorted((str(k), str(v)) for k, v in facts.get("wildcards", {}).items())),
        parameters=_with_used(requested, step),
        inputs=(*_slots(facts.get("input", ())), *side),
        outputs=_slots(facts.get("output", ())),
        logs=_slots(facts.get("log", ())),
        benchmark=benchmark,
        command=facts.get("command"),
        threads=facts.get("threads"),
        resources=tuple((str(k), Value.of(v)) for k, v in sorted(facts.get("resources", {}).items())),
        reason=facts.get("reason"),
        depends_on=tuple(sorted({int(job) for job, _ in facts.get("depends_on", ())})),
        submitted=attempt.submitted,
        started=started,
        ended=ended,
        time_source=source,
        error=attempt.error if status in (Status.FAILED, Status.INTERRUPTED) else None,
        exit_code=_exit_code(attempt),
        machine=step.machine if step else None,
        scheduler_job=(step.scheduler_job if step else None) or attempt.external,
        software=step.software if step else (),
        # A benchmark file is written by the attempt that finished.
        usage=(
            *(step.usage if step else ()),
            *(usage.get(benchmark, ()) if benchmark and status is Status.FINISHED else ()),
        ),
        step_record=f"steps/{step.path.name}" if step else None,
    )


def _exit_code(attempt: Attempt) -> int | None:
    """Return how what a job ran ended: of a job that failed as Snakemake was told, else as its command recorded."""
    if attempt.exit_code is not None:
        return attempt.exit_code
    command = attempt.step.command if attempt.step else None
    return None if command is None else command.exit_code


def _with_environment(action: Action, facts: Facts, deployed: Deployed, methods: frozenset[str]) -> Action:
    """Say what an action was deployed in: nothing that was only declared."""
    if action.status is Status.TOUCHED:
        return action
    image, file = facts.get("container"), facts.get("container_file")
    used = image is not None and bool(methods & _CONTAINERS)
    return replace(
        action,
        conda=deployed.conda.get(str(facts.get("conda_prefix"))),
        container=ContainerImage(str(image), file, deployed.images.get(str(file))) if used else None,
    )


def _times(attempt: Attempt) -> tuple[datetime | None, datetime | None, str]:
    """Return real start and end: the step's own clock if it has one, else when Snakemake told; never negative."""
    step = attempt.step
    if step is not None:
        ended = step.ended or attempt.ended
        return step.started, max(step.started, ended) if ended else None, "step"
    start, end = attempt.submitted, attempt.ended
    return start, max(start, end) if end is not None else None, "snakemake"


def _with_used(requested: tuple[Parameter, ...], step: StepRecord | None) -> tuple[Parameter, ...]:
    if step is None:
        return requested
    used = {parameter.name: parameter.used for parameter in step.parameters}
    merged = tuple(
        replace(parameter, used=used.pop(parameter.name, None))
        for parameter in requested
        if parameter.name not in step.unused
    )
    return merged + tuple(Parameter(name, None, value) for name, value in used.items() if value is not None)


def _slots(entries: Iterable[Facts]) -> tuple[Slot, ...]:
    return tuple(Slot(str(entry["name"]), entity_path(entry)) for entry in entries)
