"""The record of writing back to a server: what of a run was registered there, and what was removed again.

A Process Run Crate of its own, with an action for each object that was written to, so that what stands on one image
descends from what was made of that image, and from nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filiation.crate.agents import agent_id, software_id, write_agent, write_machine, write_software
from filiation.crate.flushing import flush_tree
from filiation.crate.jsonld import Node, isoformat, node, reference, references, single
from filiation.crate.profiles import INLINE_CONTEXT, PROFILES, RO_CRATE, WORKFLOW_RUN_CONTEXT
from filiation.crate.record_names import AS_THE_USER, FAILURE, REGISTRATION, REMOVAL, RUN
from filiation.crate.things import write_pixels
from filiation.crate.writer import METADATA
from filiation.model import Agent, Digest, EntityKind, Machine, Presence, Software, run_iri

_OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"
_PROCESS = PROFILES[0]


@dataclass(frozen=True, slots=True)
class Known:
    """Something that another crate, or the server, has more to tell of.

    Parameters
    ----------
    iri
        Its IRI.
    name
        For a person.
    kind
        An ``EntityKind`` value, or for an object on the server its class there, such as ``MapAnnotation``.
    identifiers
        IRIs of its digests.
    place, tree, pixels
        Of a store that was written here: where, and its digests; no other crate tells of it.
    """

    iri: str
    name: str
    kind: str
    identifiers: tuple[str, ...] = ()
    place: str | None = None
    tree: Digest | None = None
    pixels: Digest | None = None


@dataclass(frozen=True, slots=True)
class Writing:
    """That something was written to one object on the server.

    Parameters
    ----------
    about
        The image or dataset that was written to.
    used
        What of the run was put there: label images, tables.
    made
        What is there now that was not before.
    started, ended
        UTC.
    """

    about: Known
    used: tuple[Known, ...]
    made: tuple[Known, ...]
    started: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Registration:
    """One call that wrote to a server, or removed from it.

    Parameters
    ----------
    id
        Its UUID; everything that it wrote carries :attr:`mark`.
    run
        Id of the run.
    host
        The server.
    agent, machine, software
        Who, where, with which version of filiation.
    user
        Who they are on the server.
    started, ended
        UTC.
    writings, removed
        What was done.
    failure
        Why not everything was; None if it was.
    """

    id: str
    run: str
    host: str
    agent: Agent
    machine: Machine
    software: Software
    user: str
    started: datetime
    ended: datetime
    writings: tuple[Writing, ...] = ()
    removed: tuple[Known, ...] = ()
    failure: str | None = None

    @property
    def mark(self) -> str:
        """What stands on the server with everything that was written."""
        return mark_of(self.id)

    @property
    def name(self) -> str:
        """What it is, for a person."""
        if self.removed and not self.writings:
            return f"Removal of what run {self.run[:8]} had on {self.host}"
        return f"Registration of run {self.run[:8]} on {self.host}"


def mark_of(registration: str) -> str:
    """Return the mark of a registration: its UUID as an IRI (RFC 9562)."""
    return f"urn:uuid:{registration}"


def write_registration(made: Registration, folder: Path) -> None:
    """Write the crate of a registration into a folder that is not visible under its final name yet.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METADATA).write_bytes((json.dumps(_document(made), indent=1) + "\n").encode("ascii"))
    flush_tree(folder)


def _document(made: Registration) -> dict[str, Any]:
    actions = list(_actions(made))
    root = node(
        "./",
        "Dataset",
        name=made.name,
        identifier=made.mark,
        description=f"What of run {made.run} was written to the OMERO server {made.host} and removed from it, by whom",
        datePublished=isoformat(made.ended),
        license=reference("#no-licence-stated"),
        author=reference(agent_id(made.agent)),
        conformsTo=reference(_PROCESS.iri),
        mentions=references(action["@id"] for action in actions),
    )
    run = run_iri(made.run)
    graph = [
        node(METADATA, "CreativeWork", conformsTo=reference(RO_CRATE), about=reference("./")),
        root,
        *actions,
        node(run, "CreativeWork", name=f"Run {made.run[:8]}", description="The run that was registered",
             identifier=run, entityKind=RUN),
        *_things(made),
        write_software(made.software),
        *write_agent(made.agent),
        node(_PROCESS.iri, "CreativeWork", name=_PROCESS.name, version=_PROCESS.version),
        node("#no-licence-stated", "CreativeWork", name="No licence stated",
             description="The author of this record has not stated a licence; ask them before reusing it"),
    ]  # fmt: skip
    return {"@context": [f"{RO_CRATE}/context", WORKFLOW_RUN_CONTEXT, INLINE_CONTEXT], "@graph": graph}


def _actions(made: Registration) -> Iterator[Node]:
    common: dict[str, object] = {
        "instrument": reference(software_id(made.software)),
        "agent": reference(agent_id(made.agent)),
        **write_machine(made.machine),
    }
    done = {"actionStatus": "http://schema.org/CompletedActionStatus"}
    run = run_iri(made.run)
    for writing in made.writings:
        what = writing.about.iri.removeprefix(f"https://{made.host}/").replace("/", ":")
        yield node(
            f"{REGISTRATION}{what.replace(':', '-')}",
            "CreateAction",
            name=f"{made.name}: {what}",
            description=f"Results of run {made.run} were written to {writing.about.iri}{AS_THE_USER}{made.user}",
            object=references([run, *(used.iri for used in writing.used)]),
            result=references(thing.iri for thing in writing.made),
            about=reference(writing.about.iri),
            startTime=isoformat(writing.started),
            endTime=isoformat(writing.ended),
            **common,
            **done,
        )
    when = {"startTime": isoformat(made.started), "endTime": isoformat(made.ended)}
    if made.removed:
        yield node(
            REMOVAL,
            "UpdateAction",
            name=f"Removal of what run {made.run[:8]} had on {made.host}",
            description=f"What had been registered of run {made.run} was deleted{AS_THE_USER}{made.user}",
            object=references([run, *(thing.iri for thing in made.removed)]),
            **when,
            **common,
            **done,
        )
    if made.failure is not None:
        yield node(
            FAILURE,
            "CreateAction",
            name=f"{made.name}: broken off",
            description=f"What was to be done for run {made.run} on {made.host} was not done to its end",
            object=reference(run),
            error=made.failure,
            actionStatus="http://schema.org/FailedActionStatus",
            **when,
            **common,
        )


def _things(made: Registration) -> Iterator[Node]:
    """Yield what the actions point to, each once."""
    known: dict[str, Known] = {}
    for writing in made.writings:
        for thing in (writing.about, *writing.used, *writing.made):
            known.setdefault(thing.iri, thing)
    for thing in made.removed:
        known.setdefault(thing.iri, thing)
    for thing in known.values():
        is_local = thing.kind in set(EntityKind)
        yield node(
            thing.iri,
            "CreativeWork",
            name=thing.name,
            description=f"{thing.kind.capitalize()} of run {made.run}" if is_local else f"{thing.kind} on {made.host}",
            identifier=single([*thing.identifiers]),
            entityKind=thing.kind,
            additionalType=None if is_local else reference(_OME + thing.kind),
            lastSeen=thing.place,
            presence=None if thing.place is None else Presence.PRESENT.value,
            treeDigest=None if thing.tree is None else thing.tree.hex,
            pixelDigest=write_pixels(thing.pixels),
        )
