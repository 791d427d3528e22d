"""How a volume is worked on: by several processes, with breaks, and with errors that say what to do."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from filiation.errors import BadInputError, OutOfMemoryError
from filiation.images import ChannelVolume, LabelStore, read_labels, write_image
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.segmentation import METHODS
from filiation.segmentation.blockwise import Box, Grid, InMemory, Task, by_agreement, recipe_named, segment_volume

PARAMETERS = {"sigma": 0.75, "window": 0.0, "correction": 1.0}
SPOTS = np.kron(np.eye(4), np.ones((6, 6))) * 100.0


def task(array: npt.NDArray[np.float64], folder: Path, **changes: object) -> Task:
    given = {
        "volume": InMemory(array),
        "scale": (1.0, 1.0),
        "recipe": recipe_named("otsu_components"),
        "parameters": PARAMETERS,
        "grid": Grid(array.shape, (8, 8), (3, 3)),
        "scratch": folder / "scratch",
    }
    return Task(**(given | changes))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Breaking:
    """A volume whose reading fails from some place on, and that notes what was read."""

    array: npt.NDArray[np.float64]
    read_boxes: list[Box]
    limit: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    def read(self, box: Box) -> npt.NDArray[np.float64]:
        if len(self.read_boxes) >= self.limit:
            raise OSError("the disk went away")
        self.read_boxes.append(box)
        return self.array[box]


def test_work_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    blocks = 9
    whole = InMemory.empty(SPOTS.shape)
    segment_volume(task(SPOTS, tmp_path), whole)
    first = Breaking(SPOTS, [], 2 * blocks + 4)  # two passes over all for the threshold, then four blocks
    with pytest.raises(OSError, match="the disk went away") as caught:
        segment_volume(task(SPOTS, tmp_path, volume=first), InMemory.empty(SPOTS.shape))
    assert caught.value.__notes__ == ["This was in block 4 of 9 (pixels 8 to 16, 8 to 16)."]
    second = Breaking(SPOTS, [], 100)
    labels = InMemory.empty(SPOTS.shape)
    segment_volume(task(SPOTS, tmp_path, volume=second), labels)
    assert len(second.read_boxes) == blocks - 4
    assert np.array_equal(labels.array, whole.array)


def test_what_another_task_left_is_not_gone_on_with(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="the disk went away"):
        segment_volume(task(SPOTS, tmp_path, volume=Breaking(SPOTS, [], 22)), InMemory.empty(SPOTS.shape))
    again = Breaking(SPOTS, [], 100)
    segment_volume(task(SPOTS, tmp_path, volume=again), InMemory.empty(SPOTS.shape), identity={"image": "another"})
    assert len(again.read_boxes) == 27


@pytest.mark.slow
def test_several_processes_write_the_label_image_of_one(tmp_path: Path) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=4, shape=(16, 290, 290)))
    write_image(tmp_path / "raw.ome.zarr", image)
    volume = ChannelVolume(tmp_path / "raw.ome.zarr")
    parameters = PARAMETERS | {"spacing": 4.0, "minimum_size": 40.0}
    labels = LabelStore(
        tmp_path / "nuclei.ome.zarr", volume.axes, volume.shape, volume.scale, volume.units, "nuclei", "../raw.ome.zarr"
    )
    labels.begin()
    stages: list[tuple[str, int, int]] = []
    said = segment_volume(
        Task(
            volume,
            volume.scale,
            recipe_named("otsu_watershed"),
            parameters,
            Grid(volume.shape, (16, 256, 256), (0, 40, 40)),
            tmp_path / "scratch",
        ),
        labels,
        minimum_size=40.0,
        processes=2,
        progress=lambda stage, done, total: stages.append((stage, done, total)),
    )
    labels.finish(range(1, said.count + 1))
    found = read_labels(tmp_path / "nuclei.ome.zarr")
    whole = METHODS["otsu_watershed"](image.data, image.scale, **parameters)
    assert said.count == whole.max()
    pairs = np.unique(np.stack([found.data.ravel(), whole.ravel()]), axis=1)
    assert pairs.shape[1] == said.count + 1
    assert said.sizes == tuple(np.bincount(found.data.ravel())[1:])
    assert {stage for stage, _, _ in stages} == {"survey 1", "survey 2", "segment", "compare", "number"}
    assert all((stage, 4, 4) in stages for stage in ("survey 1", "segment", "number"))


@dataclass(frozen=True)
class Fatal:
    """A volume in which one block ends the process that reads it."""

    shape: tuple[int, ...]

    def read(self, box: Box) -> npt.NDArray[np.float64]:
        if box[0].start > 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones([side.stop - side.start for side in box])


def test_a_block_that_does_not_fit_into_memory_says_so_and_which_it_is(tmp_path: Path) -> None:
    recipe = by_agreement(lambda pixels, scale: np.zeros(2**50, np.uint8))
    with pytest.raises(OutOfMemoryError) as caught:
        segment_volume(task(SPOTS, tmp_path, recipe=recipe, parameters={}), InMemory.empty(SPOTS.shape))
    assert str(caught.value).startswith("Block 0 of 9 (pixels 0 to 8, 0 to 8) does not fit into memory: Unable to")
    assert str(caught.value).endswith("Take smaller blocks, fewer processes, or more memory for the job.")


@pytest.mark.slow
def test_a_process_that_the_system_kills_is_told_as_lack_of_memory(tmp_path: Path) -> None:
    fatal = task(SPOTS, tmp_path, volume=Fatal(SPOTS.shape))
    with pytest.raises(OutOfMemoryError, match=r"was killed while blocks .* were at work .* memory runs out"):
        segment_volume(fatal, InMemory.empty(SPOTS.shape), processes=2)


def by_hand(pixels: npt.NDArray[np.float64], scale: tuple[float, ...], *, above: float) -> npt.NDArray[np.int64]:
    """Label quarters of what is bright: something that a component would not tell apart."""
    bright = pixels > above
    rows = np.cumsum(bright.any(axis=1) & ~np.roll(bright.any(axis=1), 1))
    return np.where(bright, rows[:, None], 0)


def test_any_function_runs_block_by_block(tmp_path: Path) -> None:
    volume = np.zeros((30, 30))
    volume[4:10, 2:28] = volume[18:24, 2:28] = 9.0
    labels = InMemory.empty(volume.shape)
    work = task(
        volume, tmp_path, recipe=by_agreement(by_hand), parameters={"above": 5.0}, grid=Grid((30, 30), (30, 8), (0, 6))
    )
    assert segment_volume(work, labels).count == 2
    assert np.array_equal(labels.array > 0, volume > 5)


def test_a_function_that_returns_something_else_is_told(tmp_path: Path) -> None:
    work = task(SPOTS, tmp_path, recipe=by_agreement(lambda pixels, scale: pixels[:1]), parameters={})
    message = r"Block 0 of 9 \(pixels 0 to 8, 0 to 8\): <lambda> returned float64 of shape \(1, 11\) for a block of"
    with pytest.raises(BadInputError, match=message):
        segment_volume(work, InMemory.empty(SPOTS.shape))


def test_a_halo_that_is_too_short_is_refused_with_what_it_takes(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"it takes at least \(3, 3\)"):
        task(SPOTS, tmp_path, grid=Grid(SPOTS.shape, (8, 8), (2, 3)))


def test_a_halo_longer_than_a_block_is_refused() -> None:
    with pytest.raises(BadInputError, match="longer than a block"):
        Grid((100, 100), (8, 8), (9, 3))


def test_a_method_that_is_not_known_is_told_with_those_that_are() -> None:
    with pytest.raises(BadInputError, match="known are otsu_components, hysteresis, otsu_watershed, local_threshold"):
        recipe_named("magic")


def test_a_flat_volume_has_no_object(tmp_path: Path) -> None:
    flat = np.full((20, 20), 7.0)
    assert segment_volume(task(flat, tmp_path), InMemory.empty(flat.shape)).count == 0


@pytest.mark.parametrize(
    ("method", "changes", "message"),
    [
        ("otsu_components", {"sigma": -1}, "'sigma' is a number of 0 or more; found -1"),
        ("hysteresis", {"certainty": 0.5}, "'certainty': 0.5"),
        ("local_threshold", {"window": 0.5, "spacing": 2}, r"'window' \(0.5\) must exceed 'sigma'"),
    ],
)
def test_a_parameter_out_of_range_is_refused_as_for_a_whole_volume(
    tmp_path: Path, method: str, changes: dict[str, float], message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        task(SPOTS, tmp_path, recipe=recipe_named(method), parameters=PARAMETERS | changes)
