from pathlib import Path

from filiation.images import Image, LabelImage, read_tiff_labels
from filiation.step import run


def read_labels_of_tool(image: Image, tiff: Path, *, pyramid: str = "nearest") -> LabelImage:
    """Take the labels that a tool has written as a TIFF file for those of the image."""
    return image.labelled(read_tiff_labels(tiff), name="nuclei", pyramid=pyramid)


run(read_labels_of_tool, snakemake)
