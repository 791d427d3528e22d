"""The runs of an institute, drawn from a seed: what a catalogue of a given size would hold.

A run is 96 jobs: 16 images go through 6 steps each. Runs stand in 9 generations: those of the first read raw images
from OMERO (each read by about 3 runs), those of a later one read results of runs of the one before, which join by
their bytes. One of 12 models and each of 20 flat-field images with a chance of 5 % are read by all the first steps of
a run. A step reads now and then what another image's step wrote, so that answers get wide.

A run can be had as a crate, written by the product's own writer, or as what the product derives from one: for more
runs than can be packed in an evening. The latter is made here directly, with as many statements for each job.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from filiation.catalogue import GENERATED, USED, ActionNode, Edge, EntityNode, Literal, RunSummary, Triple
from filiation.catalogue.derive import Derived
from filiation.crate import write_crate
from filiation.crate.writer import Payload
from filiation.model import (
    Action,
    Agent,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    Machine,
    Parameter,
    Presence,
    Rule,
    RuleKind,
    Slot,
    Software,
    Status,
    Value,
    Workflow,
    WorkflowRun,
    entity_iri,
    run_iri,
)

CHAINS, STEPS, GENERATIONS = 16, 6, 9
JOBS = CHAINS * STEPS
FLAT_FIELDS, MODELS, PARAMETERS = 20, 12, 10
RULES = ("correct", "denoise", "segment", "track", "measure", "render")
SOFTWARE = tuple(
    Software(f"tool-{number}", f"1.{number}.0", f"pkg:pypi/tool-{number}@1.{number}.0") for number in range(6)
)
SERVER = "https://omero.example.org/Image/"
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
SCHEMA, PROV = "http://schema.org/", "http://www.w3.org/ns/prov#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its step, and the paths that it reads and writes."""

    number: int
    step: int
    chain: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DrawnRun:
    """One run, before it is written in any form."""

    number: int
    jobs: tuple[Job, ...]
    begins: datetime

    @property
    def id(self) -> str:
        """Its UUID."""
        return str(UUID(bytes=hashlib.sha256(b"run %d" % self.number).digest()[:16], version=4))

    @property
    def folder(self) -> str:
        """Where it ran."""
        return f"/lab/projects/{self.number}"

    @property
    def user(self) -> str:
        """Who started it."""
        return f"user{self.number % 40}"

    @property
    def made(self) -> frozenset[str]:
        """Everything that it wrote."""
        return frozenset(path for job in self.jobs for path in job.outputs)

    def place(self, path: str) -> str:
        """Return the absolute path, or the address."""
        return path if path.startswith(("/", "https:")) else f"{self.folder}/{path}"

    def iri(self, path: str) -> str:
        """Return the name of a thing in the graph."""
        return path if path.startswith("https:") else entity_iri(self.id, path)

    def digest(self, path: str) -> Digest | None:
        """Return the digest of what is at a path: the same for all who read the same."""
        if path.startswith("https:"):
            return None
        return Digest(DigestKind.FILE, hashlib.sha256(self.place(path).encode()).hexdigest())


class Institute:
    """All runs of an institute.

    Parameters
    ----------
    jobs
        About how many jobs; a whole number of runs.
    seed
        What is drawn by.
    """

    def __init__(self, jobs: int, seed: int = 1) -> None:
        self.size = max(GENERATIONS, round(jobs / JOBS))
        self.seed = seed
        self.raw_images = max(1, -(-self.size // GENERATIONS) * CHAINS // 3)

    def run(self, number: int) -> DrawnRun:
        """Draw one run; the same whichever others are drawn."""
        chance = random.Random(f"{self.seed}/{number}")
        generation = min(number * GENERATIONS // self.size, GENERATIONS - 1)
        first, end = (-(-g * self.size // GENERATIONS) for g in (generation - 1, generation))
        shared = [f"{SERVER}{n + 1}" for n in range(FLAT_FIELDS) if chance.random() < 0.05]
        shared.append(f"/lab/models/{chance.randrange(MODELS)}.pt")
        jobs: list[Job] = []
        written: dict[tuple[int, int], tuple[str, ...]] = {}
        for step in range(STEPS):
            for chain in range(CHAINS):
                if step:
                    inputs = [written[step - 1, chain][0]]
                    if chance.random() < 0.1:
                        inputs.append(written[step - 1, chance.randrange(CHAINS)][-1])
                elif generation:
                    inputs = [_result(chance.randrange(first, end), chance.randrange(CHAINS)), *shared]
                else:
                    inputs = [f"{SERVER}{100 + chance.randrange(self.raw_images)}", *shared]
                outputs = tuple(_output(chain, step, part) for part in range(chance.choice((1, 1, 2, 2, 3))))
                written[step, chain] = outputs
                jobs.append(Job(len(jobs) + 1, step, chain, tuple(dict.fromkeys(inputs)), outputs))
        # Each generation takes half a year; within it, runs begin one after another.
        return DrawnRun(number, tuple(jobs), BEGIN + timedelta(hours=6) * (number * 6570 / self.size))

    def runs(self) -> Iterator[DrawnRun]:
        """Draw every run, in the order in which they began."""
        return (self.run(number) for number in range(self.size))

    def last_label(self) -> str:
        """Return the name of something that stands at the end of everything."""
        return self.run(self.size - 1).iri(_output(0, STEPS - 1, 0))

    def raw_image(self) -> str:
        """Return the name of a raw image of the first run."""
        return self.run(0).jobs[0].inputs[0]


def _output(chain: int, step: int, part: int) -> str:
    return f"results/{chain}/{RULES[step]}-{part}.tif"


def _result(run: int, chain: int) -> str:
    return f"/lab/projects/{run}/{_output(chain, STEPS - 1, 0)}"


def derived(run: DrawnRun) -> Derived:
    """Return a run as the product's ingest derives it."""
    crate = run_iri(run.id)
    made = run.made
    edges: list[Edge] = []
    actions = []
    for job in run.jobs:
        iri = f"{crate}#job-{job.number}-attempt-1"
        begin, end = times(run, job)
        actions.append(
            ActionNode(
                iri, crate, f"{RULES[job.step]} (chain={job.chain})", RULES[job.step], job.number, 1, "finished", begin,
                end, run.user, None, "node1", f"python {RULES[job.step]}.py", _parameters(job), (SOFTWARE[job.step],),
            )
        )  # fmt: skip
        edges += (Edge(run.iri(path), iri, USED, crate) for path in job.inputs)
        edges += (Edge(iri, run.iri(path), GENERATED, crate) for path in job.outputs)
    paths = sorted({*made, *(path for job in run.jobs for path in job.inputs)}, key=run.iri)
    entities = tuple(
        EntityNode(
            run.iri(path), crate, path, "raw image" if path.startswith("https:") else "file", digest=run.digest(path),
            size=4096, presence="present", place=run.place(path), media_type="image/tiff", generated=path in made,
        )
        for path in paths
    )  # fmt: skip
    summary = RunSummary(
        run.id, crate, "finished", run.begins, run.begins + timedelta(hours=1), "Snakefile", run.user, "front1",
        run.folder, len(actions), 0, len(made),
    )  # fmt: skip
    return Derived(summary, entities, tuple(sorted(actions, key=lambda a: a.iri)), tuple(sorted(edges)), ())


def statements(run: Derived) -> Iterator[Triple]:
    """Yield the statements of a run's graph, as many for each job as the product makes."""
    crate = run.run.iri
    yield crate, TYPE, SCHEMA + "Dataset"
    for step, rule in enumerate(RULES):
        for parameter in _parameters(Job(0, step, 0, (), ())):
            iri = f"{crate}#parameter-{rule}-{parameter.name}"
            yield iri, TYPE, SCHEMA + "PropertyValue"
            yield iri, SCHEMA + "name", Literal(parameter.name)
            yield iri, SCHEMA + "value", Literal(str(parameter.value))
    for action in run.actions:
        yield crate, SCHEMA + "mentions", action.iri
        yield action.iri, TYPE, SCHEMA + "CreateAction"
        yield action.iri, TYPE, PROV + "Activity"
        yield action.iri, SCHEMA + "name", Literal(action.name)
        yield action.iri, SCHEMA + "instrument", f"{crate}#tool-{action.rule}"
        yield action.iri, SCHEMA + "agent", f"{crate}#agent-{action.agent}"
        yield action.iri, SCHEMA + "startTime", Literal(str(action.started))
        yield action.iri, SCHEMA + "endTime", Literal(str(action.ended))
        for parameter in action.parameters:
            yield action.iri, SCHEMA + "object", f"{crate}#parameter-{action.rule}-{parameter.name}"
    for entity in run.entities:
        yield entity.iri, TYPE, SCHEMA + "MediaObject"
        yield entity.iri, SCHEMA + "contentSize", Literal("4096")
        if entity.digest is not None:
            yield entity.iri, PROV + "specializationOf", entity.digest.iri
    for edge in run.edges:
        if edge.role == USED:
            yield edge.dst, SCHEMA + "object", edge.src
            yield edge.dst, PROV + "used", edge.src
        else:
            yield edge.src, SCHEMA + "result", edge.dst
            yield edge.dst, PROV + "wasGeneratedBy", edge.src


def write(run: DrawnRun, crates: Path) -> Path:
    """Write a run as a crate, by the product's writer."""
    made = run.made
    things = {
        path: DataEntity(
            path,
            EntityKind.RAW_IMAGE if path.startswith("https:") else EntityKind.FILE,
            Presence.REMOTE if path.startswith("https:") else Presence.PRESENT,
            digest=run.digest(path),
            size=4096,
        )
        for path in sorted({*made, *(path for job in run.jobs for path in job.inputs)})
    }
    actions = []
    for job in run.jobs:
        begin, end = times(run, job)
        actions.append(
            Action(
                job.number, 1, RULES[job.step], Status.FINISHED, (("chain", str(job.chain)),), _parameters(job),
                tuple(Slot(f"input[{n}]", path) for n, path in enumerate(job.inputs)),
                tuple(Slot(f"output[{n}]", path) for n, path in enumerate(job.outputs)),
                command=f"python {RULES[job.step]}.py", threads=1, reason="Missing output files", submitted=begin,
                started=begin, ended=end, software=(SOFTWARE[job.step],),
            )
        )  # fmt: skip
    written = WorkflowRun(
        id=run.id,
        status=Status.FINISHED,
        workflow=Workflow("Snakefile", ("Snakefile",)),
        engine=Software("snakemake", "9.27.1"),
        agent=Agent(run.user),
        machine=Machine("front1"),
        command="snakemake --cores 16",
        folder=run.folder,
        started=run.begins,
        ended=run.begins + timedelta(hours=1),
        rules=tuple(Rule(rule, RuleKind.SHELL, "Snakefile", 1) for rule in sorted(RULES)),
        actions=tuple(actions),
        entities=tuple(things.values()),
    )
    crate = crates / run.id
    crate.mkdir(parents=True)
    write_crate(written, crate, Payload(files={"work/Snakefile": b"# a workflow\n"}))
    return crate


def _parameters(job: Job) -> tuple[Parameter, ...]:
    chosen = (job.step * 7 + job.number) % 5
    return tuple(Parameter(f"p{n}", used=Value.of(n * 10 + (chosen if n == 2 else 0))) for n in range(PARAMETERS))


def times(run: DrawnRun, job: Job) -> tuple[datetime, datetime]:
    begin = run.begins + timedelta(minutes=9 * job.step, seconds=5 * job.chain)
    return begin, begin + timedelta(minutes=5)
