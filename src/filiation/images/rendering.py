"""The ``omero`` block of OME-Zarr: how a viewer should show each channel at first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from filiation.images.colours import colour_of_channel
from filiation.images.image import Image, Pixels


@dataclass(frozen=True, slots=True)
class ChannelLook:
    """How one channel is shown: its name, its colour as six hexadecimal digits, and what else is known of it."""

    label: str
    colour: str
    more: Mapping[str, Any] = field(default_factory=dict)


def omero_block(image: Image, smallest: Pixels) -> dict[str, Any]:
    """Return one channel entry for each channel, with the window between the 0.5th and 99.8th percentile.

    Parameters
    ----------
    image
        The image; gives names and the range of the pixel type.
    smallest
        Its lowest resolution, over which the percentiles are taken.
    """
    planes = np.moveaxis(smallest, image.axes.index("c"), 0) if "c" in image.axes else smallest[np.newaxis]
    looks = [
        ChannelLook(image.channels[index] if image.channels else "", colour_of_channel(index, image.channel_count))
        for index in range(len(planes))
    ]
    return rendering_block(looks, planes, image.data)


def rendering_block(looks: Sequence[ChannelLook], planes: Iterable[Pixels], whole: Pixels) -> dict[str, Any]:
    """Return the block for channels of which name and colour are known.

    Parameters
    ----------
    looks
        One for each channel.
    planes
        For each channel the pixels that its window is taken from.
    whole
        Pixels whose type, and for floating-point numbers whose values, give the range.
    """
    low, high = _range(whole)
    channels = []
    for look, plane in zip(looks, planes, strict=True):
        start, end = _window(plane, low, high)
        channels.append(
            {
                **({"label": look.label} if look.label else {}),
                "color": look.colour,
                "active": True,
                "window": {"min": low, "max": high, "start": start, "end": end},
                **look.more,
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
