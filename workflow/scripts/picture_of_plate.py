from pathlib import Path

import numpy as np

from filiation.images import read_image, read_labels
from filiation.segmentation import overlay_frames, plate_picture
from filiation.step import run


def picture_of_plate(images: list[Path], labels: list[Path], *, channel: int | str, layout: dict) -> np.ndarray:
    """Draw the first field of each well with its nuclei's outlines, laid out as on the plate."""
    pictures = {}
    for image_path, labels_path in zip(images, labels, strict=True):
        row, column, _ = image_path.parts[-4:-1]
        found = read_labels(labels_path)
        pixels = read_image(image_path).one_channel(channel).data.reshape(found.shape)
        if "t" in found.axes:  # the first time point
            pixels, found_data, axes = pixels[0], found.data[0], found.axes[1:]
        else:
            found_data, axes = found.data, found.axes
        pictures[row, column] = overlay_frames(pixels, found_data, axes, longest=0)
    return plate_picture(pictures, layout["rows"], layout["columns"])


run(picture_of_plate, snakemake)
