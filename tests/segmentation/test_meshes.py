"""Meshes are closed, reach as far as their objects' voxels, and are as near to the exact surface as they say."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import gaussian_filter

from filiation.errors import BadInputError, MissingExtraError
from filiation.segmentation import Mesh, mesh_object, mesh_objects
from filiation.segmentation.blockwise.volume import InMemory
from filiation.segmentation.meshes import is_closed

SCALES = st.tuples(*[st.sampled_from([0.1, 0.5, 1.0, 2.5])] * 3)


@st.composite
def objects(draw: st.DrawFn) -> npt.NDArray[np.bool_]:
    """Single voxels, dust, and smooth shapes with holes and several pieces."""
    if draw(st.booleans()):
        dust = draw(arrays.arrays(bool, st.tuples(*[st.integers(1, 6)] * 3)))
        dust[0, 0, 0] = True
        return dust
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    smooth = gaussian_filter(random.random((8, 12, 14)), draw(st.floats(0.8, 3)))
    return smooth >= np.quantile(smooth, draw(st.floats(0.3, 0.95)))


def solid(mesh: Mesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)


@settings(max_examples=60)
@given(objects(), SCALES)
def test_an_exact_mesh_is_closed_and_reaches_to_the_voxels_borders(
    mask: npt.NDArray[np.bool_], scale: tuple[float, float, float]
) -> None:
    mesh = mesh_object(mask, scale, deviation=0)
    assert is_closed(mesh.faces)
    assert solid(mesh).is_watertight
    assert (mesh.deviation, mesh.voxels) == (0, mask.sum())
    where = np.argwhere(mask)
    steps = np.array(scale)
    np.testing.assert_allclose(mesh.vertices.min(axis=0), ((where.min(axis=0) - 0.5) * steps)[::-1], atol=1e-9)
    np.testing.assert_allclose(mesh.vertices.max(axis=0), ((where.max(axis=0) + 0.5) * steps)[::-1], atol=1e-9)
    assert mesh.volume > 0
    assert mesh.volume == pytest.approx(solid(mesh).volume, rel=1e-6)


@settings(max_examples=15)
@given(objects(), SCALES, st.floats(0.05, 3))
def test_a_simplified_mesh_is_closed_and_no_further_off_than_it_says(
    mask: npt.NDArray[np.bool_], scale: tuple[float, float, float], deviation: float
) -> None:
    exact, mesh = mesh_object(mask, scale, deviation=0), mesh_object(mask, scale, deviation=deviation)
    assert is_closed(mesh.faces)
    assert mesh.deviation <= deviation
    assert len(mesh.faces) <= len(exact.faces)
    assert mesh.volume == pytest.approx(exact.volume, rel=0.1)
    for points, surface in ((exact, mesh), (mesh, exact)):
        away = nearest(points.vertices, surface)
        assert away.max() <= mesh.deviation + 1e-6


def nearest(points: npt.NDArray[np.float64], mesh: Mesh) -> npt.NDArray[np.float64]:
    """Return how far points are from a surface, by looking at every triangle of it, as trimesh does."""
    triangles = mesh.vertices[mesh.faces]
    some = points[:: max(1, len(points) // 25)]
    found = [trimesh.triangles.closest_point(triangles, np.tile(point, (len(triangles), 1))) for point in some]
    return np.array([np.linalg.norm(each - point, axis=1).min() for each, point in zip(found, some, strict=True)])


def test_a_ball_has_nearly_the_volume_of_its_voxels_and_far_fewer_triangles() -> None:
    z, y, x = np.mgrid[:40, :40, :40] - 20
    ball = x**2 + y**2 + z**2 <= 15**2
    exact, mesh = (mesh_object(ball, (1, 1, 1), deviation=deviation) for deviation in (0, 0.5))
    assert exact.volume == pytest.approx(ball.sum(), rel=0.003)
    assert mesh.volume == pytest.approx(ball.sum(), rel=0.006)
    assert 4 * len(mesh.faces) < len(exact.faces)
    assert 0 < mesh.deviation <= 0.5


def test_an_object_with_a_hollow_has_two_surfaces() -> None:
    shell = np.ones((5, 5, 5), bool)
    shell[2, 2, 2] = False
    mesh = mesh_object(shell, (1, 1, 1), deviation=0)
    assert len(solid(mesh).split(only_watertight=True)) == 2
    full = mesh_object(np.ones((5, 5, 5), bool), (1, 1, 1), deviation=0)
    assert mesh.volume == pytest.approx(full.volume - 1 / 6)


def test_each_object_of_a_volume_lies_where_its_voxels_are() -> None:
    labels = np.zeros((9, 20, 30), np.uint32)
    boxes = {17: (slice(0, 3), slice(2, 8), slice(25, 30)), 3: (slice(4, 9), slice(0, 5), slice(1, 2))}
    for label, box in boxes.items():
        labels[box] = label
    labels[1, 3, 27] = 99  # another object inside the box of the first
    found = dict(mesh_objects(InMemory(labels), boxes.items(), (2.0, 0.5, 0.25), deviation=0))
    assert list(found) == [17, 3]
    assert found[17].vertices.min(axis=0).tolist() == [24.5 * 0.25, 1.5 * 0.5, -0.5 * 2]
    assert found[17].vertices.max(axis=0).tolist() == [29.5 * 0.25, 7.5 * 0.5, 2.5 * 2]
    assert found[17].voxels == 3 * 6 * 5 - 1
    assert found[3].vertices.max(axis=0).tolist() == [1.5 * 0.25, 4.5 * 0.5, 8.5 * 2]


def test_what_has_no_mesh_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError, match="Meshes are made of 3-D labels"):
        list(mesh_objects(InMemory(np.ones((3, 3), np.uint8)), [], (1, 1, 1), deviation=0))
    with pytest.raises(BadInputError, match="A mesh may be -1 from the exact surface; expected 0 or more"):
        mesh_object(np.ones((3, 3, 3), bool), (1, 1, 1), deviation=-1)
    with pytest.raises(BadInputError, match="no voxel is set"):
        mesh_object(np.zeros((3, 3, 3), bool), (1, 1, 1), deviation=0)
    monkeypatch.setitem(sys.modules, "zmesh", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'filiation\[meshes\]'"):
        mesh_object(np.ones((3, 3, 3), bool), (1, 1, 1), deviation=0)
