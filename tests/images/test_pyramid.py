import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filiation.images.pyramid import LevelPlan, plan_pyramid, shrink_by_mean, shrink_to_nearest, steps_between


def test_thick_slices_are_brought_towards_equal_pixel_sizes_first() -> None:
    levels = plan_pyramid(("z", "y", "x"), (40, 1000, 1000), (2.0, 0.5, 0.5))
    assert [level.shape for level in levels] == [(40, 1000, 1000), (40, 500, 500), (40, 250, 250), (20, 125, 125)]
    assert [level.scale for level in levels] == [(2, 0.5, 0.5), (2, 1, 1), (2, 2, 2), (4, 4, 4)]


def test_a_coarser_pixel_lies_in_the_middle_of_those_it_covers() -> None:
    levels = plan_pyramid(("y", "x"), (400, 400), (0.5, 0.5))
    assert [level.translation for level in levels] == [(0.0, 0.0), (0.25, 0.25), (0.75, 0.75)]


def test_time_and_channels_are_never_halved() -> None:
    levels = plan_pyramid(("t", "c", "y", "x"), (8, 4, 300, 300), (1.0, 1.0, 1.0, 1.0))
    assert [level.shape for level in levels] == [(8, 4, 300, 300), (8, 4, 150, 150), (8, 4, 75, 75)]


def test_a_small_image_has_one_level() -> None:
    assert plan_pyramid(("y", "x"), (128, 3), (1.0, 1.0)) == (LevelPlan((128, 3), (1.0, 1.0), (0.0, 0.0)),)


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 3000), st.integers(1, 3000)),
    scale=st.tuples(*[st.floats(1e-3, 1e3)] * 3),
)
def test_every_plan_ends_and_halves_or_leaves_each_axis(shape: tuple[int, ...], scale: tuple[float, ...]) -> None:
    levels = plan_pyramid(("z", "y", "x"), shape, scale)
    assert max(levels[-1].shape[1:]) <= 128
    for finer, coarser in itertools.pairwise(levels):
        steps = steps_between(finer, coarser)
        assert set(steps) <= {1, 2}
        assert coarser.shape == tuple(-(-length // step) for length, step in zip(finer.shape, steps, strict=True))


def test_the_mean_is_over_what_is_there() -> None:
    data = np.array([[0, 2, 9], [4, 6, 5], [8, 8, 100]], np.uint8)
    assert shrink_by_mean(data, (2, 2)).tolist() == [[3, 7], [8, 100]]


@given(hnp.arrays(np.uint16, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9)), st.data())
def test_a_mean_is_no_larger_or_smaller_than_its_pixels(data: np.ndarray, draw: st.DataObject) -> None:
    steps = tuple(draw.draw(st.integers(1, 2)) for _ in data.shape)
    small = shrink_by_mean(data, steps)
    assert small.dtype == data.dtype
    assert data.min() <= small.min() <= small.max() <= data.max()


def test_the_nearest_pixel_is_the_first_of_those_covered() -> None:
    data = np.arange(25).reshape(5, 5)
    full, level = LevelPlan((5, 5), (1.0, 1.0), (0.0, 0.0)), LevelPlan((3, 3), (2.0, 2.0), (0.5, 0.5))
    assert np.array_equal(shrink_to_nearest(data, full, level), data[::2, ::2])
