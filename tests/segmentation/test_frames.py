"""Methods for 2-D and 3-D applied to planes and time points."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage

from filiation.errors import BadInputError
from filiation.segmentation import measure, measure_frames, overlay_frames, segment_frames

AXES = {1: ("z", "y", "x"), 2: ("t", "y", "x"), 3: ("t", "z", "y", "x"), 0: ("y", "x")}


def components(pixels: np.ndarray, scale: tuple[float, ...]) -> np.ndarray:
    assert len(scale) == pixels.ndim
    labels, _ = ndimage.label(pixels)
    return labels


@given(st.sampled_from(sorted(AXES)), st.sampled_from(["volume", "plane"]), st.data())
def test_each_part_is_what_the_method_says_of_it_alone_and_no_label_is_in_two(
    kind: int, each: str, data: st.DataObject
) -> None:
    axes = AXES[kind]
    pixels = data.draw(npst.arrays(bool, st.tuples(*(st.integers(1, 4) for _ in axes))))
    labels = segment_frames(pixels, axes, (2.0,) * len(axes), components, each=each)
    apart = [axis for axis in axes if axis == "t" or (axis == "z" and each == "plane")]
    seen: set[int] = set()
    for part in itertools.product(*(range(length) for length in pixels.shape[: len(apart)])):
        alone, _ = ndimage.label(pixels[part])
        here = labels[part]
        pairs = set(zip(alone.ravel().tolist(), here.ravel().tolist(), strict=True))
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
        assert np.array_equal(alone > 0, here > 0)
        values = set(np.unique(here).tolist()) - {0}
        assert not values & seen
        seen |= values
    assert seen == set(range(1, len(seen) + 1))


def test_a_method_sees_the_pixel_sizes_of_what_it_is_given() -> None:
    seen = []

    def method(pixels: np.ndarray, scale: tuple[float, ...]) -> np.ndarray:
        seen.append((pixels.shape, scale))
        return np.zeros(pixels.shape, int)

    pixels, axes, scale = np.zeros((2, 1, 3, 4)), ("t", "z", "y", "x"), (60.0, 2.0, 0.5, 0.25)
    segment_frames(pixels, axes, scale, method)
    segment_frames(pixels, axes, scale, method, each="plane")
    assert seen == [((1, 3, 4), (2.0, 0.5, 0.25))] * 2 + [((3, 4), (0.5, 0.25))] * 2


def test_objects_of_neighbouring_planes_are_joined_where_they_overlap_and_never_over_time() -> None:
    volume = np.zeros((4, 8, 12), bool)
    volume[0:3, 1:4, 1:4] = True  # through three planes
    volume[1, 1:4, 6:9] = volume[2, 4:7, 6:9] = True  # two that touch, and lie nowhere above each other
    volume[3, 1:4, 3:6] = True  # a third of the first
    joined = segment_frames(volume, AXES[1], (1.0,) * 3, components, each="joined planes")
    assert [np.unique(joined[plane]).tolist() for plane in range(4)] == [[0, 1], [0, 1, 2], [0, 1, 3], [0, 4]]
    assert np.array_equal(joined > 0, volume)
    film = segment_frames(np.stack([volume, volume]), AXES[3], (1.0,) * 4, components, each="joined planes")
    assert np.array_equal(film[0], joined)
    assert np.array_equal(film[1], np.where(joined > 0, joined + 4, 0))
    flat = segment_frames(volume[0], AXES[0], (1.0,) * 2, components, each="joined planes")
    assert np.array_equal(flat, components(volume[0], (1.0,) * 2))


def test_a_method_of_several_channels_sees_them_along_a_first_axis() -> None:
    random = np.random.default_rng(2)
    one, other = random.integers(0, 9, (2, 3, 4, 5))

    def brighter(pixels: np.ndarray, scale: tuple[float, ...]) -> np.ndarray:
        assert (pixels.shape, scale) == ((2, 4, 5), (0.5, 0.25))
        return (pixels[0] > pixels[1]).astype(int)

    labels = segment_frames([one, other], ("t", "y", "x"), (60.0, 0.5, 0.25), brighter)
    assert np.array_equal(labels > 0, one > other)
    assert [int(frame.max()) for frame in labels] == [1, 2, 3]


def test_what_a_method_sees_is_a_volume_or_a_plane() -> None:
    with pytest.raises(BadInputError) as caught:
        segment_frames(np.zeros((2, 2)), ("y", "x"), (1, 1), components, each="slice")
    assert str(caught.value) == (
        "What a method sees at once is one of volume, plane, joined planes; 'slice' is none of them."
    )


def test_a_series_is_measured_time_point_by_time_point() -> None:
    random = np.random.default_rng(3)
    labels = random.integers(0, 3, (3, 4, 5))
    intensity = random.integers(0, 100, (3, 4, 5))
    table = measure_frames(labels, intensity, ("t", "y", "x"), (90.0, 0.5, 0.5), ("second", "micrometer", "micrometer"))
    assert table.column_names[:3] == ["label", "t", "time"]
    assert table.schema.field("time").metadata == {b"unit": b"second"}
    for time in range(3):
        alone = measure(labels[time], intensity[time], ("y", "x"), (0.5, 0.5), ("micrometer", "micrometer"))
        here = table.filter(np.array(table["t"]) == time)
        assert set(here["time"].to_pylist()) == {90.0 * time}
        assert here.drop_columns(["t", "time"]).equals(alone)
    with pytest.raises(BadInputError, match="they must be of one shape"):
        measure_frames(labels, intensity[:2], ("t", "y", "x"), (1, 1, 1))


def test_the_picture_of_a_series_shows_time_points_side_by_side() -> None:
    labels = np.zeros((20, 30, 40), int)
    labels[:, 10:20, 10:20] = 1
    picture = overlay_frames(labels, labels, ("t", "y", "x"))
    single = overlay_frames(labels[0], labels[0], ("y", "x"))
    height, width, _ = picture.shape
    assert (height, width) == (30 * 5, 6 * 40 * 5 + 5 * 8)
    assert single.shape == (900, 1200, 3)
    with pytest.raises(BadInputError, match="do not fit"):
        overlay_frames(labels, labels[:3], ("t", "y", "x"))
