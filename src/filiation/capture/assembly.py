"""Assembly: from a journal, step records and what was seen on disk to one frozen ``WorkflowRun``.

Nothing is read here and nothing is inferred from a file's presence: an action finished only if Snakemake said so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from filiation.capture.attempts import Attempt, split_attempts
from filiation.capture.definitions import connections_of, is_target_only, repository_told, rules_of, workflow_of
from filiation.capture.deployment import Deployed
from filiation.capture.endings import not_captured, run_error, run_status, unowned
from filiation.capture.job_actions import action_of
from filiation.capture.journal import Journal
from filiation.capture.naming import entity_path, inside
from filiation.capture.steps import StepRecord, read_machine
from filiation.capture.surroundings import Surroundings
from filiation.errors import BadInputError
from filiation.model import (
    Agent,
    DataEntity,
    Machine,
    Parameter,
    Presence,
    Software,
    Status,
    Usage,
    Value,
    WorkflowRun,
)

Facts = Mapping[str, Any]
INCOMPLETE = "incomplete"
"""Flag of what lies at the place of an output whose job did not finish: nobody says that it is whole."""


def assemble(
    journal: Journal,
    steps: Sequence[StepRecord] = (),
    entities: Iterable[DataEntity] = (),
    usage: Mapping[str, tuple[Usage, ...]] | None = None,
    problems: Sequence[str] = (),
    around: Surroundings | None = None,
    deployed: Deployed | None = None,
) -> WorkflowRun:
    """Turn what was captured into the run that a crate holds.

    Parameters
    ----------
    journal
        The run's journal, verified.
    steps
        Its step records, in order of start.
    entities
        What was seen on disk of every file the journal names.
    usage
        Resources from benchmark files, by their path.
    problems
        Sentences on what could not be captured, besides those found here.
    around
        What the workflow came with.
    deployed
        What was deployed for its jobs.

    Raises
    ------
    BadInputError
        If the journal does not begin with the start of a run.
    """
    if not journal.events or journal.events[0].kind != "run_started":
        raise BadInputError(f"{journal.path} does not begin with the start of a run; nothing can be assembled from it.")
    start = journal.events[0]
    attempts = split_attempts(journal.events, steps)
    touch = start.data.get("executor") == "touch"
    found, methods = deployed or Deployed(), frozenset(str(method) for method in start.data.get("deployment", ()))
    actions = tuple(
        action_of(attempt, touch, usage or {}, found, methods)
        for attempt in attempts
        if not is_target_only(attempt.facts)
    )
    ended = next((event for event in journal.events if event.kind == "run_ended"), None)
    folder = str(start.data["rundir"])
    license_text = start.data.get("agent", {}).get("license")
    return WorkflowRun(
        id=str(start.data["run"]),
        status=run_status(journal.events, attempts, ended, touch),
        workflow=workflow_of(
            start.data, repository_told(journal.events), attempts, folder, around or Surroundings(), found
        ),
        engine=Software("snakemake", start.data.get("snakemake_version"), _snakemake_purl(start.data)),
        agent=_agent(start.data),
        machine=_machine(start.data),
        command=" ".join(_program(word) if not index else word for index, word in enumerate(_arguments(start.data))),
        folder=folder,
        started=start.time,
        ended=max(start.time, ended.time) if ended else None,
        config=tuple(Parameter(name, Value.of(value)) for name, value in sorted(_config(start.data).items())),
        config_files=tuple(
            inside(path, folder) for path in (*start.data.get("configfiles", ()), *start.data.get("profiles", ()))
        ),
        rules=rules_of(attempts, folder, methods, found),
        connections=connections_of(attempts),
        actions=actions,
        entities=_entities(entities, attempts),
        not_captured=(*not_captured(journal, attempts), *unowned(steps, attempts), *problems),
        redacted=tuple(ended.data.get("redacted", ())) if ended else (),
        error=run_error(journal.events),
        license=license_text,
    )


def _entities(entities: Iterable[DataEntity], attempts: Sequence[Attempt]) -> tuple[DataEntity, ...]:
    """Return the entities in order of path; what a job left behind that did not finish is flagged ``incomplete``."""
    last = {entity_path(entry): attempt for attempt in attempts for entry in attempt.facts.get("output", ())}
    known: dict[str, DataEntity] = {}
    for entity in entities:
        maker = last.get(entity.path)
        # Snakemake puts back what was there before an update that failed.
        left = maker is not None and maker.status is not Status.FINISHED and "update" not in entity.flags
        if left and entity.presence in (Presence.PRESENT, Presence.CHANGED):
            entity = replace(entity, flags=tuple(sorted({*entity.flags, INCOMPLETE})))
        known[entity.path] = entity
    return tuple(sorted(known.values(), key=lambda entity: os.fsencode(entity.path)))


def _agent(start: Facts) -> Agent:
    stated = start.get("agent", {})
    return Agent(
        user=str(start.get("user") or "unknown"),
        name=stated.get("name"),
        orcid=stated.get("orcid"),
        affiliation=stated.get("affiliation"),
        affiliation_ror=stated.get("affiliation_ror"),
    )


def _machine(start: Facts) -> Machine:
    return read_machine({"host": start.get("host"), "platform": start.get("platform")} | start.get("machine", {}))


def _config(start: Facts) -> dict[str, object]:
    """Return the config's leaves under dotted names: ``segment.sigma``."""
    leaves: dict[str, object] = {}

    def descend(value: object, name: str) -> None:
        if isinstance(value, Mapping) and value:
            for key, item in value.items():
                descend(item, f"{name}.{key}" if name else str(key))
        elif name:
            leaves[name] = value

    descend(start.get("config"), "")
    return leaves


def _arguments(start: Facts) -> list[str]:
    return [str(argument) for argument in start.get("arguments", ())]


def _program(path: str) -> str:
    """Return a program's name without the place it is installed at, which says nothing about the run."""
    if os.path.basename(path) == "__main__.py":  # python -m snakemake
        return os.path.basename(os.path.dirname(path))
    return os.path.basename(path)


def _snakemake_purl(start: Facts) -> str | None:
    version = start.get("snakemake_version")
    return f"pkg:pypi/snakemake@{version}" if version else None
