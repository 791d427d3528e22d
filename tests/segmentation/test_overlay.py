import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.segmentation import overlay


def test_outlines_are_drawn_and_the_rest_stays_grey() -> None:
    pixels = np.arange(1200 * 600, dtype=np.float64).reshape(1200, 600)
    labels = np.zeros((1200, 600), int)
    labels[100:200, 300:500] = 3
    picture = overlay(pixels, labels, colour=lambda label: (label, 200, 0))
    assert (picture.shape, picture.dtype) == ((1200, 600, 3), np.uint8)
    coloured = (picture[..., 0] != picture[..., 1]) | (picture[..., 1] != picture[..., 2])
    expected = np.zeros((1200, 600), bool)
    expected[100:200, 300:500] = True
    expected[101:199, 301:499] = False
    assert np.array_equal(coloured, expected)
    assert picture[100, 300].tolist() == [3, 200, 0]


def test_a_volume_is_shown_along_z() -> None:
    pixels = np.zeros((3, 60, 60))
    labels = np.zeros((3, 60, 60), int)
    pixels[1, 10:30, 10:30], labels[1, 10:30, 10:30] = 100, 1
    pixels[2, 20:50, 20:50], labels[2, 20:50, 20:50] = 50, 2
    picture = overlay(pixels, labels)
    assert picture.shape == (1200, 1200, 3)
    assert picture[500, 300].tolist() == [255, 255, 255]  # the brighter nucleus hides the other


def test_a_flat_image_without_objects_can_be_drawn() -> None:
    assert not overlay(np.full((10, 10), 7), np.zeros((10, 10), int)).any()


def test_shapes_must_match() -> None:
    with pytest.raises(BadInputError) as caught:
        overlay(np.zeros((3, 3)), np.zeros((3, 4), int))
    assert str(caught.value) == (
        "An overlay takes an image and labels of one shape with axes (y, x) or (z, y, x); found (3, 3) and (3, 4)."
    )
