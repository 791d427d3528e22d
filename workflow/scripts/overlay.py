import numpy as np

from filiation.images import Image, LabelImage, colour_of_label
from filiation.segmentation import overlay_frames
from filiation.step import run


def draw_overlay(image: Image, labels: LabelImage, *, channel: int | str) -> np.ndarray:
    """Draw the nuclei's outlines over the image."""
    colours = {"colour": colour_of_label} if "t" in labels.axes else {}  # one object has one colour all the time
    return overlay_frames(image.one_channel(channel).data.reshape(labels.shape), labels.data, labels.axes, **colours)


run(draw_overlay, snakemake)
