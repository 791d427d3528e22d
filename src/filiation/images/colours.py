"""Colours for labels and channels: the same label has the same colour in every image, viewer and overlay."""

from __future__ import annotations

import colorsys

_GOLDEN = 0.6180339887498949  # neighbouring labels get hues far apart: multiples of the golden ratio fill the circle


def colour_of_label(value: int) -> tuple[int, int, int]:
    """Return red, green and blue (0 to 255) for a label value; bright, and far from those of its neighbours.

    >>> colour_of_label(1)
    (85, 131, 242)
    """
    hue = (value * _GOLDEN) % 1.0
    saturation = (0.85, 0.65, 1.0)[value % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, 0.95)
    return round(red * 255), round(green * 255), round(blue * 255)


def colour_of_channel(index: int, count: int) -> str:
    """Return the colour of a channel as six hexadecimal digits; a single channel is shown in grey.

    >>> colour_of_channel(0, 1), colour_of_channel(1, 3)
    ('FFFFFF', '00FF00')
    """
    if count == 1:
        return "FFFFFF"
    return ("FF0000", "00FF00", "0000FF", "FF00FF", "00FFFF", "FFFF00", "FFFFFF")[index % 7]
