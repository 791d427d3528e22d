"""A learned method in the workflow: its weights are inputs of what was made with them."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile

from filiation.images import read_labels
from filiation.segmentation import agreement
from tests.forked import python
from tests.segmentation.learned.conftest import SCALE, discs, instanseg_weights

__all__ = ["instanseg_weights"]
pytestmark = [pytest.mark.slow(15), pytest.mark.filterwarnings("ignore")]

CONFIG = """\
samples: config/samples.tsv
segmentation:
  method: instanseg
  channel: 0
  weights: models/discs.pt
  minimum_size: 5
"""


def test_weights_lead_to_the_labels_that_were_made_with_them(
    workflow: Path, instanseg_weights: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    (workflow / "models").mkdir()
    (workflow / "models" / "discs.pt").write_bytes(instanseg_weights.read_bytes())
    image, truth = discs(1)
    tifffile.imwrite(
        workflow / "discs.tif", image, imagej=True, resolution=(1 / SCALE[1], 1 / SCALE[0]), metadata={"unit": "um"}
    )
    (workflow / "config" / "config.yaml").write_text(CONFIG)
    (workflow / "config" / "samples.tsv").write_text("sample\tsource\ndiscs\tdiscs.tif\n")
    labels = "results/discs/nuclei.ome.zarr"
    done = snakemake(workflow, "--cores", "1", "--logger", "filiation", "--", labels)
    assert done.returncode == 0, done.stderr
    assert agreement(truth, read_labels(workflow / labels).data).f1 >= 0.95
    path = next((workflow / ".filiation").rglob("segment-*.json"))
    record = json.loads(path.read_text())
    used = {each["name"]: each["used"] for each in record["parameters"]}
    assert used == {
        "method": "instanseg",
        "channel": 0,
        "minimum_size": 5.0,
        "each": "volume",
        "device": used["device"],
        "pixel_size_of_model": 0.5,
    }
    assert used["device"].startswith(("cpu", "cuda", "mps"))
    assert {each["slot"]: "digest" in each for each in record["inputs"]} == {"weights": True, "image": True}
    versions = {each["name"]: each["version"] for each in record["software"]}
    assert versions["instanseg-torch"]
    assert versions["torch"].startswith("2.13.0")

    def ask(*words: str) -> str:
        command = [python(), "-m", "filiation", *words]
        return subprocess.run(command, cwd=workflow, capture_output=True, text=True, check=True).stdout

    assert "models/discs.pt" in ask("trace", labels)
    assert labels in ask("impact", "models/discs.pt")
    assert "segment" in ask("find", "action", "software.instanseg-torch>=0.1", "parameter.method=instanseg")
