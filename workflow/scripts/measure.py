from filiation.images import Image, LabelImage, Table
from filiation.segmentation import measure
from filiation.step import run


def measure_nuclei(image: Image, labels: LabelImage, *, channel: int) -> Table:
    """Measure every nucleus: size, place and intensity."""
    return measure(labels.data, image.channel(channel).data, labels.axes, labels.scale, labels.units)


run(measure_nuclei, snakemake)
