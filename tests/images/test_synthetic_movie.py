"""The generated movie: the same each time, and its truth is one of cells that move, grow and divide."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from filiation.errors import BadInputError
from filiation.images import open_source
from filiation.images.synthetic_movie import Filmed, Movie, film


@pytest.fixture(scope="module")
def filmed() -> Filmed:
    return film(Movie(seed=5, shape=(16, 128, 160), cells=7))


def test_the_same_recipe_gives_the_same_movie_and_another_seed_another(filmed: Filmed) -> None:
    again = film(Movie(seed=5, shape=(16, 128, 160), cells=7))
    assert np.array_equal(again.image.data, filmed.image.data)
    assert np.array_equal(again.truth.data, filmed.truth.data)
    assert again.parents == filmed.parents
    assert not np.array_equal(film(Movie(seed=6, shape=(16, 128, 160), cells=7)).image.data, filmed.image.data)


def test_the_movie_has_two_named_channels_and_physical_sizes(filmed: Filmed) -> None:
    image, truth = filmed.image, filmed.truth
    assert (image.axes, image.shape) == (("t", "c", "y", "x"), (16, 2, 128, 160))
    assert (image.scale, image.units) == ((300.0, 1.0, 0.5, 0.5), ("second", "", "micrometer", "micrometer"))
    assert image.channels == ("nuclei", "cytoplasm")
    assert (truth.axes, truth.scale) == (("t", "y", "x"), (300.0, 0.5, 0.5))
    nuclei, inside = image.one_channel("nuclei").data, truth.data > 0
    assert nuclei[inside].mean() > 2 * nuclei[~inside].mean()


def test_a_nucleus_is_there_without_a_gap_until_it_divides_and_overlaps_with_itself(filmed: Filmed) -> None:
    assert len(filmed.parents) >= 4
    seen = {
        value: [time for time, frame in enumerate(filmed.truth.data) if (frame == value).any()]
        for value in filmed.truth.values
    }
    for value, times in seen.items():
        assert times == list(range(times[0], times[-1] + 1))
        mother = filmed.parents.get(value)
        assert times[0] == (0 if mother is None else seen[mother][-1] + 1)
        assert times[-1] == 15 or value in filmed.parents.values()
        for before, after in itertools.pairwise(times):
            one, other = filmed.truth.data[before] == value, filmed.truth.data[after] == value
            assert (one & other).sum() > 0.3 * (one | other).sum()
    for mother in set(filmed.parents.values()):
        assert list(filmed.parents.values()).count(mother) == 2


def test_a_uri_names_every_parameter() -> None:
    source = open_source("synthetic:movie?shape=2,64,64&cells=2")
    assert source.identify().iri == "synthetic:movie?seed=7&shape=2,64,64&cells=2"
    assert source.fetch().shape == (2, 2, 64, 64)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("shape=2,64", "expected 3 whole numbers"),
        ("shape=2,32,64", "needs a seed of 0 or more and a shape of at least 1,64,64"),
        ("cells=0", "Between 1 and 10000 cells can be placed; found 0."),
        ("frames=3", "gives the parameter 'frames'; each of seed, shape, cells may be given once"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(query: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        open_source(f"synthetic:movie?{query}")
