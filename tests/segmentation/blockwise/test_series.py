"""Series of volumes in blocks: time points one after another, with labels that go on, and with breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from filiation.segmentation import otsu_components, segment_frames
from filiation.segmentation.blockwise import Box, Grid, InMemory, SeriesTask, Task, recipe_named, segment_series

PARAMETERS = {"sigma": 0.75, "window": 0.0, "correction": 1.0}
FILM = np.stack([np.roll(np.kron(np.eye(3), np.ones((7, 7))) * 100.0, time, axis=1) for time in range(3)])


@dataclass(frozen=True)
class Offset:
    """Takes a time point's labels with those before added, or fails."""

    array: np.ndarray
    before: int
    fails: bool = False

    def write(self, box: Box, labels: np.ndarray) -> None:
        if self.fails:
            raise OSError("the disk went away")
        self.array[box] = np.where(labels > 0, labels + self.before, 0)


def series(folder: Path, sink: Callable[[int, int], Offset], **more: object) -> SeriesTask:
    def task(volume: InMemory, scratch: Path) -> Task:
        return Task(
            volume, (1.0, 1.0), recipe_named("otsu_components"), PARAMETERS, Grid((21, 21), (8, 8), (3, 3)), scratch
        )

    return SeriesTask(tuple(map(InMemory, FILM)), task, sink, folder / "scratch", {"shape": FILM.shape, **more})


def test_time_points_are_those_of_the_whole_image_and_go_on_where_work_broke_off(tmp_path: Path) -> None:
    labels, written = np.zeros(FILM.shape, np.uint32), []

    def sink(time: int, before: int, fails: int | None = None) -> Offset:
        written.append(time)
        return Offset(labels[time], before, time == fails)

    broken = series(tmp_path, partial(sink, fails=2))
    assert not broken.goes_on(kept=True)
    with pytest.raises(OSError, match="the disk went away"):
        segment_series(broken)
    again = series(tmp_path, sink)
    assert again.goes_on(kept=True)
    done = segment_series(again)
    assert written == [0, 1, 2, 2]
    whole = segment_frames(FILM, ("t", "y", "x"), (1.0,) * 3, partial(otsu_components, **PARAMETERS, minimum_size=0.0))
    pairs = set(zip(whole.ravel().tolist(), labels.ravel().tolist(), strict=True))
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}) == whole.max() + 1
    assert [each.count for each in done] == [int((np.unique(frame) > 0).sum()) for frame in labels]
    assert sum(sum(each.sizes) for each in done) == (labels > 0).sum()


def test_what_other_work_left_is_not_gone_on_with(tmp_path: Path) -> None:
    assert not series(tmp_path, Offset).goes_on(kept=True)
    assert not series(tmp_path, Offset).goes_on(kept=False), "its labels are gone"
    assert series(tmp_path, Offset).goes_on(kept=True)
    assert not series(tmp_path, Offset, method="another").goes_on(kept=True)
