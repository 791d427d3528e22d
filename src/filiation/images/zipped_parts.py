"""What lies in a ZIP file, named by a path that goes on inside it: ``plate.ozx/A/1/0``. Nothing is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filiation.digest.zipped import is_zip, look_through

_MOST_OF_METADATA = 1 << 24


@dataclass(frozen=True, slots=True)
class ZippedPart:
    """A group of a zipped store: the ``file``, and the group's path ``inside`` it; empty for its root."""

    file: Path
    inside: str = ""

    @classmethod
    def at(cls, path: Path) -> ZippedPart | None:
        """Return what a path names, if it leads to a ZIP file or into one; else None."""
        if path.is_dir():
            return None
        for place in (path, *path.parents):
            if place.is_file():
                return cls(place, path.relative_to(place).as_posix().strip(".")) if is_zip(place) else None
        return None

    def read_files(self, names: Sequence[str]) -> dict[str, bytes]:
        """Return the contents of small files, by their names in the group, of those that are there.

        Raises
        ------
        BadInputError
            If the ZIP file holds what no store does.
        """
        look_through(self.file)
        found: dict[str, bytes] = {}
        with zipfile.ZipFile(self.file) as archive:
            for name in names:
                try:
                    with archive.open(f"{self.inside}/{name}".lstrip("/")) as file:
                        found[name] = file.read(_MOST_OF_METADATA)
                except KeyError:
                    continue
        return found
