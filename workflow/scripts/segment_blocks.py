from functools import partial
from pathlib import Path

from filiation.images import ChannelVolume, LabelStore, Pyramid, noted_sizes
from filiation.segmentation import channels_of
from filiation.segmentation.blockwise import Stacked, Task, grid_for, recipe_named, segment_volume
from filiation.step import effective, progress, run


def segment_nuclei_in_blocks(
    image: Path,
    labels: Path,
    weights: Path | None = None,
    *,
    method: str,
    channel: int | str,
    blocks: list[int],
    largest: float,
    processes: int,
    pyramid: str = "nearest",
    **settings: float | str,
) -> None:
    """Label the nuclei in one channel of a volume of any size, block by block."""
    chosen = {"channel": channel} | settings | ({"weights": str(weights)} if weights else {})
    volumes = [ChannelVolume(image, chosen.pop(name)) for name in channels_of(method)]
    volume = volumes[0]
    recipe = recipe_named(method)
    grid = grid_for(volume.shape, volume.scale, recipe, chosen, tuple(blocks), largest)
    scratch = labels.with_name(f".{labels.name}.blocks")
    store = LabelStore(
        labels, volume.axes, volume.shape, volume.scale, volume.units, "nuclei", f"../{image.name}",
        pyramid=Pyramid.named(pyramid), written_in=tuple(blocks),
    )  # fmt: skip
    store.begin()
    found = segment_volume(
        Task(Stacked(tuple(volumes)) if len(volumes) > 1 else volume, volume.scale, recipe, chosen, grid, scratch),
        store,
        minimum_size=chosen.get("minimum_size", 0.0),
        processes=processes,
        progress=progress,
    )
    store.finish(range(1, found.count + 1), noted_sizes(found.sizes), progress=partial(progress, "shrink"))
    effective(halo=list(grid.halo), cut=len(found.cut), **found.found)


run(segment_nuclei_in_blocks, snakemake)
