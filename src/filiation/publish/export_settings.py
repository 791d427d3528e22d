"""What an export is asked for, and what it tells of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.catalogue.policy import Policy
from filiation.publish.licences import LicenceFinding
from filiation.publish.people import Party

if TYPE_CHECKING:
    from filiation.catalogue.nodes import Json
    from filiation.publish.vocabularies import Described

DATA_NONE: Final = "none"
DATA_RESULTS: Final = "results"
DATA_ALL: Final = "all"
DATA: Final = (DATA_NONE, DATA_RESULTS, DATA_ALL)
PROFILES: Final = ("0.5", "0.6")
FORMS: Final = ("folder", "zip", "eln", "bagit")


@dataclass(frozen=True, slots=True)
class ExportSettings:
    """What to export, and how.

    Parameters
    ----------
    data
        Whose bytes come along: ``none``, ``results`` (what was chosen) or ``all`` (what it descends from too, as far as
        it lies here). The rest is named by its digest.
    profile
        Version of Workflow Run RO-Crate: ``0.5`` on RO-Crate 1.1, or ``0.6`` on 1.3.
    policy
        What is private; None for nothing.
    with_failed
        Whether attempts that failed, of the same jobs, come along.
    whole_runs
        Whether the runs' crates come along as they are, with journals and seals, other results' jobs too.
    max_size
        Bytes of data at most; None for no limit.
    licence
        SPDX identifier for what is published; by default that of the settings or of the runs, where they have one.
    allow_licence_conflict
        Why licences that contradict each other may stand; it is written into the export. None to refuse.
    title, description, keywords
        For a reader.
    authors, publisher
        Who made it, by default those who ran the jobs; and the organisation that stands behind it.
    sample_sheets
        Sample sheets whose columns describe images, besides those that runs recorded.
    workflow_at
        Address of the web at which the main workflow's file is published; None if it is nowhere.
    published_at
        DOI, or address of the page, under which it is or will be published; None if nobody knows.
    form
        One of :data:`FORMS`; None for what the target's name asks for.
    """

    data: str = DATA_RESULTS
    profile: str = "0.5"
    policy: Policy | None = None
    with_failed: bool = False
    whole_runs: bool = False
    max_size: int | None = None
    licence: str | None = None
    allow_licence_conflict: str | None = None
    title: str | None = None
    description: str | None = None
    keywords: tuple[str, ...] = ()
    authors: tuple[Party, ...] = ()
    publisher: Party | None = None
    sample_sheets: tuple[Path, ...] = ()
    workflow_at: str | None = None
    published_at: str | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True)
class ExportedRun:
    """What of a run is exported.

    Parameters
    ----------
    run
        Its id here.
    id
        Its id in the export: another one if something was withheld.
    name
        For a person.
    jobs, things
        How many attempts of jobs and how many things of it.
    left_out
        How many of each stay here.
    """

    run: str
    id: str
    name: str
    jobs: int
    things: int
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"run": self.run, "id": self.id, "name": self.name, "jobs": self.jobs, "things": self.things,
                "left_out": dict(self.left_out)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportedThing:
    """A thing of the lineage: its bytes, or where they were.

    Parameters
    ----------
    path
        As the run named it.
    digest
        Over its bytes; None if none was recorded.
    size
        Bytes, as recorded or as they are.
    carried
        Where in the export its bytes are; None if they stay here.
    why
        Why they stay here.
    """

    path: str
    digest: str | None
    size: int | None
    carried: str | None = None
    why: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"path": self.path, "digest": self.digest, "size": self.size, "carried": self.carried, "why": self.why}


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported, or would be.

    Parameters
    ----------
    target
        The folder or archive.
    title
        Of the export.
    runs
        Runs that it has something of.
    things
        Every thing of the lineage.
    jobs
        How many attempts of jobs.
    size
        Bytes of data that come along.
    licence
        Of the export, as an SPDX identifier or as somebody wrote it; None if none is stated.
    licences
        What stands against it, or cannot be told.
    withheld
        How many of what: kinds and counts, never what it was.
    gaps
        What the records leave open about this lineage, in sentences.
    authors, publisher
        Who made it.
    described
        What is said of images in terms of vocabularies, and what stays text.
    undefined
        Words of crates of which these do not say what they mean; they are kept under a name that says so.
    published_at
        Where it is or will be published; None if nobody said.
    dry
        Whether nothing was written.
    """

    target: Path
    title: str
    runs: tuple[ExportedRun, ...]
    things: tuple[ExportedThing, ...]
    jobs: int
    size: int
    licence: str | None
    licences: tuple[LicenceFinding, ...]
    withheld: Mapping[str, int]
    gaps: tuple[str, ...]
    authors: tuple[Party, ...]
    publisher: Party | None
    described: tuple[Described, ...] = ()
    undefined: tuple[str, ...] = ()
    published_at: str | None = None
    dry: bool = field(default=False)

    @property
    def carried(self) -> tuple[ExportedThing, ...]:
        """The things whose bytes come along."""
        return tuple(thing for thing in self.things if thing.carried is not None)

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {
            "target": str(self.target),
            "dry": self.dry,
            "title": self.title,
            "jobs": self.jobs,
            "size": self.size,
            "licence": self.licence,
            "licences": [dict(found.to_json()) for found in self.licences],
            "withheld": dict(self.withheld),
            "gaps": list(self.gaps),
            "authors": [dict(author.to_json()) for author in self.authors],
            "publisher": None if self.publisher is None else dict(self.publisher.to_json()),
            "runs": [run.to_json() for run in self.runs],
            "things": [thing.to_json() for thing in self.things],
            "described": [found.to_json() for found in self.described],
            "undefined": list(self.undefined),
            "published_at": self.published_at,
        }
