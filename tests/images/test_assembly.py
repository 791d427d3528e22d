import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zarr
from ngio import open_ome_zarr_container
from ome_zarr_models.v05 import Image as ModelImage
from ome_zarr_models.v05 import ImageLabel as ModelLabel
from ome_zarr_models.v05 import Labels as ModelLabels

from filiation.digest import digest_tree
from filiation.errors import BadInputError, NotFoundError
from filiation.images import (
    Image,
    LabelImage,
    annotate_labels,
    assemble,
    check_store,
    pixel_digest,
    read_labels,
    write_image,
    write_table,
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_table(tmp_path / "measurements.parquet", pa.table({"label": [1, 7], "volume": [2.5, 3.5]}))
    return tmp_path / "measurements.parquet"


@pytest.fixture
def store(tmp_path: Path, raw: Path, nuclei: Path, table: Path) -> Path:
    assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei}, {"nuclei": table})
    return tmp_path / "cells.ome.zarr"


def test_ome_zarr_models_finds_the_assembled_store_valid(store: Path) -> None:
    ModelImage.from_zarr(zarr.open_group(store, mode="r"))
    ModelLabels.from_zarr(zarr.open_group(store / "labels", mode="r"))
    ModelLabel.from_zarr(zarr.open_group(store / "labels" / "nuclei", mode="r"))


def test_ngio_opens_image_labels_and_table(store: Path, image: Image, labels: LabelImage) -> None:
    container = open_ome_zarr_container(store, mode="r")
    assert container.list_labels() == ["nuclei"]
    assert container.list_tables() == ["nuclei"]
    assert np.array_equal(container.get_image().get_as_numpy(), image.data)
    assert np.array_equal(container.get_label("nuclei").get_as_numpy(), labels.data)
    table = container.get_feature_table("nuclei")
    assert table.reference_label == "nuclei"
    assert table.dataframe.index.name == "label"
    assert table.dataframe["volume"].to_dict() == {1: 2.5, 7: 3.5}


def test_no_fault_is_found_that_other_validators_miss(raw: Path, nuclei: Path, store: Path) -> None:
    assert check_store(raw) == check_store(nuclei) == check_store(store) == ()


def test_the_stores_it_is_made_of_stay_as_they_were(tmp_path: Path, raw: Path, nuclei: Path, table: Path) -> None:
    before = [digest_tree(raw), digest_tree(nuclei), table.read_bytes()]
    assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei}, {"nuclei": table})
    assert [digest_tree(raw), digest_tree(nuclei), table.read_bytes()] == before


def test_the_pixels_are_the_same_images(raw: Path, nuclei: Path, store: Path) -> None:
    assert pixel_digest(store) == pixel_digest(raw)
    assert pixel_digest(store / "labels" / "nuclei") == pixel_digest(nuclei)


def test_chunks_are_linked_and_the_changed_metadata_are_not(raw: Path, nuclei: Path, store: Path) -> None:
    assert (store / "0" / "c" / "0" / "0" / "0").samefile(raw / "0" / "c" / "0" / "0" / "0")
    label = store / "labels" / "nuclei"
    assert (label / "0" / "c" / "0" / "0" / "0").samefile(nuclei / "0" / "c" / "0" / "0" / "0")
    assert not (label / "zarr.json").samefile(nuclei / "zarr.json")
    block = json.loads((label / "zarr.json").read_text())["attributes"]["ome"]
    assert block["image-label"]["source"] == {"image": "../../"}


def test_editing_the_assembled_labels_leaves_the_label_store_alone(nuclei: Path, store: Path) -> None:
    before = digest_tree(nuclei)
    zarr.open_array(store / "labels" / "nuclei" / "0", mode="r+")[...] = 5
    assert digest_tree(nuclei) == before


def test_files_are_copied_where_they_cannot_be_linked(
    tmp_path: Path, raw: Path, nuclei: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    assemble(tmp_path / "copied.ome.zarr", raw, {"nuclei": nuclei})
    assert pixel_digest(tmp_path / "copied.ome.zarr") == pixel_digest(raw)


def test_the_mark_of_snakemake_is_left_behind(tmp_path: Path, raw: Path, nuclei: Path) -> None:
    (raw / ".snakemake_timestamp").touch()
    assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei})
    assert not (tmp_path / "cells.ome.zarr" / ".snakemake_timestamp").exists()


def test_a_table_goes_with_a_label_image(tmp_path: Path, raw: Path, nuclei: Path, table: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": nuclei}, {"cells": table})
    assert str(caught.value) == (
        f"The table {table} is to go with the label image 'cells'; it needs a column 'label', and the label image must "
        "be one of nuclei."
    )


def test_a_failed_assembly_leaves_nothing(tmp_path: Path, raw: Path, nuclei: Path, image: Image) -> None:
    with pytest.raises(NotFoundError):
        assemble(tmp_path / "cells.ome.zarr", raw, {"nuclei": tmp_path / "none.ome.zarr"})
    write_image(tmp_path / "other.ome.zarr", replace(image, name="other"))
    assert not (tmp_path / "cells.ome.zarr").exists()
    assert not list(tmp_path.glob(".*.partial"))


def test_a_label_image_is_written_once_more_with_more_known_of_its_objects(tmp_path: Path, nuclei: Path) -> None:
    before = digest_tree(nuclei)

    annotate_labels(tmp_path / "told" / "nuclei.ome.zarr", nuclei, {7: {"omero:roiId": 51}, 1: {"omero:roiId": 50}})

    told = read_labels(tmp_path / "told" / "nuclei.ome.zarr")
    assert told.properties == {1: {"omero:roiId": 50}, 7: {"phase": "G1", "omero:roiId": 51}}
    assert told.source == "../../raw.ome.zarr"
    assert pixel_digest(tmp_path / "told" / "nuclei.ome.zarr") == pixel_digest(nuclei)
    assert digest_tree(nuclei) == before
    assert check_store(tmp_path / "told" / "nuclei.ome.zarr") == ()
    ModelLabel.from_zarr(zarr.open_group(tmp_path / "told" / "nuclei.ome.zarr", mode="r"))


def test_an_image_has_no_objects_to_tell_of(tmp_path: Path, raw: Path) -> None:
    with pytest.raises(BadInputError, match="is an image, not a label image"):
        annotate_labels(tmp_path / "told.ome.zarr", raw, {})
