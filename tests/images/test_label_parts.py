"""Chunks of labels that several jobs have left, put together to one label image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.images import (
    Image,
    LabelPart,
    LabelStore,
    StoreFormat,
    check_store,
    label_parts,
    read_labels,
    write_image,
)

SHAPE = (20, 300, 270)
HALVES = ((slice(0, 16), slice(0, 300), slice(0, 270)), (slice(16, 20), slice(0, 300), slice(0, 270)))


@pytest.fixture
def labels() -> np.ndarray:
    found = np.zeros(SHAPE, np.uint32)
    found[2:18, 10:290, 5:265] = 1
    found[0, 0, 0] = 2
    return found


@pytest.fixture(params=[StoreFormat(), StoreFormat("0.4"), StoreFormat(sharded=True)], ids=["0.5", "0.4", "shards"])
def store(tmp_path: Path, request: pytest.FixtureRequest) -> LabelStore:
    raw = Image(np.zeros(SHAPE, np.uint16), ("z", "y", "x"), (1.0, 0.5, 0.5))
    write_image(tmp_path / "raw.ome.zarr", raw, request.param)
    begun = LabelStore(
        tmp_path / "nuclei.ome.zarr",
        ("z", "y", "x"),
        SHAPE,
        (1.0, 0.5, 0.5),
        ("",) * 3,
        "nuclei",
        "../raw.ome.zarr",
        written_in=(16, 512, 512),
    )
    begun.begin()
    return begun


def parts(folder: Path, labels: np.ndarray, store: LabelStore) -> list[LabelPart]:
    made = []
    for number, region in enumerate(HALVES):
        part = LabelPart.begun(folder / f"part-{number}", store)
        part.write(region, labels[region])
        made.append(part)
    return made


@pytest.mark.parametrize("linked", [True, False])
def test_parts_of_several_jobs_become_one_label_image(
    tmp_path: Path, labels: np.ndarray, store: LabelStore, linked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not linked:

        def refuse(path: Path, target: Path) -> None:
            raise OSError("another file system")

        monkeypatch.setattr(label_parts.Path, "hardlink_to", refuse)
    store.take(parts(tmp_path, labels, store))
    store.finish([1, 2])
    assert np.array_equal(read_labels(store.path).data, labels)
    assert not check_store(store.path)


def test_a_chunk_that_two_jobs_have_left_is_told(tmp_path: Path, labels: np.ndarray, store: LabelStore) -> None:
    first, second = parts(tmp_path, labels, store)
    second.write(HALVES[0], labels[HALVES[0]])
    with pytest.raises(BadInputError, match="two jobs have labelled one block"):
        store.take([first, second])


def test_chunks_of_another_image_are_refused(tmp_path: Path, store: LabelStore) -> None:
    other = LabelPart.begun(tmp_path / "other", replace(store, shape=(20, 300, 271), source=None))
    with pytest.raises(BadInputError, match=r"of shape \(20, 300, 271\) in chunks of .* and do not go into"):
        store.take([other])


def test_a_region_of_parts_of_chunks_is_refused(tmp_path: Path, store: LabelStore) -> None:
    part = LabelPart.begun(tmp_path / "part", store)
    with pytest.raises(BadInputError, match=r"parts of (chunks|shards)"):
        part.write((slice(0, 8), slice(0, 300), slice(0, 270)), np.zeros((8, 300, 270), np.uint32))
