"""Plates on a server: wells and fields as OMERO shows them, each field an image with an id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from filiation.errors import BadInputError, NotFoundError
from filiation.images import layout_of, plate_from, plate_source
from filiation.images.omero import Address
from filiation.images.omero.plates import _named

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer


def test_a_plate_has_its_fields_with_the_ids_of_their_images(signed_in: OmeroServer) -> None:
    planting = signed_in.plant("ada")
    images = [planting.image(np.zeros((8, 8), "u1"), f"field {number}") for number in range(4)]
    plate = planting.plate("screen 7", {(1, 2): images[1:3], (0, 0): images[:1]})
    planting.plate("another", {(0, 0): images[3:]})
    uri = f"omero://127.0.0.1/plate/{plate.id}"

    found = plate_source(uri)

    assert found is not None
    assert (found.plate.name, found.plate.rows, found.plate.columns[:3]) == (
        "screen 7",
        tuple("ABCDEFGH"),
        tuple("123"),
    )
    assert len(found.plate.columns) == 12
    assert [Address.from_uri(uri).iri for uri in found.fields.values()] == [
        f"https://127.0.0.1/Image/{each.id}" for each in images[:3]
    ]
    assert list(found.fields) == ["A/1/0", "B/3/0", "B/3/1"]
    (acquisition,) = found.plate.acquisitions
    assert acquisition["name"] == "screen 7 run"
    assert {field.acquisition for field in found.plate.fields} == {acquisition["id"]}
    assert plate_from(layout_of(found.plate), found.fields) == found.plate
    some = plate_source(uri, ["B3"])
    assert some is not None
    assert list(some.fields) == ["B/3/0", "B/3/1"]
    with pytest.raises(
        BadInputError, match="The plate 'screen 7' has no well 'C7' with a field of view; it has A1, B3"
    ):
        plate_source(uri, ["C7"])
    assert plate_source(f"omero://127.0.0.1/image/{images[0].id}") is None
    empty = planting.plate("empty", {})
    with pytest.raises(BadInputError, match="has no field of view"):
        plate_source(f"omero://127.0.0.1/plate/{empty.id}")
    with pytest.raises(NotFoundError, match="has no plate 4711, or the user 'ada' may not see it"):
        plate_source("omero://127.0.0.1/plate/4711")
    with pytest.raises(BadInputError, match="a plate is taken as a whole"):
        plate_source(f"{uri}?tag=control")


def test_rows_go_on_after_z() -> None:
    assert [_named(number, "letter") for number in (0, 25, 26, 51, 52)] == ["A", "Z", "AA", "AZ", "BA"]
    assert _named(11, "number") == "12"
