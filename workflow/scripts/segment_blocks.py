import shutil
from functools import partial
from pathlib import Path

from filiation.images import ChannelSeries, ChannelVolume, LabelFrame, LabelStore, Pyramid, noted_sizes
from filiation.segmentation import channels_of
from filiation.segmentation.blockwise import (
    SeriesTask,
    Stacked,
    Task,
    Volume,
    grid_for,
    recipe_named,
    segment_series,
    segment_volume,
)
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
    """Label the nuclei in one channel of a volume of any size, block by block; each time point by itself."""
    chosen = {"channel": channel} | settings | ({"weights": str(weights)} if weights else {})
    channels = [chosen.pop(name) for name in channels_of(method)]
    series = ChannelSeries(image)
    times = len(series) if series.axes[0] == "t" and len(series) > 1 else 0
    volumes = tuple(seen_at(image, channels, time) for time in (range(times) if times else (None,)))
    whole = series if times else ChannelVolume(image)
    recipe, scale = recipe_named(method), ChannelVolume(image, time=0).scale
    grid = grid_for(volumes[0].shape, scale, recipe, chosen, tuple(blocks), largest)
    scratch = labels.with_name(f".{labels.name}.blocks")
    store = LabelStore(
        labels, whole.axes, whole.shape, whole.scale, whole.units, "nuclei", f"../{image.name}",
        pyramid=Pyramid.named(pyramid), written_in=(*((1,) if times else ()), *blocks),
    )  # fmt: skip
    task = partial(task_on, scale, recipe, chosen, grid)
    size = chosen.get("minimum_size", 0.0)
    if times:
        told = {"method": method, "channels": channels, "settings": chosen, "grid": grid, "labels": repr(store)}
        work = SeriesTask(volumes, task, partial(LabelFrame, store), scratch, told)
        if not work.goes_on(store.begun):
            store.begin()
        found = segment_series(work, minimum_size=size, processes=processes, progress=progress)
    else:
        store.begin()
        found = [segment_volume(
            task(volumes[0], scratch), store, minimum_size=size, processes=processes, progress=progress
        )]  # fmt: skip
    sizes = [size for each in found for size in each.sizes]
    store.finish(range(1, len(sizes) + 1), noted_sizes(sizes), progress=partial(progress, "shrink"))
    shutil.rmtree(scratch, ignore_errors=True)
    known = {name: [each.found[name] for each in found] for name in found[0].found}
    known = known if times else found[0].found
    told = [each.told for each in found]
    heard = told[0] if told.count(told[0]) == len(told) else {name: [each[name] for each in told] for name in told[0]}
    effective(halo=list(grid.halo), cut=sum(len(each.cut) for each in found), **known, **heard)


def seen_at(image: Path, channels: list[int | str], time: int | None) -> Volume:
    """Return what the method looks at, at a time point."""
    volumes = tuple(ChannelVolume(image, channel, time) for channel in channels)
    return Stacked(volumes) if len(volumes) > 1 else volumes[0]


def task_on(scale, recipe, parameters, grid, volume: Volume, scratch: Path) -> Task:
    """Return the work on a volume."""
    return Task(volume, scale, recipe, parameters, grid, scratch)


run(segment_nuclei_in_blocks, snakemake)
