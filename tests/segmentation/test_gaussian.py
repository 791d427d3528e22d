"""The Gaussian filter, against SciPy's and against itself on parts of an image."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from filiation.segmentation.gaussian import gaussian

SHAPES = st.lists(st.integers(1, 12), min_size=1, max_size=3)


@settings(max_examples=60)
@given(shape=SHAPES, data=st.data())
def test_it_is_that_of_scipy(shape: list[int], data: st.DataObject) -> None:
    widths = [data.draw(st.sampled_from([0.0, 0.4, 1.0, 2.7])) for _ in shape]
    pixels = np.random.default_rng(data.draw(st.integers(0, 9))).integers(0, 60_000, shape, np.uint16)
    radii = [int(3 * width + 0.5) for width in widths]
    expected = ndimage.gaussian_filter(pixels.astype(np.float64), widths, truncate=3.0)
    assert gaussian(pixels, widths, radii) == pytest.approx(expected, rel=1e-5)


def test_a_part_is_to_the_last_bit_that_of_the_whole() -> None:
    # Wider and higher than the strips that are worked on together.
    pixels = np.random.default_rng(1).normal(size=(9, 400, 700)).astype(np.float32)
    widths, radii = (1.0, 1.5, 2.0), (3, 5, 6)
    whole = gaussian(pixels, widths, radii)
    part = gaussian(pixels[1:, 33:301, 21:340], widths, radii)
    assert np.array_equal(part[3:, 5:-5, 6:-6], whole[4:, 38:296, 27:334])


def test_an_image_without_pixels_stays_so() -> None:
    assert gaussian(np.zeros((0, 4)), (1.0, 1.0), (3, 3)).shape == (0, 4)
