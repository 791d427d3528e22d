"""Every file of a crate named in its metadata by a digest, so that who signs the metadata signs every byte."""

from __future__ import annotations

import copy
import mimetypes
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from filiation.crate.jsonld import many, node, reference
from filiation.crate.metadata import METADATA_FILE
from filiation.crate.preview import PREVIEW_FILE
from filiation.crate.profiles import TERMS, WORKFLOW_RUN_CONTEXT
from filiation.digest import digest_file, digest_tree
from filiation.model import decode_path, encode_path, is_uri

_MANY: Final = 20
"""So many files of a folder that nobody named are named one by one; more of them by the folder's tree digest."""


def unnamed_files(document: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """Return the files of a crate that its metadata gives no digest of, neither alone nor with a folder.

    Parameters
    ----------
    document
        The metadata.
    paths
        All files of the crate but its seals.
    """
    files, folders = set(), []
    for entity in document["@graph"]:
        path = _path(entity)
        if path and isinstance(entity.get("sha256"), str):
            files.add(path)
        if path and isinstance(entity.get("treeDigest"), str):
            folders.append(path + "/")
    return sorted(
        path for path in paths if path not in files and path != METADATA_FILE and not path.startswith(tuple(folders))
    )


def with_digests(document: Mapping[str, Any], crate: Path, unnamed: Sequence[str]) -> dict[str, Any]:
    """Return the metadata with digests of some files of which it gives none.

    A file that it describes gets its SHA-256. Another becomes a part of the innermost folder that is described, else of
    the crate; where that would be many of one folder, as the chunks of a store are, the folder gets a tree digest.
    """
    changed = copy.deepcopy(dict(document))
    graph: list[dict[str, Any]] = changed["@graph"]
    by_path = {path: entity for entity in graph if (path := _path(entity)) is not None}
    folders = {path for path, entity in by_path.items() if path and "Dataset" in many(entity.get("@type"))}
    home = {path: _innermost(path, folders) for path in unnamed if path not in by_path}
    counts = Counter(home.values())
    trees: set[str] = set()
    for path in unnamed:
        if path in by_path:
            by_path[path]["sha256"] = digest_file(crate / path).hex
        elif (folder := home[path]) and counts[folder] > _MANY:
            trees.add(folder)
        else:
            graph.append(_named(path, crate / path))
            if path != PREVIEW_FILE:
                by_path[folder]["hasPart"] = [*many(by_path[folder].get("hasPart")), reference(encode_path(path))]
    for name in trees:
        by_path[name]["treeDigest"] = digest_tree(crate / name).digest.hex
    if trees:
        _define(changed, {"treeDigest": f"{TERMS}treeDigest"})
    if WORKFLOW_RUN_CONTEXT not in many(changed["@context"]):
        _define(changed, {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"})
    return changed


def _named(path: str, place: Path) -> dict[str, Any]:
    """Return an entity for a file that nobody described. The page about a crate is none of its data."""
    is_page = path == PREVIEW_FILE
    return node(
        encode_path(path),
        "CreativeWork" if is_page else "File",
        name=path.rpartition("/")[2],
        description="Page about this crate, for a person" if is_page else "File that came along",
        encodingFormat=mimetypes.guess_type(path)[0] or "application/octet-stream",
        contentSize=str(place.stat().st_size),
        sha256=digest_file(place).hex,
        about=reference("./") if is_page else None,
    )


def _innermost(path: str, folders: set[str]) -> str:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in folders:
            return path
    return ""


def _define(document: dict[str, Any], terms: dict[str, str]) -> None:
    contexts = many(document["@context"])
    if not any(isinstance(one, Mapping) and terms.keys() <= one.keys() for one in contexts):
        document["@context"] = [*contexts, terms]


def _path(entity: Mapping[str, Any]) -> str | None:
    """Return where in the crate an entity is, empty for the crate itself; None if it is elsewhere."""
    identifier = entity.get("@id")
    if not isinstance(identifier, str) or identifier.startswith("#") or is_uri(identifier):
        return None
    return "" if identifier in ("./", ".") else decode_path(identifier).removeprefix("./").rstrip("/")
