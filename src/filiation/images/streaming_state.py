"""What of an image is there already: a file beside the store that is being written, one line for each region.

The first line says which image it is; each further one holds the hashes of blocks that are written. A last line that a
crash cut short is left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

FORMAT = "filiation-streaming-2"


class StreamingState:
    """How far the store at ``store`` is; a context manager while it is written to.

    Parameters
    ----------
    store
        The unfinished store.
    identity
        What tells the image from another. State of another one is not taken up.
    """

    def __init__(self, store: Path, identity: Mapping[str, str]) -> None:
        self._place = store.with_name(f"{store.name}.json")
        self._first = json.dumps({"format": FORMAT, **identity}, sort_keys=True)
        self.hashes: dict[int, bytes] = self._read() if store.is_dir() else {}
        """Number of a block -> its hash."""
        self.resumed = bool(self.hashes)
        """Whether an earlier attempt is gone on with."""
        self._stream: TextIO | None = None

    def _read(self) -> dict[int, bytes]:
        try:
            lines = self._place.read_text("utf-8").splitlines()
            if not lines or lines[0] != self._first:
                return {}
        except (OSError, ValueError):
            return {}
        found: dict[int, bytes] = {}
        for line in lines[1:]:
            try:
                found |= {int(number): bytes.fromhex(digest) for number, digest in json.loads(line).items()}
            except (ValueError, AttributeError, TypeError):
                break
        return found

    def __enter__(self) -> StreamingState:
        self._stream = self._place.open("w", encoding="utf-8")
        self._stream.write(self._first + "\n")
        if self.hashes:
            self._write(self.hashes)
        self._stream.flush()
        return self

    def __exit__(self, *_error: object) -> None:
        if self._stream is not None:
            self._stream.close()

    def add(self, hashes: Mapping[int, bytes]) -> None:
        """Note that blocks are written."""
        self.hashes.update(hashes)
        self._write(hashes)

    def _write(self, hashes: Mapping[int, bytes]) -> None:
        if self._stream is not None:
            self._stream.write(json.dumps({number: digest.hex() for number, digest in hashes.items()}) + "\n")
            self._stream.flush()

    def remove(self) -> None:
        """Forget it: the store stands at its place."""
        self._place.unlink(missing_ok=True)


def unfinished(path: Path) -> bool:
    """Tell whether an earlier attempt left something of the store at ``path`` to go on with."""
    return os.path.exists(path.with_name(f".{path.name}.partial.json"))  # noqa: PTH110
