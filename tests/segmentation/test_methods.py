import numpy as np
import pytest
from scipy import ndimage

from filiation.errors import BadInputError
from filiation.images import open_source
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.images.synthetic_cells import Cells, cells
from filiation.segmentation import (
    LEARNED,
    METHODS,
    agreement,
    channels_of,
    hysteresis,
    log_watershed,
    membrane_distance,
    membrane_watershed,
    method_named,
    otsu_components,
    parameters_of,
)

WITHOUT_WEIGHTS = [name for name in METHODS if name not in LEARNED]
MORE = {"certainty": 1.0, "radius": 4, "extent": 9}
FOR_VOLUME = {"sigma": 0.75, "window": 15, "correction": 1.0, "spacing": 4, "minimum_size": 40, **MORE}
FOR_TISSUE = {"sigma": 1.5, "window": 15, "correction": 1.0, "spacing": 5, "minimum_size": 60, **MORE}


def taken_by(method: str, settings: dict[str, float]) -> dict[str, float]:
    """Return the settings that a method takes."""
    return {name: settings[name] for name in parameters_of(METHODS[method])}


def seen_by(method: str, pixels: np.ndarray) -> np.ndarray:
    """Return the pixels as often as a method takes channels."""
    channels = len(channels_of(method))
    return pixels if channels == 1 else np.stack([pixels] * channels)


@pytest.mark.slow
def test_otsu_watershed_finds_the_nuclei_of_the_default_volume() -> None:
    image, truth = nuclei3d()
    found = agreement(
        truth.data, method_named("otsu_watershed")(image.data, image.scale, **taken_by("otsu_watershed", FOR_VOLUME))
    )
    assert found.true == 117
    assert found.f1 >= 0.95
    assert found.aji >= 0.8


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_otsu_watershed_finds_the_nuclei_of_other_seeds(seed: int) -> None:
    image, truth = nuclei3d(Nuclei3D(seed=seed, shape=(24, 160, 160)))
    found = agreement(
        truth.data, METHODS["otsu_watershed"](image.data, image.scale, **taken_by("otsu_watershed", FOR_VOLUME))
    )
    assert found.f1 >= 0.9
    assert found.aji >= 0.75


@pytest.mark.slow
def test_local_threshold_finds_the_nuclei_too() -> None:
    image, truth = nuclei3d(Nuclei3D(seed=7, shape=(24, 160, 160)))
    settings = FOR_VOLUME | {"window": 20, "correction": 1.2}
    found = agreement(
        truth.data, METHODS["local_threshold"](image.data, image.scale, **taken_by("local_threshold", settings))
    )
    assert found.f1 >= 0.9
    assert found.aji >= 0.6


@pytest.mark.parametrize("method", ["otsu_watershed", "local_threshold"])
def test_the_tissue_has_a_plausible_number_of_nuclei(method: str) -> None:
    # Seen in the overlay: at 325 objects the outlines lie on nuclei, with some debris, some split and some merged.
    image = open_source("skimage:immunohistochemistry").fetch()
    settings = FOR_TISSUE | ({"correction": 1.1} if method == "local_threshold" else {})
    labels = METHODS[method](image.data, image.scale, **taken_by(method, settings))
    assert 270 <= labels.max() <= 380
    assert 150 <= np.median(np.bincount(labels.ravel())[1:]) <= 300


@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_labels_are_numbered_without_gaps_and_large_enough(method: str) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=2, shape=(16, 100, 100)))
    labels = METHODS[method](seen_by(method, image.data), image.scale, **taken_by(method, FOR_VOLUME))
    sizes = np.bincount(labels.ravel())
    assert labels.dtype == np.uint32
    assert np.array_equal(np.unique(labels), np.arange(len(sizes)))
    assert (sizes[1:] * np.prod(image.scale) >= 40).all()


def test_the_same_image_gives_the_same_labels() -> None:
    image, _ = nuclei3d(Nuclei3D(seed=2, shape=(16, 100, 100)))
    one, two = (
        METHODS["otsu_watershed"](image.data, image.scale, **taken_by("otsu_watershed", FOR_VOLUME)) for _ in range(2)
    )
    assert np.array_equal(one, two)


def test_lengths_are_physical_so_units_do_not_count() -> None:
    image, _ = nuclei3d(Nuclei3D(seed=2, shape=(16, 100, 100)))
    in_micrometres = METHODS["otsu_watershed"](image.data, image.scale, **taken_by("otsu_watershed", FOR_VOLUME))
    nanometres = tuple(size * 1024 for size in image.scale)
    settings = FOR_VOLUME | {
        "sigma": 0.75 * 1024,
        "window": 15 * 1024,
        "spacing": 4 * 1024,
        "minimum_size": 40 * 1024**3,
    }
    in_other_units = METHODS["otsu_watershed"](image.data, nanometres, **taken_by("otsu_watershed", settings))
    assert np.array_equal(in_micrometres, in_other_units)


@pytest.mark.parametrize("value", [0, 1234])
@pytest.mark.parametrize("method", WITHOUT_WEIGHTS)
def test_a_flat_image_has_no_objects(method: str, value: int) -> None:
    flat = np.full((40, 50), value, np.uint16)
    assert METHODS[method](seen_by(method, flat), (1.0, 1.0), **taken_by(method, FOR_TISSUE)).max() == 0


def test_an_unknown_method_is_one_clear_error() -> None:
    with pytest.raises(BadInputError) as caught:
        method_named("magic")
    assert str(caught.value) == (
        "There is no segmentation method 'magic'; known are otsu_watershed, local_threshold, otsu_components, "
        "hysteresis, log_watershed, membrane_watershed, membrane_distance, cellpose, stardist, instanseg."
    )


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "2", True, None])
def test_a_parameter_that_is_no_length_is_one_clear_error(value: object) -> None:
    with pytest.raises(BadInputError) as caught:
        METHODS["otsu_watershed"](
            np.zeros((9, 9)), (1.0, 1.0), **taken_by("otsu_watershed", FOR_TISSUE | {"sigma": value})
        )
    assert str(caught.value) == f"The parameter 'sigma' is a number of 0 or more; found {value!r}."


def test_a_window_that_is_too_small_is_one_clear_error() -> None:
    with pytest.raises(BadInputError) as caught:
        METHODS["local_threshold"](
            np.zeros((9, 9)), (1.0, 1.0), **taken_by("local_threshold", FOR_TISSUE | {"window": 1})
        )
    assert str(caught.value) == (
        "local_threshold compares with the surroundings: 'window' (1) must exceed 'sigma' (1.5)."
    )


def test_an_image_with_other_axes_is_one_clear_error() -> None:
    with pytest.raises(BadInputError) as caught:
        METHODS["otsu_watershed"](np.zeros((2, 2, 9, 9)), (1.0,) * 4, **taken_by("otsu_watershed", FOR_TISSUE))
    assert str(caught.value) == (
        "A segmentation method takes axes (y, x) or (z, y, x) with a pixel size each; "
        "found 4 dimensions and 4 pixel sizes."
    )


def spots(count: int, background: float = 200.0) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of bright spots that lie apart, under shot noise, and the truth."""
    random = np.random.default_rng(5)
    truth = np.zeros((24, 128, 128), np.uint32)
    z, y, x = np.mgrid[:24, :128, :128]
    for number in range(1, count + 1):
        centre = 4 + 16 * ((number - 1) % 2), 8 + 16 * ((number - 1) // 2 % 8), 8 + 16 * ((number - 1) // 16)
        radius = random.uniform(3, 5)
        truth[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= radius**2] = number
    return random.poisson(background + 600.0 * (truth > 0)).astype(np.uint16), truth


def test_otsu_components_finds_spots_that_lie_apart() -> None:
    image, truth = spots(100)
    labels = otsu_components(image, (1.0,) * 3, sigma=0.5, window=0, correction=1.0, minimum_size=10)
    found = agreement(truth, labels)
    assert found.true == 100
    assert found.f1 == 1.0
    assert found.aji >= 0.95


def test_hysteresis_follows_a_fibre_along_its_dim_parts_and_leaves_dim_noise() -> None:
    fibre = np.zeros((60, 200))
    fibre[28:32, 10:190] = np.linspace(60, 200, 180)
    fibre[5:9, 20:24] = fibre[50:54, 150:154] = 45
    image = np.random.default_rng(6).normal(fibre, 4)
    labels = hysteresis(image, (1.0, 1.0), sigma=0.7, window=0, correction=0.35, certainty=1.3, minimum_size=5)
    assert labels.max() == 1
    assert np.count_nonzero(labels[28:32, 10:190]) > 0.97 * 4 * 180
    both = hysteresis(image, (1.0, 1.0), sigma=0.7, window=0, correction=0.35, certainty=0.35, minimum_size=5)
    assert both.max() == 3


def test_hysteresis_finds_fibres_as_they_truly_are() -> None:
    random = np.random.default_rng(8)
    truth = np.zeros((120, 160), np.uint32)
    for number in range(1, 9):
        truth[14 * number - 6 : 14 * number - 1, 10 : 150 - 6 * number] = number
    fading = np.linspace(40, 240, 160) * (truth > 0)
    specks = 45.0 * (ndimage.binary_dilation(random.random(truth.shape) < 0.001, iterations=2) & (truth == 0))
    image = random.normal(fading + specks, 4)
    both, low, high = (
        agreement(truth, hysteresis(image, (1.0, 1.0), sigma=0.4, window=0, minimum_size=5, **factors))
        for factors in (
            {"correction": 0.3, "certainty": 1.2},
            {"correction": 0.3, "certainty": 0.3},
            {"correction": 1.2, "certainty": 1.2},
        )
    )
    assert both.f1 >= 0.95
    assert both.aji >= 0.95
    assert low.f1 < 0.8  # specks are objects
    assert high.aji < 0.82  # dim ends are lost


def test_a_high_threshold_below_the_low_one_is_refused() -> None:
    with pytest.raises(BadInputError, match=r"'certainty': 0\.5"):
        hysteresis(np.eye(9), (1.0, 1.0), sigma=0, window=0, correction=1.0, certainty=0.5, minimum_size=0)


def test_a_volume_of_three_columns_is_no_colour_image() -> None:
    # scikit-image takes an array whose last axis is 3 or 4 for RGB, and warns.
    volume = np.random.default_rng(1).integers(0, 100, (9, 9, 3))
    assert otsu_components(volume, (1.0,) * 3, sigma=0, window=0, correction=1.0, minimum_size=0).max() > 0


@pytest.mark.parametrize("seed", [7, 8])
def test_peaks_of_a_laplacian_of_gaussian_are_the_nuclei(seed: int) -> None:
    image, truth = nuclei3d(Nuclei3D(seed=seed, shape=(24, 160, 160)))
    found = agreement(truth.data, log_watershed(image.data, image.scale, **taken_by("log_watershed", FOR_VOLUME)))
    assert found.f1 >= 0.95
    assert found.aji >= 0.8


def test_a_laplacian_of_gaussian_parts_discs_that_overlap_by_half_their_radius() -> None:
    y, x = np.mgrid[:60, :90]
    discs = [np.exp(-((((y - 30) ** 2 + (x - middle) ** 2) / 12.0**2) ** 3)) for middle in (30, 48, 66)]
    image = 100 + 400 * np.max(discs, axis=0)
    labels = log_watershed(image, (0.5, 0.5), sigma=0.5, window=0, correction=0.8, radius=5.0, minimum_size=5)
    assert labels.max() == 3
    assert len({int(labels[30, middle]) for middle in (30, 48, 66)}) == 3


FOR_CELLS = {"sigma": 0.5, "window": 0, "correction": 1.0, "spacing": 5, "extent": 9, "minimum_size": 5}


@pytest.mark.parametrize("shape", [(256, 256), (24, 128, 128)])
def test_cells_grow_from_their_nuclei_to_their_membranes(shape: tuple[int, ...]) -> None:
    image, truth = cells(Cells(seed=7, shape=shape))
    found = agreement(truth.data, membrane_watershed(image.data, truth.scale, **FOR_CELLS))
    assert found.true > 50
    assert found.f1 >= 0.95
    assert found.aji >= 0.88


@pytest.mark.parametrize(("shape", "f1", "aji"), [((256, 256), 0.95, 0.85), ((24, 128, 128), 0.88, 0.8)])
def test_cells_are_found_by_their_membranes_alone(shape: tuple[int, ...], f1: float, aji: float) -> None:
    image, truth = cells(Cells(seed=7, shape=shape))
    settings = FOR_CELLS | {"sigma": 0.4, "correction": 0.9, "minimum_size": 60}
    found = agreement(truth.data, membrane_distance(image.data[1], truth.scale, **settings))
    assert found.f1 >= f1
    assert found.aji >= aji


def test_nuclei_alone_are_not_their_cells() -> None:
    # The ruler would tell a membrane channel that is not looked at: flat, borders lie anywhere between nuclei.
    image, truth = cells(Cells(seed=7))
    flat = np.stack([image.data[0], np.full_like(image.data[1], 500)])
    assert agreement(truth.data, membrane_watershed(flat, truth.scale, **FOR_CELLS)).aji < 0.8


def test_no_cell_reaches_further_from_its_nucleus_than_it_may() -> None:
    image, _ = cells(Cells(seed=7, shape=(128, 128)))
    near = membrane_watershed(image.data, (0.5, 0.5), **(FOR_CELLS | {"extent": 1.0}))
    far = membrane_watershed(image.data, (0.5, 0.5), **FOR_CELLS)
    assert near.max() == far.max()
    assert np.count_nonzero(near) < 0.5 * np.count_nonzero(far)


def test_one_channel_is_too_few_for_nuclei_and_membranes() -> None:
    with pytest.raises(BadInputError) as caught:
        membrane_watershed(np.zeros((9, 9)), (1.0, 1.0), **FOR_CELLS)
    assert str(caught.value) == (
        "membrane_watershed takes two channels, of the nuclei and of the membranes, with axes (c, y, x) or "
        "(c, z, y, x); found an array of shape (9, 9)."
    )


def test_a_blob_without_a_radius_is_refused() -> None:
    with pytest.raises(BadInputError, match="'radius' is a number above 0; found 0"):
        log_watershed(np.eye(9), (1.0, 1.0), sigma=0, window=0, correction=1.0, radius=0, minimum_size=0)
