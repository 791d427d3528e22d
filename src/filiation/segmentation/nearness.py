"""How far points are from a surface of triangles: never less than the truth, so that a promise made with it holds."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
_NEAREST: Final = 6
"""Places on triangles whose triangles are looked at for each point."""
_MOST_PARTS: Final = 64
"""Into which a triangle's edge is cut to find it."""
_AT_ONCE: Final = 20_000
_FIRST: Final = 100
"""Points that are looked at before all others: mostly they tell that a surface is too far away."""


class Nearness:
    """A surface, made ready to be asked how far points are from it.

    Parameters
    ----------
    vertices
        One row (x, y, z) each.
    faces
        Three rows of ``vertices`` each.
    apart
        Distance of the places by which triangles are found: of the order of a voxel.

    Examples
    --------
    >>> corners = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 0]])
    >>> near = Nearness(corners, np.array([[0, 1, 2]]), 1.0)
    >>> near.furthest(np.array([[2.0, 2.0, 0.5], [-3.0, 0.0, 4.0]]), 10.0)
    5.0
    """

    def __init__(self, vertices: npt.NDArray[Any], faces: npt.NDArray[Any], apart: float) -> None:
        from scipy.spatial import cKDTree  # slow to import

        self._triangles: Points = vertices[faces].astype(float)
        places, self._owners = _places_on(self._triangles, apart)
        self._tree = cKDTree(places)

    def furthest(self, points: Points, allowed: float) -> float:
        """Return a bound on how far the furthest point is; infinity as soon as one is further than ``allowed``."""
        furthest, parts = 0.0, np.split(points, range(_AT_ONCE, len(points), _AT_ONCE))
        if len(points) > 10 * _FIRST:
            parts.insert(0, points[:: len(points) // _FIRST])
        for some in parts:
            near = self._owners[self._tree.query(some, k=min(_NEAREST, len(self._owners)))[1]]
            squares = _squared_distances(some[:, None, :], self._triangles[near])
            furthest = max(furthest, float(np.sqrt(squares.min(axis=1).max())))
            if furthest > allowed:
                return float("inf")
        return furthest


def _places_on(triangles: npt.NDArray[Any], apart: float) -> tuple[Points, npt.NDArray[np.intp]]:
    """Return places all over triangles, about ``apart`` from each other, and which triangle each is on."""
    longest = np.linalg.norm(triangles - np.roll(triangles, 1, axis=1), axis=2).max(axis=1)
    parts = np.ceil(longest / apart).astype(int).clip(1, _MOST_PARTS)
    places, owners = [], []
    for count in np.unique(parts):
        of = np.flatnonzero(parts == count)
        weights = np.array([(i, j, count - i - j) for i in range(count + 1) for j in range(count + 1 - i)]) / count
        places.append((weights @ triangles[of]).reshape(-1, 3))
        owners.append(np.repeat(of, len(weights)))
    return np.concatenate(places), np.concatenate(owners)


def _squared_distances(points: Points, triangles: npt.NDArray[Any]) -> Points:
    """Return the squared distance of points from triangles: from the plane where a foot lies inside, else an edge."""
    a, b, c = (triangles[..., corner, :] for corner in range(3))
    normal = np.cross(b - a, c - a)
    area = (normal**2).sum(-1)
    safe = np.where(area > 0, area, 1.0)
    inside = area > 0
    edges = np.full(area.shape, np.inf)
    for first, second in ((a, b), (b, c), (c, a)):
        way, offset = second - first, points - first
        inside &= (np.cross(way, offset) * normal).sum(-1) >= 0
        along = np.clip((offset * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-300), 0, 1)
        edges = np.minimum(edges, ((offset - along[..., None] * way) ** 2).sum(-1))
    plane: Points = ((points - a) * normal).sum(-1) ** 2 / safe
    return np.where(inside, np.minimum(plane, edges), edges)
