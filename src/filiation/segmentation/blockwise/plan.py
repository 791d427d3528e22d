"""What jobs that share a volume have to agree on, in a file that one of them writes and all others read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filiation.errors import BadInputError
from filiation.segmentation.blockwise.grid import Grid
from filiation.segmentation.blockwise.recipes import recipe_named
from filiation.segmentation.blockwise.volume import Volume
from filiation.segmentation.blockwise.work import Task, grid_for


@dataclass(frozen=True, slots=True)
class Plan:
    """How a volume is segmented, and in which blocks.

    Parameters
    ----------
    method, parameters
        Name of the method, and what it is given.
    channels
        Of the image, counted from 0 or by name, in the order in which the method takes them.
    axes, scale
        Names and pixel sizes of the axes.
    shape, lengths, halo
        As in :class:`Grid`.
    minimum_size
        Smaller objects are dropped; an area (2-D) or a volume (3-D).
    """

    method: str
    parameters: Mapping[str, float]
    channels: tuple[int | str, ...]
    axes: tuple[str, ...]
    scale: tuple[float, ...]
    shape: tuple[int, ...]
    lengths: tuple[int, ...]
    halo: tuple[int, ...]
    minimum_size: float

    @classmethod
    def of(
        cls,
        method: str,
        parameters: Mapping[str, float],
        channels: tuple[int | str, ...],
        *,
        axes: tuple[str, ...],
        scale: tuple[float, ...],
        shape: tuple[int, ...],
        lengths: tuple[int, ...],
        largest: float,
        minimum_size: float,
    ) -> Plan:
        """Cut a volume as :func:`grid_for` does.

        Raises
        ------
        BadInputError
            If the method does not work block by block, a parameter is out of range, or blocks are too short.
        """
        grid = grid_for(shape, scale, recipe_named(method), parameters, lengths, largest)
        return cls(
            method, dict(parameters), channels, axes, scale, grid.shape, grid.lengths, grid.halo, float(minimum_size)
        )

    @property
    def grid(self) -> Grid:
        """How the volume is cut."""
        return Grid(self.shape, self.lengths, self.halo)

    @property
    def mark(self) -> str:
        """What tells it from every other plan."""
        return hashlib.sha256(self._text().encode()).hexdigest()

    def task(self, volume: Volume, scratch: Path, folders: tuple[Path, ...] = ()) -> Task:
        """Return the work on a volume; see :class:`Task`."""
        return Task(volume, self.scale, recipe_named(self.method), self.parameters, self.grid, scratch, folders)

    def write(self, path: Path) -> None:
        """Write it."""
        path.write_text(self._text(), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read it.

        Raises
        ------
        BadInputError
            If the file holds none.
        """
        try:
            told = json.loads(path.read_text("utf-8")).items()
            given: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in told}
            return cls(**given)
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInputError(f"{path} is no plan of blocks: {error}. Remove it; it is then made again.") from error

    def _text(self) -> str:
        return json.dumps(asdict(self), indent=1, sort_keys=True)
