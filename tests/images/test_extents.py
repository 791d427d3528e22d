"""The objects of a label image, found and taken out chunk by chunk, are the objects that were written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from filiation.errors import BadInputError
from filiation.images import LabelImage, extents, ome_zarr, store_format, write_labels
from filiation.images.extents import masks, packed, survey, unpacked
from filiation.images.image import Pixels
from filiation.images.multiscale import Multiscale

SHAPES = st.one_of(
    st.tuples(st.just("yx"), st.tuples(*[st.integers(1, 13)] * 2)),
    st.tuples(st.just("zyx"), st.tuples(*[st.integers(1, 9)] * 3)),
    st.tuples(st.just("tzyx"), st.tuples(*[st.integers(1, 5)] * 4)),
)
TYPES = st.sampled_from(["uint8", "uint16", "int32", "uint64"])


@st.composite
def label_images(draw: st.DrawFn) -> LabelImage:
    axes, shape = draw(SHAPES)
    values = st.sampled_from([0, 0, 1, 2, 7, 100])
    return LabelImage(draw(arrays.arrays(draw(TYPES), shape, elements=values)), tuple(axes))


@pytest.mark.slow
@settings(max_examples=40)
@given(label_images(), st.integers(1, 60))
def test_masks_decode_back_to_the_labels_voxel_for_voxel(labels: LabelImage, budget: int) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(store_format, "_PLANE_CHUNK", 5)
        patch.setattr(store_format, "_DEPTH_CHUNK", 3)
        patch.setattr(extents, "MOST_PIXELS", budget)
        write_labels(Path(folder) / "nuclei.zarr", labels)

        found = survey(Path(folder) / "nuclei.zarr")
        every = [extent for own in found.objects() for extent in own]
        again = np.zeros(labels.shape, labels.data.dtype)
        for extent, mask in masks(found.store, every):
            box = again[extent.plane][extent.region[-2:]]
            box[unpacked(packed(mask), extent.height, extent.width)] = extent.label
            assert mask.any(axis=0)[[0, -1]].all()
            assert mask.any(axis=1)[[0, -1]].all()

    np.testing.assert_array_equal(again, labels.data)
    assert found.labels == labels.values
    assert sorted(own[0].label for own in found.objects()) == list(labels.values)


def test_a_mask_is_packed_row_by_row_with_the_first_pixel_in_the_highest_bit() -> None:
    mask = np.array([[1, 0, 0], [0, 1, 1], [1, 1, 1]], bool)

    assert packed(mask) == bytes([0b10001111, 0b10000000])
    with pytest.raises(BadInputError, match="A mask of 5 x 4 pixels needs 3 bytes; found 2"):
        unpacked(packed(mask), 5, 4)


def test_nothing_larger_than_a_few_chunks_is_read_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.zeros((40, 300, 600), np.uint32)
    labels[2:38, 10:290, 10:590] = 5
    labels[39, 1, 1] = 6
    write_labels(tmp_path / "large.zarr", LabelImage(labels, ("z", "y", "x")))
    reads: list[int] = []
    read = ome_zarr.read_pixels

    def counted(store: Multiscale, region: tuple[slice, ...] = ()) -> Pixels:
        pixels = read(store, region)
        reads.append(pixels.size)
        return pixels

    monkeypatch.setattr(extents, "read_pixels", counted)
    monkeypatch.setattr(extents, "MOST_PIXELS", 2**21)

    found = survey(tmp_path / "large.zarr")
    pixels = {
        extent.plane: int(mask.sum())
        for own in found.objects()
        for extent, mask in masks(found.store, list(own))
    }  # fmt: skip

    assert max(reads) <= 2**21
    assert sum(reads) <= 2 * labels.size + 2**21
    assert pixels == {(z,): 280 * 580 for z in range(2, 38)} | {(39,): 1}


def test_what_is_no_label_image_is_refused(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(BadInputError, match=r"raw\.ome\.zarr is no label image: .* no 'image-label' block"):
        survey(raw)


def test_a_label_image_without_objects_has_none(tmp_path: Path) -> None:
    write_labels(tmp_path / "empty.zarr", LabelImage(np.zeros((4, 5), np.uint8), ("y", "x")))

    found = survey(tmp_path / "empty.zarr")

    assert (found.labels, list(found.objects())) == ((), [])
