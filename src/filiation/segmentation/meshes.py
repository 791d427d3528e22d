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
from typing import Final

import numpy as np
import numpy.typing as npt

from filiation.errors import BadInputError, MissingExtraError
from filiation.segmentation.blockwise.grid import Box
from filiation.segmentation.blockwise.volume import Volume
from filiation.segmentation.nearness import Nearness

_Points = npt.NDArray[np.float64]
_Faces = npt.NDArray[np.uint32]

_STEPS: Final = (16.0, 8.0, 4.0, 2.0, 1.0)
"""zmesh's own bound on an error, in units of the distance allowed, coarsest first: how far it goes is measured."""
_FEWER: Final = 1_000
"""By how much triangles are to become fewer; the distance ends it long before."""
_VOLUME: Final = 0.1
"""How much of its volume a mesh may gain or lose when it is simplified: a small object must not become flat."""


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
        whole, surface = _volume(vertices, faces), Nearness(vertices, faces, min(scale))
        for step in _STEPS:
            coarse = mesher.simplify(exact, reduction_factor=_FEWER, max_error=step * deviation)
            points, corners = coarse.vertices.astype(float), coarse.faces.astype(np.uint32)
            if not is_closed(corners) or abs(_volume(points, corners) - whole) > _VOLUME * whole:
                continue
            bound = Nearness(points, corners, min(scale)).furthest(vertices, deviation)
            bound = max(bound, surface.furthest(points, deviation)) if bound <= deviation else bound
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
