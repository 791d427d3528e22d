"""Which files a workflow reads while Snakemake reads the workflow: sample sheets, schemas, modules of its own.

Snakemake does not tell of them, and without them nobody can run the workflow again. The interpreter tells of every
file that is opened (an audit hook, PEP 578); only those of the workflow's own folders are kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib.util import source_from_cache

_LARGEST = 10 * 1024 * 1024
"""A larger file is data that the workflow looked into, and no part of it."""
_NOT_OURS = frozenset({".snakemake", ".filiation", ".git", ".venv", "site-packages", "node_modules"})

_opened: set[str] = set()
_listening = False
_hooked = False


def start_listening() -> None:
    """Begin to keep the names of files that are opened for reading."""
    global _hooked, _listening
    _opened.clear()
    _listening = True
    if not _hooked:  # it is the interpreter's, and cannot be taken away again
        sys.addaudithook(_hear)
        _hooked = True


def stop_listening() -> None:
    """Keep no more names: the workflow has been read."""
    global _listening
    _listening = False


def files_read(folders: Iterable[str]) -> list[str]:
    """Return the files below ``folders`` that were read, as absolute paths, sorted; they are forgotten here.

    Parameters
    ----------
    folders
        The run's folder and the workflow's.
    """
    stop_listening()
    homes = {os.path.realpath(folder) + os.sep for folder in folders if folder}
    found = {_source(os.path.abspath(path)) for path in _opened}
    _opened.clear()
    return sorted(path for path in found if any(_is_part(path, home) for home in homes))


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    if not _listening or event != "open":
        return
    path, mode = arguments[0], arguments[1]
    if isinstance(path, str) and (mode is None or (isinstance(mode, str) and not set(mode) & set("wax+"))):
        _opened.add(path)


def _source(path: str) -> str:
    """Return a module's source for its compiled form."""
    if not path.endswith(".pyc"):
        return path
    try:
        return source_from_cache(path)
    except ValueError:
        return path


def _is_part(path: str, home: str) -> bool:
    if not os.path.realpath(path).startswith(home) or set(path.split(os.sep)) & _NOT_OURS:
        return False
    return os.path.isfile(path) and os.path.getsize(path) <= _LARGEST
