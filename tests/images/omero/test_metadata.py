"""What a server tells of an image besides its pixels, read over the real wire, and written beside the pixels."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.images import check_store, fetch_into, open_source
from filiation.model import FACTS_ATTRIBUTE, Container, ImageMetadata, Pair, Quantity, from_plain
from tests.model.described import image_metadata

if TYPE_CHECKING:
    from tests.omero_server.rows import Row
    from tests.omero_server.server import OmeroServer

HOST = "https://127.0.0.1"
PIXELS = np.zeros((8, 8), "u1")
XML = "OME/METADATA.ome.xml"


@pytest.fixture
def read(signed_in: OmeroServer) -> Any:
    """Give a function that reads the metadata of an image by its number."""
    from filiation.images.omero.address import Host, image_address
    from filiation.images.omero.connection import connect
    from filiation.images.omero.metadata import read_metadata

    host = Host("127.0.0.1", signed_in.port)

    def metadata_of(image: Row) -> ImageMetadata:
        return read_metadata(connect(host), image_address(host, int(image.id or 0)))

    return metadata_of


def fetched(image: Row, place: Path) -> ImageMetadata:
    identity = fetch_into(open_source(f"omero://127.0.0.1/image/{image.id}"), place)
    assert identity.metadata is not None
    return identity.metadata


def test_everything_that_the_microscope_and_the_biologist_told_is_read(omero_image: Row, read: Any):
    found = read(omero_image)

    assert (found.iri, found.name, found.acquired) == (
        f"{HOST}/Image/{omero_image.id}", "cells", datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
    )  # fmt: skip
    stand, objective = found.instrument, found.objective
    assert (stand.manufacturer, stand.model, stand.microscope_type) == ("Zeiss", "Axio", "Inverted")
    assert (objective.nominal_magnification, objective.lens_na, objective.immersion, objective.correction) == (
        40.0, 1.3, "Oil", "PlanApo",
    )  # fmt: skip
    assert (found.medium, found.refractive_index) == ("Oil", 1.515)
    assert (found.stage_name, found.stage_x, found.temperature) == (
        "stage", Quantity(12.5, "mm"), Quantity(37.0, "°C"),
    )  # fmt: skip
    first, second, _ = found.channels
    assert (first.index, first.name, first.color, first.exposure_time) == (0, "DAPI", "0000FF", Quantity(0.2, "s"))
    assert (second.excitation_wavelength, second.emission_wavelength) == (Quantity(488.0, "nm"), Quantity(509.0, "nm"))
    assert (second.detector.model, second.gain, second.binning) == ("C11440", 2.5, "2x2")
    assert (second.light_source.iri, second.light_source.model, second.attenuation) == (
        f"{HOST}/Laser/1", "Argon", 0.3,
    )  # fmt: skip
    (emission,) = second.emission_filters
    assert (emission.model, emission.filter_type, emission.cut_in) == ("BP 525/50", "BandPass", Quantity(500.0, "nm"))
    assert [tag.name for tag in found.tags] == ["control"]
    assert [note.text for note in found.comments] == ["looks fine"]
    (pairs,) = found.key_values
    assert (pairs.pairs, pairs.namespace) == (
        (Pair("gene", "ACT1"), Pair("dose", "3")), "openmicroscopy.org/omero/client/mapAnnotation",
    )  # fmt: skip
    assert found.containers == (
        Container(f"{HOST}/Dataset/1", "day 1", (Container(f"{HOST}/Project/1", "study"),)),
    )  # fmt: skip
    assert (found.owner.user, found.group.name, found.not_captured) == ("ada", "lab", ())


def test_a_field_of_a_well_tells_its_plate_and_its_screens(signed_in: OmeroServer, read: Any):
    planting = signed_in.plant("ada")
    image = planting.image(PIXELS, "field 1")
    planting.plate("plate", {(1, 2): [image]}, screen="screen")

    assert read(image).containers == (
        Container(f"{HOST}/Well/1", "B3", (
            Container(f"{HOST}/Plate/1", "plate", (Container(f"{HOST}/Screen/1", "screen"),)),
        )),
    )  # fmt: skip


def test_the_number_of_calls_does_not_grow_with_what_there_is_to_tell(
    signed_in: OmeroServer, omero_image: Row, read: Any
):
    planting = signed_in.plant("ada")
    read(omero_image)
    for number in range(30):
        planting.pairs(omero_image, {f"key {number}": "value"})
    signed_in.calls.clear()

    assert len(read(omero_image).key_values) == 31
    assert len([call for call in signed_in.calls if call.startswith(("IQuery.", "IMetadata."))]) <= 9


def test_a_dataset_and_a_tag_that_the_user_may_not_see_are_not_told(signed_in: OmeroServer, read: Any):
    signed_in.add_group("open", permissions="rwrw--")
    signed_in.add_group("secret", permissions="rw----")
    signed_in.add_user("bob", "bob-password", ("open", "secret"))
    signed_in.join("ada", "open")
    image = signed_in.plant("bob", "open").image(PIXELS, "shared")
    hidden = signed_in.plant("bob", "secret")
    hidden.dataset("hidden", [image])
    hidden.link(image, hidden.put("TagAnnotation", textValue="hidden"))

    found = read(image)

    assert (found.name, found.owner.user, found.group.name) == ("shared", "bob", "open")
    assert (found.containers, found.tags) == ((), ())


def test_what_was_written_back_is_not_taken_for_something_that_was_told_of_the_image(signed_in: OmeroServer, read: Any):
    planting = signed_in.plant("ada")
    image = planting.image(PIXELS, "cells")
    planting.pairs(image, {"sigma": "1.5"}, namespace="filiation/run")
    planting.pairs(image, {"gene": "ACT1"}, namespace="lab/genes")

    assert [each.namespace for each in read(image).key_values] == ["lab/genes"]


def test_what_cannot_be_read_is_said_and_the_rest_is_there(
    signed_in: OmeroServer, omero_image: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from filiation.images.omero import metadata

    monkeypatch.setattr(metadata, "_WELLS", "select w.nothing from Well w where w.id = :id")

    found = fetched(omero_image, tmp_path / "a.zarr")

    (sentence,) = found.not_captured
    assert "are not whole: The OMERO server 127.0.0.1" in sentence
    assert "failed while reading wells and plates of omero://127.0.0.1" in sentence
    assert [tag.name for tag in found.tags] == ["control"]


def test_a_store_has_them_as_facts_and_as_ome_xml_that_the_schema_accepts(
    signed_in: OmeroServer, omero_image: Row, tmp_path: Path
):
    import ome_types

    signed_in.plant("ada").plate("plate", {(1, 2): [omero_image]}, screen="screen")
    place = tmp_path / "a.zarr"

    told = fetched(omero_image, place)

    attributes = json.loads((place / "OME" / "zarr.json").read_text())["attributes"]
    assert from_plain(ImageMetadata, attributes[FACTS_ATTRIBUTE]) == told
    text = (place / XML).read_text("utf-8")
    ome_types.validate_xml(text)
    with pytest.raises(Exception, match="NominalMagnification"):
        ome_types.validate_xml(text.replace('NominalMagnification="40.0"', 'NominalMagnification="strong"'))
    document = ome_types.from_xml(text)
    (image,) = document.images
    assert (image.id, image.name, image.pixels.size_c) == (f"Image:{omero_image.id}", "cells", 3)
    assert (image.pixels.physical_size_x, image.pixels.physical_size_x_unit.value) == (0.1, "µm")
    (instrument,) = document.instruments
    assert instrument.objectives[0].nominal_magnification == 40.0
    assert image.objective_settings.id == instrument.objectives[0].id
    assert image.pixels.channels[1].light_path.emission_filters[0].id == instrument.filters[0].id
    assert image.pixels.planes[0].exposure_time == 0.2
    assert document.structured_annotations.map_annotations[0].value.ms[0].k == "gene"
    assert document.plates[0].wells[0].column == 2
    assert [each.user_name for each in document.experimenters] == ["ada"]
    assert not check_store(place)


def test_what_the_schema_has_no_place_for_stays_out_of_the_ome_xml_and_in_the_facts(
    signed_in: OmeroServer, tmp_path: Path
):
    import ome_types

    planting = signed_in.plant("ada")
    odd = planting.put(
        "Objective", nominalMagnification=-1.0, lensNA=0.5, immersion=planting.value("Immersion", "Beer")
    )
    image = planting.image(PIXELS, "odd", objectiveSettings=planting.put("ObjectiveSettings", objective=odd))
    planting.comment(image, "bell \x07 rings")

    told = fetched(image, tmp_path / "a.zarr")

    assert (told.objective.immersion, told.comments[0].text) == ("Beer", "bell \x07 rings")
    text = (tmp_path / "a.zarr" / XML).read_text("utf-8")
    ome_types.validate_xml(text)
    document = ome_types.from_xml(text)
    assert document.instruments[0].objectives[0].lens_na == 0.5
    assert document.instruments[0].objectives[0].immersion is None
    assert document.structured_annotations.comment_annotations[0].value == "bell \ufffd rings"


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(metadata=image_metadata(st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_whatever_a_server_tells_becomes_ome_xml_that_the_schema_accepts(metadata: ImageMetadata):
    """Numbers of single precision, as OME's schema has them."""
    ome_types = pytest.importorskip("ome_types")
    from filiation.images.omero.ome_xml import ome_xml
    from filiation.images.omero.pixels import Grid

    grid = Grid(7, 3, (1, 2, 1, 48, 64), np.dtype("u2"))

    ome_types.validate_xml(ome_xml(metadata, grid, (1.0, 0.5, 0.5), ("", "micrometer", "micrometer")))


def test_an_image_of_which_nothing_is_told_has_its_name_owner_and_group(signed_in: OmeroServer, tmp_path: Path):
    import ome_types

    image = signed_in.plant("ada").image(PIXELS, "bare")

    told = fetched(image, tmp_path / "a.zarr")

    assert (told.name, told.objective, told.instrument, told.tags) == ("bare", None, None, ())
    ome_types.validate_xml((tmp_path / "a.zarr" / XML).read_text("utf-8"))


def test_two_copies_of_one_image_are_the_same_byte_for_byte(signed_in: OmeroServer, omero_image: Row, tmp_path: Path):
    from filiation.digest import digest_tree

    for name in ("a.zarr", "b.zarr"):
        fetched(omero_image, tmp_path / name)

    assert digest_tree(tmp_path / "a.zarr").digest == digest_tree(tmp_path / "b.zarr").digest


def test_the_omero_block_tells_how_channels_were_taken_and_where_the_image_is_filed(
    signed_in: OmeroServer, omero_image: Row, tmp_path: Path
):
    fetched(omero_image, tmp_path / "a.zarr")

    block = json.loads((tmp_path / "a.zarr" / "zarr.json").read_text())["attributes"]["ome"]["omero"]
    assert (block["meta"]["imageId"], block["meta"]["datasetName"], block["meta"]["projectName"]) == (
        omero_image.id, "day 1", "study",
    )  # fmt: skip
    assert (block["channels"][1]["gain"], block["channels"][1]["binning"]) == (2.5, "2x2")
    assert (block["channels"][0]["exposureTime"], block["channels"][0]["exposureTimeUnit"]) == (0.2, "s")
