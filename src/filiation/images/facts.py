"""What a store's metadata say of an image, without reading a pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from filiation.images.multiscale import open_multiscale
from filiation.model import ImageFacts


def image_facts(path: Path) -> ImageFacts:
    """Return axes, shape, pixel type, pixel size and units of the OME-Zarr store at ``path``.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image or label image.
    """
    store = open_multiscale(path)
    return ImageFacts(
        axes=store.axes,
        shape=store.full.array.shape,
        dtype=np.dtype(store.full.array.dtype).name,
        scale=store.full.scale,
        units=store.units,
        source=store.source,
    )
