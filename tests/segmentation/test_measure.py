import sys

import numpy as np
import pytest
from skimage.measure import regionprops_table

from filiation.errors import BadInputError
from filiation.segmentation import measure, measure_volume
from filiation.segmentation.blockwise import InMemory

SCALE = (2.0, 0.5, 0.25)


@pytest.fixture
def volume() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(4)
    labels = np.kron(random.integers(0, 40, (4, 6, 6)), np.ones((3, 5, 5), int)).astype(np.uint32)
    return labels, random.normal(50, 20, labels.shape)


@pytest.mark.parametrize("slab", [1, 2000, 2**22])
@pytest.mark.parametrize("factor", [1, 1000, 100_000_000])
def test_measurements_agree_with_scikit_image(
    volume: tuple[np.ndarray, np.ndarray], factor: int, slab: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["filiation.segmentation.measure"], "_SLAB", slab)
    labels, intensity = volume[0] * factor, volume[1]
    table = measure(labels, intensity, ("z", "y", "x"), SCALE, ("micrometer",) * 3)
    expected = regionprops_table(
        volume[0].astype(int),
        intensity,
        properties=(
            "label",
            "area",
            "centroid",
            "bbox",
            "intensity_mean",
            "intensity_max",
            "intensity_min",
            "intensity_std",
        ),
        spacing=SCALE,
    )
    ours = {name: np.asarray(table[name]) for name in table.column_names}
    assert np.array_equal(ours["label"], expected["label"] * factor)
    np.testing.assert_allclose(ours["volume"], expected["area"])
    for place, axis in enumerate("zyx"):
        np.testing.assert_allclose(ours[f"centroid_{axis}"], expected[f"centroid-{place}"])
        assert np.array_equal(ours[f"bbox_start_{axis}"], expected[f"bbox-{place}"])
        assert np.array_equal(ours[f"bbox_stop_{axis}"], expected[f"bbox-{place + 3}"])
    for ours_name, theirs in (("mean", "mean"), ("max", "max"), ("min", "min"), ("sd", "std")):
        np.testing.assert_allclose(ours[f"{ours_name}_intensity"], expected[f"intensity_{theirs}"])


@pytest.mark.parametrize("most_apart", [1, 2**18])
def test_a_volume_read_part_by_part_is_measured_as_at_once(
    volume: tuple[np.ndarray, np.ndarray], most_apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["filiation.segmentation.measure"], "_MOST_APART", most_apart)
    labels, intensity = volume
    intensity = intensity + 1e9  # a sum of squares would lose all digits of the deviation
    at_once = measure(labels, intensity, ("z", "y", "x"), SCALE)
    told: list[tuple[int, int]] = []
    in_parts = measure_volume(
        InMemory(labels),
        InMemory(intensity),
        ("z", "y", "x"),
        SCALE,
        lengths=(5, 7, 11),
        progress=lambda done, total: told.append((done, total)),
    )
    assert in_parts.schema == at_once.schema
    for name in at_once.column_names:
        np.testing.assert_allclose(in_parts[name], at_once[name], rtol=1e-7)
    assert told[0] == (0, 45)
    assert told[-1] == (45, 45)


def test_each_column_carries_its_unit(volume: tuple[np.ndarray, np.ndarray]) -> None:
    labels, intensity = volume
    schema = measure(labels, intensity, ("z", "y", "x"), SCALE, ("micrometer",) * 3).schema
    assert schema.field("volume").metadata == {b"unit": b"micrometer^3"}
    assert schema.field("centroid_y").metadata == {b"unit": b"micrometer"}
    assert schema.field("pixels").metadata == {b"unit": b"pixel"}
    assert schema.field("mean_intensity").metadata is None


def test_an_unknown_pixel_size_makes_no_unit() -> None:
    labels = np.array([[0, 1]])
    schema = measure(labels, labels, ("y", "x"), (1.0, 1.0)).schema
    assert schema.field("area").metadata is None


def test_an_image_without_objects_gives_an_empty_table() -> None:
    table = measure(np.zeros((3, 4), int), np.zeros((3, 4)), ("y", "x"), (1.0, 1.0))
    assert table.num_rows == 0
    assert table.column_names[:4] == ["label", "pixels", "area", "centroid_y"]


def test_an_image_of_another_shape_is_one_clear_error() -> None:
    with pytest.raises(BadInputError) as caught:
        measure(np.zeros((3, 4), int), np.zeros((3, 5)), ("y", "x"), (1.0, 1.0))
    assert str(caught.value) == (
        "Labels of shape (3, 4) and an image of shape (3, 5) cannot be measured with the axes y, x, 2 pixel sizes "
        "and 2 units: all must fit."
    )
