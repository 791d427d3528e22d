"""What a crate's folder holds, looked through before it is packed: what could not be unpacked is refused up front."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from filiation.crate.metadata import METADATA_FILE
from filiation.errors import BadInputError, NotFoundError

_SHOWN: Final = 20
_NOT_ON_WINDOWS: Final = re.compile(
    r'[<>:"|?*]|[ .](?:/|$)|(?:^|/)(?:con|prn|aux|nul|com\d|lpt\d)(?:\.[^/]*)?(?:/|$)', re.I
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A file of a crate.

    Parameters
    ----------
    path
        Inside the crate, with ``/``.
    place
        Where it is.
    size
        Its bytes.
    """

    path: str
    place: Path
    size: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """All that a crate's folder holds, sorted by the bytes of the paths.

    Parameters
    ----------
    files
        Of them at least the metadata file.
    empty
        Folders that hold nothing, which an archive of files alone would lose.
    """

    files: tuple[Holding, ...]
    empty: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def remarks(self) -> tuple[str, ...]:
        """Return what somebody should know of the names."""
        odd = [file.path for file in self.files if _NOT_ON_WINDOWS.search(file.path)]
        return (f"{_listed(odd)}: such names cannot be unpacked on Windows.",) if odd else ()


def holdings_of(crate: Path, fault: Callable[[str], str | None] = lambda _: None) -> Holdings:
    """Look through a crate's folder.

    Parameters
    ----------
    crate
        The folder.
    fault
        Why the form that is to be written cannot have a name, as the end of a sentence; None if it can.

    Raises
    ------
    NotFoundError
        If there is no crate.
    BadInputError
        If something is no file or folder, or some names cannot be; all of them are listed.
    """
    if not (crate / METADATA_FILE).is_file():
        raise NotFoundError(f"No crate at {crate}: it has no {METADATA_FILE}.")
    files: list[Holding] = []
    empty: list[str] = []
    faults: list[str] = []
    for path, entry in _walk(os.fspath(crate), ""):
        if wrong := _fault(path, entry) or fault(path):
            faults.append(f"{path!r} {wrong}")
        elif entry.is_dir(follow_symlinks=False):
            empty.append(path)
        else:
            files.append(Holding(path, Path(entry.path), entry.stat(follow_symlinks=False).st_size))
    faults += _clashes([file.path for file in files])
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + (f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else "")
        raise BadInputError(
            f"{crate} cannot be packed so: {shown}. Rename these where they were made, and export again."
        )
    return Holdings(tuple(sorted(files, key=lambda file: os.fsencode(file.path))), tuple(sorted(empty)))


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield every file, and every folder that holds nothing."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                with os.scandir(entry.path) as inside:
                    is_empty = next(inside, None) is None
                if is_empty:
                    yield path, entry
                else:
                    yield from _walk(entry.path, path + "/")
            else:
                yield path, entry


def _fault(path: str, entry: os.DirEntry[str]) -> str | None:
    if not stat.S_ISREG(mode := entry.stat(follow_symlinks=False).st_mode) and not stat.S_ISDIR(mode):
        return "is a link or a device"
    if re.search(r"[\ud800-\udfff]", path):
        return "is no Unicode"
    if "\\" in path or re.search(r"[\x00-\x1f\x7f]", path):
        return "holds a backslash or a control character"
    if re.match(r"[A-Za-z]:", path):
        return "begins like a drive"
    if len(path.encode()) > 4096 or any(len(part.encode()) > 255 for part in path.split("/")):
        return "is too long"
    return None


def _clashes(paths: list[str]) -> list[str]:
    """Return the names that are one name where case or composition of letters does not matter."""
    seen: dict[str, str] = {}
    found = []
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            first = seen.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
            if first != name:
                found.append(f"{name!r} and {first!r} differ only in how they are spelled")
    return list(dict.fromkeys(found))


def _listed(names: list[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
