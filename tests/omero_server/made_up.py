"""Images that need no file: a small one in memory, and one of any size whose pixels are made as they are read."""

from __future__ import annotations

import numpy as np

from tests.omero_server.pixel_data import Made, Region, Shape

SIDE = 2048


def small_image() -> Region:
    """Return 2 times, 3 channels, 4 planes of 48 x 64, every value another one."""
    return np.arange(2 * 3 * 4 * 48 * 64, dtype="u2").reshape(2, 3, 4, 48, 64)


def huge_image(gibibytes: float) -> Made:
    """Return planes of 2048 x 2048 in 16 bits, two channels, as many planes as fill that many gibibytes."""
    planes = max(1, round(gibibytes * 2**30 / (SIDE * SIDE * 2) / 2))
    return Made(Shape(SIDE, SIDE, planes, 2, 1), "uint16", plane_of_ramps)


def plane_of_ramps(z: int, c: int, t: int, y: slice, x: slice) -> Region:
    """Return a region of a plane that no other plane has: a ramp in each direction, moved on by z, c and t."""
    rows = np.arange(y.start, y.stop, y.step, dtype=np.uint16)[:, None]
    columns = np.arange(x.start, x.stop, x.step, dtype=np.uint16)[None, :]
    moved = np.uint16((z * 131 + c * 7919 + t * 104729) % 65536)
    return rows * np.uint16(31) + columns + moved
