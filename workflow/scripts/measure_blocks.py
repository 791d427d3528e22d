from functools import partial
from pathlib import Path

import pyarrow as pa

from filiation.images import ChannelSeries, ChannelVolume, Table
from filiation.segmentation import measure_volume, with_time
from filiation.step import progress, run


def measure_nuclei_in_blocks(image: Path, labels: Path, *, channel: int | str, blocks: list[int]) -> Table:
    """Measure every nucleus of a volume of any size, at every time point: size, place and intensity."""
    series = ChannelSeries(labels)
    if series.axes[0] != "t":
        return measured(image, labels, channel, None, blocks)
    tables = [
        with_time(measured(image, labels, channel, time, blocks), time, series.scale[0], series.units[0])
        for time in range(len(series))
    ]
    return pa.concat_tables(tables)


def measured(image: Path, labels: Path, channel: int | str, time: int | None, blocks: list[int]) -> Table:
    """Measure every nucleus of one time point."""
    volume = ChannelVolume(image, channel, time)
    return measure_volume(
        ChannelVolume(labels, time=time),
        volume,
        volume.axes,
        volume.scale,
        volume.units,
        lengths=tuple(blocks),
        progress=partial(progress, "measure"),
    )


run(measure_nuclei_in_blocks, snakemake)
