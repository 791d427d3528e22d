"""What filiation does in the benchmarks of volumes; a module, so that processes can be handed its functions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from filiation.images import (
    ChannelVolume,
    LabelStore,
    StoreFormat,
    fetch_into,
    open_source,
    read_image,
    read_labels,
    write_labels,
)
from filiation.segmentation import measure_volume, method_named, parameters_of
from filiation.segmentation.blockwise import Connected, Task, grid_for, recipe_named, segment_volume
from filiation.segmentation.filters import reach_of_smoothing, smoothed

SETTINGS = {"sigma": 1.0, "window": 0.0, "correction": 1.0, "spacing": 5.0, "minimum_size": 10.0}
LARGEST = 15.0
"""Of the generated beads, in their unit of length."""


def generate(folder: Path, shape: str, version: str = "0.5") -> None:
    """Generate a volume of beads, as it is written, in a version of OME-Zarr."""
    source = open_source(f"synthetic:beads3d?seed=7&shape={shape}")
    fetch_into(source, folder / "raw.ome.zarr", StoreFormat(version))


def whole(folder: Path, method: str) -> int:
    """Segment the volume in memory."""
    image = read_image(folder / "raw.ome.zarr")
    segment = method_named(method)
    labels = segment(image.data, image.scale, **{name: SETTINGS[name] for name in parameters_of(segment)})
    write_labels(folder / "whole.ome.zarr", image.labelled(labels, name="beads"))
    return int(labels.max())


def blocks(folder: Path, method: str, lengths: str, processes: int) -> int:
    """Segment it block by block."""
    volume = ChannelVolume(folder / "raw.ome.zarr")
    recipe = recipe_named(method)
    parameters = {name: SETTINGS[name] for name in parameters_of(method_named(method))}
    cut = tuple(map(int, lengths.split(",")))
    grid = grid_for(volume.shape, volume.scale, recipe, parameters, cut, LARGEST)
    return _segment(Task(volume, volume.scale, recipe, parameters, grid, folder / "scratch"), folder, processes)


def threshold(folder: Path, sigma: float, least: float, lengths: str, processes: int) -> int:
    """Smooth, threshold at a given value, and label: what all peers can be asked for. Lengths are in pixels."""
    volume = ChannelVolume(folder / "raw.ome.zarr")
    recipe = Connected(_reach, _above)
    parameters = {"sigma": sigma, "least": least}
    scale = (1.0,) * len(volume.shape)
    grid = grid_for(volume.shape, scale, recipe, parameters, tuple(map(int, lengths.split(","))), 0)
    return _segment(Task(volume, scale, recipe, parameters, grid, folder / "scratch"), folder, processes, size=0)


def _reach(scale: tuple[float, ...], parameters: dict[str, float]) -> tuple[int, ...]:
    return reach_of_smoothing(scale, parameters["sigma"])


def _above(pixels: np.ndarray, scale: tuple[float, ...], found: object, parameters: dict[str, float]) -> np.ndarray:
    return smoothed(pixels, scale, parameters["sigma"]) > parameters["least"]


def streamed(folder: Path, gigabytes: float, lengths: str, processes: int) -> int:
    """Segment a volume of any size that is made as it is read: a volume of beads, side by side with itself."""
    recipe = recipe_named("otsu_components")
    parameters = {name: SETTINGS[name] for name in parameters_of(method_named("otsu_components"))}
    planes = 64 * max(1, round(gigabytes * 2**30 / 2 / 2048**2 / 64))
    volume = Repeated(folder / "tile.npy", (planes, 2048, 2048))
    scale = (1.0, 0.5, 0.5)
    grid = grid_for(volume.shape, scale, recipe, parameters, tuple(map(int, lengths.split(","))), LARGEST)
    return _segment(Task(volume, scale, recipe, parameters, grid, folder / "scratch"), folder, processes)


@dataclass(frozen=True, slots=True, eq=False)
class Repeated:
    """A small volume, kept in a file, again and again along each axis."""

    tile: Path
    shape: tuple[int, ...]

    def read(self, box: tuple[slice, ...]) -> np.ndarray:
        """Return a part."""
        tile = np.load(self.tile, mmap_mode="r")
        places = [np.arange(side.start, side.stop) % length for side, length in zip(box, tile.shape, strict=True)]
        return np.asarray(tile[np.ix_(*places)])


def _segment(task: Task, folder: Path, processes: int, size: float = SETTINGS["minimum_size"]) -> int:
    source = "../raw.ome.zarr" if (folder / "raw.ome.zarr").exists() else None
    scale = ChannelVolume(folder / "raw.ome.zarr").scale if source else task.scale
    store = LabelStore(folder / "blocks.ome.zarr", ("z", "y", "x"), task.grid.shape, scale, ("",) * 3, "beads", source)
    store.begin()
    found = segment_volume(task, store, minimum_size=size, processes=processes)
    store.finish(range(1, found.count + 1))
    return found.count


def measured(folder: Path) -> int:
    """Measure every object, part by part."""
    image, labels = ChannelVolume(folder / "raw.ome.zarr"), ChannelVolume(folder / "whole.ome.zarr")
    return len(measure_volume(labels, image, image.axes, image.scale, lengths=(64, 512, 512)))


def region_properties(folder: Path) -> int:
    """Measure the same by scikit-image, which wants both volumes in memory."""
    from skimage.measure import regionprops_table

    image, labels = read_image(folder / "raw.ome.zarr"), read_labels(folder / "whole.ome.zarr")
    intensity = ("intensity_mean", "intensity_std", "intensity_min", "intensity_max")
    found = regionprops_table(
        labels.data, image.data, properties=("label", "area", "centroid", "bbox", *intensity), spacing=image.scale
    )
    return len(pa.table({name: pa.array(values) for name, values in found.items()}))


def voxels(folder: Path) -> int:
    """Return how many the generated volume has."""
    return math.prod(ChannelVolume(folder / "raw.ome.zarr").shape)
