"""Images that show the same pixels are found, wherever these are, and others are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Picture

from filiation.errors import BadInputError, NotFoundError
from filiation.images import Image, write_image
from filiation.images.overlaps import Overlap, find_overlaps
from filiation.images.planes import ArrayPlanes, open_planes
from filiation.images.prints import EVERY, Prints, take_prints

Array = NDArray[np.generic]
SHIPPED = Path(skimage.__file__).parent / "data"


def noise(seed: int, *shape: int) -> NDArray[np.uint16]:
    return np.random.default_rng(seed).poisson(200, shape).astype(np.uint16)


def overlaps(*images: Array) -> tuple[Overlap, ...]:
    planes = [ArrayPlanes(image) for image in images]
    return find_overlaps([take_prints(each) for each in planes], planes.__getitem__)


def real(name: str) -> Array:
    return np.asarray(Picture.open(SHIPPED / name))


@given(st.data())
def test_two_crops_are_found_to_overlap_wherever_they_lie(data: st.DataObject):
    whole = noise(data.draw(st.integers(0, 9)), 2, 200, 230)
    corners = [(data.draw(st.integers(0, 100)), data.draw(st.integers(0, 130))) for _ in range(2)]
    one, other = (whole[:, y : y + 100, x : x + 100] for y, x in corners)
    (y, x), (below, right) = corners
    height, width = 100 - abs(y - below), 100 - abs(x - right)
    found = overlaps(one, other[1:])
    if min(height, width) >= 48:
        assert len(found) == 1
    for overlap in found:
        assert overlap.planes == (1, 0)
        assert overlap.offset == (below - y, right - x)
        assert overlap.shape == (height, width)
        assert overlap.equal == 1


@pytest.mark.parametrize("name", ["ihc.png", "cell.png"])
def test_a_crop_of_a_real_micrograph_is_found(name: str):
    pixels = real(name)
    crop = np.moveaxis(pixels[201:291, 103:200], -1, 0) if pixels.ndim == 3 else pixels[201:291, 103:200]
    whole = np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels
    (overlap,) = overlaps(whole, crop)
    assert (overlap.corner, overlap.shape, overlap.equal) == ((201, 103), (90, 97), 1)


def test_parts_of_one_micrograph_that_do_not_overlap_are_not_found_to():
    pixels = real("cell.png")
    assert overlaps(pixels[:300], pixels[300:600]) == ()


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint64", "float32", "float64"])
def test_the_type_of_the_pixels_does_not_matter_if_their_values_are_the_same(dtype: str):
    pixels = noise(1, 90, 90) % 256
    (overlap,) = overlaps(pixels, pixels.astype(dtype))
    assert overlap.shape == (90, 90)


def test_fractions_are_told_apart_from_the_whole_numbers_that_they_round_to():
    pixels = noise(1, 90, 90).astype(np.float64)
    assert overlaps(pixels, pixels + 0.25) == ()
    assert len(overlaps(pixels + 0.25, (pixels + 0.25)[3:, 5:])) == 1


def test_a_background_is_no_evidence_even_with_the_same_objects_in_it():
    flat = np.full((300, 300), 100, np.uint16)
    one, other = flat.copy(), flat.copy()
    one[40:60, 40:60] = noise(1, 20, 20)
    other[200:220, 90:110] = noise(2, 20, 20)
    gradient = np.add.outer(np.arange(300), np.arange(300)).astype(np.uint16)
    assert overlaps(flat, flat, one, other, gradient, gradient[7:, 7:]) == ()


def test_a_repeated_pattern_is_no_evidence():
    tile = noise(1, 25, 25)
    assert overlaps(np.tile(tile, (8, 8)), np.tile(tile, (6, 7))) == ()


def test_the_same_scale_bar_burnt_into_different_images_is_no_overlap():
    label = noise(3, 30, 90)
    images = [noise(seed, 300, 300) for seed in (1, 2)]
    for image in images:
        image[250:280, 200:290] = label
    prints = [take_prints(ArrayPlanes(image)) for image in images]
    assert len(np.intersect1d(prints[0].hashes, prints[1].hashes)) > 0
    assert overlaps(*images) == ()


def test_an_image_with_something_drawn_over_is_still_found():
    pixels = noise(1, 300, 300)
    edited = pixels[20:].copy()
    edited[100:150, 100:200] = 0
    (overlap,) = overlaps(pixels, edited)
    assert overlap.offset == (20, 0)
    assert 0.5 < overlap.equal < 1


def test_one_image_in_many_others_is_found_in_each():
    whole = noise(1, 600, 600)
    crops = [whole[10 * n : 10 * n + 200, 5 * n : 5 * n + 200] for n in range(40)]
    found = {overlap.second for overlap in overlaps(whole, *crops) if overlap.first == 0}
    assert found == set(range(1, 41))


def test_what_is_not_worth_comparing_is_left_out():
    pixels = noise(1, 90, 90)
    prints = [take_prints(ArrayPlanes(pixels))] * 3
    planes = ArrayPlanes(pixels)
    found = find_overlaps(prints, lambda _number: planes, worth=lambda one, other: (one, other) == (0, 2))
    assert [(overlap.first, overlap.second) for overlap in found] == [(0, 2)]


def test_prints_are_as_many_as_promised_and_none_of_what_is_too_small():
    prints = take_prints(ArrayPlanes(noise(1, 3, 400, 500)))
    expected = 3 * 385 * 485 / EVERY
    assert abs(len(prints) - expected) < 5 * expected**0.5
    assert len(take_prints(ArrayPlanes(noise(1, 15, 500)))) == 0
    assert overlaps() == ()


@given(st.integers(17, 80), st.integers(17, 80))
def test_prints_do_not_depend_on_the_blocks_in_which_an_image_is_read(height: int, width: int):
    from filiation.images import prints as module

    pixels = noise(height * 100 + width, height, width)
    whole = take_prints(ArrayPlanes(pixels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", 16)
        parts = take_prints(ArrayPlanes(pixels))
    assert [list(values) for values in _fields(whole)] == [list(values) for values in _fields(parts)]


def _fields(prints: Prints) -> tuple[Array, ...]:
    return prints.hashes, prints.planes, prints.rows, prints.columns


def test_of_very_many_prints_the_same_choice_is_kept_in_every_image(monkeypatch: pytest.MonkeyPatch):
    from filiation.images import prints as module

    pixels = noise(1, 500, 500)
    monkeypatch.setattr(module, "MOST", 1000)
    few = take_prints(ArrayPlanes(pixels))
    assert 0 < len(few) <= 1000
    monkeypatch.undo()
    crop = pixels[100:300, 100:300]
    planes = [ArrayPlanes(pixels), ArrayPlanes(crop)]
    (overlap,) = find_overlaps([few, take_prints(planes[1])], planes.__getitem__)
    assert overlap.corner == (100, 100)


def test_stores_tiff_and_pictures_have_the_same_planes(tmp_path: Path):
    pixels = noise(1, 3, 60, 70).astype(np.uint8)
    write_image(tmp_path / "image.ome.zarr", Image(pixels, ("c", "y", "x")))
    tifffile.imwrite(tmp_path / "image.tif", pixels, photometric="minisblack")
    colours = np.moveaxis(pixels, 0, -1)
    tifffile.imwrite(tmp_path / "colours.tif", colours, photometric="rgb")
    Picture.fromarray(colours).save(tmp_path / "image.png")
    for name in ("image.ome.zarr", "image.tif", "colours.tif", "image.png"):
        planes = open_planes(tmp_path / name)
        assert (planes.count, planes.shape) == (3, (60, 70)), name
        np.testing.assert_array_equal(planes.read(2, slice(5, 20), slice(7, 9)), pixels[2, 5:20, 7:9], name)


def test_what_is_no_image_is_refused_with_its_name(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / "torn.tif").write_bytes(b"II*\0torn")
    (tmp_path / "torn.png").write_bytes(b"\x89PNG torn")
    for name in ("notes.txt", "torn.tif", "torn.png"):
        with pytest.raises(BadInputError, match=name):
            open_planes(tmp_path / name)
    with pytest.raises(NotFoundError):
        open_planes(tmp_path / "nothing.tif")
