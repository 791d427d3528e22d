"""The ``omero`` block of OME-Zarr: how a viewer should show each channel at first."""

from __future__ import annotations

from typing import Any

import numpy as np

from filiation.images.colours import colour_of_channel
from filiation.images.image import Image, Pixels


def omero_block(image: Image, smallest: Pixels) -> dict[str, Any]:
    """Return one channel entry for each channel, with the window between the 0.5th and 99.8th percentile.

    Parameters
    ----------
    image
        The image; gives names and the range of the pixel type.
    smallest
        Its lowest resolution, over which the percentiles are taken.
    """
    low, high = _range(image.data)
    planes = np.moveaxis(smallest, image.axes.index("c"), 0) if "c" in image.axes else smallest[np.newaxis]
    channels = []
    for index, plane in enumerate(planes):
        start, end = _window(plane, low, high)
        channels.append(
            {
                **({"label": image.channels[index]} if image.channels else {}),
                "color": colour_of_channel(index, image.channel_count),
                "active": True,
                "window": {"min": low, "max": high, "start": start, "end": end},
            }
        )
    return {"channels": channels, "rdefs": {"model": "greyscale" if len(channels) == 1 else "color"}}


def _window(plane: Pixels, low: float, high: float) -> tuple[float, float]:
    finite = plane[np.isfinite(plane)].astype(np.float64)
    if not finite.size:
        return low, high
    start, end = np.percentile(finite, [0.5, 99.8])
    return float(start), float(end)


def _range(data: Pixels) -> tuple[float, float]:
    if data.dtype.kind in "iu":
        limits = np.iinfo(data.dtype)
        return float(limits.min), float(limits.max)
    if data.dtype.kind == "b":
        return 0.0, 1.0
    finite = data[np.isfinite(data)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
