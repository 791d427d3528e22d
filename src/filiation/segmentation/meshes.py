"""The surfaces of labelled objects: closed triangle meshes, simplified within a stated distance.

Made by zmesh (https://github.com/seung-lab/zmesh): marching cubes between what is of an object and what is not
(Lorensen and Cline 1987, https://doi.org/10.1145/37401.37422), then edges collapsed by quadric error (Garland and
Heckbert 1997, https://doi.org/10.1145/258734.258849). Corners lie half way between voxels, so that a mesh reaches
exactly as far as its object's voxels, and cuts their corners: of one voxel a sixth is left, of a ball with a radius of
four voxels 97 of 100, of eight voxels more than 99.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError, MissingExtraError
from filiation.segmentation.blockwise.grid import Box
from filiation.segmentation.blockwise.volume import Volume

_Points = npt.NDArray[np.float64]
_Faces = npt.NDArray[np.uint32]

_STEPS: Final = (16.0, 8.0, 4.0, 2.0, 1.0)
"""zmesh's own bound on an error, in units of the distance allowed, coarsest first: how far it goes is measured."""
_FEWER: Final = 1_000
"""By how much triangles are to become fewer; the distance ends it long before."""
_NEAREST: Final = 12
"""Places on triangles whose triangles are looked at for each corner."""
_MOST_PARTS: Final = 64
"""Into which a triangle's edge is cut to find it."""
_VOLUME: Final = 0.1
"""How much of its volume a mesh may gain or lose when it is simplified: a small object must not become flat."""
_AT_ONCE: Final = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """The closed surface of one object.

    Parameters
    ----------
    vertices
        One row (x, y, z) each, in the unit of the pixel size; 0 is the centre of the image's first voxel.
    faces
        Three rows of ``vertices`` each, counter-clockwise as seen from outside.
    voxels
        How many the object has.
    deviation
        No corner of the mesh as it was before it was simplified is further from this one than so, and no corner of this
        one from that; 0 if it was not simplified. Nor differ their volumes by more than a tenth.
    """

    vertices: _Points
    faces: _Faces
    voxels: int
    deviation: float

    @property
    def volume(self) -> float:
        """What it encloses, in the cube of the unit."""
        return _volume(self.vertices, self.faces)


def mesh_objects(
    labels: Volume,
    boxes: Iterable[tuple[int, Box]],
    scale: tuple[float, float, float],
    *,
    deviation: float,
) -> Iterator[tuple[int, Mesh]]:
    """Yield label and mesh of each object; in memory is one object's box.

    Parameters
    ----------
    labels
        Axes z, y, x.
    boxes
        Label and bounding box of the objects.
    scale
        Length of a voxel along z, y and x.
    deviation
        How far a simplified mesh may be from the exact one, in the unit of ``scale``; 0 for the exact one.

    Raises
    ------
    BadInputError
        If the labels are not 3-D, or the distance is negative.
    MissingExtraError
        If zmesh is not installed.
    """
    if len(labels.shape) != 3:
        raise BadInputError(
            f"Meshes are made of 3-D labels (z, y, x); these have {len(labels.shape)} dimensions. Leave meshes out, in "
            "the workflow by the column `meshes` of the sample sheet."
        )
    for label, box in boxes:
        found = mesh_object(labels.read(box) == label, scale, deviation=deviation)
        corner = np.array([side.start * step for side, step in zip(box, scale, strict=True)])[::-1]
        yield label, Mesh(found.vertices + corner, found.faces, found.voxels, found.deviation)


def mesh_object(mask: npt.NDArray[np.bool_], scale: tuple[float, float, float], *, deviation: float) -> Mesh:
    """Return the closed surface of what is set in ``mask``; see :func:`mesh_objects`.

    Parameters
    ----------
    mask
        Axes z, y, x; something must be set.
    scale
        Length of a voxel along each axis; 0 of the mesh is the centre of the first voxel.
    deviation
        As in :func:`mesh_objects`.

    Raises
    ------
    BadInputError
        If the distance is negative, or nothing is set.
    MissingExtraError
        If zmesh is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> z, y, x = np.mgrid[:21, :21, :21] - 10
    >>> ball = mesh_object(x**2 + y**2 + z**2 <= 64, (1.0, 0.5, 0.5), deviation=0)
    >>> ball.vertices.min(axis=0).tolist(), ball.vertices.max(axis=0).tolist()
    ([0.75, 0.75, 1.5], [9.25, 9.25, 18.5])
    >>> 0.97 < ball.volume / (ball.voxels * 1.0 * 0.5 * 0.5) < 1
    True
    """
    if not 0 <= deviation < float("inf"):
        raise BadInputError(f"A mesh may be {deviation} from the exact surface; expected 0 or more.")
    if not mask.any():
        raise BadInputError("There is nothing to make a mesh of: no voxel is set.")
    try:
        import zmesh
    except ImportError as error:
        raise MissingExtraError(
            f"To make meshes, filiation needs zmesh, which is not installed ({error}). Install the extra: "
            "pip install 'filiation[meshes]'."
        ) from error
    # zmesh takes the first axis for x. Around the object there is one voxel of nothing, so that its surface closes.
    mesher = zmesh.Mesher(tuple(reversed(scale)))
    mesher.mesh(np.ascontiguousarray(np.pad(mask, 1).T.astype(np.uint8)))
    exact = mesher.get(1)
    moved = np.array(scale[::-1])
    vertices = np.round(exact.vertices / (moved / 2)) * (moved / 2)  # which they are but for zmesh's 32 bits
    faces, error_bound = exact.faces.astype(np.uint32), 0.0
    if deviation > 0:
        apart, whole = min(scale), _volume(vertices, faces)
        for step in _STEPS:
            coarse = mesher.simplify(exact, reduction_factor=_FEWER, max_error=step * deviation)
            points, corners = coarse.vertices.astype(float), coarse.faces.astype(np.uint32)
            if not is_closed(corners) or abs(_volume(points, corners) - whole) > _VOLUME * whole:
                continue
            bound = max(_furthest(vertices, points, corners, apart), _furthest(points, vertices, faces, apart))
            if bound <= deviation:
                vertices, faces, error_bound = points, corners, bound
                break
    return Mesh(vertices - moved, faces, int(np.count_nonzero(mask)), error_bound)


def is_closed(faces: _Faces) -> bool:
    """Say whether each edge of each triangle is met by one in the other direction, and by no other: watertight."""
    begin = np.concatenate([faces[:, 0], faces[:, 1], faces[:, 2]]).astype(np.int64)
    end = np.concatenate([faces[:, 1], faces[:, 2], faces[:, 0]]).astype(np.int64)
    count = int(faces.max()) + 1 if len(faces) else 0
    ways, back = np.sort(begin * count + end), np.sort(end * count + begin)
    return len(faces) > 0 and bool((ways == back).all()) and bool((ways[1:] != ways[:-1]).all())


def _volume(vertices: _Points, faces: _Faces) -> float:
    a, b, c = (vertices[faces[:, corner]] - vertices.mean(axis=0) for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _furthest(points: _Points, vertices: _Points, faces: _Faces, apart: float) -> float:
    """Return a bound on how far points are from a surface: the truth or more, as only near triangles are looked at."""
    from scipy.spatial import cKDTree

    triangles = vertices[faces]
    places, owners = _places_on(triangles, apart)
    tree = cKDTree(places)
    furthest = 0.0
    for start in range(0, len(points), _AT_ONCE):
        some = points[start : start + _AT_ONCE]
        near = owners[tree.query(some, k=min(_NEAREST, len(places)))[1]]
        squares = _squared_distances(some[:, None, :], triangles[near])
        furthest = max(furthest, float(np.sqrt(squares.min(axis=1).max())))
    return furthest


def _places_on(triangles: npt.NDArray[Any], apart: float) -> tuple[_Points, npt.NDArray[np.intp]]:
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


def _squared_distances(points: _Points, triangles: npt.NDArray[Any]) -> _Points:
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
    plane: _Points = ((points - a) * normal).sum(-1) ** 2 / safe
    return np.where(inside, np.minimum(plane, edges), edges)
