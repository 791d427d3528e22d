from functools import partial
from pathlib import Path

from filiation.images import ChannelVolume, Table
from filiation.segmentation import measure_volume
from filiation.step import progress, run


def measure_nuclei_in_blocks(image: Path, labels: Path, *, channel: int | str, blocks: list[int]) -> Table:
    """Measure every nucleus of a volume of any size: size, place and intensity."""
    volume = ChannelVolume(image, channel)
    return measure_volume(
        ChannelVolume(labels),
        volume,
        volume.axes,
        volume.scale,
        volume.units,
        lengths=tuple(blocks),
        progress=partial(progress, "measure"),
    )


run(measure_nuclei_in_blocks, snakemake)
