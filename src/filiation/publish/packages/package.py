"""What a package is, and how one appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from filiation.errors import BadInputError


@dataclass(frozen=True, slots=True)
class PackageSettings:
    """How a crate is packed.

    Parameters
    ----------
    sign
        Signs the metadata's bytes, for an ``.eln``; None to sign nothing.
    today
        The day of packing, where a form asks for it; None for today, UTC.
    contact
        E-mail address of a person to ask, for a plan of data management; no crate has to have one.
    progress
        Called with the number of bytes read since the last call.
    """

    sign: Callable[[bytes], bytes] | None = None
    today: date | None = None
    contact: str | None = None
    progress: Callable[[int], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class Package:
    """What was written.

    Parameters
    ----------
    target
        File or folder.
    form
        Its name, as in the table of forms.
    files, size
        Of the crate in it, or of what was written.
    remarks
        What somebody should know: what the crate does not say, and what this form could not take over.
    """

    target: Path
    form: str
    files: int
    size: int
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {
            "package": str(self.target),
            "form": self.form,
            "files": self.files,
            "size": self.size,
            "remarks": list(self.remarks),
        }


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Give a place to write to, which becomes the target when all went well; else nothing is left.

    Raises
    ------
    BadInputError
        If there is something at the target.
    """
    if os.path.lexists(target):
        raise BadInputError(f"{target} exists already; name another place, so that nothing is overwritten.")
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    making = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        yield making
        making.rename(target)
    finally:
        if making.is_dir() and not making.is_symlink():
            shutil.rmtree(making, ignore_errors=True)
        else:
            making.unlink(missing_ok=True)


def write_text(target: Path, form: str, content: str, remarks: tuple[str, ...]) -> Package:
    """Write a text as a package of its own."""
    written = content.encode()
    with appearing(target) as making:
        making.write_bytes(written)
    return Package(target, form, 1, len(written), remarks)
