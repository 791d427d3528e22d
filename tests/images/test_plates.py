"""Plates: read in both versions, written so that others read them, generated with a known truth."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import zarr

from filiation.errors import BadInputError, NotFoundError
from filiation.images import (
    FieldStores,
    Plate,
    PlateField,
    StoreFormat,
    assemble_plate,
    check_store,
    layout_of,
    open_plate,
    open_source,
    plate_from,
    plate_source,
    read_image,
    read_labels,
    write_image,
    write_labels,
    write_plate,
    write_table,
)
from filiation.images.plates import is_plate, is_plate_or_well
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate
from filiation.segmentation import measure

SMALL = SyntheticPlate(rows=2, columns=2, fields=2, shape=(64, 64))


@pytest.fixture(scope="module", params=["0.4", "0.5"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plate") / "plate.ome.zarr"
    write_synthetic_plate(path, SMALL, StoreFormat(request.param))
    return path


def test_a_plate_is_read_as_it_was_written_in_both_versions(written: Path) -> None:
    plate = open_plate(written)
    assert plate == SMALL.plate
    assert plate.wells == ("A1", "A2", "B1", "B2")
    assert [field.path for field in plate.only(["B1"]).fields] == ["B/1/0", "B/1/1"]
    assert is_plate(written)
    assert is_plate_or_well(written / "A" / "1")
    assert not is_plate(written / "A" / "1")
    assert not is_plate_or_well(written / "A" / "1" / "0")
    for field in plate.fields[:3]:
        assert np.array_equal(read_image(written / field.path).data, SMALL.draw(field)[0].data)


def test_others_read_the_plate(written: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries, on what they will change
        import ngio
        from ome_zarr_models.v05 import HCS, Image, Well

        group = zarr.open_group(written, mode="r")
        if group.metadata.zarr_format == 3:  # what was imported before decides whether its classes for 0.4 work
            assert HCS.from_zarr(group).n_wells == 4
            for field in SMALL.plate.fields:
                Well.from_zarr(group[f"{field.row}/{field.column}"])
                Image.from_zarr(group[field.path])
        assert ngio.open_ome_zarr_plate(written).images_paths() == [field.path for field in SMALL.plate.fields]


def test_a_plate_in_a_sample_sheet_is_a_source_for_each_field(written: Path) -> None:
    found = plate_source(str(written), ["A2"])
    assert found is not None
    assert found.fields == {f"A/2/{name}": f"{written}/A/2/{name}" for name in "01"}
    assert found.plate.rows == ("A", "B")
    assert plate_source(str(written / "A/2/0")) is None
    assert plate_source("skimage:cell") is None
    assert plate_source(str(written.parent / "nothing")) is None


def test_a_well_that_is_not_there_is_told_with_those_there_are(written: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        plate_source(str(written), ["A1", "C7"])
    assert str(caught.value) == (
        "The plate 'synthetic plate' has no well 'C7' with a field of view; it has A1, A2, B1, B2."
    )


def test_a_well_that_is_listed_and_not_there_has_no_fields(tmp_path: Path) -> None:
    path = tmp_path / "plate.ome.zarr"
    write_synthetic_plate(path, SyntheticPlate(columns=2, shape=(64, 64)))
    (path / "A/1/zarr.json").unlink()
    assert open_plate(path).wells == ("A2", "B1", "B2")


def test_a_field_that_is_listed_and_not_there_is_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "plate.ome.zarr"
    write_synthetic_plate(path, SyntheticPlate(columns=2, fields=2, shape=(64, 64)))
    assert plate_source(str(path)) is not None
    assert caplog.text == ""
    shutil.rmtree(path / "A/2/1")
    (path / "B/1/zarr.json").unlink()
    found = plate_source(str(path))
    assert found is not None
    assert found.plate.missing == ("B/1", "A/2/1")
    assert list(found.fields) == ["A/1/0", "A/1/1", "A/2/0", "B/2/0", "B/2/1"]
    assert "not there, though the plate lists them, and left out: B/1, A/2/1." in caplog.text
    caplog.clear()
    only = plate_source(str(path), ["A1"])
    assert only is not None
    assert (only.plate.missing, caplog.text) == ((), "")


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "is no plate of OME-Zarr: its group has no 'plate' metadata."),
        ({"plate": {"rows": []}}, "has malformed plate metadata"),
        ({"plate": {"rows": [], "columns": [], "wells": [{"path": "A"}]}}, "has malformed plate metadata"),
        ({"plate": {"rows": [], "columns": [], "wells": []}}, "has no field of view: none of its 0 wells is there."),
    ],
)
def test_what_is_no_plate_is_refused(tmp_path: Path, block: dict[str, object], message: str) -> None:
    (tmp_path / "zarr.json").write_text(json.dumps({"attributes": {"ome": block}}))
    with pytest.raises(BadInputError, match=message):
        open_plate(tmp_path)
    with pytest.raises(NotFoundError, match="There is no plate at"):
        open_plate(tmp_path / "none")


def test_fields_come_together_with_labels_and_tables_and_leave_their_stores_as_they_are(tmp_path: Path) -> None:
    recipe = SyntheticPlate(columns=2, shape=(64, 64))
    source = recipe.plate.only(["A2", "B1"])
    stores = {}
    for field in source.fields:
        folder = tmp_path / field.path
        image, truth = recipe.draw(field)
        write_image(folder / "raw.ome.zarr", image)
        write_labels(folder / "nuclei.ome.zarr", image.labelled(truth.data, name="nuclei"))
        table = measure(truth.data, image.data, image.axes, image.scale, image.units)
        write_table(folder / "nuclei.parquet", table)
        labels, tables = {"nuclei": folder / "nuclei.ome.zarr"}, {"nuclei": folder / "nuclei.parquet"}
        stores[field.path] = FieldStores(folder / "raw.ome.zarr", labels, tables)
    plate = plate_from(json.loads(json.dumps(layout_of(source))), stores)
    assert plate == source
    assemble_plate(tmp_path / "out.ome.zarr", plate, stores)
    assert open_plate(tmp_path / "out.ome.zarr") == source
    for field in source.fields:
        here = tmp_path / "out.ome.zarr" / field.path
        assert check_store(here) == ()
        assert np.array_equal(read_labels(here / "labels/nuclei").data, recipe.draw(field)[1].data)
        assert (here / "tables/nuclei/table.parquet").samefile(tmp_path / field.path / "nuclei.parquet")
        assert read_labels(tmp_path / field.path / "nuclei.ome.zarr").source is None
    with pytest.raises(BadInputError, match="Nothing is given for the field A/1/0"):
        assemble_plate(tmp_path / "other.ome.zarr", recipe.plate, stores)


def test_acquisitions_are_kept(tmp_path: Path) -> None:
    fields = (PlateField("A", "1", "0", 3), PlateField("A", "1", "1", 5))
    plate = Plate("twice", ("A",), ("1",), fields, ({"id": 3}, {"id": 5, "name": "later"}))
    assert plate_from(layout_of(plate), [field.path for field in fields]) == plate
    image, _ = SMALL.draw(SMALL.plate.fields[0])
    write_plate(tmp_path / "plate.ome.zarr", plate, lambda field, here: write_image(here, image))
    assert open_plate(tmp_path / "plate.ome.zarr") == plate


def test_a_field_of_a_generated_plate_is_the_same_in_a_larger_one() -> None:
    small, large = SyntheticPlate(shape=(64, 64)), SyntheticPlate(rows=4, columns=6, fields=3, shape=(64, 64))
    field = PlateField("B", "3", "0")
    assert small.uri_of(field) == large.uri_of(field) == "synthetic:plate?seed=7&shape=64,64&field=B/3/0"
    source = open_source(small.uri_of(field))
    assert source.identify().iri == small.uri_of(field)
    assert np.array_equal(source.fetch().data, large.draw(field)[0].data)
    assert not np.array_equal(source.fetch().data, small.draw(PlateField("A", "3", "0"))[0].data)
    listed = plate_source("synthetic:plate?rows=1&columns=1&shape=64,64")
    assert listed is not None
    assert listed.fields == {"A/1/0": "synthetic:plate?seed=7&shape=64,64&field=A/1/0"}
    assert SyntheticPlate().uri == "synthetic:plate?seed=7&rows=2&columns=3&fields=1&shape=128,128"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("rows=2", "is a plate; name one field of view"),
        ("field=A/1", "is a plate; name one field of view"),
        ("field=A/99/0", "names a field that no plate has"),
        ("rows=17&field=A/1/0", "A synthetic plate has a seed of 0 or more, 1 to 16 rows"),
        ("wells=2", "gives the parameter 'wells'"),
    ],
)
def test_a_uri_that_names_no_field_is_refused(query: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        open_source(f"synthetic:plate?{query}")
