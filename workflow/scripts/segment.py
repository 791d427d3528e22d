import numpy as np

from filiation.images import Image, LabelImage
from filiation.segmentation import channels_of, method_named
from filiation.step import run


def segment_nuclei(
    image: Image, *, method: str, channel: int, pyramid: str = "nearest", **settings: float
) -> LabelImage:
    """Label the nuclei in one channel, or cells in two, by a method found by its name."""
    chosen = {"channel": channel} | settings
    seen = [image.channel(int(chosen.pop(name))) for name in channels_of(method)]
    pixels = np.stack([each.data for each in seen]) if len(seen) > 1 else seen[0].data
    return image.labelled(method_named(method)(pixels, seen[0].scale, **chosen), name="nuclei", pyramid=pyramid)


run(segment_nuclei, snakemake)
