"""Differences of known edits are found exactly, whatever the labels and however the image is cut into blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.errors import BadInputError
from filiation.images import LabelImage, pixel_digest, write_labels
from filiation.images.label_differences import (
    Change,
    ObjectChange,
    changes_in,
    compare_arrays,
    compare_labels,
)

CELL = 8
"""Objects stand in cells of a grid, so that an edit of one touches no other."""
EDITS = ("leave", "remove", "split", "merge", "move", "rename", "add")


def _cell(number: int) -> slice:
    return slice(number * CELL, (number + 1) * CELL)


@settings(max_examples=60, deadline=None)
@given(edits=st.lists(st.sampled_from(EDITS), min_size=1, max_size=8), seed=st.integers(0, 10_000))
def test_the_differences_of_known_edits_are_found_exactly(edits: list[str], seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = (random.permutation(5000)[: 4 * len(edits)] + 1).tolist()
    old = np.zeros((6, CELL * len(edits)), np.uint32)
    new = old.copy()
    expected = []
    unchanged = 0
    for number, edit in enumerate(edits):
        mine, other, third = labels[4 * number : 4 * number + 3]
        here_old, here_new = old[:, _cell(number)], new[:, _cell(number)]
        here_old[1:5, 1:7] = mine  # 24 voxels
        here_new[1:5, 1:7] = mine
        if edit == "leave":
            unchanged += 1
        elif edit == "remove":
            here_new[:] = 0
            expected.append(ObjectChange(Change.REMOVED, (mine,), (), 24, 0, 0, 24))
        elif edit == "split":
            at = int(random.integers(2, 6))
            here_new[1:5, at:7] = other
            after = tuple(sorted((mine, other)))
            expected.append(ObjectChange(Change.SPLIT, (mine,), after, 24, 24, 0, 0))
        elif edit == "merge":
            at = int(random.integers(2, 6))
            here_old[1:5, at:7] = other
            before = tuple(sorted((mine, other)))
            expected.append(ObjectChange(Change.MERGED, before, (mine,), 24, 24, 0, 0))
        elif edit == "move":
            grown, shrunk = int(random.integers(0, 7)), int(random.integers(1, 7))
            here_new[0, 1 : 1 + grown] = mine
            here_new[4, 1 : 1 + shrunk] = 0
            expected.append(ObjectChange(Change.MOVED, (mine,), (mine,), 24, 24 + grown - shrunk, grown, shrunk))
        elif edit == "rename":
            here_new[1:5, 1:7] = third
            expected.append(ObjectChange(Change.RENAMED, (mine,), (third,), 24, 24, 0, 0))
        else:
            here_old[:] = 0
            expected.append(ObjectChange(Change.ADDED, (), (mine,), 0, 24, 24, 0))
    found = compare_arrays(old, new)
    assert set(found) == set(expected)
    assert len(found) == len(expected)
    assert len(compare_arrays(old, old)) == 0


def test_objects_that_were_parted_and_joined_crosswise_are_rearranged() -> None:
    old, new = np.array([1] * 6 + [2] * 6), np.array([1] * 2 + [3] * 8 + [2] * 2)
    (found,) = compare_arrays(old, new)
    assert (found.change, found.before, found.after, found.gained, found.lost) == (
        Change.REARRANGED, (1, 2), (1, 2, 3), 0, 0
    )  # fmt: skip


def test_stores_are_compared_block_by_block_with_their_pixel_digests(
    tmp_path: Path, nuclei: Path, labels: LabelImage
) -> None:
    data = labels.data.copy()
    data[1:4, 10:40, 20:35] = 9
    data[0, 0, 0] = 12
    write_labels(tmp_path / "new.ome.zarr", replace(labels, data=data, properties=None))
    seen: list[tuple[int, int]] = []
    found = compare_labels(nuclei, tmp_path / "new.ome.zarr", lambda done, total: seen.append((done, total)))
    assert [(each.change, each.before, each.after) for each in found.changes] == [
        (Change.ADDED, (), (12,)),
        (Change.SPLIT, (1,), (1, 9)),
    ]
    assert (found.unchanged, found.voxels) == (1, 3 * 30 * 15 + 1)
    assert (found.old, found.new) == (pixel_digest(nuclei), pixel_digest(tmp_path / "new.ome.zarr"))
    assert seen[-1] == (1, 1)
    assert changes_in(found.table()) == found.changes
    assert found.of_object(9) == found.changes[1]
    assert found.of_object(7) is None
    assert found.counted()["split"] == 1


def test_what_cannot_be_compared_is_refused(tmp_path: Path, nuclei: Path, labels: LabelImage) -> None:
    write_labels(tmp_path / "cut.ome.zarr", replace(labels, data=labels.data[:, :-1], source=None, properties=None))
    with pytest.raises(BadInputError, match="not of the same grid"):
        compare_labels(nuclei, tmp_path / "cut.ome.zarr")
    with pytest.raises(BadInputError, match="below 0"):
        compare_arrays(np.array([-1]), np.array([0]))
