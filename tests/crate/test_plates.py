"""A field of view is a part of its well, and that of its plate, as what was seen on disk says."""

from __future__ import annotations

from pathlib import Path

from filiation.capture.observation import Observer
from filiation.crate.plates import write_plates
from filiation.crate.things import read_thing, write_thing
from filiation.images.synthetic_plate import SyntheticPlate, write_synthetic_plate
from filiation.model import EntityKind


def test_field_well_and_plate_are_parts_of_each_other_and_only_those_of_a_plate(tmp_path: Path) -> None:
    write_synthetic_plate(tmp_path / "data/plate.ome.zarr", SyntheticPlate(rows=1, columns=2, shape=(64, 64)))
    (tmp_path / "data/plate.ome.zarr/A/2/0").rename(tmp_path / "data/alone.ome.zarr")
    observer = Observer(str(tmp_path))
    field, alone, plate, well = (
        observer.look(path)
        for path in (
            "data/plate.ome.zarr/A/1/0", "data/alone.ome.zarr", "data/plate.ome.zarr", "data/plate.ome.zarr/A/1",
        )
    )  # fmt: skip
    assert [each.kind for each in (field, alone, plate, well)] == [
        EntityKind.IMAGE, EntityKind.IMAGE, EntityKind.PLATE, EntityKind.WELL,
    ]  # fmt: skip
    assert [each.is_field for each in (field, alone, plate, well)] == [True, False, False, False]
    thing = write_thing(field, str(tmp_path), (), [])
    assert thing["dcterms:isPartOf"] == {"@id": "#work/data/plate.ome.zarr/A/1/"}
    assert read_thing(thing, {}) == field
    assert write_plates([field, alone], ()) == [
        {
            "@id": "#work/data/plate.ome.zarr/A/1/",
            "@type": ["Collection", "ome-xml:Well"],
            "name": "A1",
            "dcterms:isPartOf": {"@id": "#work/data/plate.ome.zarr/"},
        },
        {"@id": "#work/data/plate.ome.zarr/", "@type": ["Collection", "ome-xml:Plate"], "name": "plate.ome.zarr"},
    ]
    assert [each["name"] for each in write_plates([field, plate], ())] == ["A1"]
