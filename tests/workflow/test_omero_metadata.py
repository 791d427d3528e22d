"""What a server tells of an image, from the microscope to the question that is asked of a label image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import filiation
from filiation.crate.validation import validate
from filiation.lineage import Ledger
from tests.conftest import Project
from tests.omero_server.made_up import small_image

if TYPE_CHECKING:
    from tests.omero_server.rows import Row
    from tests.omero_server.server import OmeroServer

pytestmark = pytest.mark.slow

CANARY = "kanarie-zWq-9081-key"
"""Such as nobody writes by chance."""

FETCH = Path(__file__).parents[2] / "workflow" / "scripts" / "fetch.py"
SNAKEFILE = """
rule all:
    input: "cells/labels.ome.zarr", "other/labels.ome.zarr", "stored.ome.zarr"

rule fetch:
    output: image=directory("{{name}}/raw.ome.zarr")
    params: source=lambda wildcards: {{"cells": "{cells}", "other": "{other}"}}[wildcards.name]
    script: "{fetch}"

rule label:
    input: image="{{name}}/raw.ome.zarr"
    output: labels=directory("{{name}}/labels.ome.zarr")
    script: "label.py"

rule label_stored:
    input: image=storage.omero("{cells}")
    output: labels=directory("stored.ome.zarr")
    script: "label.py"
"""
LABEL = """
from filiation.images import Image, LabelImage
from filiation.step import run

def label(image: Image) -> LabelImage:
    return LabelImage((image.data[0, 0] > 1000).astype("uint32"), image.axes[2:], image.scale[2:], image.units[2:])

run(label, snakemake)
"""


def test_labels_are_found_by_what_the_image_that_they_descend_from_was_taken_with_and_tagged(
    signed_in: OmeroServer, omero_image: Row, project: Callable[[str], Project]
) -> None:
    planting = signed_in.plant("ada")
    planting.pairs(omero_image, {"password": CANARY, "note": f"the token: {CANARY}"}, namespace="lab/notes")
    weaker = planting.put("Objective", nominalMagnification=10.0)
    settings = planting.put("ObjectiveSettings", objective=weaker)
    other = planting.image(small_image(), "other", objectiveSettings=settings)
    cells, others = (f"omero://127.0.0.1/image/{image.id}" for image in (omero_image, other))
    made = project(SNAKEFILE.format(cells=cells, other=others, fetch=FETCH))
    made.write("label.py", LABEL)

    result = made.snakemake("--logger-filiation-pack", "now")

    assert result.returncode == 0, result.stderr
    ledger = filiation.open(made.catalogue)
    assert_labels_are_found(ledger, f"https://127.0.0.1/Image/{omero_image.id}")
    assert_it_is_told(ledger, f"https://127.0.0.1/Image/{omero_image.id}")
    (run,) = made.run_ids()
    assert validate(made.catalogue / "crates" / run).valid
    recorded = [path for path in made.catalogue.rglob("*") if path.is_file()]
    assert [path for path in recorded if b"gene" in path.read_bytes()]
    assert not [path for path in recorded if CANARY.encode() in path.read_bytes()]


def assert_labels_are_found(ledger: Ledger, iri: str) -> None:
    def labels(**asked: str) -> set[str]:
        rows = ledger.ask("labels", given=asked).as_text()
        return {f"{row[0].partition('/work/')[2]} of {row[3]}" for row in rows}

    taken, other = {"cells/labels.ome.zarr of cells", "stored.ome.zarr of cells"}, {"other/labels.ome.zarr of other"}
    assert labels(magnification="40", tag="control") == taken
    assert labels() == taken | other
    assert labels(magnification="10") == other
    assert labels(magnification="10", tag="control") == set()
    assert labels(key="gene", value="ACT1") == taken
    assert labels(key="gene", value="3") == set(), "the value of another key"
    assert labels(container="study", channel="GFP") == taken
    assert {row[2] for row in ledger.ask("labels", given={"tag": "control"}).as_text()} == {iri}


def assert_it_is_told(ledger: Ledger, iri: str) -> None:
    lineage = ledger.trace(iri)
    assert "40x/1.3 Oil · DAPI, GFP, mCherry · taken 2023-11-14 22:13:20 UTC · in study / day 1" in lineage.tree()
    (image,) = lineage.entities
    assert image.metadata is not None
    assert image.metadata.channels[1].gain == 2.5
    notes = {pair.name: pair.value for each in image.metadata.key_values for pair in each.pairs}
    assert (notes["gene"], notes["password"]) == ("ACT1", "[withheld]")
    told = image.to_json()["metadata"]
    assert isinstance(told, dict)
    assert told["tags"] == [{"iri": image.metadata.tags[0].iri, "name": "control"}]
