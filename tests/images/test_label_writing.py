from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05 import Image as ModelImage

from filiation.errors import BadInputError
from filiation.images import ChannelVolume, Image, LabelImage, LabelStore, read_labels, write_image, write_labels
from filiation.images.multiscale import open_multiscale
from filiation.images.regions import regions_of

AXES, SCALE, UNITS = ("z", "y", "x"), (2.0, 0.5, 0.5), ("micrometer",) * 3
SHAPE = (21, 300, 517)


@pytest.fixture
def labels() -> np.ndarray:
    values = np.zeros(SHAPE, np.uint32)
    for number in range(1, 6):
        values[number : number + 9, 40 * number : 40 * number + 31, 90 * number : 90 * number + 60] = number
    return values


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(1).integers(0, 4000, (2, *SHAPE)).astype(np.uint16)
    write_image(tmp_path / "raw.ome.zarr", Image(pixels, ("c", *AXES), (1.0, *SCALE), ("", *UNITS)))
    return tmp_path / "raw.ome.zarr"


def test_labels_written_in_parts_are_those_written_at_once(tmp_path: Path, image: Path, labels: np.ndarray) -> None:
    volume = ChannelVolume(image, 1)
    store = LabelStore(
        tmp_path / "parts.ome.zarr", AXES, volume.shape, volume.scale, volume.units, "nuclei", "../raw.ome.zarr"
    )
    store.begin()
    assert not store.path.exists()
    for region in regions_of(SHAPE, (16, 256, 256)):
        pickle.loads(pickle.dumps(store)).write(region, labels[region])  # noqa: S301: our own bytes
    told: list[tuple[int, int]] = []
    properties = {number: {"pixels": int((labels == number).sum())} for number in range(1, 6)}
    store.finish(range(1, 6), properties, progress=lambda done, total: told.append((done, total)))
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1]

    at_once = tmp_path / "once.ome.zarr"
    write_labels(at_once, LabelImage(labels, AXES, SCALE, UNITS, "nuclei", "../raw.ome.zarr", properties))
    one, other = open_multiscale(store.path), open_multiscale(at_once)
    assert len(one.levels) == len(other.levels) > 1
    for here, there in zip(one.levels, other.levels, strict=True):
        assert (here.scale, here.translation) == (there.scale, there.translation)
        assert np.array_equal(here.array[...], there.array[...])
    assert one.image_label == other.image_label
    assert read_labels(store.path).properties == properties
    ModelImage.from_zarr(zarr.open_group(store.path, mode="r"))


def test_regions_that_cut_chunks_are_refused(tmp_path: Path, labels: np.ndarray) -> None:
    store = LabelStore(tmp_path / "cut.ome.zarr", AXES, SHAPE, SCALE, UNITS)
    store.begin()
    with pytest.raises(BadInputError, match="multiples of a chunk"):
        store.write((slice(0, 16), slice(0, 100), slice(0, 256)), labels[:16, :100, :256])


def test_a_channel_is_read_part_by_part(image: Path) -> None:
    whole = open_multiscale(image).full.array[1]
    volume = pickle.loads(pickle.dumps(ChannelVolume(image, 1)))  # noqa: S301: our own bytes
    assert (volume.axes, volume.shape, volume.scale, volume.units) == (AXES, SHAPE, SCALE, UNITS)
    region = (slice(3, 20), slice(250, 260), slice(0, 517))
    assert np.array_equal(volume.read(region), whole[region])


def test_a_channel_that_is_not_there_is_told(image: Path) -> None:
    with pytest.raises(BadInputError, match=r"has 2 channel\(s\), counted from 0; channel 2 was asked for"):
        ChannelVolume(image, 2)
    with pytest.raises(BadInputError, match=r"has 1 time point\(s\)"):
        ChannelVolume(image, 0, 1)
    with pytest.raises(BadInputError, match=r"has 4 resolution\(s\)"):
        ChannelVolume(image, level=4)


def test_a_lower_resolution_is_read_for_viewing(image: Path) -> None:
    volume = ChannelVolume(image, 1).for_viewing(300)
    assert (volume.level, volume.shape, volume.scale) == (1, (21, 150, 259), (2.0, 1.0, 1.0))
    region = (slice(0, 21), slice(0, 150), slice(100, 200))
    assert np.array_equal(volume.read(region), open_multiscale(image).levels[1].array[1][region])
    assert ChannelVolume(image).for_viewing(10).level == 3
