"""Numbered folders of which the newest counts: a new one appears by one renaming, and whoever reads keeps the old one.

Store and index are made beside those in use, and no file of them is ever put in the place of another under the same
name: a reader that has opened one would find parts of the other.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_IN_USE: Final = "in-use"
"""File in each folder, locked by those who read it."""
_GOING: Final = ".going-"
_TAKEN: Final = frozenset({errno.EAGAIN, errno.EACCES})


def newest(folder: Path, kind: str = "") -> Path | None:
    """Return the folder with the highest number, of those named ``<kind><number>``; None if there is none."""
    found = _numbered(folder, kind)
    return found[-1] if found else None


def number_of(path: Path, kind: str = "") -> int:
    """Return the number of a numbered folder."""
    return int(path.name.removeprefix(kind))


@contextmanager
def using_newest(folder: Path, kind: str = "") -> Iterator[Path | None]:
    """Keep the newest folder from being removed while the block runs; None if there is none. Never waits."""
    while (found := newest(folder, kind)) is not None:
        try:
            descriptor = os.open(found / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            continue  # it was removed just now, so there is a newer one
        try:
            if _is_locked(descriptor, fcntl.LOCK_SH) and found.is_dir():
                yield found
                return
        finally:
            os.close(descriptor)
    yield None


def remove_older(folder: Path, kind: str = "") -> None:
    """Remove every numbered folder but the newest, except those that somebody reads."""
    for found in _numbered(folder, kind)[:-1]:
        with suppress(FileNotFoundError):  # somebody else removed it
            descriptor = os.open(found / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if _is_locked(descriptor, fcntl.LOCK_EX):
                    found.rename(folder / f"{_GOING}{found.name}+{os.getpid()}")
            finally:
                os.close(descriptor)
    for going in folder.glob(f"{_GOING}{kind}*"):
        shutil.rmtree(going, ignore_errors=True)


def _numbered(folder: Path, kind: str) -> list[Path]:
    try:
        names = os.listdir(folder)  # noqa: PTH208 - asked before every answer
    except (FileNotFoundError, NotADirectoryError):
        return []
    numbers = (name.removeprefix(kind) for name in names if name.startswith(kind))
    return [folder / f"{kind}{number}" for number in sorted(int(each) for each in numbers if each.isdecimal())]


def _is_locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in _TAKEN  # some network file systems know no locks at all
    return True
