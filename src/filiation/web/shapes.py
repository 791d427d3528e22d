"""What the twins' JSON looks like, for their description (OpenAPI); what is not known is left out of an answer."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """A JSON object that may have more than is told here."""

    model_config = ConfigDict(extra="allow")


class NodeShape(Shape):
    """A thing (file, store, image) or a job, as one run tells of it."""

    iri: str = Field(examples=["arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/work/results/nuclei.ome.zarr"])
    crate: str = Field(description="IRI of the crate that tells of it.")
    path: str | None = Field(None, description="Of a thing: as the workflow named it.")
    kind: str | None = Field(None, examples=["label image"])
    digest: str | None = Field(None, examples=["tree1:52ba13591bda0000"])
    size: int | None = Field(None, description="Bytes.")
    place: str | None = Field(None, description="Where it was last seen.")
    name: str | None = Field(None, description="Of a job: such as segment (sample=ihc).")
    rule: str | None = None
    status: str | None = Field(None, examples=["finished"])
    started: str | None = Field(None, examples=["2026-03-01T00:11:10Z"])
    ended: str | None = None
    agent: str | None = Field(None, description="Who ran it.")
    agent_id: str | None = Field(None, examples=["https://orcid.org/0000-0002-1825-0097"])
    parameters: list[dict[str, Any]] | None = Field(
        None, examples=[[{"name": "sigma", "requested": 2, "used": 1.0}]], description="As asked for, and as used."
    )


class RunShape(Shape):
    """A run in one line."""

    id: str = Field(examples=["7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10"])
    iri: str = Field(examples=["arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/"])
    status: str = Field(examples=["finished"])
    started: str | None = None
    ended: str | None = None
    workflow: str | None = None
    agent: str | None = None
    jobs: int | None = None
    failed: int | None = None
    doi: str | None = None


class HomeShape(Shape):
    """The catalogue at a glance."""

    runs: int = Field(description="How many there are.")
    latest: list[RunShape]
    problems: list[str] = Field(description="Crates in the folder that cannot be read.")


class RunsShape(Shape):
    """A page of the list of runs."""

    runs: list[RunShape]
    total: int
    page: int
    pages: int


class CrateShape(Shape):
    """A run's crate."""

    run: RunShape
    folder: str | None = None
    metadata: str | None = Field(None, description="Digest of the metadata that the catalogue read.")
    size: int | None = Field(None, description="Bytes of the metadata.")
    seals: list[dict[str, Any]] = Field(description="Who stated what it holds, and whether that is signed.")


class RunDetailShape(Shape):
    """One run, with a page of its jobs and of its things."""

    run: RunShape
    crate: CrateShape
    actions: list[NodeShape]
    entities: list[NodeShape]
    page: int
    pages: int


class StateShape(Shape):
    """In what state a thing is."""

    standing: str = Field(
        examples=["verified"],
        description="verified, unsigned, changed, missing, record changed, not looked at, replaced, deleted, "
        "elsewhere, no file, no digest, or a job.",
    )
    why: str
    read: str | None = Field(None, description="When its bytes were read again.")
    can_be_read: bool = Field(description="Whether /check would say more.")
    seal: str | None = None


class CountShape(Shape):
    """How large a lineage is, the thing itself counted."""

    things: int
    jobs: int
    runs: int


class ThingShape(Shape):
    """Where a thing comes from, its state, and the evidence."""

    thing: str = Field(description="As it was named.")
    iris: list[str]
    type: str = Field(examples=["entity"])
    node: NodeShape
    note: str | None = None
    headline: str | None = Field(
        None, examples=["Made on 2026-03-01 00:22:40 UTC by Josiah Carberry from image 51 on omero.example.org."]
    )
    sentences: list[str]
    descends_from: CountShape
    came_of_it: CountShape
    state: StateShape
    made_by: list[dict[str, Any]] = Field(description="Jobs, with failed attempts, logs and what else crates tell.")
    people: list[dict[str, Any]]
    crates: list[CrateShape]
    seen: list[NodeShape] = Field(description="Where its bytes were seen, the newest first.")
    annotations: list[dict[str, Any]]
    gaps: list[str]
    depth: int
    around: dict[str, Any] = Field(description="Things and jobs around it, and the edges between them.")
    left_out: int


class SearchShape(Shape):
    """What a word may mean."""

    asked: str
    thing: str | None = Field(None, description="What to ask /api/thing for, where the word names one thing exactly.")
    label: int | None = Field(None, description="The value of the one object of that thing that it names.")
    run: str | None = Field(None, description="The id of the run that it names exactly.")
    things: list[NodeShape]
    things_in_all: int
    jobs: list[NodeShape]
    jobs_in_all: int
    runs: list[RunShape]
    people: list[dict[str, Any]]
    remarks: list[str]
    tried: list[str]


class FindingsShape(Shape):
    """What was noticed over all runs."""

    about: str = Field(examples=["gaps"])
    title: str
    summary: str
    counts: dict[str, int]
    lines: int
    found: list[dict[str, Any]]
    page: int
    pages: int


class RefusalShape(BaseModel):
    """What is said instead of an answer."""

    error: str = Field(examples=["No run 'ffffffff' in the catalogue. `filiation runs` lists those that are there."])
    status: int = Field(examples=[404])
