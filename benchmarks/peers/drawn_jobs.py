"""The jobs of an institute in a file that every environment can read: a line for each job.

What is the same bytes has one name, that of where it was made, since most peers do not join by content.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """One job: what it read, and what it made.

    Parameters
    ----------
    name
        Its name, which no other job or thing has.
    rule, user
        What it ran, and who ran it.
    began, ended
        When.
    used, made
        Names of things.
    """

    name: str
    rule: str
    user: str
    began: datetime
    ended: datetime
    used: tuple[str, ...]
    made: tuple[str, ...]


def write_jobs(jobs: Iterable[Job], file: Path) -> None:
    """Write them, a line for each."""
    with file.open("w") as lines:
        for job in jobs:
            times = job.began.isoformat(), job.ended.isoformat()
            lines.write(
                "\t".join((job.name, job.rule, job.user, *times, "|".join(job.used), "|".join(job.made))) + "\n"
            )


def read_jobs(file: Path) -> Iterator[Job]:
    """Yield them in the order in which they ran."""
    with file.open() as lines:
        for line in lines:
            name, rule, user, began, ended, used, made = line.rstrip("\n").split("\t")
            times = datetime.fromisoformat(began), datetime.fromisoformat(ended)
            yield Job(name, rule, user, *times, tuple(used.split("|")), tuple(made.split("|")))


def things_of(jobs: Iterable[Job]) -> dict[str, Job | None]:
    """Return every thing by its name, with the job that made it."""
    things: dict[str, Job | None] = {}
    for job in jobs:
        for name in job.used:
            things.setdefault(name, None)
        things.update(dict.fromkeys(job.made, job))
    return things
