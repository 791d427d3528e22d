"""Boxes of objects, as ngio reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from ngio import open_ome_zarr_container
from scipy import ndimage

from filiation.images import Image, LabelImage, assemble, box_table, boxes_of, write_image, write_labels, write_table

STACKS = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 4), elements=st.integers(0, 4))


@settings(max_examples=40)
@given(STACKS)
def test_boxes_are_those_of_scipy(tmp_path_factory: pytest.TempPathFactory, data: npt.NDArray[np.uint8]) -> None:
    path = tmp_path_factory.mktemp("boxes") / "l.ome.zarr"
    write_labels(path, LabelImage(data, ("t", "z", "y", "x")))
    expected = {label: box for label, box in enumerate(ndimage.find_objects(data), start=1) if box is not None}
    assert dict(boxes_of(path)) == expected


@pytest.mark.parametrize(("axes", "unit"), [(("y", "x"), "micrometer"), (("z", "y", "x"), "nanometer")])
def test_ngio_cuts_each_object_out_by_its_box(tmp_path: Path, axes: tuple[str, ...], unit: str) -> None:
    random = np.random.default_rng(5)
    labels = np.zeros((6, 70, 80)[-len(axes) :], np.uint32)
    for label in (3, 17, 40):
        corner = [int(random.integers(0, length - 3)) for length in labels.shape]
        labels[tuple(slice(at, at + 3) for at in corner)] = label
    scale, units = (2.0, 0.6, 0.35)[-len(axes) :], (unit,) * len(axes)
    write_image(tmp_path / "raw.ome.zarr", Image(labels.astype(np.uint16) * 9, axes, scale, units))
    write_labels(tmp_path / "cells.ome.zarr", LabelImage(labels, axes, scale, units, source="../raw.ome.zarr"))
    write_table(tmp_path / "boxes.parquet", box_table(tmp_path / "cells.ome.zarr"))
    stores = {"cells": tmp_path / "cells.ome.zarr"}
    assemble(tmp_path / "all.ome.zarr", tmp_path / "raw.ome.zarr", stores, boxes={"cells": tmp_path / "boxes.parquet"})

    container = open_ome_zarr_container(tmp_path / "all.ome.zarr", mode="r")

    assert container.list_tables() == ["cells_boxes"]
    table = container.get_masking_roi_table("cells_boxes")
    assert table.reference_label == "cells"
    found = {roi.label: roi for roi in table.rois()}
    assert set(found) == {3, 17, 40} & set(np.unique(labels).tolist())
    for label, box in boxes_of(tmp_path / "cells.ome.zarr"):
        cut = container.get_label("cells").get_roi(found[label])
        assert np.array_equal(np.squeeze(cut), np.squeeze(labels[box]))
        assert (cut == label).sum() == (labels == label).sum()


def test_a_column_says_its_true_unit(tmp_path: Path) -> None:
    data = np.zeros((2, 2), np.uint8)
    data[1, 1] = 9
    write_labels(tmp_path / "l.ome.zarr", LabelImage(data, ("y", "x"), (3.0, 4.0), ("nanometer", "nanometer")))
    table = box_table(tmp_path / "l.ome.zarr")
    assert table.to_pylist() == [
        {
            "label": 9, "x_micrometer": 4.0, "y_micrometer": 3.0, "z_micrometer": 0.0,
            "len_x_micrometer": 4.0, "len_y_micrometer": 3.0, "len_z_micrometer": 1.0,
        }
    ]  # fmt: skip
    assert table.schema.field("x_micrometer").metadata == {b"unit": b"nanometer"}
