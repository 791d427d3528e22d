"""Cellpose on a volume whose blocks are shared by jobs; its weights are an input of each."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from filiation.images import Image, read_labels, write_image
from filiation.lineage import Ledger
from filiation.segmentation import agreement
from tests.conftest import Project
from tests.segmentation.learned.conftest import needs

pytestmark = [pytest.mark.slow(40), pytest.mark.filterwarnings("ignore")]

ROOT = Path(__file__).parents[2]
CONFIG = """\
samples: config/samples.tsv
segmentation:
  method: cellpose
  channel: 0
  weights: models/flows
  diameter: 9
  flow_threshold: 0
  cellprob_threshold: 0
  minimum_size: 10
  device: cpu
blocks:
  shape: [32, 72, 72]
  largest: 9
  jobs: 2
"""
# Every Python that is started finds it, and has the small network where Cellpose has its own.
PATCH = f"""\
import importlib, sys
sys.path.append({str(ROOT)!r})
importing = importlib.import_module
def patched(name, package=None):
    found = importing(name, package)
    if name == "cellpose.models":
        from tests.segmentation.learned.tiny_cellpose import Flows
        found.CPnet = Flows
    return found
importlib.import_module = patched
"""


def balls(shape: tuple[int, int, int], radius: float) -> tuple[Any, Any]:
    """Return a volume of balls on a lattice under shot noise, and which voxel belongs to which."""
    random = np.random.default_rng(3)
    places = np.indices(shape)
    truth = np.zeros(shape, np.uint32)
    for middle in np.argwhere(np.ones([length // 24 for length in shape])) * 24 + 12:
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(places, middle, strict=True)))
        truth[distance <= radius] = truth.max() + 1
    return random.poisson(40 + 160 * (truth > 0)).astype(np.uint16), truth


def test_cellpose_shares_a_volume_with_other_jobs(
    workflow: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    needs("torch", "cellpose")
    from tests.segmentation.learned import tiny_cellpose

    (workflow / "models").mkdir()
    tiny_cellpose.save(workflow / "models/flows")
    (workflow / "site").mkdir()
    (workflow / "site/sitecustomize.py").write_text(PATCH)
    monkeypatch.setenv("PYTHONPATH", str(workflow / "site"))
    pixels, truth = balls((64, 72, 72), 8.5)
    image = Image(pixels, ("z", "y", "x"), (0.5, 0.5, 0.5), ("micrometer",) * 3)
    write_image(workflow / "balls.ome.zarr", image)
    (workflow / "config/config.yaml").write_text(CONFIG)
    (workflow / "config/samples.tsv").write_text("sample\tsource\nballs\tballs.ome.zarr\n")
    labels = "results/balls/nuclei.ome.zarr"
    done = snakemake(workflow, "--cores", "1", "--logger", "filiation", "--", labels)
    assert done.returncode == 0, done.stderr
    found = agreement(truth, read_labels(workflow / labels).data)
    assert found.f1 >= 0.95

    made = Project(workflow)
    run = made.packed()
    shares = [action for action in run.actions if action.rule == "segment_blocks"]
    assert len(shares) == 2
    weights = next(entity for entity in run.entities if entity.path == "models/flows")
    assert weights.digest is not None
    last = next(action for action in run.actions if action.rule == "segment")
    for action in (*shares, last):
        assert "models/flows" in {usage.path for usage in action.inputs}
        used = {each.name: each.used.value for each in action.parameters if each.used}
        assert used["device"] == "cpu"
        assert used["diameter_in_pixels"] == 18.0
    for share in shares:
        assert {"torch", "cellpose"} <= {software.name for software in share.software}
    ledger = Ledger(made.catalogue)
    assert "models/flows" in ledger.trace(labels).tree()
    assert labels in {entity.path for entity in ledger.impact("models/flows").entities}
