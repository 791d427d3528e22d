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
    found = numbered(folder, kind)
    return found[-1] if found else None


def number_of(path: Path, kind: str = "") -> int:
    """Return the number of a numbered folder."""
    return int(path.name.removeprefix(kind))


@contextmanager
def using_newest(folder: Path, kind: str = "") -> Iterator[Path | None]:
    """Keep the newest folder from being removed while the block runs; None if there is none. Never waits."""
    while (found := newest(folder, kind)) is not None:
        with using(found) as kept:
            if kept is not None:
                yield kept
                return
        # It was removed just now, so there is a newer one.
    yield None


@contextmanager
def using(folder: Path) -> Iterator[Path | None]:
    """Keep a numbered folder from being removed while the block runs; None if it is gone. Never waits."""
    try:
        descriptor = os.open(folder / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except FileNotFoundError:
        yield None
        return
    try:
        yield folder if _is_locked(descriptor, fcntl.LOCK_SH) and folder.is_dir() else None
    finally:
        os.close(descriptor)


def remove_older(folder: Path, kind: str = "") -> None:
    """Remove every numbered folder but the newest, except those that somebody reads."""
    found = newest(folder, kind)
    if found is not None:
        remove_between(folder, kind, -1, number_of(found, kind))


def remove_between(folder: Path, kind: str, low: int, high: int) -> None:
    """Remove the numbered folders between two numbers, both left out, except those that somebody reads."""
    for found in numbered(folder, kind):
        if not low < number_of(found, kind) < high:
            continue
        with suppress(FileNotFoundError):  # somebody else removed it
            descriptor = os.open(found / _IN_USE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                if _is_locked(descriptor, fcntl.LOCK_EX):
                    found.rename(folder / f"{_GOING}{found.name}+{os.getpid()}")
            finally:
                os.close(descriptor)
    for going in folder.glob(f"{_GOING}{kind}*"):
        shutil.rmtree(going, ignore_errors=True)


def numbered(folder: Path, kind: str = "") -> list[Path]:
    """Return the folders named ``<kind><number>``, in the order of their numbers."""
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
