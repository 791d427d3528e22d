"""Training sets and models recorded in the catalogue, so that lineage goes through them."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final
from uuid import uuid4

from filiation.capture.environment import agent_facts
from filiation.capture.machine import machine_facts
from filiation.capture.place import read_settings
from filiation.capture.steps import read_machine
from filiation.catalogue import Catalogue, CatalogueFolder, Json
from filiation.catalogue.waiting import packing_place
from filiation.crate.training_record import Done, Source, TrainingRecord, write_training_record
from filiation.digest import digest_tree
from filiation.model import (
    Agent,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    Parameter,
    Presence,
    Software,
    Value,
)
from filiation.training.manifest import MANIFEST, Written

SET_TOOL: Final = "training set"
"""What lineage calls the making of a set, or of one of its cases."""


def record_set(
    catalogue: Path,
    folder: Path,
    cases: tuple[Written, ...],
    shared: tuple[tuple[str, str], ...],
    licence: str | None,
    name: str,
    started: datetime,
    settings: Mapping[str, Json],
) -> tuple[Digest, Path]:
    """Record a set that was built; returns the digest of its folder, and the crate's folder in the catalogue.

    Raises
    ------
    OSError
        If the record cannot be written.
    """
    tree = digest_tree(folder)
    files = [file for case in cases for file in (*case.images, *case.labels)]
    things = [_file(folder, path, digest) for path, digest in (*files, *shared)]
    things.append(tree_entity(folder, tree.digest, tree.size, tree.files))
    tool = Software(SET_TOOL, version("filiation"))
    done = [
        Done(
            id=case.name,
            tool=tool,
            description=f"A part of {case.pair.image.path} and of its labels, for {case.part}",
            sources=(case.pair.image.iri, case.pair.labels.iri),
            made=tuple(f"{folder.name}/{path}" for path, _ in (*case.images, *case.labels)),
            parameters=(
                _value("part", case.part),
                _value("group", case.group),
                _value("region", {axis: [*span] for axis, span in case.region.items()}),
            ),
        )
        for case in cases
    ]
    everything = tuple(f"{folder.name}/{path}" for path, _ in files)
    labels = tuple(dict.fromkeys(case.pair.labels.iri for case in cases))
    gathering = Done(
        id="set",
        tool=tool,
        description=f"{len(cases)} cases gathered as {folder.name}, with {MANIFEST}",
        sources=labels,  # annotations of COCO have no file of their own
        used=everything,
        made=(folder.name, *(f"{folder.name}/{path}" for path, _ in shared)),
        parameters=tuple(_value(key, value) for key, value in settings.items()),
    )
    crate = record(
        CatalogueFolder(catalogue),
        name=name,
        description=f"Made for training from {len(labels)} label images, in {folder}",
        folder=str(folder.parent),
        done=(*done, gathering),
        sources=_sources(cases),
        things=tuple(things),
        manifests={tree.digest.hex: tree.manifest},
        licence=licence,
        started=started,
    )
    return tree.digest, crate


def record(
    catalogue: CatalogueFolder,
    *,
    name: str,
    description: str,
    folder: str,
    done: tuple[Done, ...],
    sources: tuple[Source, ...],
    things: tuple[DataEntity, ...],
    started: datetime,
    manifests: Mapping[str, bytes],
    licence: str | None = None,
    not_captured: tuple[str, ...] = (),
) -> Path:
    """Write a record with who does it, where and when, and take it in; returns its folder in the catalogue."""
    stated = agent_facts(read_settings(catalogue.root))
    stated.pop("license", None)
    made = TrainingRecord(
        id=str(uuid4()),
        name=name,
        description=description,
        folder=folder,
        agent=Agent(getpass.getuser(), **stated),
        machine=read_machine(machine_facts()),
        started=started,
        ended=datetime.now(UTC),
        done=done,
        sources=sources,
        things=things,
        manifests=manifests,
        licence=licence,
        not_captured=not_captured,
    )
    with packing_place(catalogue, made.id) as making:
        write_training_record(made, making)
        return Catalogue(catalogue).ingest(making, move=True).folder


def tree_entity(folder: Path, digest: Digest, size: int, files: int) -> DataEntity:
    """Return a set's folder as a thing, its path from the folder around it."""
    return DataEntity(
        folder.name, EntityKind.DIRECTORY, Presence.PRESENT, digest=digest, size=size, files=files,
    )  # fmt: skip


def _file(folder: Path, path: str, digest: str) -> DataEntity:
    place = folder / path
    return DataEntity(
        path=f"{folder.name}/{path}",
        kind=EntityKind.FILE,
        presence=Presence.PRESENT,
        digest=Digest(DigestKind.FILE, digest),
        size=place.stat().st_size,
        media_type=_MEDIA.get(place.suffix),
        modified=datetime.fromtimestamp(place.stat().st_mtime, UTC),
    )


_MEDIA: Final = {".tif": "image/tiff", ".png": "image/png", ".json": "application/json"}


def _sources(cases: Iterable[Written]) -> tuple[Source, ...]:
    known = {}
    for case in cases:
        for thing in (case.pair.image, case.pair.labels):
            known[thing.iri] = Source(
                thing.iri, thing.name or thing.path, thing.kind, thing.place, thing.digest, thing.pixels
            )
    return tuple(known[iri] for iri in sorted(known))


def _value(name: str, value: Json) -> Parameter:
    return Parameter(name, used=Value.of(value))
