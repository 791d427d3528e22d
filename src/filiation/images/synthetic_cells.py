"""Generated tissue of whole cells, in two channels and with a known truth: nuclei, and the membranes between cells.

``synthetic:cells?seed=7&shape=256,256&cells=90`` is a section, with three lengths a volume. The same URI gives the same
pixels with the same version of numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from filiation.errors import BadInputError
from filiation.images.image import Image, LabelImage
from filiation.images.pixels import pixel_digest_of_array
from filiation.images.sources import SourceIdentity, integers, split_query

CHANNELS = ("DNA", "membrane")
_SCALE = (1.0, 0.5, 0.5)
"""Micrometre between planes, rows and columns."""

_APART = 11.0  # micrometre between two cells' middles, at least
_WIDEST = 9.0  # micrometre from a cell's middle to its border where it has no neighbour
_NUCLEUS = (2.0, 3.0)  # micrometre, shortest and longest radius
_OFF_CENTRE = 2.3  # micrometre from a cell's middle to its nucleus's, at most: never through the membrane
_BLUR = (0.9, 0.3, 0.3)  # micrometre: a confocal point spread, longer along the light
_PHOTONS = 80.0  # at the brightest place
_GAIN, _OFFSET, _READ_NOISE = 25.0, 200.0, 40.0  # camera: counts a photon, counts, counts
_PATIENCE = 300  # failed attempts in a row after which the tissue counts as full
_MOST_PIXELS = 2**26


@dataclass(frozen=True, slots=True)
class Cells:
    """A recipe for a piece of tissue.

    Parameters
    ----------
    seed
        Of the random numbers.
    shape
        Rows and columns, or planes, rows and columns.
    cells
        How many to place; fewer if there is no room. As many as there is room for if left out.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    seed: int = 7
    shape: tuple[int, ...] = (256, 256)
    cells: int | None = None

    def __post_init__(self) -> None:
        fits = len(self.shape) in (2, 3) and min(self.shape) >= 16 and math.prod(self.shape) <= _MOST_PIXELS
        if self.seed < 0 or not fits:
            raise BadInputError(
                f"Synthetic tissue needs a seed of 0 or more and two or three lengths of at least 16, with at most "
                f"{_MOST_PIXELS} pixels; found seed {self.seed} and shape {','.join(map(str, self.shape))}."
            )
        if self.cells is not None and not 1 <= self.cells <= 100_000:
            raise BadInputError(f"Between 1 and 100000 cells can be placed; found {self.cells}.")

    @property
    def uri(self) -> str:
        """The URI in its one canonical spelling."""
        cells = f"&cells={self.cells}" if self.cells else ""
        return f"synthetic:cells?seed={self.seed}&shape={','.join(map(str, self.shape))}{cells}"

    @property
    def scale(self) -> tuple[float, ...]:
        """Pixel size along each axis of space, in micrometre."""
        return _SCALE[-len(self.shape) :]


def cells(recipe: Cells | None = None) -> tuple[Image, LabelImage]:
    """Return tissue as a microscope sees it, uint16 with axes c (DNA, membrane) and space, and which cell is where.

    Cells are what lies nearest to middles that are strewn at random (a Voronoi diagram), rounded off where the tissue
    ends; membranes are their borders, and nuclei lie anywhere within. Read as by a camera with shot noise, gain,
    offset and read noise.

    Examples
    --------
    >>> image, truth = cells(Cells(seed=1, shape=(64, 64), cells=5))
    >>> image.shape, image.channels, truth.values
    ((2, 64, 64), ('DNA', 'membrane'), (1, 2, 3, 4, 5))
    """
    recipe = recipe or Cells()
    random = np.random.default_rng(recipe.seed)
    middles = _middles(recipe, random)
    grid = np.stack(
        np.meshgrid(
            *((np.arange(length) + 0.5) * step for length, step in zip(recipe.shape, recipe.scale, strict=True)),
            indexing="ij",
        ),
        axis=-1,
    )
    distance, nearest = cKDTree(middles).query(grid)
    truth = np.where(distance <= _WIDEST, nearest + 1, 0).astype(np.uint32)
    radii, brightest = random.uniform(*_NUCLEUS, len(middles)), random.uniform(0.6, 1.2, len(middles))
    shift = random.standard_normal(middles.shape)
    shift *= random.uniform(0, _OFF_CENTRE, (len(middles), 1)) / np.linalg.norm(shift, axis=1, keepdims=True)
    from_nucleus = np.linalg.norm(grid - (middles + shift)[nearest], axis=-1)
    nuclei = np.where(from_nucleus <= radii[nearest], brightest[nearest], 0.0)
    border = ndimage.grey_dilation(truth, [3] * truth.ndim) != ndimage.grey_erosion(truth, [3] * truth.ndim)
    strength = 1 + 0.25 * ndimage.gaussian_filter(random.standard_normal(truth.shape), 4) * 8 ** (truth.ndim / 2)
    brightness = np.stack([nuclei + 0.06, border * np.clip(strength, 0.5, 1.5) + 0.08 * (truth > 0) + 0.04])
    blur = [0.0, *(width / step for width, step in zip(_BLUR[-truth.ndim :], recipe.scale, strict=True))]
    photons = _PHOTONS * ndimage.gaussian_filter(brightness, blur)
    counts = random.poisson(photons) * _GAIN + random.normal(_OFFSET, _READ_NOISE, photons.shape)
    pixels = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
    space, units = ("z", "y", "x")[-truth.ndim :], ("micrometer",) * truth.ndim
    return (
        Image(pixels, ("c", *space), (1.0, *recipe.scale), ("", *units), channels=CHANNELS, name="cells"),
        LabelImage(truth, space, recipe.scale, units, name="cells"),
    )


def _middles(recipe: Cells, random: np.random.Generator) -> npt.NDArray[np.float64]:
    size = np.array(recipe.shape) * recipe.scale
    placed: list[npt.NDArray[np.float64]] = []
    failures = 0
    while failures < _PATIENCE and (recipe.cells is None or len(placed) < recipe.cells):
        candidate = random.uniform(0, size)
        if placed and np.sum((np.array(placed) - candidate) ** 2, axis=1).min() < _APART**2:
            failures += 1
        else:
            placed.append(candidate)
            failures = 0
    return np.array(placed)


class CellsSource:
    """Generated tissue as a source of images; it is generated once, when first asked for."""

    def __init__(self, recipe: Cells) -> None:
        self.recipe = recipe
        self._image: Image | None = None

    @classmethod
    def from_uri(cls, uri: str) -> CellsSource:
        """Read ``synthetic:cells?seed=…&shape=y,x&cells=…``; each parameter may be left out.

        Raises
        ------
        BadInputError
            If a parameter is unknown, malformed or out of range.
        """
        _, given = split_query(uri, known={"seed": int, "shape": tuple, "cells": int})
        default, shape = Cells(), given.get("shape")
        return cls(
            Cells(
                seed=integers(uri, "seed", given["seed"], count=1)[0] if "seed" in given else default.seed,
                shape=integers(uri, "shape", shape, count=3 if shape.count(",") == 2 else 2)
                if shape is not None
                else default.shape,
                cells=integers(uri, "cells", given["cells"], count=1)[0] if "cells" in given else None,
            )
        )

    def identify(self) -> SourceIdentity:
        """Return the canonical URI with the digest of the pixels."""
        image = self.fetch()
        return SourceIdentity(
            iri=self.recipe.uri,
            name=f"Synthetic tissue, seed {self.recipe.seed}",
            pixels=pixel_digest_of_array(image.data, image.axes),
        )

    def fetch(self) -> Image:
        """Return the tissue, with axes c and those of space."""
        if self._image is None:
            self._image, _ = cells(self.recipe)
        return self._image
