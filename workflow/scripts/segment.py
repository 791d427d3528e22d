from filiation.images import Image, LabelImage
from filiation.segmentation import channels_of, method_named, segment_frames
from filiation.step import run


def segment_nuclei(
    image: Image, *, method: str, channel: int | str, each: str, pyramid: str = "nearest", **settings: float | str
) -> LabelImage:
    """Label the nuclei in one channel, or cells in two, by a method found by its name; each time point by itself."""
    chosen = {"channel": channel} | settings
    seen = [image.one_channel(chosen.pop(name)) for name in channels_of(method)]
    segment = method_named(method)
    labels = segment_frames(
        [one.data for one in seen],
        seen[0].axes,
        seen[0].scale,
        lambda pixels, scale: segment(pixels, scale, **chosen),
        each=each,
    )
    return image.labelled(labels, name="nuclei", pyramid=pyramid)


run(segment_nuclei, snakemake)
