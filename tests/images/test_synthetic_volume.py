from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from filiation.errors import BadInputError
from filiation.images import fetch_into, open_source, pixel_digest, pixel_digest_of_array, read_image
from filiation.images.synthetic_volume import AXES, Beads3D

RECIPE = Beads3D(seed=3, shape=(40, 300, 270))
WHOLE = tuple(slice(0, length) for length in RECIPE.shape)


@pytest.mark.slow
def test_any_part_is_that_of_the_whole() -> None:
    truth, pixels = RECIPE.truth(WHOLE), RECIPE.pixels(WHOLE)
    for region in (
        (slice(0, 1), slice(0, 1), slice(0, 1)),
        (slice(15, 33), slice(250, 260), slice(255, 270)),
        (slice(7, 40), slice(100, 300), slice(3, 269)),
    ):
        assert np.array_equal(RECIPE.truth(region), truth[region])
        assert np.array_equal(RECIPE.pixels(region), pixels[region])


def test_every_bead_lies_apart_from_the_others() -> None:
    truth = RECIPE.truth(WHOLE)
    assert RECIPE.count == 2 * 9 * 8
    assert np.array_equal(np.unique(truth), np.arange(RECIPE.count + 1))
    _, pieces = ndimage.label(truth > 0, np.ones((3, 3, 3)))
    assert pieces == RECIPE.count
    assert np.bincount(truth.ravel())[1:].min() > 200


def test_beads_are_brighter_than_their_surroundings() -> None:
    truth, pixels = RECIPE.truth(WHOLE), RECIPE.pixels(WHOLE)
    assert abs(pixels[truth > 0].mean() - 800) < 5
    assert abs(pixels[truth == 0].mean() - 200) < 1
    assert abs(pixels[truth == 0].std() - 200**0.5) < 1


@pytest.mark.slow
def test_a_store_streamed_from_the_recipe_holds_the_pixels_of_its_identity(tmp_path: Path) -> None:
    source = open_source("synthetic:beads3d?shape=40,300,270&seed=3")
    identity = fetch_into(source, tmp_path / "beads.ome.zarr")
    assert identity.iri == "synthetic:beads3d?seed=3&shape=40,300,270"
    stored = read_image(tmp_path / "beads.ome.zarr")
    assert stored.channels == ("beads",)
    assert np.array_equal(stored.data, source.fetch().data)
    assert identity.pixels == pixel_digest(tmp_path / "beads.ome.zarr") == source.identify().pixels
    assert identity.pixels == pixel_digest_of_array(stored.data, AXES)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("synthetic:beads3d?shape=8,32,32", "at least 16,32,32"),
        ("synthetic:beads3d?shape=8,32", "3 whole numbers with commas"),
        ("synthetic:beads3d?nuclei=8", "nuclei"),
        ("synthetic:worms", "known are nuclei3d, beads3d, cells, movie and plate"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_one_clear_error(uri: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        open_source(uri)


def test_a_volume_larger_than_memory_is_not_handed_over_whole() -> None:
    with pytest.raises(BadInputError, match="write it to a store and read parts"):
        open_source("synthetic:beads3d?shape=1024,4096,4096").fetch()
