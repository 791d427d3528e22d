"""Training sets and models recorded in the catalogue, so that lineage goes through them."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, NotRequired, TypedDict, Unpack
from uuid import uuid4

from filiation.capture.environment import agent_facts
from filiation.capture.machine import machine_facts
from filiation.capture.place import read_settings
from filiation.capture.steps import read_machine
from filiation.catalogue import Catalogue, CatalogueFolder, Json
from filiation.catalogue.waiting import packing_place
from filiation.crate.training_record import Done, Source, TrainingRecord, write_into_set, write_training_record
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


@dataclass(frozen=True, slots=True)
class SetToRecord:
    """A set that was written, and what is to be recorded of it.

    Parameters
    ----------
    name
        For a person.
    folder
        Where it will be.
    cases
        In order of their names.
    shared
        Files that tell of all cases: path and SHA-256.
    licence
        Of the set; None if none is stated.
    started
        When the building began, UTC.
    settings
        With what settings.
    """

    name: str
    folder: Path
    cases: tuple[Written, ...]
    shared: tuple[tuple[str, str], ...]
    licence: str | None
    started: datetime
    settings: Mapping[str, Json]

    @property
    def files(self) -> list[tuple[str, str]]:
        """The files of the cases: path in the set, and SHA-256."""
        return [file for case in self.cases for file in (*case.images, *case.labels)]

    def done(self, whole: str) -> tuple[Done, ...]:
        """Return the actions; ``whole`` is the path of the set that paths of files go on from, ``.`` for themselves."""

        def paths(files: Iterable[tuple[str, str]]) -> tuple[str, ...]:
            return tuple(path if whole == "." else f"{whole}/{path}" for path, _ in files)

        tool = Software(SET_TOOL, version("filiation"))
        each = [
            Done(
                id=case.name,
                tool=tool,
                description=f"A part of {case.pair.image.path} and of its labels, for {case.part}",
                sources=(case.pair.image.iri, case.pair.labels.iri),
                made=paths((*case.images, *case.labels)),
                parameters=(
                    _value("part", case.part),
                    _value("group", case.group),
                    _value("region", {axis: [*span] for axis, span in case.region.items()}),
                ),
            )
            for case in self.cases
        ]
        gathering = Done(
            id="set",
            tool=tool,
            description=f"{len(self.cases)} cases gathered as {self.folder.name}, with {MANIFEST}",
            # Annotations of COCO have no file of their own.
            sources=tuple(dict.fromkeys(case.pair.labels.iri for case in self.cases)),
            used=paths(self.files),
            made=(whole, *paths(self.shared)),
            parameters=tuple(_value(key, value) for key, value in self.settings.items()),
        )
        return (*each, gathering)


def describe_set(catalogue: Path, made: SetToRecord, folder: Path) -> None:
    """Make the folder that a set is written in a crate itself."""
    described = _record(
        CatalogueFolder(catalogue),
        name=made.name,
        description=f"{len(made.cases)} images with label images for training, and what each was made from",
        folder="/",
        done=made.done("."),
        sources=_sources(made.cases),
        things=tuple(_file(folder, path, digest, path) for path, digest in (*made.files, *made.shared)),
        started=made.started,
        licence=made.licence,
    )
    write_into_set(described, folder)


def record_set(catalogue: Path, made: SetToRecord) -> tuple[Digest, Path]:
    """Record a set that was built; returns the digest of its folder, and the crate's folder in the catalogue.

    Raises
    ------
    OSError
        If the record cannot be written.
    """
    folder = made.folder
    tree = digest_tree(folder)
    things = [_file(folder, path, digest, f"{folder.name}/{path}") for path, digest in (*made.files, *made.shared)]
    crate = record(
        CatalogueFolder(catalogue),
        name=made.name,
        description=f"Made for training from {len(made.cases)} parts of images and label images, in {folder}",
        folder=str(folder.parent),
        done=made.done(folder.name),
        sources=_sources(made.cases),
        things=(*things, tree_entity(folder, tree.digest, tree.size, tree.files)),
        manifests={tree.digest.hex: tree.manifest},
        licence=made.licence,
        started=made.started,
    )
    return tree.digest, crate


def record(catalogue: CatalogueFolder, **told: Unpack[Told]) -> Path:
    """Write a record with who does it, where and when, and take it in; returns its folder in the catalogue."""
    made = _record(catalogue, **told)
    with packing_place(catalogue, made.id) as making:
        write_training_record(made, making)
        return Catalogue(catalogue).ingest(making, move=True).folder


class Told(TypedDict):
    """What a record tells; see :class:`TrainingRecord`."""

    name: str
    description: str
    folder: str
    done: tuple[Done, ...]
    sources: tuple[Source, ...]
    things: tuple[DataEntity, ...]
    started: datetime
    manifests: NotRequired[Mapping[str, bytes]]
    licence: NotRequired[str | None]
    not_captured: NotRequired[tuple[str, ...]]


def _record(catalogue: CatalogueFolder, **told: Unpack[Told]) -> TrainingRecord:
    stated = agent_facts(read_settings(catalogue.root))
    stated.pop("license", None)
    return TrainingRecord(
        id=str(uuid4()),
        agent=Agent(getpass.getuser(), **stated),
        machine=read_machine(machine_facts()),
        ended=datetime.now(UTC),
        **told,
    )


def tree_entity(folder: Path, digest: Digest, size: int, files: int) -> DataEntity:
    """Return a set's folder as a thing, its path from the folder around it."""
    return DataEntity(
        folder.name, EntityKind.DIRECTORY, Presence.PRESENT, digest=digest, size=size, files=files,
    )  # fmt: skip


def _file(folder: Path, path: str, digest: str, name: str) -> DataEntity:
    place = folder / path
    return DataEntity(
        path=name,
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
