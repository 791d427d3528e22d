from pathlib import Path

import numpy as np

from filiation.images import ChannelSeries, colour_of_label
from filiation.segmentation import overlay_frames
from filiation.step import run


def draw_overlay(image: Path, labels: Path, *, channel: int | str) -> np.ndarray:
    """Draw the nuclei's outlines over the image."""
    objects = ChannelSeries(labels)
    colours = {"colour": colour_of_label} if "t" in objects.axes else {}  # one object has one colour all the time
    return overlay_frames(ChannelSeries(image, channel, objects.axes), objects, objects.axes, **colours)


run(draw_overlay, snakemake)
