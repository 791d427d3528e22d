from dataclasses import replace
from pathlib import Path

import numpy as np

from filiation.images import ChannelSeries, ChannelVolume, colour_of_label
from filiation.segmentation import overlay, overlay_frames
from filiation.step import effective, run

LONGEST, PLANES = 2048, 8


class Slabs:
    """The middle planes of the time points of a series, at a resolution that fits a screen."""

    def __init__(self, volume: ChannelVolume, times: int) -> None:
        self.volume = volume
        self.region = middle(volume.shape)
        self.shape = (times, *(side.stop - side.start for side in self.region))

    def __getitem__(self, time: int) -> np.ndarray:
        return replace(self.volume, time=time).read(self.region)


def draw_overlay_of_a_slab(image: Path, labels: Path, *, channel: int | str) -> np.ndarray:
    """Draw the nuclei's outlines over the middle planes of a volume, or of time points of a series."""
    objects = ChannelSeries(labels)
    timed = objects.axes[0] == "t"
    seen = ChannelVolume(image, channel, 0 if timed else None).for_viewing(LONGEST)
    drawn = ChannelVolume(labels, time=seen.time, level=seen.level)
    region = middle(seen.shape)
    effective(resolution=seen.level, **({"planes": [region[0].start, region[0].stop]} if len(region) == 3 else {}))
    if timed:
        pixels, outlined = (Slabs(each, len(objects)) for each in (seen, drawn))
        return overlay_frames(pixels, outlined, objects.axes, colour=colour_of_label)
    return overlay(seen.read(region), drawn.read(region))


def middle(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """Return the middle planes of a volume; all of an image."""
    slab = [slice(0, length) for length in shape]
    if len(slab) == 3:
        half = shape[0] // 2
        slab[0] = slice(max(0, half - PLANES // 2), min(half + PLANES // 2, shape[0]))
    return tuple(slab)


run(draw_overlay_of_a_slab, snakemake)
