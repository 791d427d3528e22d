"""The whole way on a cluster: images found by tag, read from OMERO, segmented, registered, and read back by ezomero.

The jobs have the session's key by the environment, and no password.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import filiation
from filiation.images import pixel_digest, read_labels, read_table
from filiation.images.synthetic import Nuclei3D, nuclei3d
from tests.cluster.conftest import SLURM_OPTIONS
from tests.conftest import Project
from tests.forked import python
from tests.omero_demonstration import table_rows

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

pytest.importorskip("snakemake_executor_plugin_cluster_generic")
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)
pytestmark = pytest.mark.slow(20)
ROOT = Path(__file__).parents[2]

# Hands on the session alone, as `sbatch --export` would.
SUBMIT = """#!/bin/sh
nohup env -i PATH="$PATH" HOME="$HOME" OMERO_HOST="$OMERO_HOST" OMERO_PORT="$OMERO_PORT" \\
  OMERO_SESSION="$OMERO_SESSION" sh "$1" > "$1.log" 2>&1 &
echo $!
"""


@pytest.fixture
def session(signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Leave nothing to sign in with but the key of a session that is there."""
    import omero

    client = omero.client(host=signed_in.host, port=signed_in.port)
    client.createSession("ada", "ada-password").detachOnDestroy()
    monkeypatch.setenv("OMERO_SESSION", client.getSessionId())
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        monkeypatch.delenv(name)
    yield client
    client.killSession()


@pytest.mark.parametrize("executor", ["cluster-generic", "slurm"])
def test_from_a_tag_query_to_regions_that_equal_the_labels_voxel_for_voxel(
    executor: str,
    signed_in: OmeroServer,
    session: Any,
    gateway: Any,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    if executor == "slurm":
        request.getfixturevalue("slurm")
    planting = signed_in.plant("ada")
    images = [
        planting.image(
            nuclei3d(Nuclei3D(seed=seed, shape=(16, 48, 48), nuclei=3))[0].data, f"volume {seed}", axes="zyx",
            pixel_size=(0.5, 0.5, 1.0),
        )
        for seed in (1, 2, 3)
    ]  # fmt: skip
    (*_, tagged) = images
    planting.tag(tagged, "control")
    planting.dataset("day 1", images)
    made = laid_out(tmp_path / "project")

    made.write("config/samples.tsv", run(made, "filiation", "omero", "samples", "--tag", "control"))
    run(made, "snakemake", *options(made, executor), f"results/{sample(tagged)}/measurements.parquet")
    (listed,) = filiation.open(made.folder).runs()
    run(made, "filiation", "omero", "register", listed.id, "--rois", "masks")

    assert all(action.scheduler_job for action in made.packed().actions)
    assert [ezomero.get_roi_ids(gateway, image.id) for image in images[:-1]] == [[], []]
    results = made.folder / f"results/{sample(tagged)}"
    labels = read_labels(results / "nuclei.ome.zarr")
    (annotation,) = ezomero.get_map_annotation_ids(gateway, "Image", tagged.id, ns="filiation/run")
    pairs = ezomero.get_map_annotation(gateway, annotation)
    assert pairs["run"] == listed.id
    assert pairs["label image pixels"] == str(pixel_digest(results / "nuclei.ome.zarr"))
    rois = masks_of(gateway, tagged.id)
    np.testing.assert_array_equal(voxels(rois.values(), labels.data), labels.data)
    (table,) = ezomero.get_file_annotation_ids(gateway, "Image", tagged.id, ns="filiation/measurements")
    rows = table_rows(gateway, table)
    measured = read_table(results / "measurements.parquet")
    assert [row["label"] for row in rows] == measured["label"].to_pylist() == list(labels.values)
    assert {row["roi"]: row["label"] for row in rows} == {number: label for number, (label, _) in rois.items()}
    assert session.getSessionId() not in everything(made.folder)


def laid_out(folder: Path) -> Project:
    for part in ("workflow", "config"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    return Project(folder)


def options(made: Project, executor: str) -> tuple[str, ...]:
    common = ("--snakefile", "workflow/Snakefile", "--scheduler", "greedy", "--logger", "filiation")
    if executor == "slurm":  # the three jobs as one of Slurm's, which takes a third of the time
        return (*common, "--groups", "fetch=one", "segment=one", "measure=one", *SLURM_OPTIONS)
    made.write("submit", SUBMIT).chmod(0o755)
    return (
        *common, "--executor", "cluster-generic", "--cluster-generic-submit-cmd", "./submit", "--jobs", "4",
        "--seconds-between-status-checks", "1", "--latency-wait", "30",
    )  # fmt: skip


def sample(image: Any) -> str:
    return f"volume-{image['name'].split()[1]}-{image.id}"


def run(made: Project, *command: str) -> str:
    done = subprocess.run(
        [python(), "-m", *command], cwd=made.folder, capture_output=True, text=True, timeout=300, check=False,
        env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def masks_of(gateway: Any, image: int) -> dict[int, tuple[int, list[Any]]]:
    """Return the regions of an image, by id: label and shapes. ezomero knows no masks, OMERO's own client does."""
    service = gateway.getRoiService()
    found = {number: service.findByRoi(number, None).rois[0] for number in ezomero.get_roi_ids(gateway, image)}
    return {number: (int(roi.name.val), roi.copyShapes()) for number, roi in found.items()}


def voxels(rois: Any, like: Any) -> Any:
    """Return the volume that masks are."""
    again = np.zeros_like(like)
    for label, shapes in rois:
        for mask in shapes:
            x, y, width, height = (int(value.val) for value in (mask.x, mask.y, mask.width, mask.height))
            bits = np.unpackbits(np.frombuffer(mask.bytes, np.uint8))[: width * height].reshape(height, width)
            again[mask.theZ.val, y : y + height, x : x + width][bits == 1] = label
    return again


def everything(folder: Path) -> str:
    """Return all that was written, as text."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())
