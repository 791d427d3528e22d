"""An image in an object store as a sample; its keys go nowhere."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from filiation.images import ObjectPlace, StoreFormat, pixel_digest, put_store, read_image, read_labels, write_image
from filiation.images.multiscale import open_multiscale
from filiation.images.synthetic import Nuclei3D, nuclei3d
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate
from filiation.lineage import Ledger
from tests.object_store import KEY_ID, SECRET, s3_server

boto3 = pytest.importorskip("boto3")
pytestmark = pytest.mark.slow


def test_an_image_in_an_object_store_is_segmented_and_joins_its_local_copy(
    workflow: Path,
    snakemake: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image, truth = nuclei3d(Nuclei3D(seed=5, shape=(16, 80, 90), nuclei=5))
    local = tmp_path_factory.mktemp("mine") / "raw.ome.zarr"
    write_image(local, image, StoreFormat(sharded=True))
    row = "s3://lab/raw/5.ome.zarr\totsu_watershed\t0\t0.75\t15\t1\t4\t40"
    columns = "sample\tsource\tmethod\tchannel\tsigma\twindow\tcorrection\tspacing\tminimum_size"
    (workflow / "sheet.tsv").write_text(f"{columns}\nfar\t{row}\n")
    with s3_server() as endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).create_bucket(Bucket="lab")
        put_store(local, ObjectPlace("lab", "raw/5.ome.zarr"))

        form = 'ome_zarr={"version": "0.5", "shards": true, "labels": "mode"}'
        done = snakemake(workflow, "--cores", "2", "--logger", "filiation", "--config", "samples=sheet.tsv", form)

        assert done.returncode == 0, done.stderr
        results = workflow / "results" / "far"
        put_store(results / "nuclei.ome.zarr", ObjectPlace("lab", "nuclei/5.ome.zarr"))

        write_synthetic_plate(local.parent / "plate.ome.zarr", SyntheticPlate(rows=1, columns=2))
        put_store(local.parent / "plate.ome.zarr", ObjectPlace("lab", "screens/7.ome.zarr"))
        plate = row.replace("raw/5", "screens/7")
        (workflow / "plate.tsv").write_text(f"{columns}\twells\nscreen\t{plate}\t*\n")
        field = "results/screen/A/2/0/raw.ome.zarr"
        fetched = snakemake(
            workflow, "--cores", "1", "--logger", "filiation", "--config", "samples=plate.tsv", "--", field
        )
        assert fetched.returncode == 0, fetched.stderr
    assert np.array_equal(read_image(results / "raw.ome.zarr").data, image.data)
    assert len(read_labels(results / "nuclei.ome.zarr").values) == len(truth.values) == 5
    assert open_multiscale(results / "nuclei.ome.zarr").full.array.shards is not None

    ledger = Ledger(workflow / ".filiation")
    for raw in ("s3://lab/raw/5.ome.zarr", str(local)):
        reached = {str(getattr(node, "path", "")) for node in ledger.impact(raw).nodes}
        assert "results/far/measurements.parquet" in reached, raw
    assert pixel_digest(workflow / field) == pixel_digest(local.parent / "plate.ome.zarr" / "A" / "2" / "0")
    reached = {str(getattr(node, "path", "")) for node in ledger.impact("s3://lab/screens/7.ome.zarr/A/2/0").nodes}
    assert field in reached
    for secret in (KEY_ID, SECRET):
        everywhere = [path for path in workflow.rglob("*") if path.is_file()]
        assert not [path for path in everywhere if secret.encode() in path.read_bytes()]
    assert SECRET not in done.stdout + done.stderr
