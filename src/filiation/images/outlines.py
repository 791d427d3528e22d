"""Outlines of objects: polygons along the edges of pixels, exact with their holes, or simplified within a tolerance.

Coordinates are those of OMERO's shapes: x to the right, y down, in pixels; the pixel in column 2 of row 5 covers the
square from (2, 5) to (3, 6).

What is promised of outlines, for a tolerance of ``d`` pixels:

- no point of a polygon is further than ``d`` from the true outline, and no point of the outline further than ``d`` from
  the polygon;
- a pixel whose centre is further than ``d`` from the outline is on its right side of the polygon. With ``d`` below 0.5
  that is every pixel, for no centre is nearer to an outline than half a pixel.

Lines are simplified as by Douglas and Peucker (1973, https://doi.org/10.3138/FM57-6770-U75U-7727), with distances to
the segment instead of the line, on which the promise rests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from filiation.images.extents import Mask

Ring = npt.NDArray[np.int64]
"""Corners of a closed polygon, (x, y), the first not repeated."""
_EAST = 0


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """The outlines of one object on one plane.

    Parameters
    ----------
    rings
        A polygon for each piece. Pixels that touch at a corner alone are two pieces.
    holes
        How many holes the object has; a polygon fills them, as OMERO's polygons have none.
    """

    rings: tuple[Ring, ...]
    holes: int


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """A piece of an object on one plane, with what is cut out of it.

    Parameters
    ----------
    exterior
        The outer border; its area, x to the right and y counted up, is positive.
    holes
        Inner borders, whose area is negative.
    """

    exterior: Ring
    holes: tuple[Ring, ...]


def polygons(mask: Mask) -> tuple[Polygon, ...]:
    """Return what is set in a mask as polygons with holes, one for each piece, with exactly the area of its pixels.

    Each is valid as OGC's Simple Features have it (06-103r4, 6.1.11): no ring meets itself, and rings touch at points
    alone. Pixels that touch at a corner alone are two pieces.

    Parameters
    ----------
    mask
        Rows and columns.

    Examples
    --------
    >>> import numpy as np
    >>> (found,) = polygons(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]], bool))
    >>> found.exterior.tolist(), [hole.tolist() for hole in found.holes]
    ([[0, 0], [3, 0], [3, 3], [0, 3]], [[[1, 2], [2, 2], [2, 1], [1, 1]]])
    """
    from scipy import ndimage  # slow to import, and most who come here need no polygons

    pieces, count = ndimage.label(mask)
    outer: list[Ring | None] = [None] * count
    holes: list[list[Ring]] = [[] for _ in range(count)]
    for ring in (simple for traced in _traced(mask) for simple in _simple_rings(traced)):
        piece = int(pieces[_pixel_beside(ring)]) - 1
        if _doubled_area(ring) > 0:
            outer[piece] = ring
        else:
            holes[piece].append(ring)
    return tuple(Polygon(ring, tuple(inner)) for ring, inner in zip(outer, holes, strict=True) if ring is not None)


def outlines(mask: Mask, tolerance: float = 0.0) -> Outlines:
    """Return the polygons around what is set in a mask.

    Parameters
    ----------
    mask
        Rows and columns.
    tolerance
        In pixels; 0 for the exact outline.

    Examples
    --------
    >>> import numpy as np
    >>> found = outlines(np.array([[0, 1, 1], [0, 1, 0]], bool))
    >>> found.rings[0].tolist()
    [[1, 0], [3, 0], [3, 1], [2, 1], [2, 2], [1, 2]]
    """
    rings = list(_traced(mask))
    outer = tuple(simplified(ring, tolerance) for ring in rings if _doubled_area(ring) > 0)
    return Outlines(outer, len(rings) - len(outer))


def simplified(ring: Ring, tolerance: float) -> Ring:
    """Return a closed polygon with fewer corners, that stays within ``tolerance`` of ``ring`` and has an area."""
    if tolerance <= 0:
        return ring
    closed = np.concatenate([ring, ring[:1]])
    middle = int(np.argmax(((ring - ring[0]) ** 2).sum(axis=1)))
    kept = {0, middle, *_kept(closed, 0, middle, tolerance), *_kept(closed, middle, len(ring), tolerance)}
    corners = ring[sorted(kept - {len(ring)})]
    # What is smaller than the tolerance would shrink to a line.
    return corners if _doubled_area(corners) > 0 else simplified(ring, tolerance / 2)


def _traced(mask: Mask) -> Iterator[Ring]:
    """Yield the rings between what is set and what is not, with what is set to the right of the way."""
    height, width = mask.shape
    around = np.pad(mask, 1)
    edges = np.zeros((4, height + 1, width + 1), bool)  # east, south, west, north: whether a way leaves the corner so
    edges[0, :-1, :-1] = mask & ~around[:-2, 1:-1]
    edges[1, :-1, 1:] = mask & ~around[1:-1, 2:]
    edges[2, 1:, 1:] = mask & ~around[2:, 1:-1]
    edges[3, 1:, :-1] = mask & ~around[1:-1, :-2]
    leaves, corners = edges.tobytes(), (height + 1) * (width + 1)
    steps = (1, width + 1, -1, -width - 1)
    fresh = bytearray(leaves[:corners])
    for start in np.flatnonzero(edges[0]):
        if fresh[start]:
            ring = _walked(int(start), leaves, corners, steps, fresh)
            yield np.stack([np.array(ring) % (width + 1), np.array(ring) // (width + 1)], axis=1)


def _walked(start: int, leaves: bytes, corners: int, steps: tuple[int, ...], fresh: bytearray) -> list[int]:
    """Walk from a corner to the east and on until that way is met again; return the corners where the way turned."""
    ring, at, direction = [start], start, _EAST
    while True:
        if direction == _EAST:
            fresh[at] = 0
        at += steps[direction]
        # To the right first: it stays with the same pixel where two touch at a corner.
        ahead = next(way for turn in (1, 0, 3) if leaves[(way := (direction + turn) % 4) * corners + at])
        if at == start and ahead == _EAST:
            return ring
        if ahead != direction:
            ring.append(at)
        direction = ahead


def _simple_rings(ring: Ring) -> Iterator[Ring]:
    """Take a ring apart where it meets itself: holes that touch each other, or the outside, at a corner."""
    way: list[tuple[int, int]] = []
    at: dict[tuple[int, int], int] = {}
    for corner in map(tuple, ring.tolist()):
        if corner in at:
            loop, way = way[at[corner] :], way[: at[corner]]
            for passed in loop:
                del at[passed]
            yield np.array(loop)
        at[corner] = len(way)
        way.append(corner)
    yield np.array(way)


def _pixel_beside(ring: Ring) -> tuple[int, int]:
    """Return row and column of the pixel to the right of a ring's first edge, which is of the object."""
    (x, y), (next_x, next_y) = ring[0].tolist(), ring[1].tolist()
    if y == next_y:
        return (y, x) if next_x > x else (y - 1, x - 1)
    return (y, x - 1) if next_y > y else (y - 1, x)


def _kept(line: Ring, first: int, last: int, tolerance: float) -> Iterator[int]:
    """Yield the corners between two of a line without which it would be further off than the tolerance."""
    waiting = [(first, last)]
    while waiting:
        begin, end = waiting.pop()
        if end - begin < 2:
            continue
        distances = _distances(line[begin + 1 : end], line[begin], line[end])
        furthest = int(np.argmax(distances))
        if distances[furthest] > tolerance:
            corner = begin + 1 + furthest
            yield corner
            waiting += [(begin, corner), (corner, end)]


def _distances(points: Ring, begin: Ring, end: Ring) -> npt.NDArray[np.float64]:
    """Return how far points are from a segment."""
    way = (end - begin).astype(float)
    length = float(way @ way)
    along = np.clip(((points - begin) @ way) / length, 0, 1) if length else np.zeros(len(points))
    off: npt.NDArray[np.float64] = np.hypot(*(points - begin - along[:, None] * way).T)
    return off


def _doubled_area(ring: Ring) -> int:
    """Return twice the area; negative around a hole."""
    x, y = ring[:, 0], ring[:, 1]
    return int(x @ np.roll(y, -1) - y @ np.roll(x, -1))
