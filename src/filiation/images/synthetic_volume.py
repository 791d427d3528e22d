"""A generated volume of any size, made part by part as it is written: beads that lie apart, with a known truth.

``synthetic:beads3d?seed=7&shape=512,2048,2048`` is larger than many computers' memory. The same URI gives the same
pixels with the same version of numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.images.colours import colour_of_channel
from filiation.images.image import Image, Pixels
from filiation.images.regions import Region, regions_of
from filiation.images.rendering import ChannelLook
from filiation.images.sources import SourceIdentity, integers, split_query
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat
from filiation.images.streaming import Outline, digest_image, stream_image
from filiation.model import Digest

AXES = ("z", "y", "x")
SCALE = (1.0, 0.5, 0.5)
"""Micrometre between planes, rows and columns."""
UNITS = ("micrometer",) * 3

_CELL = (16, 32, 32)  # pixels: in each lies one bead
_TILE = (16, 256, 256)  # pixels that share a sequence of random numbers; whole cells
_RADII = ((2.5, 5.0), (5.0, 11.0), (5.0, 11.0))  # pixels, shortest and longest along each axis
_BACKGROUND, _BRIGHTNESS = 200.0, 600.0  # counts
_MOST_VOXELS = 2**40
_WHOLE = 2**28  # voxels up to which a volume is handed over in memory


@dataclass(frozen=True, slots=True)
class Beads3D:
    """A recipe for a volume of beads, one in each cell of 16 x 32 x 32 pixels.

    Parameters
    ----------
    seed
        Of the random numbers.
    shape
        Planes, rows, columns.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    seed: int = 7
    shape: tuple[int, int, int] = (64, 512, 512)

    def __post_init__(self) -> None:
        too_short = any(length < cell for length, cell in zip(self.shape, _CELL, strict=True))
        if self.seed < 0 or too_short or math.prod(self.shape) > _MOST_VOXELS:
            raise BadInputError(
                f"A volume of beads needs a seed of 0 or more and a shape of at least 16,32,32 and at most "
                f"{_MOST_VOXELS} voxels; found seed {self.seed} and shape {','.join(map(str, self.shape))}."
            )

    @property
    def uri(self) -> str:
        """The URI in its one canonical spelling, with every parameter."""
        return f"synthetic:beads3d?seed={self.seed}&shape={','.join(map(str, self.shape))}"

    @property
    def cells(self) -> tuple[int, int, int]:
        """How many whole cells, and so beads, there are along each axis."""
        z, y, x = (length // cell for length, cell in zip(self.shape, _CELL, strict=True))
        return z, y, x

    @property
    def count(self) -> int:
        """How many beads there are."""
        return math.prod(self.cells)

    def truth(self, region: Region) -> npt.NDArray[np.uint32]:
        """Return which bead each voxel of a region belongs to: 1 to ``count``, 0 for none."""
        tiles = [self._tile(corner) for corner in self._tiles_of(region)]
        return self._cut(region, [(corner, labels) for corner, labels, _ in tiles], np.dtype(np.uint32))

    def pixels(self, region: Region) -> npt.NDArray[np.uint16]:
        """Return a region as a camera sees it: beads over a background, with noise as of a Poisson process."""
        tiles = [self._tile(corner) for corner in self._tiles_of(region)]
        seen = [(corner, _seen(labels, random)) for corner, labels, random in tiles]
        return self._cut(region, seen, np.dtype(np.uint16))

    def _tiles_of(self, region: Region) -> list[tuple[int, ...]]:
        wider = [slice(side.start // tile, -(-side.stop // tile)) for side, tile in zip(region, _TILE, strict=True)]
        starts = regions_of([side.stop - side.start for side in wider], (1, 1, 1))
        return [
            tuple((at.start + side.start) * tile for at, side, tile in zip(each, wider, _TILE, strict=True))
            for each in starts
        ]

    def _cut(self, region: Region, tiles: list[tuple[tuple[int, ...], Pixels]], dtype: np.dtype[np.generic]) -> Pixels:
        found: Pixels = np.zeros([side.stop - side.start for side in region], dtype)
        for corner, pixels in tiles:
            here, there = [], []
            for side, start, tile in zip(region, corner, _TILE, strict=True):
                first, last = max(side.start, start), min(side.stop, start + tile)
                here.append(slice(first - side.start, last - side.start))
                there.append(slice(first - start, last - start))
            found[tuple(here)] = pixels[tuple(there)]
        return found

    def _tile(self, corner: tuple[int, ...]) -> tuple[tuple[int, ...], npt.NDArray[np.uint32], np.random.Generator]:
        """Draw the beads of a tile; the random numbers go on with its noise."""
        random = np.random.default_rng([self.seed, *corner])
        per_tile = tuple(tile // cell for tile, cell in zip(_TILE, _CELL, strict=True))
        first = [start // cell for start, cell in zip(corner, _CELL, strict=True)]
        distance = np.zeros(_TILE, np.float32)
        for axis, (cell, bounds) in enumerate(zip(_CELL, _RADII, strict=True)):
            radius = random.uniform(*bounds, per_tile)
            centre = random.uniform(radius + 1, cell - 1 - radius) - 0.5
            place = np.arange(cell).reshape([cell if each == axis else 1 for each in range(3)])
            by_cell = (place - centre[..., None, None, None]) / radius[..., None, None, None]
            wide = np.broadcast_to(by_cell**2, (*per_tile, *_CELL))
            distance += wide.transpose(0, 3, 1, 4, 2, 5).reshape(_TILE)
        numbers = [np.arange(start, start + count) for start, count in zip(first, per_tile, strict=True)]
        z, y, x = np.meshgrid(*numbers, indexing="ij")
        label = (z * self.cells[1] + y) * self.cells[2] + x + 1
        inside = (z < self.cells[0]) & (y < self.cells[1]) & (x < self.cells[2])
        spread = np.where(inside, label, 0).astype(np.uint32)
        for axis, cell in enumerate(_CELL):
            spread = np.repeat(spread, cell, axis)
        return corner, np.where(distance <= 1, spread, 0).astype(np.uint32), random


def _seen(labels: npt.NDArray[np.uint32], random: np.random.Generator) -> npt.NDArray[np.uint16]:
    photons = np.where(labels > 0, np.float32(_BACKGROUND + _BRIGHTNESS), np.float32(_BACKGROUND))
    noisy = photons + np.sqrt(photons) * random.standard_normal(labels.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 65535).astype(np.uint16)


@dataclass(frozen=True, slots=True)
class _Reader:
    recipe: Beads3D

    def read(self, region: Region) -> Pixels:
        return self.recipe.pixels(region)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class BeadsSource:
    """A generated volume of beads as a source of images.

    Parameters
    ----------
    recipe
        How it is made.
    """

    recipe: Beads3D

    @classmethod
    def from_uri(cls, uri: str) -> BeadsSource:
        """Read ``synthetic:beads3d?seed=…&shape=z,y,x``; each parameter may be left out.

        Raises
        ------
        BadInputError
            If a parameter is unknown, malformed or out of range.
        """
        _, given = split_query(uri, known={"seed": int, "shape": tuple})
        default = Beads3D()
        z, y, x = integers(uri, "shape", given["shape"], count=3) if "shape" in given else default.shape
        seed = integers(uri, "seed", given["seed"], count=1)[0] if "seed" in given else default.seed
        return cls(Beads3D(seed, (z, y, x)))

    def identify(self) -> SourceIdentity:
        """Return the canonical URI with the digest of the pixels, which are all made for it."""
        return self._identity(digest_image(self._outline(), lambda: _Reader(self.recipe)))

    def fetch(self) -> Image:
        """Return the volume, with axes z, y and x.

        Raises
        ------
        BadInputError
            If it is larger than what is handed over in memory.
        """
        if math.prod(self.recipe.shape) > _WHOLE:
            raise BadInputError(f"{self.recipe.uri} has more than {_WHOLE} voxels: write it to a store and read parts.")
        pixels = self.recipe.pixels(tuple(slice(0, length) for length in self.recipe.shape))
        return Image(pixels, AXES, SCALE, UNITS, channels=("beads",), name="beads3d")

    def fetch_into(
        self, path: Path, progress: Callable[[int, int], None], form: StoreFormat = DEFAULT_FORMAT
    ) -> SourceIdentity:
        """Write the volume as an OME-Zarr store, as it is made; return which it is.

        Raises
        ------
        BadInputError
            If there is something at ``path`` already.
        """
        return self._identity(
            stream_image(path, self._outline(), lambda: _Reader(self.recipe), form=form, workers=2, progress=progress)
        )

    def _outline(self) -> Outline:
        look = ChannelLook("beads", colour_of_channel(0, 1))
        return Outline(
            AXES, self.recipe.shape, np.dtype(np.uint16), SCALE, UNITS, (look,), {"uri": self.recipe.uri}, "beads3d"
        )

    def _identity(self, pixels: Digest) -> SourceIdentity:
        return SourceIdentity(self.recipe.uri, f"Synthetic beads, seed {self.recipe.seed}", pixels=pixels)
