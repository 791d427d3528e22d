"""Files that hold a password, a token or a key: read only where nobody but whoever reads them can reach them."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from filiation.errors import AccessError, BadInputError

_LONGEST: Final = 4096
"""Bytes of the longest secret; what has more is another file."""


def read_secret_file(path: Path, what: str) -> str:
    """Return the secret that stands in a file, without the end of its line.

    What is judged is the file that is read, not what stands at the path before or after. A link is followed: how
    secrets are put into containers is by links, and what counts is who reaches the file itself.

    Parameters
    ----------
    path
        The file.
    what
        What it holds, for messages, such as ``a password``.

    Raises
    ------
    AccessError
        If others can reach it, or it is somebody else's.
    BadInputError
        If it is no regular file, cannot be read, has nothing in it, or is too long for a secret.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _refuse_what_others_reach(os.fstat(file.fileno()), path, what)
            content = file.read(_LONGEST + 1)
        secret = content.decode("utf-8").rstrip("\r\n")
    except OSError as error:
        if isinstance(error, AccessError):
            raise
        raise BadInputError(f"{path}, which is to hold {what}, cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:  # whose message would have the secret in it
        raise BadInputError(f"{path}, which is to hold {what}, cannot be read: it is no text in UTF-8.") from None
    if not secret or len(content) > _LONGEST:
        found = "is empty" if not secret else f"has more than {_LONGEST} bytes"
        raise BadInputError(f"{path}, which is to hold {what}, {found}. Write the secret alone into it, on one line.")
    return secret


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO would keep us waiting


def _refuse_what_others_reach(about: os.stat_result, path: Path, what: str) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise BadInputError(f"{path}, which is to hold {what}, is no regular file.")
    if about.st_uid != os.geteuid():
        raise AccessError(
            f"{path} holds {what} and belongs to user {about.st_uid}, but user {os.geteuid()} reads it; its owner "
            "can change it. Copy it to a file of your own with mode 0600."
        )
    if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AccessError(
            f"{path} holds {what} and has the mode {stat.S_IMODE(about.st_mode):04o}; others can reach it. Run "
            f"`chmod 600 {path}` as its owner, and take another secret if others may have seen this one."
        )
