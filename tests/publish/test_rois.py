"""Objects of label images registered as regions: linked to run and table, told once, renewed, undone, and recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

pytest.importorskip("omero.gateway", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
ezomero = pytest.importorskip("ezomero", exc_type=ImportError)

import filiation  # noqa: E402
from filiation.digest import digest_tree  # noqa: E402
from filiation.images import LabelImage, pixel_digest, read_labels, write_labels, write_table  # noqa: E402
from filiation.model import EntityKind  # noqa: E402
from tests.lineage.crates import CrateBuilder  # noqa: E402
from tests.omero_demonstration import table_rows  # noqa: E402
from tests.publish.conftest import Call, Recorded  # noqa: E402

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

NUCLEI, TABLE = "results/nuclei.ome.zarr", "results/measurements.parquet"


@pytest.fixture
def drawable(signed_in: OmeroServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Give a run that made a label image of three objects, and a table that knows a fourth."""
    labels = np.zeros((30, 40), np.uint32)
    labels[2:9, 3:12], labels[12:20, 3:30], labels[22:29, 20:39] = 1, 2, 17
    labels[24:26, 25:30] = 0
    write_labels(tmp_path / NUCLEI, LabelImage(labels, ("y", "x")))
    (tmp_path / "results").mkdir(exist_ok=True)
    write_table(tmp_path / TABLE, pa.table({"label": [1, 2, 17, 99], "area": [63.0, 216.0, 123.0, 0.0]}))
    planting = signed_in.plant("ada")
    image = planting.image(np.zeros((30, 40), "u1"), "cells")
    run = CrateBuilder(tmp_path, 1)
    iri = f"https://127.0.0.1/Image/{image.id}"
    run.thing(iri)
    kinds = {NUCLEI: EntityKind.LABEL_IMAGE.value}
    run.job("segment", (iri,), {NUCLEI: None}, kinds=kinds)
    run.job("measure", (NUCLEI,), {TABLE: None}, kinds=kinds)
    run.write(tmp_path / ".filiation" / "crates")
    monkeypatch.chdir(tmp_path)
    return Recorded(tmp_path, run, (image,), planting.dataset("day 1", [image]))


def registered(call: Call, *arguments: str) -> dict[str, Any]:
    """Register the run, and return the pieces by what they are."""
    done = call("omero", "register", "00000001", "--json", *arguments)
    assert done.exit_code == 0, done.output
    return {piece["what"]: piece for piece in json.loads(done.stdout)[0]["pieces"]}


def rois_of(gateway: Any, image: Any) -> dict[str, Any]:
    return {roi.getName(): roi for roi in gateway.getObjects("Roi", ezomero.get_roi_ids(gateway, image.id))}


def outcomes(pieces: dict[str, Any]) -> list[str]:
    return [piece["outcome"] for piece in pieces.values()]


@pytest.mark.slow
def test_object_region_and_row_find_each_other(drawable: Recorded, call: Call, gateway: Any):
    pieces = registered(call, "--rois", "masks")

    (image,) = drawable.images
    rois = rois_of(gateway, image)
    assert list(pieces) == ["pairs", f"regions {NUCLEI}", f"table {TABLE}", "crate"]
    assert {label: roi.getId() for label, roi in rois.items()} == pieces[f"regions {NUCLEI}"]["regions"]
    assert set(rois) == {"1", "2", "17"}
    mark, address = rois["17"].getDescription().split()
    assert mark.startswith("urn:uuid:")
    assert address == f"{drawable.run.iri_of(NUCLEI)}#label=17"
    (annotation,) = rois["17"].listAnnotations()
    assert dict(annotation.getValue())["run"] == drawable.run.id
    (table,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/measurements")
    assert {row["label"]: row["roi"] for row in table_rows(gateway, table)} == {
        99: -1, **{int(label): roi.getId() for label, roi in rois.items()},
    }  # fmt: skip


@pytest.mark.slow
def test_a_second_time_nothing_changes_and_regions_may_come_later(drawable: Recorded, call: Call, gateway: Any):
    assert outcomes(registered(call)) == ["written"] * 3

    assert outcomes(registered(call, "--rois", "masks")) == ["there already", "written", "renewed", "there already"]
    (image,) = drawable.images
    before = set(ezomero.get_roi_ids(gateway, image.id))
    assert len(before) == 3
    (table,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/measurements")
    assert {row["roi"] for row in table_rows(gateway, table)} == before | {-1}

    assert outcomes(registered(call, "--rois", "masks")) == ["there already"] * 4
    assert outcomes(registered(call)) == ["there already"] * 4
    assert set(ezomero.get_roi_ids(gateway, image.id)) == before


@pytest.mark.slow
def test_pairs_that_are_renewed_alone_keep_the_regions(drawable: Recorded, call: Call, gateway: Any):
    registered(call, "--rois", "polygons", "--tolerance", "0")
    (image,) = drawable.images
    before = set(ezomero.get_roi_ids(gateway, image.id))

    assert outcomes(registered(call, "--replace")) == ["renewed", "there already", "renewed", "renewed"]

    (annotation,) = ezomero.get_map_annotation_ids(gateway, "Image", image.id, ns="filiation/run")
    rois = rois_of(gateway, image)
    assert {roi.getId() for roi in rois.values()} == before
    assert [each.getId() for roi in rois.values() for each in roi.listAnnotations()] == [annotation] * 3
    (table,) = ezomero.get_file_annotation_ids(gateway, "Image", image.id, ns="filiation/measurements")
    assert {row["roi"] for row in table_rows(gateway, table)} == before | {-1}


@pytest.mark.slow
def test_replaced_regions_are_others_and_of_the_form_asked_for(drawable: Recorded, call: Call, gateway: Any):
    registered(call, "--rois", "masks")
    (image,) = drawable.images
    before = set(ezomero.get_roi_ids(gateway, image.id))

    done = call("omero", "register", "00000001", "--rois", "polygons", "--replace")

    assert f"regions {NUCLEI}: renewed (3 objects), holes filled in 1" in done.stdout
    after = ezomero.get_roi_ids(gateway, image.id)
    assert len(after) == 3
    assert not before & set(after)
    shapes = [shape for roi in after for shape in ezomero.get_shape_ids(gateway, roi)]
    assert {type(ezomero.get_shape(gateway, shape)).__name__ for shape in shapes} == {"Polygon"}


@pytest.mark.slow
def test_undo_removes_the_regions_too_and_lineage_knows_them(
    drawable: Recorded, call: Call, gateway: Any, signed_in: OmeroServer
):
    (image,) = drawable.images
    mine = signed_in.plant("ada").put("Roi", image=image, name="drawn by hand")
    registered(call, "--rois", "masks")
    roi = rois_of(gateway, image)["17"].getId()
    ledger = filiation.open(drawable.folder)
    traced = {node.iri for node in ledger.trace(f"https://127.0.0.1/Roi/{roi}").nodes}
    assert {drawable.run.iri_of(NUCLEI), f"https://127.0.0.1/Image/{image.id}"} <= traced

    done = call("omero", "register", "00000001", "--undo")

    assert done.exit_code == 0, done.output
    assert ezomero.get_roi_ids(gateway, image.id) == [mine.id]
    assert not list(signed_in.store.rows("Annotation"))
    assert f"https://127.0.0.1/Roi/{roi}" in {
        iri for found in filiation.open(drawable.folder).show(drawable.run.id).registrations for iri in found.removed
    }


@pytest.mark.slow
@pytest.mark.parametrize("write", [2, 4])
def test_a_connection_lost_on_the_way_is_made_good_by_the_next_call(
    write: int, drawable: Recorded, call: Call, gateway: Any, signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero import rois

    monkeypatch.setattr(rois, "MOST_IN_A_BATCH", 1)
    monkeypatch.setenv("FILIATION_OMERO_RETRIES", "0")
    signed_in.faults.drop_connection_after_write = write
    broken = call("omero", "register", "00000001", "--rois", "masks")
    signed_in.faults.clear()
    assert broken.exit_code == 12, broken.output

    registered(call, "--rois", "masks")

    (image,) = drawable.images
    assert sorted(rois_of(gateway, image)) == ["1", "17", "2"]
    assert len(ezomero.get_roi_ids(gateway, image.id)) == 3
    assert outcomes(registered(call, "--rois", "masks")) == ["there already"] * 4
    assert call("omero", "register", "00000001", "--undo").exit_code == 0
    for kind in ("Roi", "Shape", "Annotation", "OriginalFile"):
        assert not list(signed_in.store.rows(kind)), kind


@pytest.mark.slow
def test_a_copy_of_the_label_image_knows_its_regions_and_is_told_by_lineage(
    drawable: Recorded, call: Call, gateway: Any, tmp_path: Path
):
    before = digest_tree(tmp_path / NUCLEI)

    pieces = registered(call, "--rois", "masks", "--labels-into", "in-omero")

    copy = Path("in-omero") / NUCLEI
    rois = rois_of(gateway, drawable.images[0])
    assert pieces[f"label image {copy}"]["outcome"] == "written"
    properties = read_labels(copy).properties
    assert properties is not None
    assert {label: known["omero:roiId"] for label, known in properties.items()} == {
        int(name): roi.getId() for name, roi in rois.items()
    }
    assert {known["omero:shapeId"] for known in properties.values()} == {
        shape for roi in rois.values() for shape in ezomero.get_shape_ids(gateway, roi.getId())
    }
    assert pixel_digest(copy) == pixel_digest(tmp_path / NUCLEI)
    assert digest_tree(tmp_path / NUCLEI) == before
    traced = {node.iri for node in filiation.open(drawable.folder).trace(str(copy)).nodes}
    assert drawable.run.iri_of(NUCLEI) in traced
    again = registered(call, "--rois", "masks", "--labels-into", "in-omero")
    assert "there is something at" in again[f"label image {copy}"]["reason"]


@pytest.mark.slow
def test_what_cannot_be_drawn_is_told_and_the_rest_is_registered(drawable: Recorded, call: Call, gateway: Any):
    pieces = registered(call, "--rois", "masks", "--most-rois", "2")

    region = pieces[f"regions {NUCLEI}"]
    assert region["outcome"] == "not available"
    assert "has 3 objects, and at most 2 are drawn" in region["reason"]
    assert pieces[f"table {TABLE}"]["outcome"] == "written"
    (chunk, *_) = sorted(path for path in (drawable.folder / NUCLEI).rglob("c/*/*") if path.is_file())
    chunk.write_bytes(b"changed")
    again = registered(call, "--rois", "masks")
    assert again[f"regions {NUCLEI}"]["reason"] == (
        f"what is at {drawable.folder / NUCLEI} is not what was recorded"
    )  # fmt: skip
    (image,) = drawable.images
    assert ezomero.get_roi_ids(gateway, image.id) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tolerance", "1"), "go with --rois"),
        (("--labels-into", "here"), "--labels-into goes with --rois"),
        (("--rois", "masks", "--undo"), "--undo goes with none of"),
        (("--rois", "polygons", "--tolerance", "-1"), "The tolerance of polygons is -1.0; expected 0 or more"),
    ],
)
def test_options_that_do_not_go_together_are_told(arguments: tuple[str, ...], message: str, call: Call):
    done = call("omero", "register", "00000001", *arguments)

    assert done.exit_code == 2
    assert message in done.stderr
