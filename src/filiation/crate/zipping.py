"""A folder as a ZIP archive that holds what is in the folder, and nothing that a link in it leads to."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from filiation.errors import BadInputError


def zip_folder(folder: Path, archive: Path, *, top: str = "") -> None:
    """Write a new archive of a folder.

    Whoever wrote a crate may have left a link in it to a file of the person who archives it, so links are not followed;
    and since archives with links in them are refused by whoever unpacks with care (filiation too), they are not made.

    Parameters
    ----------
    folder
        What to archive.
    archive
        The file to be made.
    top
        Name of the one folder in the archive that holds everything; empty to have everything at its top.

    Raises
    ------
    BadInputError
        If there is a symbolic link in the folder, or something that is neither file nor folder; nothing is written.
    OSError
        If it cannot be written.
    """
    members = list(_members(folder))
    # Times before 1980, which the format cannot say, become 1980.
    with zipfile.ZipFile(archive, "x", zipfile.ZIP_DEFLATED, strict_timestamps=False) as file:
        for path in members:
            file.write(path, Path(top, path.relative_to(folder)))


def _members(folder: Path) -> Iterator[Path]:
    for inside, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *names]):
            path = Path(inside, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                what = f"a link to {str(path.readlink())!r}" if path.is_symlink() else "neither file nor folder"
                raise BadInputError(
                    f"{str(path.relative_to(folder))!r} is {what}, and an archive would hold what is found there. "
                    "Ask for a folder instead (a name without .zip), or make the crate again without it."
                )
            yield path
