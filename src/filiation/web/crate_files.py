"""Files of crates, handed out as they are: metadata, logs, the workflow's own code. Never shown, only downloaded."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from filiation.catalogue import payload_path
from filiation.crate.metadata import METADATA_FILE
from filiation.errors import NotFoundError
from filiation.web.guard import SANDBOX
from filiation.web.questions import Asked
from filiation.web.words import _

router = APIRouter(tags=["crates"])
_MEDIA: Final = {METADATA_FILE: "application/ld+json"}
"""Media types that are told; of everything else, that it is bytes."""
_HIDDEN: Final = frozenset({".", ".."})


@router.api_route("/crate", methods=["GET", "HEAD"], include_in_schema=False, response_class=FileResponse)
def crate(
    catalogue: Asked,
    run: Annotated[str, Query(max_length=200)],
    path: Annotated[str, Query(max_length=4000)] = METADATA_FILE,
) -> FileResponse:
    """Hand out a file that lies in a run's crate."""
    with catalogue.asking() as ledger:
        folder = ledger.crate_of(run)
    found = _inside(folder, path)
    if found is None:
        raise NotFoundError(_("There is no such file in the crate of run %(run)s.", run=run))
    name = PurePosixPath(path).name
    return FileResponse(
        found,
        media_type=_MEDIA.get(path, "application/octet-stream"),
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": SANDBOX,
        },
    )


def _inside(crate: Path, path: str) -> Path | None:
    """Return a plain file of a crate; None for what lies elsewhere, is a link, or is none."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or _HIDDEN & set(parts) or "\0" in path:
        return None
    found = payload_path(crate, path)
    if found is None or any(part.is_symlink() for part in (found, *found.parents) if part.is_relative_to(crate)):
        return None
    return found if found.is_file() else None
