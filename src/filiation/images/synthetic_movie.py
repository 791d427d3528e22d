"""Generated movies with a known truth: nuclei that move, grow and divide; the ruler that tracking is measured with.

``synthetic:movie?seed=7&shape=12,160,160&cells=6`` is a time series of two channels, as a fluorescence microscope
might see a layer of cells. The same URI gives the same pixels with the same version of numpy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.images.image import Image, LabelImage
from filiation.images.pixels import pixel_digest_of_array
from filiation.images.sources import SourceIdentity, integers, split_query

AXES = ("t", "c", "y", "x")
SCALE = (300.0, 1.0, 0.5, 0.5)
"""Seconds between time points, and micrometre between rows and columns."""
UNITS = ("second", "", "micrometer", "micrometer")
CHANNELS = ("nuclei", "cytoplasm")

_Place = npt.NDArray[np.float64]
_Frame = npt.NDArray[np.float64]

_MOST_PIXELS = 2**26
_RADIUS = 6.0  # micrometre, of a grown nucleus
_DAUGHTER = 0.7  # radius of a daughter, and her distance from where her mother was, in radii of her mother
_GROWTH = 1.04  # factor on the radius from time point to time point
_STRIDE = 1.0  # micrometre, standard deviation of what is added to a cell's step
_LONGEST_STEP = 0.3  # in radii: an object overlaps with itself
_GAP = 1.5  # micrometre between the borders of two nuclei, once they have made room for each other
_WIDER = 1.5  # radius of a cell in radii of its nucleus
_PATIENCE = 500
_PHOTONS, _GAIN, _OFFSET, _READ_NOISE = 80.0, 20.0, 200.0, 30.0


@dataclass(frozen=True, slots=True)
class Movie:
    """A recipe for a movie.

    Parameters
    ----------
    seed
        Of the random numbers.
    shape
        Time points, rows, columns.
    cells
        How many there are at first; fewer if there is no room.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    seed: int = 7
    shape: tuple[int, int, int] = (12, 160, 160)
    cells: int = 6

    def __post_init__(self) -> None:
        frames, *plane = self.shape
        if self.seed < 0 or frames < 1 or min(plane) < 64 or math.prod(self.shape) > _MOST_PIXELS:
            raise BadInputError(
                f"A synthetic movie needs a seed of 0 or more and a shape of at least 1,64,64 and at most "
                f"{_MOST_PIXELS} pixels; found seed {self.seed} and shape {','.join(map(str, self.shape))}."
            )
        if not 1 <= self.cells <= 10_000:
            raise BadInputError(f"Between 1 and 10000 cells can be placed; found {self.cells}.")

    @property
    def uri(self) -> str:
        """The URI in its one canonical spelling, with every parameter."""
        return f"synthetic:movie?seed={self.seed}&shape={','.join(map(str, self.shape))}&cells={self.cells}"


@dataclass(frozen=True, slots=True)
class Filmed:
    """A movie with its truth.

    Parameters
    ----------
    image
        As a microscope sees it, uint16.
    truth
        Which nucleus each pixel belongs to; a nucleus has one label from when it comes to be until it divides.
    parents
        Label of a daughter -> label of her mother.
    """

    image: Image
    truth: LabelImage
    parents: Mapping[int, int]


@dataclass(slots=True)
class _Cell:
    label: int
    centre: _Place  # micrometre, y x
    radius: float
    step: _Place
    divides_at: int
    brightness: float


def film(recipe: Movie | None = None) -> Filmed:
    """Return a movie of round nuclei that wander, make room for each other, grow, and divide.

    Examples
    --------
    >>> filmed = film(Movie(seed=1, shape=(6, 96, 96), cells=2))
    >>> filmed.image.shape, filmed.image.channels, filmed.truth.shape
    ((6, 2, 96, 96), ('nuclei', 'cytoplasm'), (6, 96, 96))
    """
    recipe = recipe or Movie()
    random = np.random.default_rng(recipe.seed)
    size = np.array(recipe.shape[1:]) * SCALE[-1]
    cells = _place(recipe, size, random)
    parents: dict[int, int] = {}
    born = len(cells)
    truth = np.zeros(recipe.shape, np.uint32)
    pixels = np.zeros((recipe.shape[0], len(CHANNELS), *recipe.shape[1:]), np.uint16)
    for time in range(recipe.shape[0]):
        if time:
            later: list[_Cell] = []
            for cell in cells:
                if cell.divides_at == time:
                    pair = _divide(cell, born, time, recipe, random)
                    parents |= {daughter.label: cell.label for daughter in pair}
                    born += len(pair)
                    later += pair
                else:
                    _grow_and_step(cell, random)
                    later.append(cell)
            cells = later
            _make_room(cells, size)
        truth[time], nuclei, whole = _draw(cells, recipe.shape[1:])
        pixels[time] = np.stack([_seen(nuclei, random), _seen(whole, random)])
    return Filmed(
        Image(pixels, AXES, SCALE, UNITS, CHANNELS, "movie"),
        LabelImage(truth, ("t", "y", "x"), (SCALE[0], *SCALE[2:]), (UNITS[0], *UNITS[2:]), name="nuclei"),
        MappingProxyType(parents),
    )


def _place(recipe: Movie, size: _Place, random: np.random.Generator) -> list[_Cell]:
    cells: list[_Cell] = []
    failures = 0
    while len(cells) < recipe.cells and failures < _PATIENCE:
        radius = _RADIUS * random.uniform(0.8, 1.0)
        centre = random.uniform(radius + 1, size - radius - 1)
        if all(np.hypot(*(centre - other.centre)) > radius + other.radius + _GAP for other in cells):
            ends = int(random.integers(2, 2 * recipe.shape[0] + 2))
            cells.append(_Cell(len(cells) + 1, centre, radius, np.zeros(2), ends, random.uniform(0.8, 1.2)))
            failures = 0
        else:
            failures += 1
    return cells


def _divide(cell: _Cell, born: int, time: int, recipe: Movie, random: np.random.Generator) -> list[_Cell]:
    turn = random.uniform(0, np.pi)
    away = _DAUGHTER * cell.radius * np.array([np.sin(turn), np.cos(turn)])
    return [
        _Cell(
            label=born + number,
            centre=cell.centre + side * away,
            radius=_DAUGHTER * cell.radius * 0.95,
            step=side * away * 0.2,
            divides_at=time + int(random.integers(8, 8 + recipe.shape[0])),
            brightness=cell.brightness,
        )
        for number, side in ((1, -1), (2, 1))
    ]


def _grow_and_step(cell: _Cell, random: np.random.Generator) -> None:
    cell.radius = min(cell.radius * _GROWTH, max(_RADIUS, cell.radius))
    cell.step = _limited(0.6 * cell.step + random.normal(0, _STRIDE, 2), _LONGEST_STEP * cell.radius * 0.6)
    cell.centre = cell.centre + cell.step


def _limited(step: _Place, longest: float) -> _Place:
    length = float(np.hypot(*step))
    return step if length <= longest else step * (longest / length)


def _make_room(cells: list[_Cell], size: _Place) -> None:
    """Push cells apart that have come too near, by a little each, and back from the image's border."""
    pushed = [np.zeros(2) for _ in cells]
    for one, cell in enumerate(cells):
        for other in range(one + 1, len(cells)):
            between = cell.centre - cells[other].centre
            distance = max(float(np.hypot(*between)), 1e-6)
            short = cell.radius + cells[other].radius + _GAP - distance
            if short > 0:
                pushed[one] += between / distance * short / 2
                pushed[other] -= between / distance * short / 2
    for cell, push in zip(cells, pushed, strict=True):
        moved = cell.centre + _limited(push, _LONGEST_STEP * cell.radius * 0.4)
        cell.centre = np.clip(moved, cell.radius + 1, size - cell.radius - 1)


def _draw(cells: list[_Cell], shape: tuple[int, ...]) -> tuple[npt.NDArray[np.uint32], _Frame, _Frame]:
    """Return which nucleus each pixel belongs to, and the light of the nuclei and of the cells around them."""
    y, x = ((np.arange(length) + 0.5) * SCALE[-1] for length in shape)
    truth = np.zeros(shape, np.uint32)
    nuclei, whole = np.zeros(shape), np.zeros(shape)
    nearest = np.ones(shape)
    for cell in cells:
        away = ((y[:, None] - cell.centre[0]) ** 2 + (x[None, :] - cell.centre[1]) ** 2) / cell.radius**2
        inside = away < nearest
        nearest[inside] = away[inside]
        truth[inside] = cell.label
        nuclei[inside] = cell.brightness * (1 - 0.3 * away[inside])
        whole = np.maximum(whole, np.where(away < _WIDER**2, 0.5 * cell.brightness * (1 - away / (2 * _WIDER**2)), 0))
    return truth, nuclei, whole


def _seen(light: _Frame, random: np.random.Generator) -> npt.NDArray[np.uint16]:
    """Return light as a camera counts it: blurred, over a background, with shot noise, gain, offset, read noise."""
    from scipy.ndimage import gaussian_filter

    photons = _PHOTONS * (gaussian_filter(light, 0.4 / SCALE[-1]) + 0.08)
    counts = random.poisson(photons) * _GAIN + random.normal(_OFFSET, _READ_NOISE, light.shape)
    seen: npt.NDArray[np.uint16] = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
    return seen


class MovieSource:
    """A generated movie as a source; it is generated once, when first asked for."""

    def __init__(self, recipe: Movie) -> None:
        self.recipe = recipe
        self._image: Image | None = None

    @classmethod
    def from_uri(cls, uri: str) -> MovieSource:
        """Read ``synthetic:movie?seed=…&shape=t,y,x&cells=…``; each parameter may be left out.

        Raises
        ------
        BadInputError
            If a parameter is unknown, malformed or out of range.
        """
        _, given = split_query(uri, known={"seed": int, "shape": tuple, "cells": int})
        default = Movie()
        t, y, x = integers(uri, "shape", given["shape"], count=3) if "shape" in given else default.shape
        return cls(
            Movie(
                seed=integers(uri, "seed", given["seed"], count=1)[0] if "seed" in given else default.seed,
                shape=(t, y, x),
                cells=integers(uri, "cells", given["cells"], count=1)[0] if "cells" in given else default.cells,
            )
        )

    def identify(self) -> SourceIdentity:
        """Return the canonical URI with the digest of the pixels."""
        image = self.fetch()
        return SourceIdentity(
            iri=self.recipe.uri,
            name=f"Synthetic movie, seed {self.recipe.seed}",
            pixels=pixel_digest_of_array(image.data, image.axes),
        )

    def fetch(self) -> Image:
        """Return the movie, with axes t, c, y and x."""
        if self._image is None:
            self._image = film(self.recipe).image
        return self._image
