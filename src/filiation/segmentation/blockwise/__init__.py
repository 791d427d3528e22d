"""Segmentation of volumes larger than memory, block by block, with the labels of the whole volume.

A volume is cut into blocks; each is segmented with a halo around it, its labels are compared with those that its
neighbours gave to the same voxels, and when all have been, objects get their final numbers. Only the blocks at work are
in memory; what they leave waits on disk, and after a break the work goes on from there.

A method whose objects are connected components gives exactly the whole volume's objects if the halo is as long as its
filters reach and one voxel more. A watershed does once the halo exceeds that by the reach of the largest object; of
which objects a block did not see all is told.

>>> import tempfile
>>> from pathlib import Path
>>> import numpy as np
>>> volume = np.zeros((40, 60))
>>> volume[10:30, 10:50] = 100
>>> labels = InMemory.empty(volume.shape)
>>> recipe, parameters = recipe_named("otsu_components"), {"sigma": 1.0, "window": 0.0, "correction": 1.0}
>>> grid = Grid(volume.shape, lengths=(16, 16), halo=(4, 4))
>>> task = Task(InMemory(volume), (1.0, 1.0), recipe, parameters, grid, Path(tempfile.mkdtemp()) / "scratch")
>>> segment_volume(task, labels).count
1
>>> np.unique(labels.array).tolist()
[0, 1]
"""

from filiation.segmentation.blockwise.grid import Box, Grid
from filiation.segmentation.blockwise.jobs import (
    join_shares,
    number_share,
    read_found,
    read_joined,
    read_told,
    segment_share,
    settle_survey,
    survey_share,
)
from filiation.segmentation.blockwise.plan import Plan
from filiation.segmentation.blockwise.recipes import RECIPES, Agreeing, Connected, by_agreement, recipe_named
from filiation.segmentation.blockwise.running import Segmented, segment_volume
from filiation.segmentation.blockwise.series import SeriesTask, segment_series
from filiation.segmentation.blockwise.shares import Share
from filiation.segmentation.blockwise.volume import InMemory, LabelSink, Stacked, Volume
from filiation.segmentation.blockwise.work import Task, grid_for
from filiation.segmentation.blockwise.workers import imported_by_workers

__all__ = [
    "RECIPES",
    "Agreeing",
    "Box",
    "Connected",
    "Grid",
    "InMemory",
    "LabelSink",
    "Plan",
    "Segmented",
    "SeriesTask",
    "Share",
    "Stacked",
    "Task",
    "Volume",
    "by_agreement",
    "grid_for",
    "imported_by_workers",
    "join_shares",
    "number_share",
    "read_found",
    "read_joined",
    "read_told",
    "recipe_named",
    "segment_series",
    "segment_share",
    "segment_volume",
    "settle_survey",
    "survey_share",
]
