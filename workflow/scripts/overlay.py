import numpy as np

from filiation.images import Image, LabelImage
from filiation.segmentation import overlay
from filiation.step import run


def draw_overlay(image: Image, labels: LabelImage, *, channel: int) -> np.ndarray:
    """Draw the nuclei's outlines over the image."""
    return overlay(image.channel(channel).data, labels.data)


run(draw_overlay, snakemake)
