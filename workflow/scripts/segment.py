from functools import partial
from pathlib import Path

from filiation.images import ChannelSeries, LabelStore, Pyramid, noted_sizes, write_frames
from filiation.segmentation import LEARNED, channels_of, method_named, segmented_frames
from filiation.step import effective, progress, run


def segment_nuclei(
    image: Path,
    labels: Path,
    weights: Path | None = None,
    *,
    method: str,
    channel: int | str,
    each: str,
    **settings: float | str,
) -> None:
    """Label the nuclei in one channel, or cells in two, by a method found by its name; each time point by itself."""
    chosen = {"channel": channel} | settings
    pyramid = str(chosen.pop("pyramid", "nearest"))
    seen = [ChannelSeries(image, chosen.pop(name)) for name in channels_of(method)]
    one = seen[0]
    segment = partial(method_named(method), **chosen)
    if method in LEARNED:
        segment = partial(segment, tell=effective, weights=weights)
    store = LabelStore(
        labels, one.axes, one.shape, one.scale, one.units, "nuclei", f"../{image.name}", pyramid=Pyramid.named(pyramid)
    )
    store.begin()
    sizes = write_frames(store, segmented_frames(seen, one.axes, one.scale, segment, each=each))
    store.finish(sorted(sizes), noted_sizes(sizes), progress=partial(progress, "shrink"))


run(segment_nuclei, snakemake)
