"""Tracking by overlap: against movies whose truth is known, and against what must hold of any series."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from filiation.errors import BadInputError
from filiation.images.synthetic_movie import Movie, film
from filiation.segmentation import (
    Track,
    Tracked,
    method_named,
    segment_frames,
    track,
    track_agreement,
    track_properties,
    tracks_table,
    tracks_text,
)

SERIES = npst.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 6)),
                     elements=st.integers(0, 3))  # fmt: skip


def parents(tracked: Tracked) -> dict[int, int]:
    return {each.label: each.parent for each in tracked.tracks if each.parent is not None}


@pytest.mark.parametrize("seed", [1, 4, 7])
def test_every_link_of_a_generated_movie_is_found_and_from_a_segmentation_nearly_every_one(seed: int) -> None:
    filmed = film(Movie(seed, (14, 160, 160), 8))
    tracked = track(shuffle(filmed.truth.data, seed))
    result = track_agreement(filmed.truth.data, filmed.parents, tracked.labels, parents(tracked))
    assert result.true_divisions >= 3
    assert (result.matched, result.found) == (result.true, result.true)
    assert (result.matched_divisions, result.found_divisions) == (result.true_divisions, result.true_divisions)

    nuclei = filmed.image.one_channel("nuclei")
    otsu = method_named("otsu_watershed")
    values = {"sigma": 1.0, "window": 0.0, "correction": 1.0, "spacing": 4.0, "minimum_size": 20.0}
    labels = segment_frames(nuclei.data, nuclei.axes, nuclei.scale, lambda seen, scale: otsu(seen, scale, **values))
    tracked = track(labels)
    result = track_agreement(filmed.truth.data, filmed.parents, tracked.labels, parents(tracked))
    assert result.recall > 0.95
    assert result.precision > 0.95


def shuffle(labels: np.ndarray, seed: int) -> np.ndarray:
    """Give the objects of each time point other labels, in any order."""
    random = np.random.default_rng(seed)
    highest = int(labels.max())
    return np.stack([np.append(0, random.permutation(highest) + 1 + 100 * t)[each] for t, each in enumerate(labels)])


@settings(max_examples=150, deadline=None)
@given(SERIES, st.integers(0, 2), st.booleans(), st.floats(0.05, 1))
def test_tracks_part_the_pixels_as_the_labels_do_and_say_when_they_are_seen(
    labels: np.ndarray, gap: int, divisions: bool, overlap: float
) -> None:
    tracked = track(labels, minimum_overlap=overlap, divisions=divisions, longest_gap=gap)
    assert [each.label for each in tracked.tracks] == list(range(1, len(tracked.tracks) + 1))
    for before, after in zip(labels, tracked.labels, strict=True):
        pairs = set(zip(before.ravel().tolist(), after.ravel().tolist(), strict=True))
        assert len({one for one, _ in pairs}) == len({other for _, other in pairs}) == len(pairs)
        assert np.array_equal(before > 0, after > 0)
    seen = {
        each.label: [time for time, frame in enumerate(tracked.labels) if (frame == each.label).any()]
        for each in tracked.tracks
    }
    for each in tracked.tracks:
        times = seen[each.label]
        assert (each.first, each.last) == (times[0], times[-1])
        assert set(each.missing) == set(range(times[0], times[-1])) - set(times)
        assert all(later - earlier <= gap + 1 for earlier, later in itertools.pairwise(times))
        if each.parent is not None:
            assert divisions
            assert seen[each.parent][-1] == each.first - 1
    mothers = list(parents(tracked).values())
    assert all(mothers.count(mother) == 2 for mother in mothers)


@settings(max_examples=60, deadline=None)
@given(SERIES, st.integers(0, 1), st.integers(0, 1000))
def test_how_objects_were_numbered_does_not_matter(labels: np.ndarray, gap: int, seed: int) -> None:
    one, other = track(labels, longest_gap=gap), track(shuffle(labels, seed), longest_gap=gap)
    assert np.array_equal(one.labels, other.labels)
    assert one.tracks == other.tracks


@settings(max_examples=60, deadline=None)
@given(SERIES)
def test_a_series_is_followed_as_it_comes(labels: np.ndarray) -> None:
    whole = track(labels)
    for length in range(1, len(labels)):
        assert np.array_equal(track(labels[:length]).labels, whole.labels[:length])


def line(*objects: tuple[int, int, int], length: int = 24) -> np.ndarray:
    """Draw objects, (label, start, stop) each, in a row of pixels."""
    pixels = np.zeros((1, length), int)
    for label, start, stop in objects:
        pixels[0, start:stop] = label
    return pixels


def test_an_object_that_is_missing_for_a_while_is_the_same_one_only_if_a_gap_is_allowed() -> None:
    series = np.stack([line((1, 2, 8)), line(), line(), line((1, 3, 9))])
    assert track(series).tracks == (Track(1, 0, 0), Track(2, 3, 3))
    assert track(series, longest_gap=1).tracks == (Track(1, 0, 0), Track(2, 3, 3))
    assert track(series, longest_gap=2).tracks == (Track(1, 0, 3, missing=(1, 2)),)


def test_a_mother_that_divided_does_not_come_back() -> None:
    series = np.stack([line((1, 2, 12)), line((1, 2, 7), (2, 8, 13)), line(), line((1, 2, 12))])
    assert track(series, longest_gap=3).tracks[:3] == (Track(1, 0, 0), Track(2, 1, 3, 1, (2,)), Track(3, 1, 1, 1))


def test_a_small_neighbour_that_appears_is_no_daughter() -> None:
    series = np.stack([line((1, 2, 12)), line((1, 2, 11), (2, 11, 13))])
    assert track(series).tracks == (Track(1, 0, 1), Track(2, 1, 1))


def test_a_neighbour_that_goes_on_is_no_daughter() -> None:
    series = np.stack([line((1, 2, 12), (2, 12, 18)), line((1, 2, 8), (2, 9, 18))])
    assert track(series).tracks == (Track(1, 0, 1), Track(2, 0, 1))


def test_objects_that_do_not_divide_go_on_as_their_larger_part() -> None:
    series = np.stack([line((1, 2, 12)), line((1, 2, 8), (2, 8, 12))])
    assert track(series).tracks == (Track(1, 0, 0), Track(2, 1, 1, 1), Track(3, 1, 1, 1))
    assert track(series, divisions=False).tracks == (Track(1, 0, 1), Track(2, 1, 1))


def test_a_chain_of_overlaps_is_matched_as_a_whole() -> None:
    # One by one the best pair, 2 with 2, would leave 1 and 3 alone.
    series = np.stack([line((1, 0, 6), (2, 6, 12)), line((1, 0, 2), (2, 3, 9), (3, 9, 13))])
    tracks = track(series, divisions=False, minimum_overlap=0.2).tracks
    assert tracks == (Track(1, 0, 1), Track(2, 0, 1), Track(3, 1, 1))


def test_large_labels_are_followed_too() -> None:
    series = np.stack([line((2**31, 2, 8)), line((4, 3, 9))])
    assert track(series).tracks == (Track(1, 0, 1),)


@pytest.mark.parametrize(
    "wrong", [{"minimum_overlap": 0}, {"minimum_overlap": 1.1}, {"balance": 2}, {"longest_gap": -1}]
)
def test_a_parameter_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInputError, match="Tracking takes a smallest overlap above 0 and at most 1"):
        track(np.zeros((1, 2, 2), int), **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInputError, match="found 1 axis"):
        track(np.zeros(3, int))


def test_tracks_are_told_as_table_text_and_properties() -> None:
    tracks = (Track(1, 0, 4, missing=(2,)), Track(2, 5, 6, parent=1), Track(3, 5, 9, parent=1))
    assert tracks_table(tracks).to_pylist() == [
        {"label": 1, "first": 0, "last": 4, "parent": None, "missing": [2]},
        {"label": 2, "first": 5, "last": 6, "parent": 1, "missing": []},
        {"label": 3, "first": 5, "last": 9, "parent": 1, "missing": []},
    ]
    assert tracks_text(tracks) == "1 0 4 0\n2 5 6 1\n3 5 9 1\n"
    assert track_properties(tracks) == {
        1: {"first": 0, "last": 4, "daughters": [2, 3], "missing": [2]},
        2: {"first": 5, "last": 6, "parent": 1},
        3: {"first": 5, "last": 9, "parent": 1},
    }
    assert tracks_table(()).num_rows == 0


def test_a_wrong_link_counts_against_precision_and_a_missed_division_against_recall() -> None:
    truth = np.stack([line((1, 2, 12)), line((2, 2, 7), (3, 7, 12))])
    found = np.stack([line((5, 2, 12)), line((5, 2, 7), (6, 7, 12))])
    result = track_agreement(truth, {2: 1, 3: 1}, found, {})
    assert (result.true, result.found, result.matched) == (2, 1, 1)
    assert (result.recall, result.precision) == (0.5, 1.0)
    assert (result.true_divisions, result.found_divisions, result.matched_divisions) == (1, 0, 0)
    other = np.stack([found[0], np.where(found[1] > 0, found[1] + 7, 0)])
    perfect = track_agreement(truth, {2: 1, 3: 1}, other, {12: 5, 13: 5})
    assert (perfect.recall, perfect.precision, perfect.matched_divisions) == (1.0, 1.0, 1)
    with pytest.raises(BadInputError, match="cannot be compared"):
        track_agreement(truth, {}, found[:1], {})
