"""A plate in a ZIP file and one on an OMERO server, each a line of the sample sheet."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from filiation.digest import digest_tree
from filiation.images import pixel_digest
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate
from filiation.lineage import Ledger

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

pytestmark = pytest.mark.slow


def test_each_field_is_a_sample_known_by_its_digest_or_by_server_and_id(
    workflow: Path,
    snakemake: Callable[..., subprocess.CompletedProcess[str]],
    signed_in: OmeroServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    recipe = SyntheticPlate(rows=1, columns=2, shape=(64, 64))
    unpacked = tmp_path_factory.mktemp("mine") / "plate.ome.zarr"
    write_synthetic_plate(unpacked, recipe)
    with zipfile.ZipFile(workflow / "plate.ozx", "w") as archive:
        for file in sorted(unpacked.rglob("*")):
            archive.write(file, file.relative_to(unpacked))
    planting = signed_in.plant("ada")
    fields = [planting.image(recipe.draw(field)[0].data, field.path, axes="yx") for field in recipe.plate.fields]
    plate = planting.plate("screen 7", {(1, 2): fields})
    (workflow / "sheet.tsv").write_text(
        f"sample\tsource\nzipped\tplate.ozx\nserver\tomero://127.0.0.1/plate/{plate.id}\n"
    )
    targets = ("results/zipped/A/2/0/nuclei.ome.zarr", "results/server/B/3/1/nuclei.ome.zarr")
    settings = (
        'segmentation={"method": "otsu_components", "channel": 0, "sigma": 1, "window": 0, "correction": 1.0, '
        '"spacing": 4, "minimum_size": 20}'
    )

    done = snakemake(
        workflow, "--cores", "2", "--logger", "filiation", "--config", "samples=sheet.tsv", settings, "--", *targets
    )

    assert done.returncode == 0, done.stderr
    field = unpacked / "A" / "2" / "0"
    assert pixel_digest(workflow / "results/zipped/A/2/0/raw.ome.zarr") == pixel_digest(field)
    ledger = Ledger(workflow / ".filiation")
    for asked, reached in (
        (str(digest_tree(field).digest), targets[0]),
        ("plate.ozx", targets[0]),
        (f"omero://127.0.0.1/image/{fields[1].id}", targets[1]),
    ):
        assert reached in {str(getattr(node, "path", "")) for node in ledger.impact(asked).nodes}, asked
