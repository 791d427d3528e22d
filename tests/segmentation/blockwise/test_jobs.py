"""Jobs that share a volume give the labels that one process gives, voxel by voxel."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.errors import BadInputError, OutOfMemoryError
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.segmentation import METHODS, parameters_of
from filiation.segmentation.blockwise import (
    RECIPES,
    Box,
    InMemory,
    Plan,
    Share,
    join_shares,
    number_share,
    read_found,
    read_joined,
    segment_share,
    segment_volume,
    settle_survey,
    survey_share,
)

PASSES = 2  # that the workflow makes: workflow/rules/segment_jobs.smk
SETTINGS = {"certainty": 1.2, "sigma": 0.5, "window": 2.0, "correction": 1.0, "spacing": 3.0, "minimum_size": 3.0}


def plan(shape: tuple[int, ...], lengths: tuple[int, ...], method: str = "otsu_components", largest: float = 0) -> Plan:
    return Plan.of(
        method,
        {name: SETTINGS[name] for name in parameters_of(METHODS[method])},
        (0,),
        axes=("z", "y", "x")[-len(shape) :],
        scale=(1.0,) * len(shape),
        shape=shape,
        lengths=lengths,
        largest=largest,
        minimum_size=SETTINGS["minimum_size"],
    )


def quiet(stage: str, done: int, total: int) -> None: ...


def by_jobs(planned: Plan, pixels: npt.NDArray[np.float64], jobs: int, folder: Path) -> npt.NDArray[np.uint32]:
    """Do what the workflow's jobs do, with all that they hand on in files."""
    planned.write(folder / "plan.json")
    planned = Plan.read(folder / "plan.json")
    volume, labels = InMemory(pixels), InMemory.empty(pixels.shape)
    shares = [Share.from_text(f"{number}-of-{jobs}") for number in range(1, jobs + 1)]
    found = read_found(None)
    for stage in range(PASSES):
        seen = [folder / f"seen-{stage}-{share.number}.npy" for share in shares]
        for share, path in zip(shares, seen, strict=True):
            survey_share(planned, volume, share, stage, found, path, 1, quiet)
        found = settle_survey(planned, stage, found, seen)
    parts = [folder / f"part-{share.number}" for share in shares]
    for share, part in zip(shares, parts, strict=True):
        segment_share(planned, volume, share, found, part, 1, quiet)
    join_shares(planned, parts, folder / "joined.npz", 1, quiet)
    for share, part in zip(shares, parts, strict=True):
        number_share(planned, share, part, folder / "joined.npz", labels, 1, quiet)
    assert np.array_equal(read_joined(planned, folder / "joined.npz").sizes, np.bincount(labels.array.ravel())[1:])
    return labels.array  # type: ignore[return-value]


def by_one_process(planned: Plan, pixels: npt.NDArray[np.float64], folder: Path) -> npt.NDArray[np.uint32]:
    labels = InMemory.empty(pixels.shape)
    segment_volume(planned.task(InMemory(pixels), folder / "scratch"), labels, minimum_size=planned.minimum_size)
    return labels.array  # type: ignore[return-value]


@pytest.mark.slow
@settings(max_examples=25)
@given(
    shape=st.tuples(st.integers(8, 14), st.integers(8, 30)),
    lengths=st.tuples(st.integers(7, 9), st.integers(7, 12)),
    jobs=st.integers(1, 12),
    seed=st.integers(0, 99),
)
def test_any_number_of_jobs_gives_the_labels_of_one_process(
    shape: tuple[int, int], lengths: tuple[int, int], jobs: int, seed: int
) -> None:
    pixels = np.random.default_rng(seed).random(shape)
    with TemporaryDirectory() as folder:
        planned = plan(shape, lengths)
        assert np.array_equal(
            by_jobs(planned, pixels, jobs, Path(folder)), by_one_process(planned, pixels, Path(folder))
        )


@pytest.mark.parametrize("method", ["otsu_components", "hysteresis", "otsu_watershed", "local_threshold"])
def test_every_method_runs_in_jobs(method: str, tmp_path: Path) -> None:
    image, _ = nuclei3d(Nuclei3D(seed=4, shape=(16, 96, 96)))
    assert len(RECIPES[method].surveys) <= PASSES
    planned = plan(image.shape, (16, 48, 48), method, largest=12)
    found = by_jobs(planned, image.data, 3, tmp_path)
    assert found.any()
    assert np.array_equal(found, by_one_process(planned, image.data, tmp_path))


def test_what_was_made_with_another_plan_is_refused(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((9, 20))
    by_jobs(plan((9, 20), (8, 8)), pixels, 2, tmp_path)
    other, parts = plan((9, 20), (9, 8)), [tmp_path / "part-0", tmp_path / "part-1"]
    with pytest.raises(BadInputError, match=r"part-0 was made with other blocks.* Remove its folder"):
        join_shares(other, parts, tmp_path / "again.npz", 1, quiet)
    with pytest.raises(BadInputError, match=r"joined.npz was made with other blocks"):
        read_joined(other, tmp_path / "joined.npz")
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(BadInputError, match="is no plan of blocks"):
        Plan.read(tmp_path / "plan.json")


@dataclass(frozen=True)
class Fatal:
    """A volume that ends the process that reads its lower half."""

    shape: tuple[int, ...]

    def read(self, box: Box) -> npt.NDArray[np.float64]:
        if box[0].stop > self.shape[0] // 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.ones([side.stop - side.start for side in box])


@pytest.mark.slow
def test_a_job_survives_to_tell_that_a_block_took_all_memory(tmp_path: Path) -> None:
    planned = plan((32, 8), (8, 8))
    told: list[tuple[str, int, int]] = []

    def listen(stage: str, done: int, total: int) -> None:
        told.append((stage, done, total))

    with pytest.raises(OutOfMemoryError, match=r"blocks 1(, 2)? were at work or waiting for it, as the system"):
        segment_share(
            planned, Fatal((32, 8)), Share(0, 1), {"threshold": 0.5}, tmp_path / "part", 1, listen, apart=True
        )
    assert told == [("segment", 0, 4), ("segment", 1, 4)]


@pytest.mark.parametrize("text", ["3", "0-of-4", "5-of-4", "a-of-4"])
def test_a_share_that_is_none_is_told(text: str) -> None:
    with pytest.raises(BadInputError, match="such as '3-of-8'"):
        Share.from_text(text)
