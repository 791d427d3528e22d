"""Assembly: from a journal, step records and what was seen on disk to one frozen ``WorkflowRun``.

Nothing is read here and nothing is inferred from a file's presence: an action finished only if Snakemake said so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from filiation.capture.attempts import Attempt, split_attempts
from filiation.capture.commands import nobodys
from filiation.capture.deployment import Deployed
from filiation.capture.journal import Event, Journal
from filiation.capture.steps import StepRecord, read_machine
from filiation.capture.surroundings import Surroundings
from filiation.errors import BadInputError
from filiation.model import (
    Action,
    Agent,
    ContainerImage,
    DataEntity,
    Digest,
    Environment,
    Machine,
    Parameter,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Usage,
    Value,
    Workflow,
    WorkflowRun,
    is_uri,
    local_path,
    object_iri,
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
        _with_environment(_action(attempt, touch, usage or {}), attempt.facts, found, methods)
        for attempt in attempts
        if not _is_target_only(attempt.facts)
    )
    ended = next((event for event in journal.events if event.kind == "run_ended"), None)
    folder = str(start.data["rundir"])
    license_text = start.data.get("agent", {}).get("license")
    return WorkflowRun(
        id=str(start.data["run"]),
        status=_run_status(journal.events, attempts, ended, touch),
        workflow=_workflow(
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
        rules=_rules(attempts, folder, methods, found),
        connections=_connections(attempts),
        actions=actions,
        entities=_entities(entities, attempts),
        not_captured=(*_not_captured(journal, attempts), *_unowned(steps, attempts), *problems),
        redacted=tuple(ended.data.get("redacted", ())) if ended else (),
        error=_run_error(journal.events),
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


def inside(path: str, folder: str) -> str:
    """Name a path as the model does: relative to the run's folder if it lies inside, else absolute."""
    if "://" in path:
        return path
    if not os.path.isabs(path):
        path = os.path.normpath(os.path.join(folder, path))
    if path == folder or path.startswith(folder.rstrip("/") + "/"):
        return local_path(os.path.relpath(path, folder))
    return path


def _is_target_only(facts: Facts) -> bool:
    """Tell a rule such as ``all``, which runs nothing and makes nothing, from a job."""
    return facts.get("kind") == "none" and not facts.get("output")


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


_CONTAINERS = frozenset({"apptainer", "singularity"})


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
    merged = tuple(replace(parameter, used=used.pop(parameter.name, None)) for parameter in requested)
    return merged + tuple(Parameter(name, None, value) for name, value in used.items() if value is not None)


def _slots(entries: Iterable[Facts]) -> tuple[Slot, ...]:
    return tuple(Slot(str(entry["name"]), entity_path(entry)) for entry in entries)


def entity_path(entry: Facts) -> str:
    """Return the path that the model gives to a file entry of the journal: its storage query if it has one."""
    query = entry.get("query")
    path = local_path(str(entry["path"])) if not query else object_iri(query) if is_uri(query) else str(query)
    return path.rstrip("/") if len(path) > 1 else path


def _run_status(events: Sequence[Event], attempts: Sequence[Attempt], ended: Event | None, touch: bool) -> Status:
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


def _run_error(events: Sequence[Event]) -> str | None:
    stopped = next((str(event.data["how"]) for event in events if event.kind == "stop_requested"), None)
    if stopped is not None:
        return _STOPPED.get(stopped, f"Asked to stop ({stopped}).")
    errors = [str(event.data.get("message")) for event in events if event.kind == "error"]
    failed = [event for event in events if event.kind == "job_failed"]
    late = _last_words(events)
    if not errors or (not late and failed):
        return None
    return late[-1] if late else errors[-1]


_STOPPED = {
    "interrupt": "Stopped on the user's request.",
    "terminate": "Asked to stop by a signal; jobs that were running could finish.",
}


def _last_words(events: Sequence[Event]) -> list[str]:
    """Return the errors after the last finished job: a retried job's error is the attempt's, told there."""
    last_finished = max((event.sequence for event in events if event.kind == "job_finished"), default=-1)
    return [
        str(event.data.get("message")) for event in events if event.kind == "error" and event.sequence > last_finished
    ]


def repository_told(events: Sequence[Event]) -> Facts:
    """Return the facts of the repository; journals of earlier versions have them in their first line."""
    told = (event.data for event in events if event.kind == "repository")
    return next(told, events[0].data.get("repository", {}))


def _workflow(
    start: Facts,
    repository: Facts,
    attempts: Sequence[Attempt],
    folder: str,
    around: Surroundings,
    deployed: Deployed,
) -> Workflow:
    main = inside(str(start.get("snakefile_main") or "Snakefile"), folder)
    sources = {main}
    sources |= {inside(str(path), folder) for path in start.get("sources", ()) if "://" not in str(path)}
    for attempt in attempts:
        # A wrapper is named by its address; what it consists of, if it is here, by its files.
        named = ("wrapper_file", "conda") if attempt.facts.get("kind") == "wrapper" else ("script", "conda")
        for key in named:
            path = attempt.facts.get(key)
            if path and "://" not in str(path):
                sources.add(inside(str(path), folder))
        beside = deployed.beside.get(str(attempt.facts.get("conda")), {})
        sources |= {inside(path, folder) for path in beside.values()}
    basedir = str(start.get("basedir") or folder)
    name = os.path.basename(os.path.dirname(basedir) if os.path.basename(basedir) == "workflow" else basedir)
    return Workflow(
        main=main,
        sources=tuple(sorted(sources | set(around.licence.files))),
        name=name or None,
        version=repository.get("commit"),
        repository=repository.get("url"),
        modified=repository.get("modified"),
        diff=Digest.from_text(repository["diff"]) if "diff" in repository else None,
        swhid=repository.get("swhid") or around.swhid,
        licenses=around.licence.identifiers,
        license_files=around.licence.files,
    )


def _rules(attempts: Sequence[Attempt], folder: str, methods: Iterable[str], deployed: Deployed) -> tuple[Rule, ...]:
    rules: dict[str, Rule] = {}
    for attempt in attempts:
        facts = attempt.facts
        if _is_target_only(facts):
            continue
        kind = RuleKind(facts.get("kind", "none"))
        script = facts.get("script")
        if script is not None and "://" not in script and kind is not RuleKind.WRAPPER:
            script = inside(script, folder)
        beside = {what: inside(path, folder) for what, path in deployed.beside.get(str(facts.get("conda")), {}).items()}
        rules[str(facts["rule"])] = Rule(
            name=str(facts["rule"]),
            kind=kind,
            source=inside(facts["rule_file"], folder) if facts.get("rule_file") else None,
            line=facts.get("rule_line"),
            script=script,
            environment=Environment(
                conda=inside(facts["conda"], folder) if facts.get("conda") else None,
                container=facts.get("container"),
                modules=tuple(facts.get("modules", ())),
                deployed=tuple(sorted(methods)),
                pin=beside.get("pin"),
                post_deploy=beside.get("post_deploy"),
                conda_named=facts.get("conda_named"),
            ),
        )
    return tuple(rules[name] for name in sorted(rules))


def _connections(attempts: Sequence[Attempt]) -> tuple[tuple[str, str], ...]:
    pairs = {
        (str(maker), str(attempt.facts["rule"]))
        for attempt in attempts
        if not _is_target_only(attempt.facts)
        for _, maker in attempt.facts.get("depends_on", ())
    }
    return tuple(sorted(pairs))


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


def _unowned(steps: Sequence[StepRecord], attempts: Sequence[Attempt]) -> list[str]:
    return [
        f"Whose job the command {step.command.program!r} was, started {step.started:%Y-%m-%d %H:%M:%S} UTC, cannot be "
        f"told; its record is {step.path.name}."
        for step in nobodys(steps, attempts)
        if step.command
    ]


def _not_captured(journal: Journal, attempts: Sequence[Attempt]) -> tuple[str, ...]:
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
