"""Methods with settings of their own, one a sample, in one run of the workflow."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.images import read_labels
from filiation.images.synthetic_cells import Cells, cells
from filiation.segmentation import agreement

pytestmark = pytest.mark.slow

CONFIG = """\
samples: config/samples.tsv
segmentation:
  method: membrane_watershed
  channel: DNA
  membrane: membrane
  sigma: 0.5
  window: 0
  correction: 1.0
  spacing: 5
  extent: 9
  minimum_size: 4
"""
SAMPLES = """\
sample\tsource\tmethod\tcertainty\tradius
cells\tsynthetic:cells?seed=7&shape=128,128\t\t\t
fibres\tsynthetic:cells?seed=7&shape=128,128\thysteresis\t1.3\t
nuclei\tsynthetic:cells?seed=7&shape=128,128\tlog_watershed\t\t2.5
"""


def test_each_sample_is_segmented_by_its_method_with_the_settings_that_it_takes(
    workflow: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (workflow / "config" / "config.yaml").write_text(CONFIG)
    (workflow / "config" / "samples.tsv").write_text(SAMPLES)
    wanted = [f"results/{sample}/nuclei.ome.zarr" for sample in ("cells", "fibres", "nuclei")]
    done = snakemake(workflow, "--cores", "2", "--logger", "filiation", "--", *wanted)
    assert done.returncode == 0, done.stderr
    _, truth = cells(Cells(seed=7, shape=(128, 128)))
    found = {
        sample: read_labels(workflow / "results" / sample / "nuclei.ome.zarr").data for sample in ("cells", "nuclei")
    }
    assert agreement(truth.data, found["cells"]).f1 >= 0.95
    assert agreement(truth.data, found["nuclei"]).aji < 0.5  # nuclei are no cells
    assert found["nuclei"].max() == pytest.approx(len(truth.values), abs=2)
    records = [json.loads(path.read_text()) for path in (workflow / ".filiation").rglob("segment-*.json")]
    used = {
        record["wildcards"]["sample"]: {each["name"]: each["used"] for each in record["parameters"]}
        for record in records
    }
    common = {"channel": "DNA", "each": "volume"}
    common |= {"sigma": 0.5, "window": 0.0, "correction": 1.0, "minimum_size": 4.0}
    taken = {"method": "membrane_watershed", "membrane": "membrane", "spacing": 5.0, "extent": 9.0}
    assert used["cells"] == common | taken
    assert used["fibres"] == common | {"method": "hysteresis", "certainty": 1.3}
    assert used["nuclei"] == common | {"method": "log_watershed", "radius": 2.5}
