"""What surrounds an image: containers, wells, channels, instrument, annotations, original files."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)

from tests.omero_server.microscope import ACQUIRED, OBJECTIVE  # noqa: E402
from tests.omero_server.rows import Row  # noqa: E402
from tests.omero_server.server import OmeroServer  # noqa: E402

PIXELS = np.zeros((2, 4, 4), "u1")


def test_an_instrument_comes_with_its_parts(omero_image: Row, gateway: Any):
    image = gateway.getObject("Image", omero_image.id)

    objective = image.getObjectiveSettings().getObjective()
    assert (objective.getModel(), objective.getNominalMagnification(), objective.getLensNA()) == (
        OBJECTIVE,
        40.0,
        1.3,
    )
    assert image.getObjectiveSettings().getRefractiveIndex() == 1.515
    instrument = image.getInstrument()
    assert instrument.getMicroscope().getModel() == "Axio"
    assert [each.getModel() for each in instrument.getObjectives()] == [OBJECTIVE]
    assert [each.getModel() for each in instrument.getDetectors()] == ["C11440"]
    assert [each.getModel() for each in instrument.getFilters()] == ["BP 525/50"]
    (laser,) = instrument.getLightSources()
    assert (laser.getModel(), laser.getLightSourceType().getValue()) == ("Argon", "Gas")
    assert image.getStageLabel().getName() == "stage"
    assert image.getStageLabel().getPositionX().getValue() == 12.5
    assert image.getImagingEnvironment().getTemperature().getValue() == 37.0
    assert image.getAcquisitionDate().timestamp() == ACQUIRED / 1000


def test_channels_tell_names_colours_wavelengths_and_how_they_were_taken(omero_image: Row, gateway: Any):
    image = gateway.getObject("Image", omero_image.id)

    first, second, _ = image.getChannels(noRE=True)

    assert (first.getLabel(), first.getEmissionWave(), first.getExcitationWave()) == ("DAPI", 461, 405)
    assert (first._obj.red.val, first._obj.green.val, first._obj.blue.val) == (0, 0, 255)
    assert image.getPixelSizeX(units=True).getSymbol() == "µm"
    logical = second.getLogicalChannel()
    assert logical.getDetectorSettings().getDetector().getModel() == "C11440"
    assert logical.getDetectorSettings().getGain() == 2.5
    assert logical.getLightSourceSettings().getLightSource().getModel() == "Argon"
    assert [each.getModel() for each in logical.getLightPath().getEmissionFilters()] == ["BP 525/50"]


def test_containers_lead_down_and_up(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    images = [planting.image(PIXELS, name) for name in ("a", "b")]
    project = planting.project("study")
    dataset = planting.dataset("day 1", images, project)

    assert [each.getName() for each in gateway.getObject("Project", project.id).listChildren()] == ["day 1"]
    found = gateway.getObject("Dataset", dataset.id)
    assert sorted(each.getName() for each in found.listChildren()) == ["a", "b"]
    assert found.countChildren() == 2
    image = gateway.getObject("Image", images[0].id)
    assert [each.getName() for each in image.getAncestry()] == ["day 1", "study"]
    assert [each.getId() for each in gateway.getObjects("Image", opts={"dataset": dataset.id})] == [
        each.id for each in images
    ]


def test_wells_and_their_fields(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    fields = [planting.image(PIXELS, f"field {number}") for number in range(3)]
    plate = gateway.getObject(
        "Plate", planting.plate("plate", {(1, 2): fields[:2], (0, 0): fields[2:]}, screen="screen").id
    )

    wells = {
        well.getWellPos(): [each.getName() for each in (sample.getImage() for sample in well.listChildren())]
        for well in plate.listChildren()
    }

    assert wells == {"B3": ["field 0", "field 1"], "A1": ["field 2"]}
    assert plate.getNumberOfFields() == (0, 1)
    assert plate.getParent().getName() == "screen"


def test_annotations_of_every_kind_are_listed(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    image = planting.image(PIXELS, "annotated")
    planting.tag(image, "control")
    planting.comment(image, "looks fine")
    planting.pairs(image, {"gene": "ACT1", "dose": "3"}, namespace="lab/treatment")
    planting.link(image, planting.put("LongAnnotation", longValue=5, ns="rating"))

    found = {
        each.OMERO_TYPE.__name__.removesuffix("I"): each.getValue()
        for each in gateway.getObject("Image", image.id).listAnnotations()
    }

    assert found == {
        "TagAnnotation": "control",
        "CommentAnnotation": "looks fine",
        "MapAnnotation": [("gene", "ACT1"), ("dose", "3")],
        "LongAnnotation": 5,
    }
    assert gateway.getObject("Image", image.id).getAnnotation("lab/treatment").getValue() == [
        ("gene", "ACT1"),
        ("dose", "3"),
    ]
    query = (
        "select i.id from Image i join i.annotationLinks l join l.child a join a.mapValue v "
        "where v.name = 'dose' and v.value = '3'"
    )
    assert [row[0].val for row in gateway.getQueryService().projection(query, None)] == [image.id]


def test_images_are_found_by_a_tag(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    images = [planting.image(PIXELS, name) for name in ("a", "b", "c")]
    tags = [planting.tag(image, "control") for image in images[:2]]

    found = gateway.getObjectsByAnnotations("Image", [tags[0].id])

    assert sorted(each.getName() for each in found) == ["a", "b"]


def test_original_files_tell_their_digest_and_their_bytes(omero_server: OmeroServer, gateway: Any):
    planting = omero_server.plant("ada")
    image = planting.image(PIXELS, "imported")
    planting.fileset([image], {"raw/a.czi": b"pixels", "raw/a.xml": b"<x/>"})

    files = list(gateway.getObject("Image", image.id).getImportedImageFiles())

    assert [(each.getName(), each.getSize()) for each in files] == [("a.czi", 6), ("a.xml", 4)]
    assert files[0].getHash() == hashlib.sha1(b"pixels").hexdigest()


def test_an_image_of_a_zarr_store_tells_where_that_is(omero_server: OmeroServer, omero_image: Row, gateway: Any):
    omero_server.plant("ada").external(omero_image, "/data/cells.zarr")

    details = gateway.getObject("Image", omero_image.id).getDetails()

    assert details.getExternalInfo().getLsid() == "/data/cells.zarr"
