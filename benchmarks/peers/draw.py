"""What all peers load: the institute's jobs in a file, with the questions that are asked of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drawn_jobs import Job, write_jobs

sys.path.append(str(Path(__file__).resolve().parent.parent))

from institute import FLAT_FIELDS, RULES, SERVER, DrawnRun, Institute, times

from filiation.model import run_iri

JOBS, ASKED, INSTITUTE, IRIS = "jobs.tsv", "asked.json", "institute.json", "iris.tsv"


@dataclass(frozen=True, slots=True)
class Question:
    """One that everybody is asked: a thing's name, whether to go up, and how it is told."""

    told: str
    name: str
    up: bool


def draw(jobs: int, seed: int, folder: Path) -> None:
    """Write the jobs, the names that things have in filiation's index, and what is asked."""
    folder.mkdir(parents=True)
    institute = Institute(jobs, seed)
    write_jobs((job for run in institute.runs() for job in _jobs(run)), folder / JOBS)
    flat_fields = [f"{SERVER}{number + 1}" for number in range(FLAT_FIELDS)]
    used: set[str] = set()
    with (folder / IRIS).open("w") as lines:
        for run in institute.runs():
            for job in run.jobs:
                lines.write(f"{run_iri(run.id)}#job-{job.number}-attempt-1\t{_name(run, job.number)}\n")
                lines.writelines(f"{run.iri(path)}\t{run.place(path)}\n" for path in (*job.inputs, *job.outputs))
                used.update(job.inputs)
    last = institute.run(institute.size - 1)
    label = next(job.outputs[0] for job in last.jobs if job.step == len(RULES) - 1)
    asked = {last.place(label): last.iri(label), institute.raw_image(): institute.raw_image()}
    flat_field = next(name for name in flat_fields if name in used)
    asked[flat_field] = flat_field
    (folder / ASKED).write_text(json.dumps(asked))
    (folder / INSTITUTE).write_text(json.dumps({"jobs": jobs, "seed": seed}))


def questions(folder: Path) -> list[Question]:
    """Return what is asked of a drawn institute."""
    label, raw, flat_field = json.loads((folder / ASKED).read_text())
    return [
        Question("ancestors of a label", label, True),
        Question("descendants of a raw image", raw, False),
        Question("descendants of a flat field", flat_field, False),
    ]


def _jobs(run: DrawnRun) -> Iterator[Job]:
    for job in run.jobs:
        yield Job(
            _name(run, job.number), RULES[job.step], run.user, *times(run, job),
            tuple(run.place(path) for path in job.inputs), tuple(run.place(path) for path in job.outputs),
        )  # fmt: skip


def _name(run: DrawnRun, number: int) -> str:
    return f"{run.folder}#{number}"
