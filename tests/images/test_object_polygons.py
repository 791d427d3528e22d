"""Polygons of objects, read back by geopandas, which is not our code."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas
import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from filiation.errors import BadInputError, NotFoundError
from filiation.images import LabelImage, read_table, write_labels, write_polygons
from filiation.images.outlines import polygons
from filiation.segmentation import measure

MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
FLAT = arrays.arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3))


@settings(max_examples=200)
@given(MASKS)
def test_polygons_are_valid_and_hold_exactly_the_pixels_of_the_object(mask: npt.NDArray[np.bool_]) -> None:
    found = shapely.MultiPolygon([shapely.Polygon(each.exterior, each.holes) for each in polygons(mask)])
    y, x = np.indices(mask.shape) + 0.5
    assert found.is_valid
    assert found.area == mask.sum()
    assert np.array_equal(shapely.contains_xy(found, x, y), mask)


def test_a_ring_around_a_dot_is_two_pieces_of_which_one_has_a_hole() -> None:
    mask = np.ones((5, 5), bool)
    mask[1:4, 1:4] = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert sorted(len(each.holes) for each in polygons(mask)) == [0, 1]


@pytest.mark.slow
@settings(max_examples=40)
@given(FLAT, st.floats(0.01, 30), st.floats(0.01, 30))
def test_areas_and_centroids_are_those_that_are_measured(
    tmp_path_factory: pytest.TempPathFactory, data: npt.NDArray[np.uint8], high: float, wide: float
) -> None:
    folder = tmp_path_factory.mktemp("polygons")
    units = ("micrometer", "micrometer")
    write_labels(folder / "l.ome.zarr", LabelImage(data, ("y", "x"), (high, wide), units, "cells"))
    write_polygons(folder / "regions.parquet", folder / "l.ome.zarr")
    found = geopandas.read_parquet(folder / "regions.parquet").set_index("label").sort_index()
    measured = measure(data, data, ("y", "x"), (high, wide), units).to_pandas().set_index("label")
    assert found.index.tolist() == measured.index.tolist()
    assert found["pixels"].tolist() == measured["pixels"].tolist()
    np.testing.assert_allclose(found.geometry.area, measured["pixels"] * (high * wide), rtol=1e-9)
    np.testing.assert_allclose(found["area"], measured["area"], rtol=1e-12)
    np.testing.assert_allclose(found.geometry.centroid.x, measured["centroid_x"], atol=1e-6 * wide)
    np.testing.assert_allclose(found.geometry.centroid.y, measured["centroid_y"], atol=1e-6 * high)


def test_a_volume_has_a_row_for_each_plane_and_says_what_its_numbers_mean(tmp_path: Path) -> None:
    data = np.zeros((3, 6, 8), np.uint16)
    data[0, 1:5, 1:6] = 17
    data[0, 2:4, 3] = 0  # a hole
    data[2, 0, 0] = data[2, 1, 1] = 17  # two pieces, which touch at a corner
    write_labels(
        tmp_path / "cells.ome.zarr", LabelImage(data, ("z", "y", "x"), (2, 0.5, 0.25), ("micrometer",) * 3, "cells")
    )
    write_polygons(tmp_path / "out" / "regions.parquet", tmp_path / "cells.ome.zarr")

    found = geopandas.read_parquet(tmp_path / "out" / "regions.parquet")

    assert found.columns.tolist() == ["label", "name", "z", "pixels", "area", "geometry"]
    assert found[["label", "name", "z", "pixels", "area"]].to_dict("records") == [
        {"label": 17, "name": "cells 17", "z": 0, "pixels": 18, "area": 2.25},
        {"label": 17, "name": "cells 17", "z": 2, "pixels": 2, "area": 0.25},
    ]
    assert [shape.geom_type for shape in found.geometry] == ["Polygon", "MultiPolygon"]
    assert found.geometry.area.tolist() == [2.25, 0.25]
    assert found.crs is None
    assert found.geometry[0].exterior.is_ccw  # as the file's metadata say
    metadata = pq.read_metadata(tmp_path / "out" / "regions.parquet").metadata
    geo = json.loads(metadata[b"geo"])
    assert (geo["version"], geo["primary_column"]) == ("1.1.0", "geometry")
    assert geo["columns"]["geometry"]["bbox"] == found.total_bounds.tolist() == [-0.125, -0.25, 1.375, 2.25]
    assert json.loads(metadata[b"filiation"]) == {
        "labels": "../cells.ome.zarr",
        "axes": ["x", "y"],
        "units": ["micrometer", "micrometer"],
        "origin": "centre of the first pixel",
    }
    schema = read_table(tmp_path / "out" / "regions.parquet").schema
    assert schema.field("area").metadata[b"unit"] == b"micrometer^2"


def test_an_image_without_objects_has_polygons_of_none(tmp_path: Path) -> None:
    write_labels(tmp_path / "l.ome.zarr", LabelImage(np.zeros((4, 4), np.uint8), ("y", "x")))
    write_polygons(tmp_path / "regions.parquet", tmp_path / "l.ome.zarr")
    assert len(geopandas.read_parquet(tmp_path / "regions.parquet")) == 0


def test_what_cannot_be_drawn_is_said_and_leaves_nothing(tmp_path: Path, raw: Path, nuclei: Path) -> None:
    with pytest.raises(BadInputError, match=r"name the file .*regions\.parquet, not .*regions\.geojson"):
        write_polygons(tmp_path / "regions.geojson", nuclei)
    with pytest.raises(BadInputError, match="is no label image"):
        write_polygons(tmp_path / "regions.parquet", raw)
    with pytest.raises(NotFoundError):
        write_polygons(tmp_path / "regions.parquet", tmp_path / "none.ome.zarr")
    assert not list(tmp_path.glob("*regions*"))
