"""Step records: what a job says of itself, written in the process that did the work.

A record is one JSON file in ``<catalogue>/steps/<run id>/``; ``docs/reference/step-record.md`` is the format. It is the
only truthful source of real start and end, host, effective parameters and imported versions on a cluster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from filiation.model import (
    Digest,
    ImageFacts,
    ImageMetadata,
    Machine,
    Parameter,
    ServerFacts,
    Software,
    Status,
    Usage,
    Value,
    WorkflowRun,
    from_plain,
    local_path,
)
from filiation.model.plain_facts import read_image_facts, read_server_facts

FORMAT = 1
UNCLAIMED = "steps/unclaimed"
"""Where steps leave records that no run told them a place for, inside the catalogue."""


@dataclass(frozen=True, slots=True)
class SideInput:
    """Something a step used besides its declared inputs: a raw image by its URI, model weights.

    Parameters
    ----------
    iri
        URI or path.
    name
        A name for a person.
    digest, pixels, size, media_type, url, image, modified, server, metadata
        As in ``DataEntity``.
    """

    iri: str
    name: str
    digest: Digest | None = None
    pixels: Digest | None = None
    size: int | None = None
    media_type: str | None = None
    url: str | None = None
    image: ImageFacts | None = None
    modified: datetime | None = None
    server: ServerFacts | None = None
    metadata: ImageMetadata | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """What a record of ``filiation step`` says of the command that it ran, which does not know its job.

    Parameters
    ----------
    program
        Name of the program.
    fingerprint
        See ``filiation.capture.fingerprint``; None if the run's key did not reach the job.
    shell
        The shell process (on its host) that all commands of one try have in common.
    jobs
        Jobs that the Snakemake above it was told to do, as ``rule:wildcard=value,…``.
    folder
        Where it ran.
    exit_code
        How it ended: 0, another exit code, or the negative number of a signal; None if it was never told.
    """

    program: str
    fingerprint: str | None
    shell: str
    jobs: tuple[str, ...]
    folder: str
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One execution of a step, as it recorded itself."""

    path: Path
    rule: str
    outputs: tuple[str, ...]
    status: Status
    started: datetime
    ended: datetime | None
    parameters: tuple[Parameter, ...]
    side_inputs: tuple[SideInput, ...]
    pixels: Mapping[str, Digest]
    """Pixel digests of inputs and outputs, by path."""
    software: tuple[Software, ...]
    usage: tuple[Usage, ...]
    machine: Machine | None
    scheduler_job: str | None
    error: str | None
    digests: Mapping[str, Digest] = field(default_factory=dict)
    """Digests of inputs and outputs as the step saw them, by path."""
    command: Command | None = None
    """Of a record that ``filiation step`` wrote; it names neither rule nor outputs."""
    unused: frozenset[str] = frozenset()
    """Parameters of the rule that meant nothing to what was done."""


def read_step_records(folder: Path) -> tuple[tuple[StepRecord, ...], tuple[str, ...]]:
    """Read every step record of a run, in order of start.

    Returns
    -------
    tuple
        The records, and a sentence for each file that is none.
    """
    records: list[StepRecord] = []
    problems: list[str] = []
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        try:
            records.append(_from_json(path, json.loads(path.read_text("utf-8"))))
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"The step record {path.name} cannot be read ({type(error).__name__}: {error}).")
    return tuple(sorted(records, key=lambda record: (record.started, record.path.name))), tuple(problems)


def claim(records: Iterable[StepRecord], run: WorkflowRun) -> tuple[StepRecord, ...]:
    """Return the unclaimed records that belong to a run: made while it ran, of jobs with just its outputs.

    A command's record names its job by rule and wildcards, and the folder that it ran in.
    """
    outputs = {tuple(slot.path for slot in action.outputs) for action in run.actions}
    jobs = {(action.rule, action.wildcards) for action in run.actions}

    def is_own(record: StepRecord) -> bool:
        command = record.command
        if command is None:
            return record.outputs in outputs
        inside = f"{command.folder}/".startswith(run.folder.rstrip("/") + "/")
        return inside and any(job in jobs for job in map(parse_job, command.jobs))

    return tuple(
        record
        for record in records
        if is_own(record) and record.started >= run.started and (run.ended is None or record.started <= run.ended)
    )


def parse_job(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return rule and wildcards, in order of name, of a job as Snakemake names it: ``rule:name=value,…``.

    >>> parse_job('call:sample=a,region="1,2"')
    ('call', (('region', '1,2'), ('sample', 'a')))
    """
    rule, _, rest = text.partition(":")
    found = re.findall(r'(\w+)=("[^"]*"|[^,]*)', rest)
    return rule, tuple(sorted((name, value.strip('"') if "," in value else value) for name, value in found))


def _from_json(path: Path, record: dict[str, object]) -> StepRecord:
    def items(key: str) -> list[dict[str, object]]:
        found = record.get(key) or []
        if not isinstance(found, list):
            raise TypeError(f"{key} is not a list")
        return found

    def digest(item: Mapping[str, object], key: str) -> Digest | None:
        return Digest.from_text(str(item[key])) if item.get(key) else None

    files = [*items("inputs"), *items("outputs")]
    machine = record.get("machine")
    scheduler = record.get("scheduler")
    error = record.get("error")
    return StepRecord(
        path=path,
        rule=str(record.get("rule") or ""),
        outputs=tuple(str(item["path"]) for item in items("outputs")),
        status=Status(str(record["status"])),
        started=datetime.fromisoformat(str(record["started"])),
        ended=datetime.fromisoformat(str(record["ended"])) if record.get("ended") else None,
        parameters=tuple(_parameter(item) for item in items("parameters")),
        side_inputs=tuple(
            SideInput(
                iri=str(item["iri"]),
                name=str(item["name"]),
                digest=digest(item, "digest"),
                pixels=digest(item, "pixels"),
                size=_integer(item.get("size")),
                media_type=_text(item.get("media_type")),
                url=_text(item.get("url")),
                image=read_image_facts(item.get("image")),
                modified=datetime.fromisoformat(str(item["modified"])) if item.get("modified") else None,
                server=read_server_facts(item.get("server")),
                metadata=from_plain(ImageMetadata, item["metadata"]) if item.get("metadata") else None,
            )
            for item in items("side_inputs")
        ),
        pixels={
            local_path(str(item["path"])): found for item in files if (found := digest(item, "pixels")) is not None
        },
        software=tuple(
            sorted(
                (
                    Software(
                        str(item["name"]),
                        _text(item.get("version")),
                        _text(item.get("purl")),
                        _text(item.get("origin")),
                        _truth(item.get("modified")),
                    )
                    for item in items("software")
                ),
                key=lambda software: (software.name, software.version or "", software.purl or ""),
            )
        ),
        usage=tuple(
            Usage(str(item["name"]), float(str(item["value"])), str(item["unit"]), "step") for item in items("usage")
        ),
        machine=read_machine(machine) if isinstance(machine, dict) else None,
        scheduler_job=_text(scheduler.get("job")) if isinstance(scheduler, dict) else None,
        error=f"{error['type']}: {error['message']}" if isinstance(error, dict) else None,
        digests={
            local_path(str(item["path"])): found for item in files if (found := digest(item, "digest")) is not None
        },
        command=_command(record.get("command")),
        unused=frozenset(str(name) for name in _names(record.get("unused"))),
    )


def _names(found: object) -> list[object]:
    return found if isinstance(found, list) else []


def _command(facts: object) -> Command | None:
    if not isinstance(facts, dict):
        return None
    return Command(
        program=str(facts["program"]),
        fingerprint=_text(facts.get("fingerprint")),
        shell=str(facts["shell"]),
        jobs=tuple(str(job) for job in facts["jobs"]),
        folder=str(facts["folder"]),
        exit_code=_integer(facts.get("exit")),
    )


def _parameter(item: Mapping[str, object]) -> Parameter:
    return Parameter(
        name=str(item["name"]),
        requested=Value.of(item["requested"]) if "requested" in item else None,
        used=Value.of(item["used"]) if "used" in item else None,
    )


def read_machine(machine: Mapping[str, object]) -> Machine:
    """Return where something ran, as ``filiation.capture.environment.machine_facts`` describes it."""
    gpus = machine.get("gpus")
    return Machine(
        host=str(machine.get("host") or "unknown"),
        platform=_text(machine.get("platform")),
        cpus=_integer(machine.get("cpus")),
        cpu=_text(machine.get("cpu")),
        gpus=tuple(str(model) for model in gpus) if isinstance(gpus, list) else (),
        gpu_driver=_text(machine.get("gpu_driver")),
        gpu_visible=_text(machine.get("gpu_visible")),
    )


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) else None
