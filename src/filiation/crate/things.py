"""Data entities as JSON-LD and back. A store is one Dataset with digest, size and file count, never its chunks."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Mapping
from typing import Any

from filiation.crate.image_metadata import IMAGE_TYPE, DescribedInCrate, read_image_metadata
from filiation.crate.jsonld import Node, ids, isoformat, many, moment, node, reference, required, single, text
from filiation.crate.remote import read_server, remote_properties
from filiation.model import (
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    ImageFacts,
    OmeroId,
    Presence,
    crate_path,
    is_uri,
    path_in_run,
)

PART_OF = "dcterms:isPartOf"


def write_pixels(digest: Digest | None) -> str | None:
    """Return a pixel digest as crates tell it: with its version, or of version 1 the digits alone."""
    return digest if digest is None else digest.hex if digest.kind is DigestKind.PIXELS_1 else str(digest)


def read_pixels(told: str) -> Digest:
    """Read what :func:`write_pixels` wrote.

    Raises
    ------
    BadInputError
        If it is no digest.
    """
    version, _, digits = told.strip().lower().rpartition(":")
    kind = DigestKind(version) if version in set(DigestKind) else DigestKind.PIXELS_1
    return Digest(kind, digits)


def thing_id(path: str, tree: bool, embedded: Container[str]) -> str:
    """Return the @id of the thing at a path.

    In the payload it is the file's place; else a local identifier of the same form, which RO-Crate does not ask to
    be present (ResearchObject/ro-crate issue 400).
    """
    if is_uri(path):
        return path
    place = crate_path(path) + ("/" if tree else "")
    return place if place in embedded else "#" + place


def thing_path(identifier: str) -> str:
    """Undo :func:`thing_id`."""
    if is_uri(identifier):
        return identifier
    path = path_in_run(identifier.removeprefix("#"))
    return path.rstrip("/") if len(path) > 1 else path


def write_thing(entity: DataEntity, folder: str, embedded: Container[str], types: list[str], **more: object) -> Node:
    """Return a data entity as JSON-LD.

    Parameters
    ----------
    entity
        The entity.
    folder
        The run's folder, for the place where it was last seen.
    embedded
        Paths whose bytes travel with the crate.
    types
        Further types, such as SoftwareSourceCode.
    more
        Further properties.
    """
    digest, image = entity.digest, entity.image
    described: dict[str, object] = {
        "name": posixpath.basename(entity.path) or entity.path,
        "description": _description(entity),
        "contentSize": None if entity.size is None else str(entity.size),
        "encodingFormat": entity.media_type,
        "dateModified": isoformat(entity.modified),
        "sha256": digest.hex if digest and digest.kind is DigestKind.FILE else None,
        "treeDigest": digest.hex if digest and digest.kind is DigestKind.TREE else None,
        "pixelDigest": write_pixels(entity.pixels),
        "identifier": single(_identifiers(entity)),
        "fileCount": entity.files,
        "entityKind": entity.kind.value,
        "presence": entity.presence.value,
        "flags": single(list(entity.flags)),
        "reused": entity.reused or None,
        "url": entity.url,
        "lastSeen": None if entity.is_remote else posixpath.join(folder, entity.path.removeprefix("./")),
    }
    if image is not None:
        described |= {
            "axes": ",".join(image.axes),
            "shape": ",".join(str(length) for length in image.shape),
            "pixelType": image.dtype,
            "scale": ",".join(repr(size) for size in image.scale),
            "units": ",".join(image.units) if image.units else None,
            "labelSource": image.source,
        }
    if entity.is_field:
        described[PART_OF] = reference(thing_id(posixpath.dirname(entity.path), True, embedded))
    every = [_base_type(entity), *types]
    identifier = thing_id(entity.path, entity.is_tree, embedded)
    return node(
        identifier,
        every if len(every) > 1 else every[0],
        **{**described, **remote_properties(entity), **more},
    )


def _identifiers(entity: DataEntity) -> list[str]:
    """Return the digests, and what an object in OMERO is called there: ``Image:51``."""
    object_in_omero = OmeroId.from_iri(entity.path) if entity.is_remote else None
    named = [f"{object_in_omero.kind}:{object_in_omero.id}"] if object_in_omero else []
    return [*(found.iri for found in (entity.digest, entity.pixels) if found), *named]


def _base_type(entity: DataEntity) -> str:
    if entity.is_tree:
        return "Dataset"
    # An image outside the workflow is a work that is described here, not a file of this crate.
    return "CreativeWork" if entity.kind is EntityKind.RAW_IMAGE else "File"


_KINDS = {
    EntityKind.FILE: "File",
    EntityKind.DIRECTORY: "Directory",
    EntityKind.IMAGE: "OME-Zarr image",
    EntityKind.LABEL_IMAGE: "OME-Zarr label image",
    EntityKind.PLATE: "OME-Zarr plate",
    EntityKind.WELL: "Well of an OME-Zarr plate",
    EntityKind.RAW_IMAGE: "Raw image outside the workflow",
}
_PRESENCES = {
    Presence.PRESENT: "",
    Presence.DELETED: ", made and then deleted by the workflow",
    Presence.MISSING: ", not there when the run was recorded",
    Presence.CHANGED: ", written again after this run used or made it, so its digest is not known",
    Presence.REMOTE: "",
}


def _description(entity: DataEntity) -> str:
    image = entity.image
    shape = f" of {' x '.join(str(length) for length in image.shape)} ({', '.join(image.axes)})" if image else ""
    return f"{_KINDS[entity.kind]}{shape}{_PRESENCES[entity.presence]}"


def read_thing(entity: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> DataEntity:
    """Return the data entity that :func:`write_thing` wrote; ``nodes`` are all of its crate, by @id.

    Raises
    ------
    InvalidCrateError
        If a property that is always there is missing.
    """
    digest = None
    if "sha256" in entity:
        digest = Digest(DigestKind.FILE, str(entity["sha256"]))
    elif "treeDigest" in entity:
        digest = Digest(DigestKind.TREE, str(entity["treeDigest"]))
    return DataEntity(
        path=thing_path(str(entity["@id"])),
        kind=EntityKind(required(entity, "entityKind")),
        presence=Presence(required(entity, "presence")),
        digest=digest,
        pixels=read_pixels(str(entity["pixelDigest"])) if "pixelDigest" in entity else None,
        size=int(entity["contentSize"]) if "contentSize" in entity else None,
        files=entity.get("fileCount"),
        flags=tuple(str(flag) for flag in many(entity.get("flags"))),
        media_type=text(entity, "encodingFormat"),
        modified=moment(entity, "dateModified"),
        image=read_image_facts(entity),
        reused=bool(entity.get("reused")),
        url=text(entity, "url") if entity.get("entityKind") == EntityKind.RAW_IMAGE else None,
        server=read_server(entity, nodes),
        metadata=(
            read_image_metadata(DescribedInCrate(nodes), str(entity["@id"]))
            if IMAGE_TYPE in many(entity.get("@type"))
            else None
        ),
        is_field=_is_field(entity),
    )


def _is_field(entity: Mapping[str, Any]) -> bool:
    around = posixpath.dirname(thing_path(str(entity["@id"])))
    return any(not is_uri(link) and thing_path(link) == around for link in ids(entity.get(PART_OF)))


def read_image_facts(entity: Mapping[str, Any]) -> ImageFacts | None:
    """Return what :func:`write_thing` wrote of an image store; None if there is nothing.

    Raises
    ------
    ValueError
        If a length or a size is no number.
    """
    if "axes" not in entity:
        return None

    def items(name: str) -> list[str]:
        joined = str(entity.get(name, ""))
        return joined.split(",") if joined else []

    return ImageFacts(
        axes=tuple(items("axes")),
        shape=tuple(int(length) for length in items("shape")),
        dtype=str(entity.get("pixelType", "")),
        scale=tuple(float(size) for size in items("scale")),
        # One axis without a unit is written as an empty text, as is no unit at all; axes tell which.
        units=tuple(str(entity["units"]).split(",")) if "units" in entity else (),
        source=text(entity, "labelSource"),
    )
