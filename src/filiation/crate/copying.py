"""Bytes put into a second place without being written again, where the file system can."""

from __future__ import annotations

import os
import shutil


def link_or_copy(source: str, target: str) -> str:
    """Give a file a second name, or copy it where it cannot have one, as on another disk.

    Returns
    -------
    str
        ``target``, as ``shutil.copytree`` wants of its ``copy_function``.
    """
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
