"""A volume that jobs share: killed, gone on with on a real Slurm where there is one, and as one process labels it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from filiation.capture.journal import read_journal
from filiation.images import ChannelVolume, LabelStore, check_store, noted_sizes, read_labels
from filiation.lineage import Ledger
from filiation.segmentation.blockwise import Task, grid_for, recipe_named, segment_volume
from tests.cluster.conftest import SLURM_OPTIONS, started_slurm
from tests.conftest import Project
from tests.waiting import wait_until

pytestmark = pytest.mark.slow(40)

ROOT = Path(__file__).parents[2]
LOGGED = ("--logger", "filiation")
LABELS = "results/beads/nuclei.ome.zarr"
CONFIG = """
samples: config/samples.tsv
blocks: {shape: [16, 256, 256], largest: 15, jobs: 2}
segmentation:
  {method: otsu_components, channel: 0, sigma: 0.5, window: 0, correction: 1.0, spacing: 5, minimum_size: 10}
"""


@pytest.fixture
def made(tmp_path: Path) -> Project:
    """Copy the workflow, for a volume of eight blocks."""
    project = Project(tmp_path / "project")
    project.folder.mkdir()
    shutil.copy(ROOT / "Snakefile", project.folder)
    shutil.copytree(ROOT / "workflow", project.folder / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    project.write("config/config.yaml", CONFIG)
    project.write("config/samples.tsv", "sample\tsource\nbeads\tsynthetic:beads3d?seed=7&shape=32,270,300\n")
    return project


def started(made: Project, rule: str) -> list[str]:
    """Return the shares whose jobs of a rule any run has started."""
    journals = [made.catalogue / "journals" / f"{run}.jsonl" for run in made.run_ids()]
    events = [event for journal in journals for event in read_journal(journal).events]
    begun = [event.data for event in events if event.kind == "job_started"]
    return [each["wildcards"]["scatteritem"] for each in begun if each["rule"] == rule]


def kill_when_the_second_job_begins(made: Project, rule: str) -> None:
    command = [
        sys.executable,
        "-m",
        "snakemake",
        LABELS,
        "--cores",
        "1",
        "--scheduler",
        "greedy",
        "--logger",
        "filiation",
    ]
    with (made.folder / "killed.log").open("w") as log:
        run = subprocess.Popen(command, cwd=made.folder, stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until(
            lambda: len(started(made, rule)) == 2 or run.poll() is not None, f"two jobs of {rule} have begun", 400
        )
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def whole(made: Project, path: Path) -> LabelStore:
    """Let one process segment the volume."""
    image = ChannelVolume(made.folder / "results/beads/raw.ome.zarr")
    recipe, parameters = recipe_named("otsu_components"), {"sigma": 0.5, "window": 0.0, "correction": 1.0}
    store = LabelStore(path, image.axes, image.shape, image.scale, image.units, "nuclei", "../raw.ome.zarr")
    store.begin()
    grid = grid_for(image.shape, image.scale, recipe, parameters, (16, 256, 256), 15)
    task = Task(image, image.scale, recipe, parameters, grid, path.with_name("scratch"))
    said = segment_volume(task, store, minimum_size=10)
    store.finish(range(1, said.count + 1), noted_sizes(said.sizes))
    return store


def test_jobs_that_share_a_volume_go_on_after_a_kill_and_give_the_labels_of_one_process(made: Project) -> None:
    kill_when_the_second_job_begins(made, "number_blocks")
    first = started(made, "number_blocks")
    assert len(first) == 2, (made.folder / "killed.log").read_text()

    where = SLURM_OPTIONS if started_slurm() is None else ("--logger-filiation-pack", "now")
    done = made.snakemake("--rerun-incomplete", "--nolock", *where, LABELS)

    assert done.returncode == 0, done.stderr
    assert started(made, "number_blocks") == [*first, first[1]], "what had finished is not done again"
    assert len(started(made, "segment_blocks")) == 2
    left = made.folder / "results/beads"
    assert {path.name for path in left.iterdir()} == {"raw.ome.zarr", "nuclei.ome.zarr", "logs", "benchmarks"}
    assert not check_store(made.folder / LABELS)

    expected, found = read_labels(whole(made, left / "whole.ome.zarr").path), read_labels(made.folder / LABELS)
    assert np.array_equal(found.data, expected.data)
    assert found.properties == expected.properties

    lineage = Ledger(made.catalogue).trace(LABELS)
    actions = {action.rule: {p.name: p.used or p.requested for p in action.parameters} for action in lineage.actions}
    assert set(actions) == {
        "fetch", "plan_blocks", "survey_blocks", "settle_survey", "segment_blocks", "join_blocks", "number_blocks",
        "segment",
    }  # fmt: skip
    assert set(actions["segment"]) >= {
        "method", "channel", "sigma", "window", "correction", "minimum_size", "blocks", "largest", "halo", "cut",
        "lowest", "highest", "threshold",
    }  # fmt: skip
    assert any(entity.iri.startswith("synthetic:") for entity in lineage.entities)
    if where is SLURM_OPTIONS:
        last = {action.rule: action for action in made.packed().actions}
        assert str(last["number_blocks"].scheduler_job).isdigit()
