"""What a server said of an image that it keeps, as JSON-LD and back: its database, and the original files.

The image is part of (``isPartOf``) the server's database, a DataCatalog named by its UUID whatever the host is called,
and based on (``isBasedOn``) the files that it was imported from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from filiation.crate.jsonld import Node, ids, node, reference, references, text
from filiation.model import DataEntity, OmeroId, OriginalFile, ServerFacts

DATABASE: Final = "urn:uuid:"
STANDARD_CHECKSUMS: Final[Mapping[str, str]] = {"SHA1-160": "sha1", "MD5-128": "md5"}
"""OMERO's names of checksum algorithms -> terms of Workflow Run RO-Crate; the others have none."""


def remote_properties(entity: DataEntity) -> Node:
    """Return what a remote image says of its server, for its own entity."""
    if entity.server is None:
        return {}
    return {
        "isPartOf": reference(DATABASE + entity.server.database),
        **({"isBasedOn": references(file.iri for file in entity.server.files)} if entity.server.files else {}),
        "originalFileCount": entity.server.file_count,
    }


def write_server(entity: DataEntity) -> list[Node]:
    """Return the database and the original files of a remote image as entities."""
    if entity.server is None:
        return []
    named = OmeroId.from_iri(entity.path)
    database = node(
        DATABASE + entity.server.database,
        "DataCatalog",
        name=f"OMERO server {named.host}" if named else "OMERO server",
        description="Named by the UUID of its database, since the names of hosts change",
        identifier=entity.server.database,
    )
    return [database, *(_write_file(file) for file in entity.server.files)]


def _write_file(file: OriginalFile) -> Node:
    standard = STANDARD_CHECKSUMS.get(file.algorithm or "")
    return node(
        file.iri,
        "CreativeWork",
        name=file.name,
        description="File that the image was imported from, as the server keeps it",
        contentSize=None if file.size is None else str(file.size),
        checksum=file.checksum,
        checksumAlgorithm=file.algorithm,
        **({standard: file.checksum} if standard and file.checksum else {}),
    )


def read_server(entity: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> ServerFacts | None:
    """Return what :func:`remote_properties` and :func:`write_server` wrote."""
    database = next((found for found in ids(entity.get("isPartOf")) if found.startswith(DATABASE)), None)
    if database is None or "originalFileCount" not in entity:
        return None
    files = (_read_file(iri, nodes.get(iri, {})) for iri in ids(entity.get("isBasedOn")))
    return ServerFacts(database.removeprefix(DATABASE), tuple(files), int(entity["originalFileCount"]))


def _read_file(iri: str, file: Mapping[str, Any]) -> OriginalFile:
    return OriginalFile(
        iri=iri,
        name=str(file.get("name", "")),
        size=int(file["contentSize"]) if "contentSize" in file else None,
        checksum=text(file, "checksum"),
        algorithm=text(file, "checksumAlgorithm"),
    )
