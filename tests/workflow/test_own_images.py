"""A person's own files as samples: several channels, several formats, settings of their own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from filiation.images import image_facts, read_image, read_labels, write_image
from filiation.images.synthetic import Nuclei3D, nuclei3d

pytestmark = pytest.mark.slow

SHEET = """\
sample\tsource\tmethod\tchannel\tsigma\twindow\tcorrection\tspacing\tminimum_size
stack\tmine/stack.ome.tif\totsu_watershed\t1\t0.75\t15\t1\t4\t40
store\tmine/store.ome.zarr\tlocal_threshold\t0\t1\t20\t1.2\t4\t40
"""


def test_own_files_are_fetched_and_segmented_with_their_own_settings(
    workflow: Path, snakemake: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    image, truth = nuclei3d(Nuclei3D(seed=5, shape=(16, 80, 90), nuclei=5))
    (workflow / "mine").mkdir()
    both = np.stack([np.zeros_like(image.data), image.data])
    sizes = {f"PhysicalSize{axis}": size for axis, size in zip("ZYX", image.scale, strict=True)}
    tifffile.imwrite(workflow / "mine" / "stack.ome.tif", both, metadata={"axes": "CZYX", **sizes})
    write_image(workflow / "mine" / "store.ome.zarr", image)
    (workflow / "sheet.tsv").write_text(SHEET)

    done = snakemake(workflow, "--cores", "2", "--config", "samples=sheet.tsv")

    assert done.returncode == 0, done.stderr
    results = workflow / "results"
    assert np.array_equal(read_image(results / "stack" / "raw.ome.zarr").data, both)
    for sample in ("stack", "store"):
        facts = image_facts(results / sample / "nuclei.ome.zarr")
        assert (facts.axes, facts.scale, facts.units) == (("z", "y", "x"), (1.0, 0.5, 0.5), ("micrometer",) * 3)
        assert len(read_labels(results / sample / "nuclei.ome.zarr").values) == len(truth.values) == 5
