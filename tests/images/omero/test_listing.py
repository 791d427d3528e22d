"""Images of datasets, projects, plates, wells, screens and tags, as URIs and as a sample sheet."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from filiation.cli import main
from filiation.errors import NotFoundError
from filiation.images.omero import images_of

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


@pytest.fixture
def planted(signed_in: OmeroServer) -> dict[str, int]:
    """Four images: two in a dataset in a project, one of them tagged; two in wells of a plate in a screen."""
    planting = signed_in.plant("ada")
    images = [planting.image(np.zeros((8, 8), "u1"), name) for name in ("cells 1.tif", "cells 2.tif", "w1", "w2")]
    project = planting.project("study")
    dataset = planting.dataset("experiment", images[:2], project)
    planting.tag(images[1], "control & more")
    planting.tag(images[2], "control & more")
    plate = planting.plate("plate", {(0, 0): [images[2]], (0, 1): [images[3]]}, screen="screen")
    well = min(row.id or 0 for row in signed_in.store.rows("Well"))
    screen = next(row for row in signed_in.store.rows("Screen"))
    numbers = {"project": project, "dataset": dataset, "plate": plate, "screen": screen}
    return {"well": well, **{kind: row.id or 0 for kind, row in numbers.items()}}


@pytest.mark.parametrize(
    ("kind", "found"),
    [("dataset", [1, 2]), ("project", [1, 2]), ("plate", [3, 4]), ("screen", [3, 4]), ("well", [3])],
)
def test_a_container_expands_to_its_images(planted: dict[str, int], kind: str, found: list[int]):
    assert images_of(f"omero://127.0.0.1/{kind}/{planted[kind]}")[0].startswith("omero://127.0.0.1")
    assert [int(uri.rpartition("/")[2]) for uri in images_of(f"omero://127.0.0.1/{kind}/{planted[kind]}")] == found


def test_tags_narrow_it_down(planted: dict[str, int]):
    asked = f"omero://127.0.0.1/dataset/{planted['dataset']}?tag=control%20%26%20more"

    assert [uri.rpartition("/")[2] for uri in images_of(asked)] == ["2"]
    assert [uri.rpartition("/")[2] for uri in images_of("omero://127.0.0.1/images?tag=control%20%26%20more")] == [
        "2", "3",
    ]  # fmt: skip
    assert images_of("omero://127.0.0.1/images?tag=nobody") == []


def test_a_container_that_is_not_there_is_said(signed_in: OmeroServer):
    with pytest.raises(NotFoundError, match="has no dataset 4711, or the user 'ada' may not see it"):
        images_of("omero://127.0.0.1/dataset/4711")


def test_the_sample_sheet_has_the_workflows_columns_and_names(
    planted: dict[str, int], capsys: pytest.CaptureFixture[str]
):
    command = ["omero", "samples", "--server", "127.0.0.1", "--dataset", str(planted["dataset"])]

    with pytest.raises(SystemExit) as done:
        main(command)

    assert done.value.code == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out), delimiter="\t"))
    assert [row["sample"] for row in rows] == ["cells-1-1", "cells-2-2"]
    assert [row["source"] for row in rows] == images_of(f"omero://127.0.0.1/dataset/{planted['dataset']}")
    with pytest.raises(SystemExit):
        main([*command, "--tag", "control & more", "--json"])
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == ["cells 2.tif"]
    with pytest.raises(SystemExit) as done:
        main([*command, "--tag", "nobody"])
    assert done.value.code == 3
