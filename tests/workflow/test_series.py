"""A series in the workflow: its time points in blocks, followed, measured and drawn."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from filiation.images import check_store, read_labels
from filiation.images.synthetic_movie import Movie, film
from filiation.lineage import Ledger
from filiation.segmentation import track

pytestmark = pytest.mark.slow


def test_a_series_is_segmented_in_blocks_and_followed(
    workflow: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    filmed = film(Movie(seed=7, shape=(3, 300, 200), cells=4))
    (workflow / "sheet.tsv").write_text("sample\tsource\nmovie\tsynthetic:movie?seed=7&shape=3,300,200&cells=4\n")
    settings = {
        "samples": "sheet.tsv",
        "blocks": {"shape": [256, 256], "largest": 20},
        "tracking": {"minimum_overlap": 0.3},
        "segmentation": {
            "method": "otsu_components", "channel": "nuclei", "sigma": 1, "window": 0, "correction": 1.0, "spacing": 4,
            "minimum_size": 20,
        },
    }  # fmt: skip
    (workflow / "config" / "config.yaml").write_text(json.dumps(settings))

    done = snakemake(workflow, "--cores", "2", "--logger", "filiation")

    assert done.returncode == 0, done.stderr
    results = workflow / "results" / "movie"
    nuclei, tracks = read_labels(results / "nuclei.ome.zarr"), read_labels(results / "tracks.ome.zarr")
    assert nuclei.axes == ("t", "y", "x")
    seen = [set(np.unique(frame).tolist()) - {0} for frame in nuclei.data]
    assert sum(map(len, seen)) == len(set.union(*seen)) > 3, "no label is at two time points"
    assert ((nuclei.data > 0) != (filmed.truth.data > 0)).mean() < 0.02
    assert np.array_equal(tracks.data, track(nuclei.data).labels)
    rows = pq.read_table(results / "measurements.parquet").select(["label", "t", "pixels"]).to_pylist()
    assert {(row["label"], row["t"]): row["pixels"] for row in rows} == {
        (label, time): int((frame == label).sum())
        for time, frame in enumerate(tracks.data)
        for label in np.unique(frame).tolist()
        if label
    }
    assert (results / "overlay.png").stat().st_size > 1000
    assert not check_store(results / "movie.ome.zarr")
    assert not list(results.glob(".*"))
    told = Ledger(workflow / ".filiation").trace("results/movie/tracks.ome.zarr")
    assert "results/movie/nuclei.ome.zarr" in {str(getattr(node, "path", "")) for node in told.nodes}

    settings["blocks"]["jobs"] = 2
    (workflow / "config" / "config.yaml").write_text(json.dumps(settings))
    refused = snakemake(workflow, "--dry-run")
    assert refused.returncode != 0
    assert "'tracking' and the field 'jobs' of 'blocks' do not go together" in refused.stdout + refused.stderr
