"""The cases of a training set: a part of an image with the same part of its label image, read one at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from filiation.errors import BadInputError
from filiation.images.files import PathSource
from filiation.images.image import Pixels
from filiation.images.multiscale import open_multiscale
from filiation.images.ome_zarr import read_pixels

SPACE: Final = ("z", "y", "x")


@dataclass(frozen=True, slots=True)
class Region:
    """Which part of an image a case is: where it begins and ends along each axis, in pixels of the full resolution."""

    spans: tuple[tuple[str, int, int], ...]

    def of(self, axis: str) -> slice:
        """Return the span along an axis; all of one that is not named."""
        return next((slice(start, stop) for name, start, stop in self.spans if name == axis), slice(None))

    def to_json(self) -> dict[str, list[int]]:
        """Return it as plain JSON."""
        return {axis: [start, stop] for axis, start, stop in self.spans}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One case, as a layout writes it.

    Parameters
    ----------
    name
        Unique in the set, of letters, digits and underscores.
    image
        Its axes are c (where there are channels), z (of a volume), y and x.
    labels
        Integers, 0 for background; the image's axes without c.
    axes
        Of the image.
    channels
        Names of its channels; empty texts where they have none.
    scale
        Pixel size along z, y, x or y, x.
    unit
        Of the pixel size; empty if not known.
    """

    name: str
    image: Pixels
    labels: Pixels
    axes: tuple[str, ...]
    channels: tuple[str, ...]
    scale: tuple[float, ...]
    unit: str

    @property
    def is_volume(self) -> bool:
        """Whether it has an axis z."""
        return "z" in self.axes


@dataclass(frozen=True, slots=True)
class Opened:
    """An image or a label image on disk, to be read in parts.

    Parameters
    ----------
    axes, shape, scale, units
        Of its full resolution.
    channels
        Names, or nothing.
    read
        Returns a region, with all axes.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    scale: tuple[float, ...]
    units: tuple[str, ...]
    channels: tuple[str, ...]
    read: Callable[[tuple[slice, ...]], Pixels]

    def length(self, axis: str) -> int:
        """Return the length of an axis; 1 of one that it has not."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1


def open_pixels(path: Path) -> Opened:
    """Open an OME-Zarr store, of which regions are decoded, or a TIFF file, which is read as a whole.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it cannot be read.
    """
    if path.is_dir():
        store = open_multiscale(path)
        channels = tuple(str(channel.get("label") or "") for channel in store.omero.get("channels", ()))
        return Opened(
            store.axes, store.full.array.shape, store.full.scale, store.units, channels,
            lambda region: read_pixels(store, region),
        )  # fmt: skip
    image = PathSource(path).fetch()
    return Opened(image.axes, image.shape, image.scale, image.units, image.channels, lambda region: image.data[region])


def regions(labels: Opened, crop: Mapping[str, int], *, planes: bool) -> Iterator[Region]:
    """Yield the regions of the cases of one label image: each time point, each crop, and each plane if so asked.

    The last crop along an axis is moved inwards to be whole, so it covers a part of the one before.

    Parameters
    ----------
    labels
        The label image.
    crop
        Length of a crop along axes; those that are not named are not cut.
    planes
        Whether each z is a case of its own, for layouts that know no volumes.
    """
    lengths = dict(crop)
    if "t" in labels.axes:
        lengths["t"] = 1
    if planes and "z" in labels.axes:
        lengths["z"] = 1
    cut = [(axis, labels.length(axis), lengths[axis]) for axis in labels.axes if axis in lengths]
    starts = [[(axis, *span) for span in _spans(whole, part)] for axis, whole, part in cut]
    for spans in itertools.product(*starts):
        yield Region(tuple(spans))


def _spans(whole: int, part: int) -> Iterator[tuple[int, int]]:
    if part >= whole:
        yield 0, whole
        return
    for start in (*range(0, whole - part, part), whole - part):
        yield start, start + part


def case_name(number: int, region: Region) -> str:
    """Return the name of a case: the number of its pair, and where the region begins.

    >>> case_name(3, Region((("t", 2, 3), ("y", 256, 512))))
    'case_0003_t2_y256'
    """
    return "_".join([f"case_{number:04d}", *(f"{axis}{start}" for axis, start, _ in region.spans)])


def read_case(name: str, image: Opened, labels: Opened, region: Region, channel: str | None) -> Case:
    """Read one case.

    Parameters
    ----------
    name
        Its name.
    image, labels
        What it is cut from.
    region
        Which part.
    channel
        Name or number of the one channel that is taken; None for all.

    Raises
    ------
    BadInputError
        If image and labels differ in size, or there is no such channel.
    """
    for axis in ("t", *SPACE):
        if image.length(axis) != labels.length(axis):
            raise BadInputError(
                f"The label image is {labels.length(axis)} long along {axis}, its image {image.length(axis)}: they do "
                "not fit on each other."
            )
    space = tuple(axis for axis in SPACE if axis in image.axes and _is_kept(axis, labels, region))
    chosen = None if channel is None else _number_of(channel, image)
    wanted = {axis: region.of(axis) for axis in image.axes}
    if chosen is not None and "c" in image.axes:
        wanted["c"] = slice(chosen, chosen + 1)
    several = image.length("c") > 1 and chosen is None
    axes = (*(("c",) if several else ()), *space)
    pixels = image.read(tuple(wanted[axis] for axis in image.axes))
    objects = labels.read(tuple(region.of(axis) for axis in labels.axes))
    names = image.channels if len(image.channels) == image.length("c") else ("",) * image.length("c")
    where = [image.axes.index(axis) for axis in space]
    return Case(
        name=name,
        image=_only(pixels, image.axes, axes),
        labels=_only(objects, labels.axes, space),
        axes=axes,
        channels=names if several else (names[chosen or 0],),
        scale=tuple(image.scale[position] for position in where),
        unit=image.units[image.axes.index("x")],
    )


def _is_kept(axis: str, labels: Opened, region: Region) -> bool:
    """Whether a case has an axis: z only if more than one plane of it is taken."""
    if axis != "z":
        return True
    span = region.of("z")
    return (labels.length("z") if span.stop is None else span.stop - span.start) > 1


def _only(pixels: Pixels, axes: tuple[str, ...], wanted: tuple[str, ...]) -> Pixels:
    """Drop axes of one position."""
    gone = tuple(position for position, axis in enumerate(axes) if axis not in wanted)
    return np.squeeze(pixels, axis=gone)


def _number_of(channel: str, image: Opened) -> int:
    if channel in image.channels:
        return image.channels.index(channel)
    if channel.isdecimal() and int(channel) < image.length("c"):
        return int(channel)
    named = ", ".join(name or str(number) for number, name in enumerate(image.channels)) or "none with a name"
    raise BadInputError(f"There is no channel {channel!r}; there are {image.length('c')}, counted from 0: {named}.")
