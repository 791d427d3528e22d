"""Pictures for people: PNG files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image as Picture

from filiation.errors import BadInputError
from filiation.images.image import Pixels


def write_picture(path: Path, rgb: Pixels) -> None:
    """Write red, green and blue as PNG.

    Parameters
    ----------
    path
        Where to; the name ends with ``.png``.
    rgb
        Shape (y, x, 3), uint8.

    Raises
    ------
    BadInputError
        If the shape, the type or the name is another.
    """
    _check(rgb)
    if path.suffix != ".png":
        raise BadInputError(f"A picture is written as PNG; name it {path.with_suffix('.png')}, not {path}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(rgb).save(path, format="PNG")


def encode_picture(rgb: Pixels) -> bytes:
    """Return red, green and blue of shape (y, x, 3) as the bytes of a PNG.

    Raises
    ------
    BadInputError
        If the shape or the type is another.
    """
    _check(rgb)
    encoded = io.BytesIO()
    Picture.fromarray(rgb).save(encoded, format="PNG")
    return encoded.getvalue()


def _check(rgb: Pixels) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
        raise BadInputError(f"A picture has the shape (y, x, 3) and type uint8; found {rgb.shape} and {rgb.dtype}.")
