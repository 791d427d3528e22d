from dataclasses import replace
from pathlib import Path

import numpy as np

from filiation.images import ChannelVolume
from filiation.segmentation import overlay
from filiation.step import effective, run

LONGEST, PLANES = 2048, 8


def draw_overlay_of_a_slab(image: Path, labels: Path, *, channel: int | str) -> np.ndarray:
    """Draw the nuclei's outlines over the middle planes of a volume, at a resolution that fits a screen."""
    seen = ChannelVolume(image, channel).for_viewing(LONGEST)
    slab = [slice(0, length) for length in seen.shape]
    if len(slab) == 3:
        middle = seen.shape[0] // 2
        slab[0] = slice(max(0, middle - PLANES // 2), middle + PLANES // 2)
        effective(planes=[slab[0].start, min(slab[0].stop, seen.shape[0])])
    effective(resolution=seen.level)
    slab[0] = slice(slab[0].start, min(slab[0].stop, seen.shape[0]))
    region = tuple(slab)
    return overlay(seen.read(region), replace(ChannelVolume(labels), level=seen.level).read(region))


run(draw_overlay_of_a_slab, snakemake)
