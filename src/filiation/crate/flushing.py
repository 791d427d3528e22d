"""Forcing files and folders to disk, so that a rename afterwards makes something whole visible, or nothing."""

from __future__ import annotations

import os
from pathlib import Path


def flush_tree(root: Path) -> None:
    """Force every file and folder below ``root``, and ``root`` itself, to disk; links are not followed.

    Raises
    ------
    OSError
        If the disk does not take something; the error names it.
    """
    folders: list[Path] = []
    files: list[Path] = []
    for folder, _, names in os.walk(root, topdown=False):
        folders.append(Path(folder))
        files += [path for name in names if (path := Path(folder) / name).is_file() and not path.is_symlink()]
    from concurrent.futures import ThreadPoolExecutor

    # A file system writes down together what is asked for together: many files from many threads, a few from one.
    with ThreadPoolExecutor(max_workers=min(16, 1 + len(files) // 64)) as pool:
        list(pool.map(flush, files))
    for path in folders:
        flush(path)


def flush(path: Path) -> None:
    """Force one file, or the names in one folder, to disk; see :func:`flush_tree`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(descriptor)
