"""Whatever the blocks, the objects are those of the whole volume."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.images.synthetic_cells import Cells, cells
from filiation.segmentation import METHODS, agreement, hysteresis, otsu_components
from filiation.segmentation.blockwise import (
    Grid,
    InMemory,
    Segmented,
    Stacked,
    Task,
    Volume,
    recipe_named,
    segment_volume,
)

Array = npt.NDArray[Any]
FOR_VOLUME = {"sigma": 0.75, "window": 0.0, "correction": 1.0, "spacing": 4, "minimum_size": 40}


def as_volume(pixels: Array, axes: int) -> Volume:
    """Return an array as a volume of so many axes of space; one more is of channels."""
    return InMemory(pixels) if pixels.ndim == axes else Stacked(tuple(InMemory(channel) for channel in pixels))


def blockwise(
    pixels: Array,
    scale: tuple[float, ...],
    method: str,
    parameters: dict[str, float],
    lengths: tuple[int, ...],
    halo: tuple[int, ...],
    *,
    processes: int = 1,
) -> tuple[Array, Segmented]:
    """Segment in blocks; the halo is lengthened to what the method needs at least."""
    recipe, volume = recipe_named(method), as_volume(pixels, len(scale))
    shape = volume.shape
    least = Task(volume, scale, recipe, parameters, Grid(shape, shape, (0,) * len(shape)), Path()).least_halo()
    halo = tuple(max(pair) for pair in zip(halo, least, strict=True))
    lengths = tuple(max(pair) for pair in zip(lengths, halo, strict=True))
    labels = InMemory.empty(shape)
    with tempfile.TemporaryDirectory() as folder:
        task = Task(volume, scale, recipe, parameters, Grid(shape, lengths, halo), Path(folder) / "scratch")
        said = segment_volume(task, labels, minimum_size=parameters.get("minimum_size", 0.0), processes=processes)
        assert not task.scratch.exists()
    return labels.array, said


def same_partition(one: Array, other: Array) -> bool:
    """Tell whether two label images part the voxels alike, whatever the numbers are."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return all(len(np.unique(side)) == pairs.shape[1] for side in pairs) and bool(np.array_equal(one == 0, other == 0))


VOLUMES = st.one_of(
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=24),
    hnp.array_shapes(min_dims=3, max_dims=3, min_side=3, max_side=12),
).flatmap(
    lambda shape: st.builds(
        # Noise as thin as this has many components that meet only diagonally, at faces, edges and corners.
        lambda seed, density: (np.random.default_rng(seed).random(shape) < density) * 100.0,
        st.integers(0, 2**32),
        st.sampled_from([0.1, 0.2, 0.3, 0.45]),
    )
)


@pytest.mark.slow
@settings(max_examples=40)
@given(volume=VOLUMES, data=st.data())
def test_components_are_those_of_the_whole_volume(volume: Array, data: st.DataObject) -> None:
    shape = volume.shape
    lengths = tuple(data.draw(st.integers(-(-length // 4), length)) for length in shape)
    halo = tuple(data.draw(st.integers(0, 3)) for _ in shape)
    sigma = data.draw(st.sampled_from([0.0, 0.4, 1.0]))
    minimum = data.draw(st.sampled_from([0.0, 3.0]))
    parameters = {"sigma": sigma, "window": 0.0, "correction": 1.0}
    scale = (1.0,) * volume.ndim
    whole = otsu_components(volume, scale, **parameters, minimum_size=minimum)
    parts, said = blockwise(volume, scale, "otsu_components", parameters | {"minimum_size": minimum}, lengths, halo)
    assert same_partition(whole, parts)
    assert said.count == whole.max() == parts.max()
    assert not said.cut


@pytest.mark.slow
@settings(max_examples=40)
@given(volume=VOLUMES, data=st.data())
def test_hysteresis_keeps_what_is_sure_in_any_block(volume: Array, data: st.DataObject) -> None:
    lengths = tuple(data.draw(st.integers(-(-length // 4), length)) for length in volume.shape)
    parameters = {"sigma": 0.6, "window": 0.0, "correction": 0.6, "certainty": 1.5, "minimum_size": 0.0}
    scale = (1.0,) * volume.ndim
    whole = hysteresis(volume, scale, **parameters)
    parts, _ = blockwise(volume, scale, "hysteresis", parameters, lengths, (0,) * volume.ndim)
    assert same_partition(whole, parts)


@pytest.mark.parametrize("step", [(1, 1, 1), (1, 1, -1), (1, -1, 1), (0, 1, 1), (1, 0, -1)])
def test_a_diagonal_bridge_between_blocks_joins(step: tuple[int, int, int]) -> None:
    # Two voxels that meet at a corner or an edge, exactly where eight blocks meet.
    volume = np.zeros((8, 8, 8))
    first = tuple(3 if by >= 0 else 4 for by in step)
    volume[first] = volume[tuple(at + by for at, by in zip(first, step, strict=True))] = 100
    parameters = {"sigma": 0.0, "window": 0.0, "correction": 1.0}
    labels, said = blockwise(volume, (1.0,) * 3, "otsu_components", parameters, (4, 4, 4), (1, 1, 1))
    assert said.count == 1
    assert np.count_nonzero(labels == 1) == 2


@settings(max_examples=4)
@given(
    seed=st.integers(0, 1000),
    lengths=st.tuples(st.sampled_from([16, 24, 32]), st.sampled_from([48, 72]), st.sampled_from([50, 64, 100])),
)
@example(seed=122, lengths=(16, 72, 50))  # one cluster reaches further than the halo, and is told
@pytest.mark.slow
def test_a_watershed_is_that_of_the_whole_volume_but_for_what_is_told_to_reach_beyond_the_halo(
    seed: int, lengths: tuple[int, int, int]
) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=seed, shape=(32, 110, 110)))
    whole = METHODS["otsu_watershed"](image.data, image.scale, **FOR_VOLUME)
    # Clusters of touching nuclei are filled and parted together: a halo of a few nuclei holds what matters.
    parts, said = blockwise(image.data, image.scale, "otsu_watershed", FOR_VOLUME, lengths, (24, 40, 40))
    if not said.cut:
        assert said.count == whole.max()
    told = np.isin(parts, said.cut)
    sure = np.where(told, 0, parts)
    as_sure = np.isin(whole, whole[sure > 0]) & (whole > 0)
    assert sure.any()
    assert same_partition(np.where(as_sure, whole, 0), sure)
    # Whatever else the whole volume has lies where objects were told: nothing is lost in silence.
    assert set(np.unique(whole[~as_sure])) - {0} <= set(np.unique(whole[told]))


@pytest.mark.slow
def test_a_local_threshold_with_its_surroundings_is_that_of_the_whole_volume() -> None:
    image, _ = nuclei3d(Nuclei3D(seed=3, shape=(24, 128, 128)))
    parameters = FOR_VOLUME | {"window": 8.0, "correction": 1.15}
    whole = METHODS["local_threshold"](image.data, image.scale, **parameters)
    parts, _ = blockwise(image.data, image.scale, "local_threshold", parameters, (24, 64, 64), (24, 60, 60))
    assert same_partition(whole, parts)


def test_an_object_that_no_block_sees_whole_is_told() -> None:
    image, _ = nuclei3d(Nuclei3D(seed=3, shape=(16, 96, 96)))
    _, said = blockwise(image.data, image.scale, "otsu_watershed", FOR_VOLUME, (16, 32, 32), (0, 0, 0))
    assert said.cut
    assert all(1 <= number <= said.count for number in said.cut)


@pytest.mark.parametrize("seed", [3, 4])
def test_peaks_of_a_laplacian_of_gaussian_are_those_of_the_whole_volume(seed: int) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=seed, shape=(24, 96, 96)))
    parameters = {"sigma": 0.75, "window": 0.0, "correction": 1.0, "radius": 4.0, "minimum_size": 40}
    whole = METHODS["log_watershed"](image.data, image.scale, **parameters)
    parts, said = blockwise(image.data, image.scale, "log_watershed", parameters, (24, 48, 48), (24, 40, 40))
    assert said.count == whole.max()
    assert same_partition(whole, parts)


@pytest.mark.parametrize("method", ["membrane_watershed", "membrane_distance"])
def test_cells_of_blocks_are_those_of_the_whole_tissue(method: str) -> None:
    image, truth = cells(Cells(seed=5, shape=(200, 220)))
    parameters = {"sigma": 0.5, "window": 0.0, "correction": 1.0, "spacing": 5.0, "extent": 9.0, "minimum_size": 5}
    pixels = image.data if method == "membrane_watershed" else image.data[1]
    whole = METHODS[method](pixels, truth.scale, **parameters)
    parts, said = blockwise(pixels, truth.scale, method, parameters, (80, 70), (70, 70))
    assert said.count == whole.max() > 40
    assert agreement(whole, parts).f1 == 1.0
    assert np.count_nonzero(whole != 0) == np.count_nonzero(parts != 0)
    assert same_partition(whole, parts)
