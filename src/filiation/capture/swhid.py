"""SWHIDs: the identifier that Software Heritage gives a folder of source code, wherever it lies (ISO/IEC 18670).

It is git's: a file is the SHA-1 of its bytes after a header, a folder that of its entries, sorted, each with its mode,
name and identifier. So a folder in a clean git repository, a download of that commit and the archive's copy have one
name. SHA-1 is asked for by the specification; what a run is joined by is SHA-256 (:mod:`filiation.digest.trees`).
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filiation.errors import BadInputError

FILE, EXECUTABLE, LINK, FOLDER = "100644", "100755", "120000", "40000"


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """What a folder of source code holds under one name.

    Parameters
    ----------
    mode
        Git's, as octal text: ``100644``, ``100755`` (executable), ``120000`` (symbolic link), ``160000`` (a commit
        of another repository), ``40000`` (an empty folder).
    id
        SHA-1 of the git object, hexadecimal.
    """

    mode: str
    id: str


def read_entry(path: Path) -> SourceEntry:
    """Return the entry of a file or symbolic link as it is on disk; a link is not followed.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        return SourceEntry(LINK, _object_id("blob", os.fsencode(path.readlink())))
    if not stat.S_ISREG(found.st_mode):
        # A pipe or socket has no bytes; the reference implementation takes it as an empty file.
        return SourceEntry(FILE, _object_id("blob", b""))
    return SourceEntry(EXECUTABLE if found.st_mode & 0o111 else FILE, _file_id(path))


def read_folder(
    folder: Path, *, leave_out: Container[str] = (), most_files: int = 10_000, most_bytes: int = 100_000_000
) -> dict[str, SourceEntry]:
    """Return every entry below a folder by its path, empty folders too.

    Parameters
    ----------
    folder
        The folder.
    leave_out
        Names of files and folders that do not count, at any depth.
    most_files, most_bytes
        A folder with more than this is no folder of source code.

    Raises
    ------
    BadInputError
        If there is more.
    OSError
        If something cannot be read.
    """
    entries: dict[str, SourceEntry] = {}
    size = 0
    for parent, folders, names in os.walk(folder, onerror=_refuse):
        inside = Path(parent)
        linked = [name for name in folders if (inside / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in leave_out and name not in linked)
        found = [name for name in (*names, *linked) if name not in leave_out]
        size += sum((inside / name).lstat().st_size for name in found)
        if len(entries) + len(found) > most_files or size > most_bytes:
            raise BadInputError(
                f"{folder} holds more than {most_files} files or {most_bytes // 1_000_000} MB; expected source code."
            )
        entries |= {str((inside / name).relative_to(folder)): read_entry(inside / name) for name in found}
        if not found and not folders and inside != folder:
            entries[str(inside.relative_to(folder))] = SourceEntry(FOLDER, _object_id("tree", b""))
    return entries


def directory_swhid(entries: Mapping[str, SourceEntry]) -> str:
    """Return the SWHID of a folder with these entries, by path; undecodable bytes of names are surrogates.

    >>> directory_swhid({})
    'swh:1:dir:4b825dc642cb6eb9a060e54bf8d69288fbee4904'
    """
    split = [(os.fsencode(path).split(b"/"), entry) for path, entry in entries.items()]
    return f"swh:1:dir:{_tree_id(split)}"


def _tree_id(entries: Iterable[tuple[list[bytes], SourceEntry]]) -> str:
    here: dict[bytes, SourceEntry] = {}
    below: dict[bytes, list[tuple[list[bytes], SourceEntry]]] = {}
    for (name, *rest), entry in entries:
        if rest:
            below.setdefault(name, []).append((rest, entry))
        else:
            here[name] = entry
    here |= {name: SourceEntry(FOLDER, _tree_id(inner)) for name, inner in below.items()}
    # Git compares a folder's name as if a slash followed it.
    order = sorted(here.items(), key=lambda item: item[0] + (b"/" if item[1].mode == FOLDER else b""))
    lines = (b"%s %s\0%s" % (each.mode.encode(), name, bytes.fromhex(each.id)) for name, each in order)
    return _object_id("tree", b"".join(lines))


def _object_id(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _file_id(path: Path) -> str:
    with path.open("rb") as stream:
        seen = hashlib.sha1(f"blob {os.fstat(stream.fileno()).st_size}\0".encode(), usedforsecurity=False)
        while piece := stream.read(1 << 20):
            seen.update(piece)
    return seen.hexdigest()


def _refuse(error: OSError) -> None:
    raise error
