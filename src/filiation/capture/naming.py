"""How paths are named: as the model does, whatever Snakemake or a person called them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from filiation.model import is_uri, local_path, object_iri


def inside(path: str, folder: str) -> str:
    """Name a path as the model does: relative to the run's folder if it lies inside, else absolute."""
    if "://" in path:
        return path
    if not os.path.isabs(path):
        path = os.path.normpath(os.path.join(folder, path))
    if path == folder or path.startswith(folder.rstrip("/") + "/"):
        return local_path(os.path.relpath(path, folder))
    return path


def entity_path(entry: Mapping[str, Any]) -> str:
    """Return the path that the model gives to a file entry of the journal: its storage query if it has one."""
    query = entry.get("query")
    path = local_path(str(entry["path"])) if not query else object_iri(query) if is_uri(query) else str(query)
    return path.rstrip("/") if len(path) > 1 else path
