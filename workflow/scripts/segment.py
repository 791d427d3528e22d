from functools import partial
from pathlib import Path

from filiation.images import Image, LabelImage
from filiation.segmentation import LEARNED, channels_of, method_named, segment_frames
from filiation.step import effective, run


def segment_nuclei(
    image: Image,
    weights: Path | None = None,
    *,
    method: str,
    channel: int | str,
    each: str,
    **settings: float | str,
) -> LabelImage:
    """Label the nuclei in one channel, or cells in two, by a method found by its name; each time point by itself."""
    chosen = {"channel": channel} | settings
    pyramid = str(chosen.pop("pyramid", "nearest"))
    seen = [image.one_channel(chosen.pop(name)) for name in channels_of(method)]
    segment = partial(method_named(method), **chosen)
    if method in LEARNED:
        segment = partial(segment, tell=effective, weights=weights)
    labels = segment_frames([one.data for one in seen], seen[0].axes, seen[0].scale, segment, each=each)
    return image.labelled(labels, name="nuclei", pyramid=pyramid)


run(segment_nuclei, snakemake)
