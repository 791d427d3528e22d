"""The record of a training set, or of a model that was trained with one: a Process Run Crate of its own.

Each case of a set is an action of its own, from a part of an image and of its label image to the files of the case, so
that a file descends from its own image and from no other; another action gathers the files into the set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from filiation.crate.agents import agent_id, software_id, write_agent, write_machine, write_software
from filiation.crate.flushing import flush_tree
from filiation.crate.jsonld import Node, isoformat, local, node, reference, references, single
from filiation.crate.profiles import INLINE_CONTEXT, PROFILES, RO_CRATE, WORKFLOW_RUN_CONTEXT
from filiation.crate.things import thing_id, write_pixels, write_thing
from filiation.crate.writer import METADATA
from filiation.model import (
    Agent,
    DataEntity,
    Digest,
    EntityKind,
    Machine,
    Parameter,
    Presence,
    Software,
    encode_path,
)

_PROCESS = PROFILES[0]
_NO_LICENCE = "#no-licence-stated"


@dataclass(frozen=True, slots=True)
class Source:
    """Something that other crates tell of, under the IRI that it has there.

    Parameters
    ----------
    iri, name, kind
        What it is; ``kind`` as in ``EntityKind``.
    place
        Where it was read from.
    digest, pixels
        Of what was read.
    """

    iri: str
    name: str
    kind: str
    place: str | None = None
    digest: Digest | None = None
    pixels: Digest | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """One action.

    Parameters
    ----------
    id
        Its name in the crate, unique.
    tool
        What did it.
    description
        For a person.
    sources
        IRIs of the :class:`Source` that went in.
    used, made
        Paths of the record's own things that went in and came out.
    parameters
        With what settings.
    started, ended
        UTC; the record's if left out.
    """

    id: str
    tool: Software
    description: str
    sources: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    started: datetime | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What is recorded together.

    Parameters
    ----------
    id
        UUID of the crate.
    name, description
        For a person.
    folder
        The folder that the paths of things start from.
    agent, machine
        Who did it, where.
    started, ended
        UTC.
    done
        The actions.
    sources
        What went in and is known from other crates.
    things
        What stands in the folder.
    manifests
        Manifests of trees by hexadecimal digest.
    licence
        Address or name; None if none is stated.
    not_captured
        What is not known, in sentences.
    """

    id: str
    name: str
    description: str
    folder: str
    agent: Agent
    machine: Machine | None
    started: datetime
    ended: datetime
    done: tuple[Done, ...]
    sources: tuple[Source, ...]
    things: tuple[DataEntity, ...]
    manifests: Mapping[str, bytes] = field(default_factory=dict)
    licence: str | None = None
    not_captured: tuple[str, ...] = ()


def write_training_record(made: TrainingRecord, folder: Path) -> None:
    """Write the crate into a folder that is not visible under its final name yet.

    Raises
    ------
    OSError
        If something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for digest, manifest in made.manifests.items():
        place = folder / _manifest(digest)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(manifest)
    (folder / METADATA).write_bytes((json.dumps(_document(made), indent=1) + "\n").encode("ascii"))
    flush_tree(folder)


def write_into_set(made: TrainingRecord, folder: Path) -> None:
    """Make the folder of a set a crate itself, which goes with it to whoever gets it.

    Parameters
    ----------
    made
        The record, with paths of things from the set's folder; ``.`` is the set itself.
    folder
        The set's folder, whole but for this. Nothing of this machine is told: no places, no host.
    """
    text = json.dumps(_document(made, inside=True), indent=1) + "\n"
    (folder / METADATA).write_bytes(text.encode("ascii"))


def _manifest(digest: str) -> str:
    return f"manifests/{digest}.sha256"


def _document(made: TrainingRecord, *, inside: bool = False) -> dict[str, Any]:
    ids = {
        each.path: encode_path(each.path) if inside else thing_id(each.path, each.is_tree, ()) for each in made.things
    }
    parts = [*ids.values()] if inside else [_manifest(digest) for digest in made.manifests]
    ids["."] = "./"
    machine = None if inside else made.machine
    actions = [_action(made, done, ids) | write_machine(machine) for done in made.done]
    tools = {software_id(done.tool): write_software(done.tool) for done in made.done}
    root = node(
        "./",
        "Dataset",
        name=made.name,
        identifier=f"urn:uuid:{made.id}",
        description=made.description,
        datePublished=isoformat(made.ended),
        license=reference(_NO_LICENCE if made.licence is None else _licence_id(made.licence)),
        author=reference(agent_id(made.agent)),
        conformsTo=reference(_PROCESS.iri),
        mentions=references(action["@id"] for action in actions),
        hasPart=references(parts),
        notCaptured=single(list(made.not_captured)),
    )
    graph = [
        node(METADATA, "CreativeWork", conformsTo=reference(RO_CRATE), about=reference("./")),
        root,
        *(_file(_manifest(digest), content) for digest, content in made.manifests.items()),
        *actions,
        *(value for done in made.done for value in _values(done)),
        *(_placeless(_source(source), inside) for source in made.sources),
        *(
            _placeless(write_thing(entity, made.folder, (), []), inside) | {"@id": ids[entity.path]}
            for entity in made.things
        ),
        *tools.values(),
        *write_agent(made.agent),
        node(_PROCESS.iri, "CreativeWork", name=_PROCESS.name, version=_PROCESS.version),
        _licence(made.licence),
    ]
    return {"@context": [f"{RO_CRATE}/context", WORKFLOW_RUN_CONTEXT, INLINE_CONTEXT], "@graph": graph}


def _placeless(thing: Node, inside: bool) -> Node:
    """Return a thing without where it was last seen, if that is nobody's business."""
    return {name: value for name, value in thing.items() if not (inside and name == "lastSeen")}


def _licence_id(stated: str) -> str:
    """Return the address of a licence: as stated, or of a Creative Commons licence that of its SPDX identifier."""
    if "://" in stated:
        return stated
    return f"https://spdx.org/licenses/{stated}" if stated.startswith(("CC0-", "CC-BY-")) else local("licence", stated)


def _licence(stated: str | None) -> Node:
    if stated is None:
        why = "The author of this record has not stated a licence; ask them before reusing it"
        return node(_NO_LICENCE, "CreativeWork", name="No licence stated", description=why)
    name = stated.rstrip("/").rpartition("/")[2] or stated
    return node(_licence_id(stated), "CreativeWork", name=name, description=stated)


def _file(path: str, content: bytes) -> Node:
    return node(
        path, "File", name=path.rpartition("/")[2], contentSize=str(len(content)),
        encodingFormat="application/octet-stream", description="SHA-256 and path of every file of a tree",
    )  # fmt: skip


def _action(made: TrainingRecord, done: Done, ids: Mapping[str, str]) -> Node:
    return node(
        f"#{done.id}",
        "CreateAction",
        name=f"{done.tool.name} ({done.id})",
        description=done.description,
        instrument=reference(software_id(done.tool)),
        agent=reference(agent_id(made.agent)),
        object=references([*done.sources, *(ids[path] for path in done.used), *(v["@id"] for v in _values(done))]),
        result=references(ids[path] for path in done.made),
        startTime=isoformat(done.started or made.started),
        endTime=isoformat(done.ended or made.ended),
        actionStatus="http://schema.org/CompletedActionStatus",
    )


def _values(done: Done) -> Iterator[Node]:
    for parameter in done.parameters:
        yield node(
            local(done.id, parameter.name),
            "PropertyValue",
            name=parameter.name,
            value=str(parameter.value),
            usedValue=parameter.value.json,
        )


def _source(source: Source) -> Node:
    digest = source.digest
    is_tree = digest is not None and digest.kind.value == "tree1"
    return node(
        source.iri,
        "CreativeWork",
        name=source.name,
        description=f"{source.kind.capitalize()} that another record tells of",
        identifier=single([found.iri for found in (digest, source.pixels) if found is not None]),
        entityKind=source.kind,
        lastSeen=source.place,
        presence=(Presence.REMOTE if source.kind == EntityKind.RAW_IMAGE else Presence.PRESENT).value,
        treeDigest=digest.hex if digest is not None and is_tree else None,
        sha256=digest.hex if digest is not None and not is_tree else None,
        pixelDigest=write_pixels(source.pixels),
    )
