"""Meshes as files, read back by trimesh, and Neuroglancer's by its specification."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
import trimesh

from filiation.errors import BadInputError
from filiation.images import ChannelVolume, LabelImage, boxes_of, pixel_digest, write_labels, write_meshes
from filiation.images.mesh_files import FORMATS, label_of_mesh, meshes_of_object, pixels_of_mesh
from filiation.segmentation import Mesh, mesh_objects

MICROMETRE = 1e-6


def meshes(labels: Path, deviation: float = 0.0) -> list[tuple[int, Mesh]]:
    volume = ChannelVolume(labels)
    return list(mesh_objects(volume, boxes_of(labels), volume.scale, deviation=deviation))  # type: ignore[arg-type]


@pytest.fixture
def written(tmp_path: Path, nuclei: Path) -> tuple[Path, pa.Table]:
    return tmp_path / "meshes", write_meshes(tmp_path / "meshes", nuclei, meshes(nuclei), FORMATS)


def precomputed(folder: Path, label: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32]]:
    """Read a mesh as Neuroglancer's specification says, section "Legacy single-resolution mesh format"."""
    assert json.loads((folder / "info").read_text())["@type"] == "neuroglancer_legacy_mesh"
    (fragment,) = json.loads((folder / f"{label}:0").read_text())["fragments"]
    content = (folder / fragment).read_bytes()
    (count,) = struct.unpack_from("<I", content)
    vertices = np.frombuffer(content, "<f4", 3 * count, 4).reshape(-1, 3)
    return vertices, np.frombuffer(content, "<u4", offset=4 + vertices.nbytes).reshape(-1, 3)


def test_every_format_holds_the_same_closed_surface_where_its_readers_expect_it(
    written: tuple[Path, pa.Table], labels: LabelImage
) -> None:
    folder, _ = written
    assert sorted(path.name for path in folder.iterdir()) == ["1.glb", "1.ply", "7.glb", "7.ply", "precomputed"]
    # z 2 to 6, y 60 to 100, x 200 to 301, in voxels of 2, 0.5 and 0.5 micrometres
    near, far = np.array([99.75, 29.75, 3.0]), np.array([150.25, 49.75, 11.0])
    plain = trimesh.load_mesh(folder / "7.ply", process=False)
    assert plain.is_watertight
    assert np.array_equal(plain.bounds, [near, far])
    assert plain.volume == pytest.approx((labels.data == 7).sum() * 2 * 0.5 * 0.5, rel=0.01)

    scene = trimesh.load_scene(folder / "7.glb", process=False)
    (shape,) = scene.geometry.values()
    assert shape.is_watertight
    np.testing.assert_allclose(scene.bounds, np.array([near, far]) * MICROMETRE, rtol=1e-6)
    assert np.array_equal(shape.faces, plain.faces)

    vertices, faces = precomputed(folder / "precomputed", 7)
    assert np.array_equal(vertices.min(axis=0), [100_000, 30_000, 4_000])
    assert np.array_equal(vertices.max(axis=0), [150_500, 50_000, 12_000])
    assert np.array_equal(faces, plain.faces)


def test_a_mesh_says_what_it_is_of(written: tuple[Path, pa.Table], tmp_path: Path, nuclei: Path) -> None:
    folder, _ = written
    head = (folder / "7.ply").read_bytes().partition(b"end_header")[0].decode()
    told = ["label 7", "name nuclei 7", "axes x y z", "unit micrometer", "origin centre of the first voxel"]
    for line in (*told, "deviation 0.0"):
        assert f"\ncomment {line}\n" in head
    (node,) = trimesh.load_scene(folder / "7.glb", process=False).graph.nodes_geometry
    assert node == "nuclei 7"
    assert [label_of_mesh(folder / f"7.{suffix}") for suffix in ("ply", "glb")] == [7, 7]
    assert {pixels_of_mesh(folder / f"7.{suffix}") for suffix in ("ply", "glb")} == {str(pixel_digest(nuclei))}
    assert pixels_of_mesh(folder / "precomputed" / "7") is None
    assert meshes_of_object(folder, 7) == (folder / "7.ply", folder / "7.glb", folder / "precomputed" / "7:0")
    assert meshes_of_object(folder, 8) == ()
    (tmp_path / "8.ply").write_bytes(b"ply\nformat ascii 1.0\nend_header\ncomment label 8\n")
    (tmp_path / "8.glb").write_bytes(b"glTF")
    assert meshes_of_object(tmp_path, 8) == ()
    assert label_of_mesh(tmp_path / "8:0") is None


def test_the_table_tells_of_each_mesh(written: tuple[Path, pa.Table], labels: LabelImage) -> None:
    _, table = written
    assert table.column("label").to_pylist() == [1, 7]
    assert table.column("voxels").to_pylist() == [int((labels.data == label).sum()) for label in (1, 7)]
    assert table.column("voxel_volume").to_pylist() == [int((labels.data == label).sum()) * 0.5 for label in (1, 7)]
    for voxels, mesh in zip(*(table.column(f"{name}_volume").to_pylist() for name in ("voxel", "mesh")), strict=True):
        assert mesh == pytest.approx(voxels, rel=0.03)
    assert table.schema.field("mesh_volume").metadata == {b"unit": b"micrometer^3"}
    assert table.schema.field("deviation").metadata == {b"unit": b"micrometer"}


def test_an_image_without_objects_has_no_meshes(tmp_path: Path, labels: LabelImage) -> None:
    write_labels(tmp_path / "none.ome.zarr", replace(labels, data=labels.data * 0, properties=None))
    table = write_meshes(tmp_path / "meshes", tmp_path / "none.ome.zarr", [], ("ply",))
    assert (table.num_rows, table.column_names[0]) == (0, "label")
    assert list((tmp_path / "meshes").iterdir()) == []


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path, nuclei: Path, labels: LabelImage) -> None:
    with pytest.raises(BadInputError, match="as ply, glb, precomputed, one or more of them; found obj"):
        write_meshes(tmp_path / "meshes", nuclei, [], ("ply", "obj"))
    write_labels(tmp_path / "flat.ome.zarr", LabelImage(labels.data[3], ("y", "x")))
    with pytest.raises(BadInputError, match=r"with the axes z, y, x; .*flat\.ome\.zarr has y, x\. Leave meshes out"):
        write_meshes(tmp_path / "meshes", tmp_path / "flat.ome.zarr", [])
    write_labels(tmp_path / "unitless.ome.zarr", replace(labels, units=("", "", ""), source=None, properties=None))
    with pytest.raises(BadInputError, match=r"unitless\.ome\.zarr has no unit as unit of its axes"):
        write_meshes(tmp_path / "meshes", tmp_path / "unitless.ome.zarr", [], ("precomputed",))
    broken = [(1, meshes(nuclei)[0][1]), (2, None)]
    with pytest.raises(AttributeError):
        write_meshes(tmp_path / "meshes", nuclei, broken)  # type: ignore[arg-type]
    assert not list(tmp_path.glob("*meshes*"))


def test_without_a_unit_a_mesh_stands_in_voxels(tmp_path: Path, labels: LabelImage) -> None:
    write_labels(tmp_path / "l.ome.zarr", replace(labels, units=("", "", ""), source=None, properties=None))
    write_meshes(tmp_path / "meshes", tmp_path / "l.ome.zarr", meshes(tmp_path / "l.ome.zarr"), ("ply", "glb"))
    assert trimesh.load_scene(tmp_path / "meshes/7.glb").bounds.tolist() == [[99.75, 29.75, 3.0], [150.25, 49.75, 11.0]]
    assert b"comment unit unknown\n" in (tmp_path / "meshes/7.ply").read_bytes()
