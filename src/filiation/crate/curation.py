"""The record of what somebody did to data outside any workflow, or of what stores claim of themselves.

Metadata that were mended, a label image that was proof-read, jobs that are known from the stores alone: each is a
Process Run Crate of its own, so that lineage goes through it as through a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filiation.crate.agents import agent_id, write_agent, write_machine, write_software
from filiation.crate.flushing import flush_tree
from filiation.crate.jsonld import Node, isoformat, local, node, reference, references
from filiation.crate.profiles import INLINE_CONTEXT, PROFILES, RO_CRATE, WORKFLOW_RUN_CONTEXT
from filiation.crate.things import write_thing
from filiation.crate.writer import METADATA
from filiation.model import Agent, DataEntity, Machine, Parameter, Software, Status

_PROCESS = PROFILES[0]
_ENDINGS = {Status.FINISHED: "CompletedActionStatus", Status.FAILED: "FailedActionStatus"}


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing that was done.

    Parameters
    ----------
    id
        Local id of the action, such as ``#correction``.
    tool
        What it was done with; its name is what lineage calls the deed.
    description
        For a person.
    agent
        Who did it; None if that is not known.
    used, made
        What went in and came out, each with its full path or a URI. Where the same place held one thing before and
        another after, the one before is in ``used`` with that path.
    parameters, software
        With what settings, and which programs besides the tool.
    started, ended
        UTC; None if not known.
    status
        How it ended; ``unknown`` where nobody saw it.
    """

    id: str
    tool: Software
    description: str
    agent: Agent | None
    used: tuple[DataEntity, ...]
    made: tuple[DataEntity, ...]
    parameters: tuple[Parameter, ...] = ()
    software: tuple[Software, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None
    status: Status = Status.FINISHED
    machine: Machine | None = None


@dataclass(frozen=True, slots=True)
class Curation:
    """What is recorded together.

    Parameters
    ----------
    name, description
        For a person.
    author
        Who recorded it.
    deeds
        What was done, in order.
    published
        When it was recorded, UTC.
    files
        What goes along, by path in the crate.
    not_captured
        What is not known, each as a sentence.
    recorded_by
        From what it was learned, if not by who did it; such records are of low confidence.
    """

    name: str
    description: str
    author: Agent
    deeds: tuple[Deed, ...]
    published: datetime
    files: Mapping[str, bytes] = field(default_factory=dict)
    not_captured: tuple[str, ...] = ()
    recorded_by: str | None = None


def write_curation(made: Curation, folder: Path) -> None:
    """Write the crate of a curation into a folder that is not visible under its final name yet.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in made.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / METADATA).write_bytes((json.dumps(_document(made), indent=1) + "\n").encode("ascii"))
    flush_tree(folder)


def _document(made: Curation) -> dict[str, Any]:
    nodes: dict[str, Node] = {}
    actions = []
    for deed in made.deeds:
        action, others = _deed(deed)
        actions.append(action)
        for other in others:
            nodes.setdefault(other["@id"], other)
    for person in write_agent(made.author):
        nodes.setdefault(person["@id"], person)
    files = [
        node(path, "File", name=path.rpartition("/")[2], contentSize=str(len(content)))
        for path, content in made.files.items()
    ]
    root = node(
        "./",
        "Dataset",
        name=made.name,
        description=made.description,
        datePublished=isoformat(made.published),
        license=reference("#no-licence-stated"),
        author=reference(agent_id(made.author)),
        conformsTo=reference(_PROCESS.iri),
        mentions=references(action["@id"] for action in actions),
        hasPart=references(each["@id"] for each in files),
        notCaptured=list(made.not_captured) or None,
        recordedBy=made.recorded_by,
        runStatus=None if made.recorded_by is None else Status.UNKNOWN.value,
    )
    graph = [
        node(METADATA, "CreativeWork", conformsTo=reference(RO_CRATE), about=reference("./")),
        root,
        *files,
        *actions,
        *nodes.values(),
        node(_PROCESS.iri, "CreativeWork", name=_PROCESS.name, version=_PROCESS.version),
        node("#no-licence-stated", "CreativeWork", name="No licence stated",
             description="The author of this record has not stated a licence; ask them before reusing it"),
    ]  # fmt: skip
    return {"@context": [f"{RO_CRATE}/context", WORKFLOW_RUN_CONTEXT, INLINE_CONTEXT], "@graph": graph}


def _deed(deed: Deed) -> tuple[Node, list[Node]]:
    """Return an action, and what it points to."""
    made = [write_thing(entity, "/", (), []) for entity in deed.made]
    there = {thing["@id"] for thing in made}
    used = [_before(thing, deed) if thing["@id"] in there else thing for thing in _written(deed.used)]
    values = list(_values(deed))
    tool = write_software(deed.tool)
    programs = [write_software(each) for each in deed.software]
    action = node(
        deed.id,
        "CreateAction",
        name=f"{deed.tool.name}: {', '.join(entity.path.rpartition('/')[2] for entity in deed.made)}",
        description=deed.description,
        instrument=reference(tool["@id"]),
        agent=None if deed.agent is None else reference(agent_id(deed.agent)),
        object=references(each["@id"] for each in (*used, *values)),
        result=references(each["@id"] for each in made),
        startTime=isoformat(deed.started),
        endTime=isoformat(deed.ended),
        status=deed.status.value,
        softwareUsed=references(each["@id"] for each in programs),
        actionStatus=f"http://schema.org/{_ENDINGS[deed.status]}" if deed.status in _ENDINGS else None,
        **write_machine(deed.machine),
    )
    people = [] if deed.agent is None else write_agent(deed.agent)
    return action, [*used, *made, *values, tool, *programs, *people]


def _written(entities: tuple[DataEntity, ...]) -> Iterator[Node]:
    for entity in entities:
        yield write_thing(entity, "/", (), [])


def _before(thing: Node, deed: Deed) -> Node:
    """Return what stood at the place of something made, under a name of its own."""
    path = thing["@id"].rstrip("/").removeprefix("#")
    name = f"{thing['name']}, as it was before"
    return {**thing, "@id": f"{deed.id}-before/{path.rpartition('/')[2]}", "alternateName": name}


def _values(deed: Deed) -> Iterator[Node]:
    for parameter in deed.parameters:
        yield node(
            local(deed.id.removeprefix("#"), "value", parameter.name),
            "PropertyValue",
            name=parameter.name,
            value=str(parameter.value),
            requestedValue=None if parameter.requested is None else parameter.requested.json,
            usedValue=None if parameter.used is None else parameter.used.json,
        )
