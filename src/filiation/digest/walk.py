"""Which files a tree holds: one pass of ``scandir``, names as bytes, nothing opened and no link followed."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, NamedTuple

from filiation.digest.files import kind_of, reading_failed, shown
from filiation.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Snakemake writes this file into every directory that is an output; it is none of the tree's data.
LEFT_OUT = b".snakemake_timestamp"


class Found(NamedTuple):
    """A file, link or other thing met in a tree: its path inside the tree and its ``lstat`` result."""

    path: bytes
    status: os.stat_result

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


def walk(root: bytes) -> Iterator[Found]:
    """Yield everything in a tree that is not a directory, in no particular order.

    Raises
    ------
    NotFoundError
        If the root does not exist, or something vanishes during the walk.
    BadInputError
        If the root is not a directory, or a directory cannot be listed.
    """
    if not os.path.isdir(root):  # noqa: PTH112 - bytes: a name need not be text
        if os.path.lexists(root):
            raise BadInputError(f"{shown(root)} is not a directory; only a directory has a tree digest.")
        raise NotFoundError(f"{shown(root)} does not exist; expected a directory to digest.")
    prefix = root.rstrip(b"/") + b"/"
    pending = [b""]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(prefix + folder) as listing:
                for entry in listing:
                    path = folder + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(path + b"/")
                    elif entry.name != LEFT_OUT:
                        yield Found(path, entry.stat(follow_symlinks=False))
        except OSError as error:
            where = error.filename if isinstance(error.filename, bytes) else prefix + folder
            raise reading_failed(error, where) from error


def refuse_special(root: bytes, found: Found) -> None:
    """Refuse what has no bytes of its own to digest.

    Raises
    ------
    BadInputError
        Always; names the thing and its kind.
    """
    raise BadInputError(
        f"{shown(root.rstrip(b'/') + b'/' + found.path)} is a {kind_of(found.status.st_mode)}; a tree to digest "
        "holds only files, directories and symbolic links. Remove it, or digest the parts."
    )
