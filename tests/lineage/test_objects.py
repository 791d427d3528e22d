"""One object of a label image, from its voxels back to the image it was segmented from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError, ChangedError, NotFoundError
from filiation.images import (
    LabelImage,
    box_table,
    boxes_of,
    pixel_digest,
    write_labels,
    write_meshes,
    write_polygons,
    write_table,
)
from filiation.images.label_objects import find_object
from filiation.lineage import Ledger
from filiation.lineage.objects import split_label
from filiation.segmentation import mesh_objects
from filiation.segmentation.blockwise.volume import InMemory
from tests.lineage.crates import CrateBuilder, write

LABELS = "nuclei.ome.zarr"


def labels() -> LabelImage:
    data = np.zeros((6, 40, 30), np.uint32)
    data[1:4, 5:9, 20:30] = 17
    data[5, 39, 0] = 3
    return LabelImage(
        data, ("z", "y", "x"), scale=(2.0, 0.5, 0.5), units=("micrometer",) * 3, properties={17: {"omero:roiId": 4711}}
    )


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(folder)
    write_labels(folder / LABELS, labels())
    table = pa.table({"label": [3, 17], "area": [0.5, 60.0], "seen": ["no", "yes"]})
    write_table(folder / "table.parquet", table)
    kinds = {"raw.ome.zarr": "image", LABELS: "label image"}
    run = CrateBuilder(folder, 1)
    run.job("fetch", ("skimage:cells",), {"raw.ome.zarr": {"zarr.json": "{}"}}, kinds=kinds)
    run.job("segment", ("raw.ome.zarr",), {LABELS: None}, parameters={"sigma": 2}, kinds=kinds)
    run.job("measure", ("raw.ome.zarr", LABELS), {"table.parquet": None, "notes.parquet": "no table"}, kinds=kinds)
    run.thing(LABELS, "label image", pixelDigest=str(pixel_digest(folder / LABELS)))
    run.write(catalogue.folder.crates)
    return Ledger()


@pytest.mark.slow
def test_an_object_has_a_place_a_row_and_a_lineage(ledger: Ledger) -> None:
    answer = ledger.object(LABELS, 17)
    found = answer.found
    assert (found.voxels, found.start, found.stop) == (120, (1, 5, 20), (4, 9, 30))
    assert (found.origin, found.extent) == ((1.0, 2.25, 9.75), (6.0, 2.0, 5.0))
    assert found.properties == (("omero:roiId", 4711),)
    assert answer.image == "raw.ome.zarr"
    assert [(each.table, dict(each.row)) for each in answer.measured] == [
        ("table.parquet", {"label": 17, "area": 60.0, "seen": "yes"}),
    ]
    assert [action.name for action in answer.lineage.actions] == ["fetch", "segment"]
    assert answer.text().startswith(
        "object 17 of nuclei.ome.zarr\n"
        "   voxels      120\n"
        "   box         z 1 to 4, y 5 to 9, x 20 to 30, in raw.ome.zarr\n"
        "   extent      z 6 micrometer, y 2 micrometer, x 5 micrometer\n"
        "   omero:roiId 4711\n"
        "   measured    in table.parquet\n"
        "               area = 60, seen = yes\n"
        "\n"
        "nuclei.ome.zarr\n"
    )
    assert json.loads(json.dumps(answer.to_json()))["stop"] == [4, 9, 30]


@pytest.mark.slow
def test_what_cannot_be_is_said(ledger: Ledger, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="has no object 5: no voxel of it has this value"):
        ledger.object(LABELS, 5)
    with pytest.raises(NotFoundError, match=r"^table\.parquet tells nothing of an object 5\. Objects are in"):
        ledger.object("table.parquet", 5)
    with pytest.raises(BadInputError, match=r"^raw\.ome\.zarr is no label image, and none that was recorded is"):
        ledger.object("raw.ome.zarr", 5)
    write(folder / LABELS / "zarr.json", "{}")
    with pytest.raises(ChangedError):
        ledger.object(LABELS, 17)


@pytest.fixture
def objects(ledger: Ledger, catalogue: Catalogue, folder: Path) -> Ledger:
    """Return the same with regions and meshes, and a second label image that is compared with the first."""
    write_polygons(folder / "regions.parquet", folder / LABELS)
    write_table(folder / "boxes.parquet", box_table(folder / LABELS))
    surfaces = mesh_objects(InMemory(labels().data), boxes_of(folder / LABELS), (2.0, 0.5, 0.5), deviation=0)
    write_meshes(folder / "meshes", folder / LABELS, surfaces, ("ply", "glb", "precomputed"))
    write_labels(folder / "other.ome.zarr", LabelImage(labels().data[1], ("y", "x")))
    write_table(folder / "both.parquet", pa.table({"label": [17]}))
    kinds = {LABELS: "label image", "other.ome.zarr": "label image", "meshes": "directory"}
    run = CrateBuilder(folder, 2)
    run.job("regions", (LABELS,), {"regions.parquet": None, "boxes.parquet": None}, kinds=kinds)
    run.job("meshes", (LABELS,), {"meshes": None}, parameters={"deviation": 0.25}, kinds=kinds)
    run.job("measure", ("raw.ome.zarr", LABELS), {"table.parquet": None}, kinds=kinds)
    run.job("compare", (LABELS, "other.ome.zarr"), {"both.parquet": None}, kinds=kinds)
    run.write(catalogue.folder.crates)
    return Ledger()


@pytest.mark.slow
def test_a_label_image_leads_to_the_row_the_regions_and_the_meshes_of_its_object(objects: Ledger) -> None:
    answer = objects.object(LABELS, 17)
    assert sorted(each.table for each in answer.measured) == ["both.parquet", "table.parquet"]  # one in two runs
    assert {each.table: (each.polygons, len(each.rows)) for each in answer.regions} == {
        "regions.parquet": (True, 3),
        "boxes.parquet": (False, 1),
    }
    assert {each.path for each in answer.meshes} == {"meshes/17.ply", "meshes/17.glb", "meshes/precomputed/17:0"}
    told = answer.text()
    for line in (
        "region      polygons in regions.parquet, on 3 planes",
        "region      box in boxes.parquet",
        "mesh        meshes/17.ply",
    ):
        assert f"   {line}\n" in told
    plain = json.loads(json.dumps(answer.to_json()))
    (polygons,) = (each for each in plain["regions"] if each["polygons"])
    assert [row["pixels"] for row in polygons["rows"]] == [40, 40, 40]


@pytest.mark.slow
def test_what_was_made_of_an_object_leads_back_to_it(objects: Ledger) -> None:
    for thing, rule in (
        ("table.parquet", "measure"),
        ("regions.parquet", "regions"),
        ("boxes.parquet", "regions"),
        ("meshes", "meshes"),
        ("meshes/17.ply", "meshes"),
        ("meshes/17.glb", "meshes"),
        ("meshes/precomputed/17:0", "meshes"),
    ):
        answer = objects.object(thing, 17)
        assert (answer.labels, answer.image, answer.found.start) == (LABELS, "raw.ome.zarr", (1, 5, 20))
        assert [action.name for action in answer.lineage.actions] == ["fetch", "segment", rule]
        assert len(answer.meshes) == 3


@pytest.mark.slow
def test_a_mesh_found_alone_leads_to_the_label_image_whose_pixels_it_names(objects: Ledger, tmp_path: Path) -> None:
    for name in ("17.ply", "17.glb"):
        shutil.copy(f"meshes/{name}", tmp_path / f"found-{name}")
        answer = objects.object(str(tmp_path / f"found-{name}"), 17)
        assert (answer.labels, answer.found.voxels) == (LABELS, 120)
        assert answer.lineage.note == (
            f"No run recorded {tmp_path}/found-{name}; it says that it is of object 17 of a label image with these "
            "pixels."
        )
    (tmp_path / "other.ply").write_bytes(b"ply\ncomment label 17\nend_header\n")
    with pytest.raises(NotFoundError, match="knows neither the place of"):
        objects.object(str(tmp_path / "other.ply"), 17)
    (tmp_path / "foreign.ply").write_bytes(b"ply\ncomment label 17\ncomment pixels pixels1:abcdef\nend_header\n")
    with pytest.raises(NotFoundError, match=r"recorded .*foreign\.ply, nor a label image with the pixels that it says"):
        objects.object(str(tmp_path / "foreign.ply"), 17)


def test_a_copy_of_a_label_image_is_as_good_as_it(objects: Ledger, catalogue: Catalogue, folder: Path) -> None:
    shutil.copytree(folder / LABELS, folder / "copy.ome.zarr")
    run = CrateBuilder(folder, 3)
    run.job("copy", (LABELS,), {"copy.ome.zarr": None}, kinds={"copy.ome.zarr": "label image", LABELS: "label image"})
    run.job("segment", ("raw.ome.zarr",), {LABELS: None}, kinds={LABELS: "label image", "raw.ome.zarr": "image"})
    run.write(catalogue.folder.crates)
    assert Ledger().object(LABELS, 17).found.voxels == 120


@pytest.mark.slow
def test_a_thing_made_from_several_label_images_or_changed_ones_is_refused(objects: Ledger, folder: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        objects.object("both.parquet", 17)
    assert str(caught.value) == (
        "both.parquet was made from several label images: nuclei.ome.zarr, other.ome.zarr. Ask for the object of "
        "one of them."
    )
    with pytest.raises(NotFoundError, match=r"^meshes/17\.ply tells nothing of an object 3\."):
        objects.object("meshes/17.ply", 3)
    write(folder / LABELS / "zarr.json", "{}")
    with pytest.raises(ChangedError):
        objects.object("regions.parquet", 17)


@pytest.mark.slow
@given(
    boxes=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 9), st.integers(1, 9)), max_size=5)
)
def test_the_box_is_that_of_numpy(tmp_path_factory: pytest.TempPathFactory, boxes: list[tuple[int, ...]]) -> None:
    data = np.zeros((30, 30), np.uint16)
    for number, (y, x, high, wide) in enumerate(boxes, start=1):
        data[y : y + high, x : x + wide] = number
    path = tmp_path_factory.mktemp("labels") / "labels.ome.zarr"
    write_labels(path, LabelImage(data, ("y", "x")))
    for number in range(1, len(boxes) + 1):
        where = np.argwhere(data == number)
        if not len(where):
            with pytest.raises(NotFoundError):
                find_object(path, number)
            continue
        found = find_object(path, number)
        assert (found.voxels, found.start) == (len(where), tuple(where.min(axis=0)))
        assert found.stop == tuple(where.max(axis=0) + 1)


def test_names_of_objects_are_told_from_other_names() -> None:
    assert split_label("a#label=1#label=22") == ("a#label=1", 22)
    assert [split_label(text) for text in ("a", "a#label=", "#label=3", "a#label=x", "a#label=-1")] == [None] * 5


@pytest.mark.slow
def test_the_command_line_answers_for_an_object(objects: Ledger) -> None:
    from click.testing import CliRunner

    from filiation.cli import main

    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(main, list(words), prog_name="filiation")
        return done.exit_code, done.output

    code, told = call("trace", f"{LABELS}#label=17")
    assert (code, told.splitlines()[0]) == (0, "object 17 of nuclei.ome.zarr")
    assert json.loads(call("trace", f"{LABELS}#label=17", "--json")[1])["voxels"] == 120
    assert call("trace", f"{LABELS}#label=17", "--format", "dot")[0] == 2
    assert call("trace", f"{LABELS}#label=5")[0] == 3
    for thing in ("regions.parquet#label=17", "meshes/17.ply", "meshes/precomputed/17:0"):
        code, told = call("trace", thing)
        assert (code, told.splitlines()[0]) == (0, "object 17 of nuclei.ome.zarr")
    assert "object 17" not in call("trace", "meshes/17.ply", "--depth", "1")[1]
