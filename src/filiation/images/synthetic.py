"""Generated images with a known truth: the ruler that segmentation is measured with.

``synthetic:nuclei3d?seed=7&shape=32,256,256&nuclei=60`` is a fluorescence volume of cell nuclei as a confocal
microscope might see them. The same URI gives the same pixels with the same version of numpy; its identity therefore
carries the digest of the pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError
from filiation.images.image import Image, LabelImage
from filiation.images.pixels import pixel_digest_of_array
from filiation.images.sources import SourceIdentity, integers, split_query

AXES = ("z", "y", "x")
SCALE = (1.0, 0.5, 0.5)
"""Micrometre between planes, rows and columns."""
UNITS = ("micrometer",) * 3

_MOST_VOXELS = 2**28
_RADIUS = (4.0, 6.5)  # micrometre, shortest and longest half-axis in the plane
_FLATNESS = (0.65, 0.9)  # half-axis along z as a fraction of those in the plane
_GAP = 0.9  # nuclei may come as near as this fraction of the sum of their radii, and then touch
_PATIENCE = 500  # failed attempts in a row after which the volume counts as full
_VOLUME_EACH = 4500.0  # cubic micrometre of image for each nucleus: crowded, as in tissue
_BLUR = (1.0, 0.35, 0.35)  # micrometre: a confocal point spread, longer along the light
_PHOTONS = 90.0  # at the brightest place of a typical nucleus
_GAIN, _OFFSET, _READ_NOISE = 25.0, 200.0, 40.0  # camera: counts a photon, counts, counts


@dataclass(frozen=True, slots=True)
class Nuclei3D:
    """A recipe for a volume of nuclei.

    Parameters
    ----------
    seed
        Of the random numbers.
    shape
        Planes, rows, columns.
    nuclei
        How many to place; fewer if there is no room. One for each 4500 cubic micrometre if left out.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    seed: int = 7
    shape: tuple[int, int, int] = (32, 256, 256)
    nuclei: int | None = None

    def __post_init__(self) -> None:
        if self.seed < 0 or any(length < 16 for length in self.shape) or math.prod(self.shape) > _MOST_VOXELS:
            raise BadInputError(
                f"A synthetic volume needs a seed of 0 or more and a shape of at least 16,16,16 and at most "
                f"{_MOST_VOXELS} voxels; found seed {self.seed} and shape {','.join(map(str, self.shape))}."
            )
        if self.nuclei is not None and not 1 <= self.nuclei <= 100_000:
            raise BadInputError(f"Between 1 and 100000 nuclei can be placed; found {self.nuclei}.")

    @property
    def count(self) -> int:
        """How many nuclei are to be placed."""
        return self.nuclei or max(1, round(math.prod(self.shape) * math.prod(SCALE) / _VOLUME_EACH))

    @property
    def uri(self) -> str:
        """The URI in its one canonical spelling, with every parameter."""
        shape = ",".join(map(str, self.shape))
        return f"synthetic:nuclei3d?seed={self.seed}&shape={shape}&nuclei={self.count}"


@dataclass(frozen=True, slots=True)
class _Nucleus:
    centre: npt.NDArray[np.float64]  # micrometre, z y x
    radii: npt.NDArray[np.float64]  # micrometre, along its own axes
    turn: float  # radians, about z
    brightness: float


def nuclei3d(recipe: Nuclei3D | None = None) -> tuple[Image, LabelImage]:
    """Return the volume as a microscope sees it, uint16, and the truth: which nucleus each voxel belongs to.

    Turned ellipsoids with an uneven texture are placed at random, blurred as by a confocal point spread, laid over
    an uneven background, and read by a camera with shot noise (Poisson), gain, offset and read noise (normal).

    Examples
    --------
    >>> image, truth = nuclei3d(Nuclei3D(seed=1, shape=(16, 64, 64), nuclei=3))
    >>> image.shape, str(image.data.dtype), truth.values
    ((16, 64, 64), 'uint16', (1, 2, 3))
    """
    recipe = recipe or Nuclei3D()
    random = np.random.default_rng(recipe.seed)
    nuclei = _place(recipe, random)
    truth, brightness = _draw(nuclei, recipe.shape)
    photons = _PHOTONS * (_through_the_lens(brightness, random) + _background(recipe.shape, random))
    counts = random.poisson(photons) * _GAIN + random.normal(_OFFSET, _READ_NOISE, recipe.shape)
    pixels = np.clip(np.rint(counts), 0, 65535).astype(np.uint16)
    return (
        Image(pixels, AXES, SCALE, UNITS, channels=("DNA",), name="nuclei3d"),
        LabelImage(truth, AXES, SCALE, UNITS, name="nuclei"),
    )


def _place(recipe: Nuclei3D, random: np.random.Generator) -> list[_Nucleus]:
    size = np.array(recipe.shape) * SCALE
    placed: list[_Nucleus] = []
    failures = 0
    while len(placed) < recipe.count and failures < _PATIENCE:
        plane = random.uniform(*_RADIUS, size=2)
        radii = np.array([plane.mean() * random.uniform(*_FLATNESS), *plane])
        margin = np.minimum(radii.max() * 0.8, size / 2.1)
        centre = random.uniform(margin, size - margin)
        candidate = _Nucleus(centre, radii, random.uniform(0, np.pi), random.uniform(0.6, 1.3))
        if all(_far_enough(candidate, other) for other in placed):
            placed.append(candidate)
            failures = 0
        else:
            failures += 1
    return placed


def _far_enough(one: _Nucleus, other: _Nucleus) -> bool:
    # Distance in units of the two radii along each axis, as if both were upright ellipsoids.
    reach = one.radii + other.radii
    reach[1:] = (one.radii[1:].max() + other.radii[1:].max()) * _GAP
    return bool(np.sum(((one.centre - other.centre) / reach) ** 2) > 1)


def _draw(
    nuclei: list[_Nucleus], shape: tuple[int, int, int]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.float64]]:
    truth = np.zeros(shape, np.uint32)
    brightness = np.zeros(shape)
    nearest = np.ones(shape)  # the squared elliptic distance of the nucleus that owns a voxel; 1 is the surface
    for label, nucleus in enumerate(nuclei, start=1):
        box = _box(nucleus, shape)
        distance = _elliptic_distance(nucleus, box)
        inside = distance < nearest[box]
        nearest[box][inside] = distance[inside]
        truth[box][inside] = label
        brightness[box][inside] = nucleus.brightness * (1 - 0.35 * distance[inside])
    return truth, brightness


def _box(nucleus: _Nucleus, shape: tuple[int, int, int]) -> tuple[slice, ...]:
    reach = np.array([nucleus.radii[0], nucleus.radii[1:].max(), nucleus.radii[1:].max()])
    low = np.floor((nucleus.centre - reach) / SCALE).astype(int)
    high = np.ceil((nucleus.centre + reach) / SCALE).astype(int) + 1
    return tuple(slice(max(start, 0), min(stop, length)) for start, stop, length in zip(low, high, shape, strict=True))


def _elliptic_distance(nucleus: _Nucleus, box: tuple[slice, ...]) -> npt.NDArray[np.float64]:
    z, y, x = (
        (np.arange(side.start, side.stop) + 0.5) * step - middle
        for side, step, middle in zip(box, SCALE, nucleus.centre, strict=True)
    )
    z, y, x = z[:, None, None], y[None, :, None], x[None, None, :]
    along = y * np.cos(nucleus.turn) + x * np.sin(nucleus.turn)
    across = x * np.cos(nucleus.turn) - y * np.sin(nucleus.turn)
    squared: npt.NDArray[np.float64] = (
        (z / nucleus.radii[0]) ** 2 + (along / nucleus.radii[1]) ** 2 + (across / nucleus.radii[2]) ** 2
    )
    return squared


def _through_the_lens(brightness: npt.NDArray[np.float64], random: np.random.Generator) -> npt.NDArray[np.float64]:
    from scipy.ndimage import gaussian_filter

    grain = gaussian_filter(random.standard_normal(brightness.shape), [0.8 / step for step in SCALE])
    texture = 1 + 0.15 * grain / grain.std()
    blurred: npt.NDArray[np.float64] = gaussian_filter(
        brightness * texture, [width / step for width, step in zip(_BLUR, SCALE, strict=True)]
    )
    return np.maximum(blurred, 0)


def _background(shape: tuple[int, int, int], random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return autofluorescence: a slope and a bright corner, between a twentieth and a third of a nucleus."""
    z, y, x = np.meshgrid(*(np.linspace(0, 1, length) for length in shape), indexing="ij", sparse=True)
    centre = random.uniform(0, 1, size=2)
    glow = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / 0.3)
    uneven: npt.NDArray[np.float64] = 0.05 + 0.06 * y + 0.2 * glow * (1 - 0.3 * z)
    return uneven


class SyntheticSource:
    """A generated image as a source; it is generated once, when first asked for."""

    def __init__(self, recipe: Nuclei3D) -> None:
        self.recipe = recipe
        self._image: Image | None = None

    @classmethod
    def from_uri(cls, uri: str) -> SyntheticSource:
        """Read ``synthetic:nuclei3d?seed=…&shape=z,y,x&nuclei=…``; each parameter may be left out.

        Raises
        ------
        BadInputError
            If the name is not ``nuclei3d``, or a parameter is unknown, malformed or out of range.
        """
        name, given = split_query(uri, known={"seed": int, "shape": tuple, "nuclei": int})
        if name != "nuclei3d":
            raise BadInputError(
                f"{uri!r} names no generated image; known are nuclei3d, beads3d, cells, movie and plate."
            )
        default = Nuclei3D()
        shape = integers(uri, "shape", given["shape"], count=3) if "shape" in given else default.shape
        return cls(
            Nuclei3D(
                seed=integers(uri, "seed", given["seed"], count=1)[0] if "seed" in given else default.seed,
                shape=(shape[0], shape[1], shape[2]),
                nuclei=integers(uri, "nuclei", given["nuclei"], count=1)[0] if "nuclei" in given else None,
            )
        )

    def identify(self) -> SourceIdentity:
        """Return the canonical URI with the digest of the pixels."""
        image = self.fetch()
        return SourceIdentity(
            iri=self.recipe.uri,
            name=f"Synthetic nuclei, seed {self.recipe.seed}",
            pixels=pixel_digest_of_array(image.data, image.axes),
        )

    def fetch(self) -> Image:
        """Return the volume, with axes z, y and x."""
        if self._image is None:
            self._image, _ = nuclei3d(self.recipe)
        return self._image
