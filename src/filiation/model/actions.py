"""Actions: what a run did, attempt by attempt. Frozen, typed, without input or output."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from filiation.model.entities import Agent, DataEntity, Machine, Parameter, Software, Value
from filiation.model.identifiers import Digest, run_iri


class Status(StrEnum):
    """How an action ended.

    Finished only when Snakemake said so in a run that was neither dry nor touch; failed when its last word was an
    error; else interrupted. Never inferred from a file's presence.
    """

    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TOUCHED = "touched"
    """``--touch`` set times without running anything: it generates nothing."""
    UNKNOWN = "unknown"
    """Nobody saw how it ended: recorded afterwards, from Snakemake's metadata, which look the same for a failed job."""

    @property
    def generates(self) -> bool:
        """Whether what an action of this status declares as outputs came from it, as far as is known."""
        return self in (Status.FINISHED, Status.UNKNOWN)


class RuleKind(StrEnum):
    """How a rule says what to do."""

    SHELL = "shell"
    SCRIPT = "script"
    RUN = "run"
    NOTEBOOK = "notebook"
    WRAPPER = "wrapper"
    NONE = "none"
    """Only inputs, as an ``all`` rule."""
    UNKNOWN = "unknown"
    """Recorded afterwards: a script, a notebook, a wrapper or Python code."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One file of an action under the name that the rule gives it.

    Parameters
    ----------
    name
        ``image`` for ``input.image``; ``input[0]`` or ``output[0]`` for a nameless one; ``frames[2]`` in a named list.
    path
        Path of the :class:`~filiation.model.entities.DataEntity`.
    """

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Environment:
    """The software environment that a rule declares, and whether Snakemake really deployed it.

    Parameters
    ----------
    conda
        Path of the conda environment file.
    conda_named
        In its place the name or the folder of an environment that somebody else made.
    pin
        Path of the file beside it that pins its packages exactly, for the platform of the run.
    post_deploy
        Path of the script beside it that is run once it is deployed.
    container
        Container image URL.
    modules
        Environment modules.
    deployed
        Deployment methods switched on for the run (``conda``, ``apptainer``, ``env-modules``); an environment that is
        declared but not deployed was not used.
    """

    conda: str | None = None
    container: str | None = None
    modules: tuple[str, ...] = ()
    deployed: tuple[str, ...] = ()
    pin: str | None = None
    post_deploy: str | None = None
    conda_named: str | None = None


@dataclass(frozen=True, slots=True)
class CondaEnvironment:
    """A conda environment that a job ran in, as it was deployed.

    Parameters
    ----------
    prefix
        Its folder.
    lock
        SHA-256 of the list of its packages, ``environments/….txt`` in the crate (``docs/reference/made-with.md``).
    packages
        Its packages, sorted by name.
    """

    prefix: str
    lock: Digest
    packages: tuple[Software, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerImage:
    """A container image that a job ran in.

    Parameters
    ----------
    url
        As the rule declares it.
    path
        The image file that was made of it, or that it names.
    digest
        SHA-256 of that file's bytes. None if not captured.
    """

    url: str
    path: str | None = None
    digest: Digest | None = None

    @property
    def registry_digest(self) -> str | None:
        """The digest by which a registry knows the image, where the URL names it by digest: ``sha256:…``.

        >>> ContainerImage("docker://example.org/lab/tool@sha256:0f").registry_digest
        'sha256:0f'
        """
        _, at, digest = self.url.rpartition("@")
        return digest if at and digest.startswith("sha256:") else None


@dataclass(frozen=True, slots=True)
class Rule:
    """A tool of the workflow: one rule, with the file that defines it.

    Parameters
    ----------
    name
        Name in the workflow (an alias where a module renames it).
    kind
        How it says what to do.
    source
        Path of the Snakefile that defines it.
    line
        Line in that file, from 1.
    script
        Path of the script or notebook, or the wrapper's address.
    environment
        Declared environment.
    """

    name: str
    kind: RuleKind
    source: str | None = None
    line: int | None = None
    script: str | None = None
    environment: Environment = Environment()


@dataclass(frozen=True, slots=True)
class Usage:
    """A resource that an action used, in a named unit.

    Parameters
    ----------
    name
        ``wall time``, ``cpu time``, ``peak memory``, …
    value
        The figure.
    unit
        QUDT unit name: ``SEC``, ``MegaBYTE``, …; empty for a number without dimension.
    source
        Who measured: ``benchmark`` (Snakemake's benchmark file) or ``step`` (the step record).
    """

    name: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class Action:
    """One attempt of one job.

    Parameters
    ----------
    job
        Snakemake's job number; dense within a run, so only meaningful with the run's id.
    attempt
        From 1.
    rule
        Name of its :class:`Rule`.
    status
        How it ended.
    wildcards
        Name and value pairs, sorted by name.
    parameters
        Named parameters in the rule's order.
    inputs, outputs, logs
        Files by slot. Outputs are what the rule declares; only those of a finished action were generated.
    benchmark
        Path of the benchmark file.
    command
        Shell command as it was run.
    threads
        Threads given.
    resources
        Name and value pairs, sorted by name.
    reason
        Why Snakemake ran it.
    depends_on
        Numbers of the jobs it waited for.
    submitted
        When Snakemake started or submitted it, UTC.
    started, ended
        When the work really started and ended, UTC; from the step record where there is one.
    time_source
        ``step``, ``snakemake`` (then start is submission and end is detection) or ``snakemake-metadata`` (unreliable).
    error
        What it failed with.
    exit_code
        How what it ran ended, where that was told: 0, another exit code, or the negative number of a signal.
    machine
        Where it ran, if a step record tells.
    scheduler_job
        The cluster's job id.
    conda, container
        What it was deployed in, if Snakemake deployed something for it.
    software
        Distributions that the step imported, with versions.
    usage
        Resources used.
    step_record
        Path of its step record inside the crate.
    """

    job: int
    attempt: int
    rule: str
    status: Status
    wildcards: tuple[tuple[str, str], ...] = ()
    parameters: tuple[Parameter, ...] = ()
    inputs: tuple[Slot, ...] = ()
    outputs: tuple[Slot, ...] = ()
    logs: tuple[Slot, ...] = ()
    benchmark: str | None = None
    command: str | None = None
    threads: int | None = None
    resources: tuple[tuple[str, Value], ...] = ()
    reason: str | None = None
    depends_on: tuple[int, ...] = ()
    submitted: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    time_source: str = "snakemake"
    error: str | None = None
    exit_code: int | None = None
    machine: Machine | None = None
    scheduler_job: str | None = None
    software: tuple[Software, ...] = ()
    usage: tuple[Usage, ...] = ()
    step_record: str | None = None
    conda: CondaEnvironment | None = None
    container: ContainerImage | None = None

    @property
    def local_id(self) -> str:
        """Identifier inside the run's crate."""
        return f"#job-{self.job}-attempt-{self.attempt}"


@dataclass(frozen=True, slots=True)
class Workflow:
    """The workflow that ran.

    Parameters
    ----------
    main
        Path of the main Snakefile.
    sources
        Paths of every file that the workflow is made of: Snakefiles, scripts, environment files, schemas.
    name
        A name for a person.
    version
        Commit of the workflow's repository, if it has one.
    repository
        Address of the repository, without credentials.
    modified
        Whether the repository had changes that are not committed; None if there is no repository.
    diff
        SHA-256 of what git shows as not committed (``docs/reference/journal.md``); None if nothing is, or not captured.
    swhid
        SWHID of the workflow's folder, ``swh:1:dir:…`` (ISO/IEC 18670); None if it was not computed.
    licenses
        SPDX identifiers of the licences that the workflow's own files state, sorted.
    license_files
        Paths of those files; one that was not recognised counts too.
    """

    main: str
    sources: tuple[str, ...] = ()
    name: str | None = None
    version: str | None = None
    repository: str | None = None
    modified: bool | None = None
    diff: Digest | None = None
    swhid: str | None = None
    licenses: tuple[str, ...] = ()
    license_files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One call of Snakemake: the aggregate that a crate holds.

    Parameters
    ----------
    id
        Snakemake's workflow id, a UUID.
    status
        Finished when every job did; failed when one failed; interrupted when the journal has no end.
    workflow
        What ran.
    engine
        Snakemake with its version.
    agent
        Who started it.
    machine
        Where the main process ran.
    command
        Command line, secrets redacted.
    folder
        Absolute path of the run's folder.
    started, ended
        UTC. ``ended`` is None if the run was killed.
    config
        The workflow's whole config as used, one parameter a leaf, under dotted names (``segment.sigma``).
    config_files
        Paths of config files and profiles in use.
    rules
        The tools, in order of name.
    connections
        Pairs of rule names: the second depends on the first.
    actions
        In order of submission.
    entities
        Everything used, made, logged; in order of path.
    not_captured
        What could not be captured, in sentences.
    redacted
        Names of values that were withheld.
    error
        What ended the run.
    license
        Licence that the person states for their runs, an address or a name.
    recorded_by
        ``journal``: written down while it ran. ``snakemake-metadata``: gathered afterwards, of low confidence.
    """

    id: str
    status: Status
    workflow: Workflow
    engine: Software
    agent: Agent
    machine: Machine
    command: str
    folder: str
    started: datetime
    ended: datetime | None = None
    config: tuple[Parameter, ...] = ()
    config_files: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    connections: tuple[tuple[str, str], ...] = ()
    actions: tuple[Action, ...] = ()
    entities: tuple[DataEntity, ...] = ()
    not_captured: tuple[str, ...] = ()
    redacted: tuple[str, ...] = ()
    error: str | None = None
    license: str | None = None
    recorded_by: str = "journal"

    @property
    def iri(self) -> str:
        """The IRI of the run's crate."""
        return run_iri(self.id)

    def entity(self, path: str) -> DataEntity | None:
        """Return the entity seen at ``path``."""
        return next((entity for entity in self.entities if entity.path == path), None)
