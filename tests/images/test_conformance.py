"""Seventeen faults, each put alone into a good store; good stores of several versions and writers; what is mended."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05 import Image as ModelImage

from filiation.errors import BadInputError, NotFoundError
from filiation.images import Image, LabelImage, assemble, check_store, pixel_digest, write_image, write_labels
from filiation.images.conformance import FAULTS as KNOWN
from filiation.images.conformance import Gravity
from filiation.images.conformance.mending import plan_mending, write_changes
from filiation.images.store_format import StoreFormat
from tests.images.conformance_faults import FAULTS, NUCLEI, array, edit, image_label, ome

STORES = Path(__file__).with_name("stores_of_other_writers.zip")
MISSED_BY_ALL = [name for name in FAULTS if int(name.split()[0]) >= 11]


@pytest.fixture
def store(tmp_path: Path, raw: Path, nuclei: Path) -> Path:
    assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei})
    return tmp_path / "cells.ome.zarr"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    with zipfile.ZipFile(STORES) as archive:
        archive.extractall(tmp_path / "others")
    return tmp_path / "others"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_of_seventeen_faults_is_found(store: Path, fault: str) -> None:
    assert check_store(store) == ()
    put_in, name, where = FAULTS[fault]
    put_in(store)
    found = check_store(store)
    assert (name, where) in {(each.fault, each.where) for each in found if each.gravity is not Gravity.ADVICE}
    if fault in MISSED_BY_ALL:
        ModelImage.from_zarr(zarr.open_group(store, mode="r"))  # no other validator minds
        graver = {each.fault for each in found if each.gravity is not Gravity.ADVICE}
        assert graver - {"colors-ghost"} == {name}  # the row stands in both lists


def test_a_finding_says_what_was_found_and_expected_and_what_to_do(store: Path) -> None:
    FAULTS["14 another pixel size"][0](store)
    (found,) = check_store(store)
    assert str(found) == (
        "labels/nuclei: at full resolution its pixel size along z, y, x is (19.8, 4.95, 4.95); expected: "
        "(2.0, 0.5, 0.5); give it the source's, or find the image it is of. [scale-differs]"
    )
    assert found.to_json()["severity"] == "warning"


def test_good_stores_of_other_writers_raise_no_alarm_and_the_one_with_a_fault_does(others: Path) -> None:
    found = {place.name: [each.fault for each in check_store(place)] for place in sorted(others.iterdir())}
    assert found == {
        "ngio-0.4.zarr": [],
        "ngio-0.5.zarr": [],
        "omezarr-0.4.zarr": [],
        "omezarr-0.5.zarr": ["version-missing"],  # ome-zarr 0.18 leaves it out in the list of labels
        "plate-0.4.zarr": [],
        "plate-0.5.zarr": [],
    }


@pytest.mark.parametrize("form", [StoreFormat(), StoreFormat("0.5", sharded=True), StoreFormat("0.4")])
def test_stores_that_we_write_raise_no_alarm(
    tmp_path: Path, image: Image, labels: LabelImage, form: StoreFormat
) -> None:
    channels = np.stack([image.data, image.data])
    two = Image(channels, ("c", *image.axes), (1.0, *image.scale), ("", *image.units), ("DNA", "actin"))
    write_image(tmp_path / "raw.ome.zarr", two, form)
    write_labels(tmp_path / "nuclei.ome.zarr", labels, form)
    assert check_store(tmp_path / "raw.ome.zarr") == ()
    assert check_store(tmp_path / "nuclei.ome.zarr") == ()


def test_a_fault_in_a_field_of_a_plate_is_found_where_it_is(others: Path) -> None:
    shutil.rmtree(others / "plate-0.4.zarr" / "A" / "2")
    edit(others / "plate-0.5.zarr/A/1/0/s0/zarr.json", lambda content: content.pop("dimension_names"))
    assert [(each.fault, each.where) for each in check_store(others / "plate-0.4.zarr")] == [("well-missing", ".")]
    assert [each.where for each in check_store(others / "plate-0.5.zarr")] == ["A/1/0/s0"]


def test_faults_of_a_store_of_0_4_are_found_too(others: Path) -> None:
    metadata = others / "ngio-0.4.zarr" / "labels" / "nuclei" / ".zattrs"
    edit(metadata, lambda block: block["image-label"].update(source={"image": "../nowhere"}))
    edit(metadata, lambda block: block["image-label"].update(properties=[{"label-value": 99, "area": 1}]))
    (found, ghost, without) = check_store(others / "ngio-0.4.zarr")
    assert (found.fault, ghost.fault, without.fault) == ("source-nowhere", "properties-ghost", "label-without-row")


def test_labels_without_a_row_are_advice_alone(store: Path) -> None:
    image_label(lambda block: block["properties"].pop(0))(store)
    (found,) = check_store(store)
    assert (found.fault, found.gravity, found.values) == ("label-without-row", Gravity.ADVICE, (1,))


def test_without_pixels_the_other_faults_are_found(store: Path) -> None:
    FAULTS["17 properties without a pixel"][0](store)
    assert {each.fault for each in check_store(store)} == {"properties-ghost", "colors-ghost", "label-without-row"}
    assert check_store(store, pixels=False) == ()


def test_a_label_store_of_its_own_is_checked_against_its_source(nuclei: Path, raw: Path) -> None:
    assert check_store(nuclei) == ()
    raw.rename(raw.with_name("moved.ome.zarr"))
    assert [found.fault for found in check_store(nuclei)] == ["source-nowhere"]


def test_what_is_no_store_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_store(tmp_path / "none.ome.zarr")
    zarr.create_group(tmp_path / "bare.zarr")
    with pytest.raises(BadInputError, match="no such metadata"):
        check_store(tmp_path / "bare.zarr")


MENDED = [name for name, (_, fault, _) in FAULTS.items() if KNOWN[fault].is_mended]


@pytest.mark.parametrize("fault", MENDED)
def test_what_can_be_mended_is_mended_and_no_pixel_changes(store: Path, nuclei: Path, fault: str) -> None:
    before, linked = pixel_digest(store / NUCLEI), (nuclei / "zarr.json").read_bytes()
    FAULTS[fault][0](store)
    changes = plan_mending(store, check_store(store))
    write_changes(store, changes)
    left = [each.fault for each in check_store(store) if each.gravity is not Gravity.ADVICE]
    assert left == (["properties-twice"] if fault.startswith("11 ") else [])  # its two rows contradict each other
    assert pixel_digest(store / NUCLEI) == before
    assert (nuclei / "zarr.json").read_bytes() == linked  # the store that was linked from is as it was


def test_rows_that_agree_are_made_one_and_the_last_colour_counts(store: Path) -> None:
    image_label(lambda block: block["properties"].append({"label-value": 7, "phase": "G1", "seen": True}))(store)
    image_label(lambda block: block["colors"].append({"label-value": 7, "rgba": [1, 2, 3, 255]}))(store)
    (change,) = plan_mending(store, check_store(store))
    assert sorted(finding.fault for finding in change.mended) == ["colors-twice", "properties-twice"]
    block = json.loads(change.after)["attributes"]["ome"]["image-label"]
    assert block["properties"] == [{"label-value": 1}, {"label-value": 7, "phase": "G1", "seen": True}]
    assert [row["rgba"] for row in block["colors"]][-1] == [1, 2, 3, 255]


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_consolidated_metadata_say_the_same_afterwards(store: Path) -> None:
    zarr.consolidate_metadata(zarr.open_group(store, mode="r+").store)
    ome(lambda block: block.pop("version"), "labels")(store)
    array(lambda content: content.pop("dimension_names"))(store)
    zarr.consolidate_metadata(zarr.open_group(store, mode="r+").store)
    write_changes(store, plan_mending(store, check_store(store)))
    opened = zarr.open_consolidated(store)
    assert opened["labels"].attrs["ome"]["version"] == "0.5"
    assert opened[f"{NUCLEI}/0"].metadata.dimension_names == ("z", "y", "x")
    assert check_store(store) == ()


def test_nothing_is_planned_for_a_good_store(store: Path) -> None:
    assert plan_mending(store, check_store(store)) == ()
