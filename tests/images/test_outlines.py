"""Polygons around objects keep their promise: within the tolerance both ways, and pixels beyond it on their side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import binary_fill_holes, gaussian_filter
from skimage.measure import points_in_poly

from filiation.images.extents import Mask
from filiation.images.outlines import Ring, outlines, simplified

Points = npt.NDArray[np.float64]
ANY_NEIGHBOUR = np.ones((3, 3), bool)
MASKS = arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12)))
TOLERANCES = st.floats(0.05, 4)


@st.composite
def blobs(draw: st.DrawFn) -> Mask:
    """Round shapes as objects have them, of one or more pieces."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    smooth = gaussian_filter(random.random((40, 50)), draw(st.floats(1, 5)))
    return smooth > np.quantile(smooth, draw(st.floats(0.3, 0.95)))


def inside(rings: tuple[Ring, ...], shape: tuple[int, ...]) -> Mask:
    """Return for each pixel whether its centre is inside one of some polygons."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
    found = np.zeros(len(centres), bool)
    for ring in rings:
        found |= points_in_poly(centres, ring)
    return found.reshape(shape)


def along(ring: Ring) -> Points:
    """Return points close together along a polygon."""
    ends = np.roll(ring, -1, axis=0)
    share = np.linspace(0, 1, 20, endpoint=False)[:, None, None]
    return (ring + share * (ends - ring)).reshape(-1, 2)


def distances(points: Points, ring: Ring) -> Points:
    """Return how far points are from a polygon's outline."""
    begin, way = ring.astype(float), (np.roll(ring, -1, axis=0) - ring).astype(float)
    offset = points[:, None, :] - begin
    share = np.clip((offset * way).sum(-1) / np.maximum((way**2).sum(-1), 1e-12), 0, 1)
    return np.hypot(*np.moveaxis(offset - share[..., None] * way, -1, 0)).min(axis=1)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.one_of(MASKS, blobs()), st.sampled_from([0.0, 0.2, 0.49]))
def test_below_half_a_pixel_polygons_are_the_object_with_its_holes_filled(mask: Mask, tolerance: float) -> None:
    found = outlines(mask, tolerance)

    filled = binary_fill_holes(mask, structure=ANY_NEIGHBOUR)
    np.testing.assert_array_equal(inside(found.rings, mask.shape), filled)
    assert bool(found.holes) == bool((filled != mask).any())


@settings(max_examples=25)
@given(st.one_of(MASKS, blobs()), TOLERANCES)
def test_no_point_is_further_off_than_the_tolerance_in_either_direction(mask: Mask, tolerance: float) -> None:
    for ring in outlines(mask).rings:
        polygon = simplified(ring, tolerance)
        assert distances(along(polygon), ring).max() <= tolerance + 1e-9
        assert distances(along(ring), polygon).max() <= tolerance + 1e-9


@pytest.mark.slow
@settings(max_examples=60)
@given(st.one_of(MASKS, blobs()), TOLERANCES)
def test_every_pixel_further_from_the_outline_than_the_tolerance_is_on_its_right_side(
    mask: Mask, tolerance: float
) -> None:
    y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
    centres = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
    for ring in outlines(mask).rings:
        far = (distances(centres, ring) > tolerance).reshape(mask.shape)
        right, seen = inside((ring,), mask.shape), inside((simplified(ring, tolerance),), mask.shape)
        np.testing.assert_array_equal(seen[far], right[far])


@given(st.one_of(MASKS, blobs()), st.floats(0.1, 50))
def test_no_piece_is_lost_however_small_it_is(mask: Mask, tolerance: float) -> None:
    exact, found = outlines(mask), outlines(mask, tolerance)

    assert len(found.rings) == len(exact.rings)
    assert all(len(ring) >= 3 for ring in found.rings)
    assert sum(len(ring) for ring in found.rings) <= sum(len(ring) for ring in exact.rings)


def test_a_disc_needs_few_corners() -> None:
    y, x = np.mgrid[:100, :100]

    found = outlines(np.hypot(x - 50, y - 50) < 40, 1.0)

    assert len(found.rings) == 1
    assert len(found.rings[0]) < 40
    assert found.holes == 0


@pytest.mark.parametrize(
    ("rows", "pieces", "holes"),
    [(["#.", ".#"], 2, 0), (["###", "#.#", "###"], 1, 1), (["##.", "#.#", "###"], 1, 0), (["..."], 0, 0)],
)
def test_pieces_and_holes_are_counted(rows: list[str], pieces: int, holes: int) -> None:
    found = outlines(np.array([[cell == "#" for cell in row] for row in rows]))

    assert (len(found.rings), found.holes) == (pieces, holes)
