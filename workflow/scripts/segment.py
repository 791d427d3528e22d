from filiation.images import Image, LabelImage
from filiation.segmentation import method_named, parameters_of
from filiation.step import run, unused


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
    settings = {
        "sigma": sigma,
        "window": window,
        "correction": correction,
        "spacing": spacing,
        "minimum_size": minimum_size,
    }
    seen = image.channel(channel)
    segment = method_named(method)
    parameters = {name: settings[name] for name in parameters_of(segment)}
    unused(*settings.keys() - parameters.keys())
    labels = segment(seen.data, seen.scale, **parameters)
    return image.labelled(labels, name="nuclei")


run(segment_nuclei, snakemake)
