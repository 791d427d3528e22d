"""Which files a tree holds: each directory listed once, nothing opened but directories, and no link followed.

Asking the system for each file's state is nearly all the time that an unchanged tree costs, so what is done for each
file besides is kept to the least: names and states stay packed, and are only taken apart where something is new.
"""

from __future__ import annotations

import os
import stat
from array import array
from collections import deque
from operator import attrgetter
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from filiation.digest.files import Stamp, kind_of, reading_failed, shown, signed
from filiation.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

# Snakemake writes this file into every directory that is an output; it is none of the tree's data.
LEFT_OUT = b".snakemake_timestamp"
_LEFT_OUT = os.fsdecode(LEFT_OUT)
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
FIGURES = ("st_mode", "st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
_figures = attrgetter(*FIGURES)
_state = Struct(f"{len(FIGURES)}q")
STATE_BYTES = _state.size
"""Bytes that one file's state takes where it is packed."""
# A tree with fewer files is listed before threads would have begun.
_FEW_FILES = 4000
_FOLDERS_AT_ONCE = 16


class Found(NamedTuple):
    """A file, link or other thing met in a tree: its path inside the tree, its mode and its stamp."""

    path: bytes
    mode: int
    stamp: Stamp

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.mode)


class Listing(NamedTuple):
    """One directory of a tree, as it was met.

    Parameters
    ----------
    folder
        Its path inside the tree, ended by a slash; empty for the tree's root.
    names
        Names of all that is no directory, as they were listed, with a NUL byte between.
    states
        Mode, size, times of change of bytes and of state, and inode of each, as 64-bit integers of this machine.
    folders
        The directories in it, as paths inside the tree ended by a slash.
    """

    folder: bytes
    names: bytes
    states: bytes
    folders: tuple[bytes, ...]

    @property
    def files(self) -> int:
        """How many things are in it that are no directories."""
        return len(self.states) // STATE_BYTES

    def found(self) -> Iterator[Found]:
        """Take its things apart."""
        return (found_in(self.folder, name, state) for name, state in each_state(self.names, self.states))


def each_state(names: bytes, states: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Take packed names and states apart: name and state of each."""
    if states:
        for number, name in enumerate(names.split(b"\0")):
            yield name, states[number * STATE_BYTES : (number + 1) * STATE_BYTES]


def found_in(folder: bytes, name: bytes, state: bytes) -> Found:
    """Say what the system told of one thing in a directory."""
    mode, *stamp = _state.unpack(state)
    return Found(folder + name, mode, Stamp._make(stamp))


def walk(root: bytes) -> Iterator[Found]:
    """Yield everything in a tree that is not a directory, in no particular order.

    Raises
    ------
    NotFoundError
        If the root does not exist, or something vanishes during the walk.
    BadInputError
        If the root is not a directory, or a directory cannot be listed.
    """
    for listing in list_folders(root):
        yield from listing.found()


def list_folders(root: bytes, threads: int = 1) -> Iterator[Listing]:
    """Yield every directory of a tree, in no particular order; listed in threads where there are many files.

    Raises
    ------
    NotFoundError, BadInputError
        As :func:`walk`.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - bytes: a name need not be text
        if os.path.lexists(root):
            raise BadInputError(f"{shown(root)} is not a directory; only a directory has a tree digest.")
        raise NotFoundError(f"{shown(root)} does not exist; expected a directory to digest.")
    prefix = root.rstrip(b"/") + b"/"
    pending = [b""]
    met = 0
    while pending and (threads < 2 or met < _FEW_FILES):
        listing = _list(prefix, pending.pop())
        pending += listing.folders
        met += listing.files
        yield listing
    if pending:
        yield from _list_in_threads(prefix, pending, threads)


def _list_in_threads(prefix: bytes, pending: list[bytes], threads: int) -> Iterator[Listing]:
    """List directories while others wait for the system: it is asked without the interpreter's lock."""
    from concurrent.futures import ThreadPoolExecutor  # a small tree needs none

    with ThreadPoolExecutor(threads, thread_name_prefix="listing") as pool:
        running: deque[Future[list[Listing]]] = deque()
        try:
            while pending or running:
                while pending and len(running) < 2 * threads:
                    some = [pending.pop() for _ in range(min(len(pending), _FOLDERS_AT_ONCE))]
                    running.append(pool.submit(_list_some, prefix, some))
                for listing in running.popleft().result():
                    pending += listing.folders
                    yield listing
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _list_some(prefix: bytes, folders: list[bytes]) -> list[Listing]:
    return [_list(prefix, folder) for folder in folders]


def _list(prefix: bytes, folder: bytes) -> Listing:
    names: list[str] = []
    states = array("q")
    folders: list[str] = []
    add, extend = names.append, states.extend
    try:
        # Through its descriptor a directory's path is looked up once, and not for every file.
        descriptor = os.open(prefix + folder, _FOLDER | _NO_LINK if folder else _FOLDER)
        try:
            with os.scandir(descriptor) as listing:
                for entry in listing:
                    name = entry.name
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(name)
                    elif name != _LEFT_OUT:
                        status = entry.stat(follow_symlinks=False)
                        try:
                            extend(_figures(status))
                        except OverflowError:  # an inode of 64 bits without sign
                            del states[len(names) * len(FIGURES) :]
                            extend(map(signed, _figures(status)))
                        add(name)
        finally:
            os.close(descriptor)
    except OSError as error:
        inside = os.fsencode(error.filename) if isinstance(error.filename, str) else b""
        raise reading_failed(error, prefix + folder + inside) from error
    return Listing(
        folder,
        os.fsencode("\0".join(names)),
        states.tobytes(),
        tuple(folder + os.fsencode(name) + b"/" for name in folders),
    )


def refuse_special(root: bytes, found: Found) -> None:
    """Refuse what has no bytes of its own to digest.

    Raises
    ------
    BadInputError
        Always; names the thing and its kind.
    """
    raise BadInputError(
        f"{shown(root.rstrip(b'/') + b'/' + found.path)} is a {kind_of(found.mode)}; a tree to digest "
        "holds only files, directories and symbolic links. Remove it, or digest the parts."
    )
