import numpy as np
import pytest

from filiation.images.synthetic import Nuclei3D, nuclei3d


@pytest.fixture(scope="module")
def volume():
    return nuclei3d(Nuclei3D(seed=7, shape=(24, 128, 128)))


def test_the_same_recipe_gives_the_same_volume(volume) -> None:
    image, truth = volume
    again, same_truth = nuclei3d(Nuclei3D(seed=7, shape=(24, 128, 128)))
    assert np.array_equal(again.data, image.data)
    assert np.array_equal(same_truth.data, truth.data)


def test_another_seed_gives_another_volume(volume) -> None:
    image, _ = volume
    other, _ = nuclei3d(Nuclei3D(seed=8, shape=(24, 128, 128)))
    assert not np.array_equal(other.data, image.data)


def test_the_volume_is_a_fluorescence_image_with_physical_sizes(volume) -> None:
    image, truth = volume
    assert (image.axes, image.scale, image.units) == (("z", "y", "x"), (1.0, 0.5, 0.5), ("micrometer",) * 3)
    assert image.data.dtype == np.uint16
    assert image.data.max() < 65535
    inside, outside = image.data[truth.data > 0].mean(), image.data[truth.data == 0].mean()
    assert inside > 2 * outside


def test_each_nucleus_has_a_plausible_volume(volume) -> None:
    _, truth = volume
    assert truth.values == tuple(range(1, len(truth.values) + 1))
    cubic_micrometres = np.bincount(truth.data.ravel())[1:] * 0.25
    assert 150 < np.median(cubic_micrometres) < 900


def test_the_background_is_uneven(volume) -> None:
    image, truth = volume
    background = np.where(truth.data == 0, image.data, np.nan)
    corners = [
        np.nanmean(background[:, y, x])
        for y in (slice(0, 40), slice(-40, None))
        for x in (slice(0, 40), slice(-40, None))
    ]
    assert max(corners) > 1.3 * min(corners)


def test_a_full_volume_takes_no_more_nuclei() -> None:
    _, truth = nuclei3d(Nuclei3D(seed=1, shape=(16, 64, 64), nuclei=100_000))
    assert 1 < len(truth.values) < 100
