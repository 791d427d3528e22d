"""Each fault that the public validators miss, put alone into a good store (numbers as in their comparison)."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zarr
from ome_zarr_models.v05 import Image as ModelImage

from filiation.errors import NotFoundError
from filiation.images import Finding, assemble, check_store

Block = dict[str, Any]


@pytest.fixture
def store(tmp_path: Path, raw: Path, nuclei: Path) -> Path:
    assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei})
    return tmp_path / "cells.ome.zarr"


def _edit(group: Path, change: Callable[[Block], object]) -> None:
    metadata = group / "zarr.json"
    content = json.loads(metadata.read_text())
    change(content["attributes"]["ome"])
    metadata.unlink()
    metadata.write_text(json.dumps(content))


def _image_label(change: Callable[[Block], object]) -> Callable[[Path], None]:
    return lambda store: _edit(store / "labels" / "nuclei", lambda block: change(block["image-label"]))


def _twice_in_properties(store: Path) -> None:
    _image_label(lambda block: block["properties"].append({"label-value": 7, "phase": "S"}))(store)


def _source_nowhere(store: Path) -> None:
    _image_label(lambda block: block.update(source={"image": "../elsewhere"}))(store)


def _not_listed(store: Path) -> None:
    shutil.copytree(store / "labels" / "nuclei", store / "labels" / "by hand" / "2")
    _image = store / "labels" / "by hand" / "2"
    _edit(_image, lambda block: block["image-label"].update(source={"image": "../../../"}))


def _scale_differs(store: Path) -> None:
    def enlarge(block: Block) -> None:
        for dataset in block["multiscales"][0]["datasets"]:
            step = dataset["coordinateTransformations"][0]
            step["scale"] = [9.9 * size for size in step["scale"]]

    _edit(store / "labels" / "nuclei", enlarge)


def _channel_count(store: Path) -> None:
    _edit(store, lambda block: block["omero"]["channels"].extend(block["omero"]["channels"]))


def _shape_differs(store: Path) -> None:
    array = store / "labels" / "nuclei" / "0" / "zarr.json"
    content = json.loads(array.read_text())
    content["shape"][2] -= 1
    array.unlink()
    array.write_text(json.dumps(content))


def _no_such_label(store: Path) -> None:
    def rename(block: Block) -> None:
        for key in ("colors", "properties"):
            block[key][-1]["label-value"] = 99

    _image_label(rename)(store)


NUCLEI = "labels/nuclei"
FAULTS: dict[str, tuple[Callable[[Path], None], Finding]] = {
    "11 a label twice in properties": (
        _twice_in_properties,
        Finding(
            "properties-twice",
            NUCLEI,
            "'image-label.properties' has more than one row for label 7; keep one for each.",
        ),
    ),
    "13 a label image not listed": (
        _not_listed,
        Finding(
            "not-listed",
            "labels/by hand/2",
            "the label image is on disk, but 'labels' lists only nuclei; list it.",
        ),
    ),
    "14 another pixel size": (
        _scale_differs,
        Finding(
            "scale-differs",
            NUCLEI,
            "at full resolution its pixel size along z, y, x is (19.8, 4.95, 4.95), that of its source (2.0, 0.5, 0.5)"
            "; give it the source's.",
        ),
    ),
    "15 another number of channels": (
        _channel_count,
        Finding(
            "channel-count",
            ".",
            "'omero.channels' describes 2 channel(s), but the image has 1; describe each channel once, in order.",
        ),
    ),
    "16 another shape": (
        _shape_differs,
        Finding(
            "shape-differs",
            NUCLEI,
            "at full resolution its z, y, x are (6, 150, 300) pixels, those of its source (6, 150, 301); each label "
            "pixel must lie on an image pixel.",
        ),
    ),
    "17 properties without a pixel": (
        _no_such_label,
        Finding(
            "no-such-label",
            NUCLEI,
            "'image-label.properties' describes label 99, which no pixel has; drop the row or find out where the "
            "object went.",
        ),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_others_miss_is_found_alone(store: Path, fault: str) -> None:
    put_in, expected = FAULTS[fault]
    put_in(store)
    ModelImage.from_zarr(zarr.open_group(store, mode="r"))  # no other validator minds
    assert check_store(store) == (expected,)


def test_a_source_that_leads_nowhere_is_found(store: Path) -> None:
    _source_nowhere(store)
    (found,) = check_store(store)
    assert (found.fault, found.where) == ("source-nowhere", NUCLEI)
    assert found.message.startswith(
        "'image-label.source.image' is '../elsewhere', which leads to no image (There is no"
    )


def test_a_missing_version_is_found(store: Path) -> None:
    _edit(store / "labels", lambda block: block.pop("version"))
    assert [str(found) for found in check_store(store)] == [
        "labels: the 'ome' metadata of the group have no 'version'; every group with an 'ome' block needs the store's. "
        "[version-missing]"
    ]


def test_a_listed_label_that_is_missing_is_found(store: Path) -> None:
    _edit(store / "labels", lambda block: block["labels"].append("cells"))
    (found,) = check_store(store)
    assert (found.fault, found.where) == ("unreadable", "labels/cells")


def test_fewer_levels_than_the_image_are_found(nuclei: Path) -> None:
    _edit(nuclei, lambda block: block["multiscales"][0]["datasets"].pop())
    assert [found.fault for found in check_store(nuclei)] == ["level-count"]


def test_a_label_store_of_its_own_is_checked_against_its_source(nuclei: Path, raw: Path) -> None:
    assert check_store(nuclei) == ()
    raw.rename(raw.with_name("moved.ome.zarr"))
    assert [found.fault for found in check_store(nuclei)] == ["source-nowhere"]


def test_what_is_not_there_cannot_be_checked(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        check_store(tmp_path / "none.ome.zarr")
