from filiation.images import Image, LabelImage, Table
from filiation.segmentation import measure_frames
from filiation.step import run


def measure_nuclei(image: Image, labels: LabelImage, *, channel: int | str) -> Table:
    """Measure every nucleus, at every time point: size, place and intensity."""
    seen = image.one_channel(channel)
    return measure_frames(labels.data, seen.data.reshape(labels.shape), labels.axes, labels.scale, labels.units)


run(measure_nuclei, snakemake)
