from pathlib import Path

from filiation.images import ChannelSeries, Table
from filiation.segmentation import measure_frames
from filiation.step import run


def measure_nuclei(image: Path, labels: Path, *, channel: int | str) -> Table:
    """Measure every nucleus, at every time point: size, place and intensity."""
    objects = ChannelSeries(labels)
    seen = ChannelSeries(image, channel, objects.axes)
    return measure_frames(objects, seen, objects.axes, objects.scale, objects.units)


run(measure_nuclei, snakemake)
