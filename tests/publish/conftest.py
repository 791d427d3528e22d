"""A catalogue whose run was made of images on a test server, without Snakemake."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner, Result

from filiation.cli import main
from filiation.images import write_table
from filiation.model import EntityKind
from tests.lineage.crates import CrateBuilder

if TYPE_CHECKING:
    from tests.omero_server.rows import Row
    from tests.omero_server.server import OmeroServer

TABLE = {"label": [1, 2, 3], "area": [10.5, 20.0, None], "kind": ["a", None, "long name"]}
Call = Callable[..., Result]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Call:
    """Call the command line in this process, as the shell would."""
    monkeypatch.delenv("FILIATION_DEBUG", raising=False)
    runner = CliRunner()
    return lambda *arguments: runner.invoke(main, [str(each) for each in arguments], prog_name="filiation")


@dataclass(frozen=True)
class Recorded:
    """A folder with a catalogue, a run in it, and the images that the run read."""

    folder: Path
    run: CrateBuilder
    images: tuple[Row, ...]
    dataset: Row


def segmented(folder: Path, images: Sequence[Row], number: int = 1, **more: object) -> CrateBuilder:
    """Build a run that fetched, segmented and measured each image."""
    run = CrateBuilder(folder, number)
    for image in images:
        sample = f"results/{image.id}"
        iri = f"https://127.0.0.1/Image/{image.id}"
        run.thing(iri, pixelDigest=f"{image.id:064x}")
        kinds = {
            f"{sample}/raw.ome.zarr": EntityKind.IMAGE.value,
            f"{sample}/nuclei.ome.zarr": EntityKind.LABEL_IMAGE.value,
        }
        raw, labels = kinds
        run.job("fetch", (iri,), {raw: {"zarr.json": "{}", "0": f"pixels of {image.id}"}}, kinds=kinds)
        run.job(
            "segment", (raw,), {labels: {"zarr.json": "{}", "0": f"labels of {image.id} {number}"}}, kinds=kinds,
            parameters={"sigma": {"value": 1.5, "requestedValue": "2", "usedValue": "1.5"}, **more},
        )  # fmt: skip
        (folder / sample).mkdir(parents=True, exist_ok=True)
        columns = {**TABLE, "image": [image.id] * 3}
        write_table(folder / sample / "measurements.parquet", pa.table(columns))
        run.job("measure", (raw, labels), {f"{sample}/measurements.parquet": None}, kinds=kinds)
    everything = tuple(f"results/{image.id}/measurements.parquet" for image in images)
    write_table(folder / "results/all.parquet", pa.table(TABLE))
    run.job("gather", everything, {"results/all.parquet": None})
    return run


@pytest.fixture
def recorded(signed_in: OmeroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Give a run that was made of two images of a dataset."""
    planting = signed_in.plant("ada")
    images = tuple(planting.image(np.zeros((4, 4), "u1"), name) for name in ("cells", "more cells"))
    dataset = planting.dataset("day 1", images)
    run = segmented(tmp_path, images)
    run.write(tmp_path / ".filiation" / "crates")
    monkeypatch.chdir(tmp_path)
    return Recorded(tmp_path, run, images, dataset)
