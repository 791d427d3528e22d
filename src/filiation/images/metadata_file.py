"""A metadata file of a store written anew: whole at any moment, and in this store alone where it is hard-linked."""

from __future__ import annotations

import os
from pathlib import Path


def replace_metadata(place: Path, content: bytes) -> None:
    """Put content into a metadata file, by way of a file beside it.

    Raises
    ------
    OSError
        If it cannot be written; the file is then as it was.
    """
    beside = place.with_name(f".{place.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(place.stat().st_mode & 0o777)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
