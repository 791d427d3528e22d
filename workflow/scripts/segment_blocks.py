from functools import partial
from pathlib import Path

from filiation.images import ChannelVolume, LabelStore, noted_sizes
from filiation.segmentation import method_named, parameters_of
from filiation.segmentation.blockwise import Task, grid_for, recipe_named, segment_volume
from filiation.step import effective, progress, run, unused


def segment_nuclei_in_blocks(
    image: Path,
    labels: Path,
    *,
    method: str,
    channel: int,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    minimum_size: float,
    blocks: list[int],
    largest: float,
    processes: int,
) -> None:
    """Label the nuclei in one channel of a volume of any size, block by block."""
    settings = {
        "sigma": sigma,
        "window": window,
        "correction": correction,
        "spacing": spacing,
        "minimum_size": minimum_size,
    }
    parameters = {name: settings[name] for name in parameters_of(method_named(method))}
    unused(*settings.keys() - parameters.keys())
    volume = ChannelVolume(image, channel)
    recipe = recipe_named(method)
    grid = grid_for(volume.shape, volume.scale, recipe, parameters, tuple(blocks), largest)
    scratch = labels.with_name(f".{labels.name}.blocks")
    store = LabelStore(labels, volume.axes, volume.shape, volume.scale, volume.units, "nuclei", f"../{image.name}")
    store.begin()
    found = segment_volume(
        Task(volume, volume.scale, recipe, parameters, grid, scratch),
        store,
        minimum_size=minimum_size,
        processes=processes,
        progress=progress,
    )
    store.finish(range(1, found.count + 1), noted_sizes(found.sizes), progress=partial(progress, "shrink"))
    effective(halo=list(grid.halo), cut=len(found.cut), **found.found)


run(segment_nuclei_in_blocks, snakemake)
