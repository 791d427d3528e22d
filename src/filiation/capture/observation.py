"""Observation: what is on disk of the files that a run names, with digests, told apart from what was written since.

A file that changed after the action that is recorded is said to be changed; its digest would be another thing's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filiation.capture.journal import Event
from filiation.capture.live_job import file_state
from filiation.capture.naming import entity_path
from filiation.capture.steps import StepRecord
from filiation.digest import DigestCache, TreeDigest, digest_file, digest_tree
from filiation.errors import BadInputError, FiliationError
from filiation.model import (
    FACTS_ATTRIBUTE,
    DataEntity,
    Digest,
    EntityKind,
    ImageMetadata,
    Presence,
    from_plain,
    is_uri,
)
from filiation.model.plain_facts import ORIGIN, read_image_facts, read_server_facts

# The names that the field's writers use; anything else is left untyped rather than guessed.
_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".log": "text/plain",
    ".md": "text/markdown",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".r": "text/x-r",
    ".sh": "application/x-sh",
    ".smk": "text/x-snakemake",
    ".svg": "image/svg+xml",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
# Flags of what Snakemake itself removes when nothing needs it any more.
_REMOVED = {"temp", "pipe", "service"}
_STORE_TYPE = "application/vnd.zarr; version=3"

State = Sequence[int] | None


class Observer:
    """Looks at files and keeps what it read.

    Parameters
    ----------
    folder
        The run's folder.
    cache
        Digests of files that have not changed since they were last read.
    """

    def __init__(self, folder: str, cache: DigestCache | None = None) -> None:
        self.folder = folder
        self._cache = cache
        self.manifests: dict[str, bytes] = {}
        """Manifest of every tree that was read, by the hexadecimal digest."""
        self.problems: list[str] = []
        """Sentences on what could not be read."""

    def look(self, path: str, expected: State = None, flags: tuple[str, ...] = ()) -> DataEntity:
        """Return what is at ``path``.

        Parameters
        ----------
        path
            As the model names it.
        expected
            State of the file when Snakemake last spoke of it; None if unknown.
        flags
            Snakemake's flags.
        """
        if is_uri(path):
            return DataEntity(path, EntityKind.FILE, Presence.REMOTE, flags=flags)
        place = os.path.join(self.folder, path)
        if not os.path.lexists(place):
            kind = EntityKind.DIRECTORY if "directory" in flags else EntityKind.FILE
            gone = Presence.DELETED if _REMOVED & set(flags) else Presence.MISSING
            return DataEntity(path, kind, gone, flags=flags, media_type=media_type(path, kind))
        kind = kind_of(place)
        found = DataEntity(path, kind, Presence.PRESENT, flags=flags, media_type=media_type(path, kind))
        if expected is not None and list(expected) != file_state(place):
            return replace(found, presence=Presence.CHANGED)
        try:
            return self._digest(found, Path(place))
        except (FiliationError, OSError) as error:
            self.problems.append(f"The digest of {path} was not captured: {error}")
            return found

    def _digest(self, found: DataEntity, place: Path) -> DataEntity:
        if found.is_tree:
            tree: TreeDigest = digest_tree(place, cache=self._cache)
            self.manifests[tree.digest.hex] = tree.manifest
            return replace(
                found,
                is_field=_is_field(found, place),
                digest=tree.digest,
                size=tree.size,
                files=tree.files,
                modified=_modified(place),
            )
        size = place.stat().st_size
        digest = digest_file(place, cache=self._cache)
        return replace(found, digest=digest, size=size, modified=_modified(place))


def _is_field(found: DataEntity, place: Path) -> bool:
    """Whether an image stands in a well of a plate, both of which the run's name of it tells."""
    if found.kind is not EntityKind.IMAGE or found.path.strip("/").count("/") < 3:
        return False
    well = place.parent
    return kind_of(str(well)) is EntityKind.WELL and kind_of(str(well.parent.parent)) is EntityKind.PLATE


def _modified(place: Path) -> datetime:
    stamp = place / ".snakemake_timestamp"
    moment = (stamp if stamp.exists() else place).stat().st_mtime
    return datetime.fromtimestamp(int(moment), UTC)


def kind_of(place: str) -> EntityKind:
    """Tell files, directories, and OME-Zarr images, label images, plates and wells apart by their metadata."""
    if not os.path.isdir(place):
        return EntityKind.FILE
    attributes: Any = {}
    try:
        with open(os.path.join(place, "zarr.json"), "rb") as stream:
            attributes = json.load(stream)["attributes"]["ome"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        try:
            with open(os.path.join(place, ".zattrs"), "rb") as stream:
                attributes = json.load(stream)
        except (OSError, ValueError, RecursionError):
            return EntityKind.DIRECTORY
    kinds = {
        "image-label": EntityKind.LABEL_IMAGE,
        "multiscales": EntityKind.IMAGE,
        "plate": EntityKind.PLATE,
        "well": EntityKind.WELL,
    }
    told = (kind for key, kind in kinds.items() if isinstance(attributes, Mapping) and key in attributes)
    return next(told, EntityKind.DIRECTORY)


def origin_of(place: str) -> Mapping[str, Any] | None:
    """Return which image outside the workflow a store says that it is a copy of; None if it says nothing."""
    try:
        with open(os.path.join(place, "zarr.json"), "rb") as stream:
            origin = json.load(stream)["attributes"][ORIGIN]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return origin if isinstance(origin, Mapping) else None


def facts_beside(place: str) -> object:
    """Return what a store holds of the metadata that came with its image, as plain JSON; None if it has none."""
    try:
        with open(os.path.join(place, "OME", "zarr.json"), "rb") as stream:
            return json.load(stream)["attributes"][FACTS_ATTRIBUTE]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def read_metadata(plain: object) -> ImageMetadata | None:
    """Return an image's metadata as they were written down; None for what is none."""
    try:
        return None if plain is None else from_plain(ImageMetadata, plain)
    except FiliationError:
        return None


def media_type(path: str, kind: EntityKind) -> str | None:
    """Return the media type that a name tells, if it tells one."""
    if kind in (EntityKind.IMAGE, EntityKind.LABEL_IMAGE, EntityKind.PLATE, EntityKind.WELL):
        return _STORE_TYPE
    if kind is EntityKind.DIRECTORY:
        return None
    name = os.path.basename(path)
    if name == "Snakefile":
        return "text/x-snakemake"
    return _MEDIA_TYPES.get(os.path.splitext(name)[1].lower())


def named_files(events: Iterable[Event]) -> dict[str, tuple[State, tuple[str, ...]]]:
    """Return every file that jobs name, with its last known state and its flags, in order of first mention.

    The last word counts: an output's state when its job finished, else an input's when a job that uses it started.
    """
    files: dict[str, tuple[State, tuple[str, ...]]] = {}
    outputs: dict[object, list[Mapping[str, Any]]] = {}
    for event in events:
        if event.kind == "job_started":
            outputs[event.data["job"]] = list(event.data.get("output", ()))
            for what in ("input", "output", "log"):
                for entry in event.data.get(what, ()):
                    path = entity_path(entry)
                    state, flags = files.get(path, (None, ()))
                    # A log goes on changing after the job ended; inputs that the run itself made have a later state.
                    state = entry.get("state") or state
                    files[path] = (state, tuple(sorted({*flags, *entry.get("flags", ())})))
            if event.data.get("benchmark"):
                files.setdefault(str(event.data["benchmark"]), (None, ()))
        elif event.kind == "job_finished":
            states = event.data.get("output") or {}
            for entry in outputs.get(event.data["job"], ()):
                path = entity_path(entry)
                # The state of a stored thing's local copy is not its own.
                files[path] = (None if "query" in entry else states.get(entry["path"]), files[path][1])
    return files


def reused_files(events: Iterable[Event]) -> dict[str, tuple[State, tuple[str, ...]]]:
    """Return the outputs of jobs that were up to date, with their state and flags."""
    return {
        entity_path(entry): (None if "query" in entry else entry.get("state"), tuple(entry.get("flags", ())))
        for event in events
        if event.kind == "up_to_date"
        for job in event.data["jobs"]
        for entry in job["output"]
    }


def with_fleeting_facts(entities: Iterable[DataEntity], events: Iterable[Event]) -> list[DataEntity]:
    """Add the digests that were taken of files while they were there, where none can be had any more."""
    outputs: dict[tuple[int, str], str] = {}
    copies: dict[str, str] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event.kind == "job_started":
            named = (*event.data.get("input", ()), *event.data.get("output", ()))
            outputs |= {(event.data["job"], entry["path"]): entity_path(entry) for entry in named}
            copies |= {entry["path"]: entity_path(entry) for entry in named if "query" in entry}
        elif event.kind == "outputs_digested":
            for path, facts in event.data["output"].items():
                known[outputs.get((event.data["job"], path), path)] = facts
        elif event.kind == "copies_digested":
            # A copy may be fetched before the job that it is for is announced, so that it is named in the end.
            known |= event.data["copy"]
    found = {copies.get(path, path): facts for path, facts in known.items()}
    return [_as_it_was(entity, found.get(entity.path)) for entity in entities]


def _as_it_was(entity: DataEntity, facts: Mapping[str, Any] | None) -> DataEntity:
    if facts is None or entity.digest is not None or not facts.get("digest"):
        return entity
    told = read_metadata(facts.get("metadata"))
    if told is not None and told.iri == entity.path:
        entity = replace(entity, metadata=told)
    kind = EntityKind(facts.get("kind") or entity.kind)
    return replace(
        _with_origin(entity, facts.get("origin")),
        kind=kind,
        digest=Digest.from_text(facts["digest"]),
        size=facts.get("size"),
        files=facts.get("files"),
        media_type=media_type(entity.path, kind),
    )


def _with_origin(entity: DataEntity, origin: object) -> DataEntity:
    """Add what the local copy of a stored image tells of it, if it is of no other."""
    if not isinstance(origin, Mapping) or origin.get("iri") != entity.path:
        return entity
    try:
        pixels = Digest.from_text(str(origin["pixels"]))
        image, server = read_image_facts(origin.get("image")), read_server_facts(origin.get("server"))
    except (BadInputError, KeyError, TypeError, ValueError):
        return entity  # not as filiation writes it
    return replace(entity, pixels=pixels, image=image, server=server)


def with_step_facts(entities: Iterable[DataEntity], steps: Sequence[StepRecord]) -> list[DataEntity]:
    """Add what only the steps know: pixel digests, and things used by URI."""
    pixels = {path: digest for step in steps for path, digest in step.pixels.items()}
    digests = {path: digest for step in steps for path, digest in step.digests.items()}
    found = {
        entity.path: replace(
            entity, pixels=pixels.get(entity.path) or entity.pixels, digest=entity.digest or digests.get(entity.path)
        )
        for entity in entities
    }
    for step in steps:
        for used in step.side_inputs:
            known = found.get(used.iri) or DataEntity(
                used.iri, EntityKind.RAW_IMAGE if is_uri(used.iri) else EntityKind.FILE, Presence.REMOTE
            )
            if known.digest is not None and used.digest not in (None, known.digest):
                # What lies there now is something else; the step told what it was.
                known = replace(known, presence=Presence.CHANGED, files=None, modified=None, image=None)
            found[used.iri] = replace(
                known,
                digest=used.digest or known.digest,
                pixels=used.pixels or known.pixels,
                size=used.size if used.size is not None else known.size,
                media_type=used.media_type or known.media_type,
                url=used.url or known.url,
                image=used.image or known.image,
                modified=used.modified or known.modified,
                server=used.server or known.server,
                metadata=used.metadata or known.metadata,
            )
    return list(found.values())
