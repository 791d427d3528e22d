"""Images and labels as TIFF files, for tools that know nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from filiation.errors import BadInputError, NotFoundError
from filiation.images.image import Image, Pixels

_UNITS = {"micrometer": "µm", "nanometer": "nm", "millimeter": "mm"}  # as OME-XML spells them


def write_tiff(path: Path, image: Image) -> None:
    """Write an image as an OME-TIFF file, with its pixel sizes.

    Parameters
    ----------
    path
        Its name; what is there is written over.
    image
        Its axes become those of the file.
    """
    import tifffile  # paid for only by those who write one

    sizes: dict[str, object] = {}
    for axis, size, unit in zip(image.axes, image.scale, image.units, strict=True):
        if axis in image.space and unit in _UNITS:
            sizes |= {f"PhysicalSize{axis.upper()}": size, f"PhysicalSize{axis.upper()}Unit": _UNITS[unit]}
    axes = "".join(image.axes).upper()
    tifffile.imwrite(path, image.data, ome=True, photometric="minisblack", metadata={"axes": axes, **sizes})


def read_tiff_labels(path: Path) -> Pixels:
    """Return the labels of a TIFF file, without axes of length 1; what else it says of its axes does not matter.

    Raises
    ------
    NotFoundError
        If there is no such file.
    BadInputError
        If it is damaged, or holds anything but whole numbers of 0 or more.
    """
    import tifffile

    try:
        found: Pixels = np.squeeze(tifffile.imread(path))
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no label image at {path}.") from error
    except (OSError, ValueError) as error:  # tifffile's own errors are ValueErrors
        raise BadInputError(f"{path} cannot be read as a TIFF file: {error}") from error
    if found.dtype.kind == "f" and np.array_equal(found, np.rint(found)):
        found = found.astype(np.int64)
    if found.dtype.kind not in "iub" or (found.size and found.min() < 0):
        raise BadInputError(f"{path} holds {found.dtype}, some of it no label: expected whole numbers of 0 or more.")
    if found.dtype not in (np.uint8, np.uint16, np.uint32):
        found = found.astype(np.uint32)
    return found
