"""What the fields of a plate come to: tables of all objects and of the wells, and a picture."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from filiation.errors import BadInputError
from filiation.segmentation import measure, objects_of_plate, plate_picture, wells_of_plate


def field(*sizes: int) -> pa.Table:
    """Measure a field with objects of some numbers of pixels."""
    labels = np.zeros((max(1, len(sizes)), 20), int)
    for row, size in enumerate(sizes):
        labels[row, :size] = row + 1
    return measure(labels, labels * 10, ("y", "x"), (0.5, 0.5), ("micrometer", "micrometer"))


def test_every_object_is_in_one_table_with_its_well_and_field_and_each_well_is_counted() -> None:
    tables = {("A1", "0"): field(4, 8), ("A1", "1"): field(12), ("B2", "0"): field()}
    objects = objects_of_plate(tables)
    assert objects.column_names[:3] == ["well", "field", "label"]
    assert objects.select(["well", "field", "label", "area"]).to_pylist() == [
        {"well": "A1", "field": "0", "label": 1, "area": 1.0},
        {"well": "A1", "field": "0", "label": 2, "area": 2.0},
        {"well": "A1", "field": "1", "label": 1, "area": 3.0},
    ]
    wells = wells_of_plate(objects, {"A1": 2, "B2": 1})
    assert wells.schema.field("mean_area").metadata == {b"unit": b"micrometer^2"}
    assert wells.to_pylist() == [
        {"well": "A1", "fields": 2, "objects": 3, "mean_area": 2.0, "mean_intensity": pytest.approx(40 / 3)},
        {"well": "B2", "fields": 1, "objects": 0, "mean_area": None, "mean_intensity": None},
    ]


def test_fields_of_other_axes_are_not_put_together() -> None:
    labels = np.ones((2, 2, 2), int)
    volume = measure(labels, labels, ("z", "y", "x"), (1.0, 1.0, 1.0))
    with pytest.raises(BadInputError, match="Field 1 of well A1 was measured with the columns label, pixels, volume"):
        objects_of_plate({("A1", "0"): field(2), ("A1", "1"): volume})
    with pytest.raises(BadInputError, match="A plate without a field"):
        objects_of_plate({})


def test_the_picture_is_laid_out_as_the_plate_and_wells_without_one_are_grey() -> None:
    picture = np.zeros((400, 300, 3), np.uint8)
    picture[:, 150:] = (0, 255, 0)
    sheet = plate_picture({("B", "2"): picture}, ("A", "B"), ("1", "2", "3"))
    height, width = 400 // 3, 300 // 3
    assert sheet.shape == (4 + 2 * (height + 4), 4 + 3 * (width + 4), 3)
    tile = sheet[8 + height : 8 + 2 * height, 8 + width : 8 + 2 * width]
    assert (tile[:, :50] == 0).all()
    assert (tile[:, 50:] == (0, 255, 0)).all()
    assert (sheet[4 : 4 + height, 4 : 4 + width] == 90).all()
    assert (sheet[:4] == 255).all()
