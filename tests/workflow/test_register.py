"""The workflow from OMERO to OMERO: fetched, segmented, measured and registered by one run, completed afterwards."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import filiation
from filiation.images import read_table
from filiation.images.synthetic import Nuclei3D, nuclei3d
from tests.forked import python

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

pytestmark = pytest.mark.slow
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

PASSWORD = "kanarie-wVk-password"
Snakemake = Callable[..., subprocess.CompletedProcess[str]]


def test_a_run_registers_itself_and_the_command_adds_the_crate(
    signed_in: OmeroServer,
    monkeypatch: pytest.MonkeyPatch,
    workflow: Path,
    snakemake: Snakemake,
    gateway: Any,
) -> None:
    signed_in.accounts["ada"].password = PASSWORD
    monkeypatch.setenv("OMERO_PASSWORD", PASSWORD)
    planting = signed_in.plant("ada")
    pixels, _ = nuclei3d(Nuclei3D(seed=5, shape=(16, 48, 48), nuclei=3))
    image = planting.image(pixels.data, "nuclei", axes="zyx", pixel_size=(0.5, 0.5, 1.0))
    dataset = planting.dataset("day 1", [image])
    sheet = (
        f"sample\tsource\ncells\tomero://127.0.0.1/image/{image.id}\nplain\tsynthetic:nuclei3d?seed=1&shape=16,32,32\n"
    )
    (workflow / "config/samples.tsv").write_text(sheet)

    done = snakemake(
        workflow, "--cores", "2", "--logger", "filiation", "--until", "register", "--config", "register=true"
    )

    assert done.returncode == 0, done.stderr
    ledger = filiation.open(workflow)
    run = next(each for each in ledger.runs() if each.workflow == "workflow/Snakefile" or each.jobs > 3)
    (number,) = ezomero.get_map_annotation_ids(gateway, "Image", image.id, ns="filiation/run")
    pairs = ezomero.get_map_annotation(gateway, number)
    assert pairs["run"] == run.id
    assert pairs["label image"] == "results/cells/nuclei.ome.zarr"
    assert pairs["image digest"].startswith("pixels2:")
    assert float(pairs["segment: sigma"]) == 1.5
    (file,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/measurements")
    table = ezomero.get_table(gateway, file)
    kept = table[1:] if isinstance(table, list) else [list(row) for row in table.itertuples(index=False)]
    assert kept == [
        list(row.values()) for row in read_table(workflow / "results/cells/measurements.parquet").to_pylist()
    ]
    assert ezomero.get_file_annotation_ids(gateway, "Dataset", dataset.id, ns="filiation/ro-crate") == []
    receipt = json.loads((workflow / "results/registered.json").read_text())
    assert [piece["outcome"] for report in receipt for piece in report["pieces"]] == ["written", "written"]
    assert f"https://127.0.0.1/MapAnnotation/{number}" in {
        node.iri for node in ledger.impact(f"https://127.0.0.1/Image/{image.id}").nodes
    }

    monkeypatch.chdir(workflow)
    command = [python(), "-m", "filiation", "omero", "register", run.id, "--json"]
    afterwards = subprocess.run(command, capture_output=True, text=True, check=False)
    assert afterwards.returncode == 0, afterwards.stderr
    (report,) = json.loads(afterwards.stdout)
    assert [piece["outcome"] for piece in report["pieces"]] == ["there already", "there already", "written"]
    secrets = {PASSWORD, *(str(row["uuid"]) for row in signed_in.store.rows("Session"))}
    written = [path.read_bytes() for path in workflow.rglob("*") if path.is_file()]
    there = [repr(row.values).encode() for kind in ("Annotation", "OriginalFile") for row in signed_in.store.rows(kind)]
    everything = [*written, *there, *map(bytes, signed_in.file_data.values()), (done.stdout + done.stderr).encode()]
    assert not [secret for content in everything for secret in secrets if secret.encode() in content]
