from filiation.images import Image, LabelImage
from filiation.segmentation import method_named
from filiation.step import run


def segment_nuclei(
    image: Image,
    *,
    method: str,
    channel: int,
    sigma: float,
    window: float,
    correction: float,
    spacing: float,
    minimum_size: float,
) -> LabelImage:
    """Label the nuclei in one channel, by a method found by its name."""
    seen = image.channel(channel)
    labels = method_named(method)(
        seen.data,
        seen.scale,
        sigma=sigma,
        window=window,
        correction=correction,
        spacing=spacing,
        minimum_size=minimum_size,
    )
    return image.labelled(labels, name="nuclei")


run(segment_nuclei, snakemake)
