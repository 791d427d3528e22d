"""An image with everything that a microscope, and a biologist, may tell of it."""

from __future__ import annotations

from tests.omero_server.made_up import small_image
from tests.omero_server.planting import ChannelDescription, Planting, quantity
from tests.omero_server.rows import Row

OBJECTIVE = "Plan-Apochromat 40x/1.3 Oil"
ACQUIRED = 1_700_000_000_000
"""Milliseconds since 1970."""


def microscope_image(planting: Planting) -> Row:
    """Put in an image of 2 times, 3 channels and 4 planes with all of that, in a dataset of a project."""
    put, value = planting.put, planting.value
    stand = put("Microscope", manufacturer="Zeiss", model="Axio", type=value("MicroscopeType", "Inverted"))
    instrument = put("Instrument", microscope=stand)
    objective = put(
        "Objective",
        instrument=instrument,
        model=OBJECTIVE,
        nominalMagnification=40.0,
        lensNA=1.3,
        immersion=value("Immersion", "Oil"),
        correction=value("Correction", "PlanApo"),
    )
    detector = put("Detector", instrument=instrument, model="C11440", type=value("DetectorType", "CMOS"))
    laser = put("Laser", instrument=instrument, model="Argon", type=value("LaserType", "Gas"))
    band = put("TransmittanceRange", cutIn=quantity(500.0, "NANOMETER"), cutOut=quantity(550.0, "NANOMETER"))
    emission = put(
        "Filter",
        instrument=instrument,
        model="BP 525/50",
        type=value("FilterType", "BandPass"),
        transmittanceRange=band,
    )
    stage = put("StageLabel", name="stage", positionX=quantity(12.5, "MILLIMETER"))
    settings = put("ObjectiveSettings", objective=objective, medium=value("Medium", "Oil"), refractiveIndex=1.515)
    image = planting.image(
        small_image(),
        "cells",
        acquired=ACQUIRED,
        instrument=instrument,
        stageLabel=stage,
        objectiveSettings=settings,
        pixel_size=(0.1, 0.1, 0.5),
        channels=[
            ChannelDescription("DAPI", (0, 0, 255, 255), 405.0, 461.0),
            ChannelDescription("GFP", (0, 255, 0, 255), 488.0, 509.0),
            ChannelDescription("mCherry", (255, 0, 0, 255), 587.0, 610.0),
        ],
        imagingEnvironment=put("ImagingEnvironment", temperature=quantity(37.0, "CELSIUS")),
    )
    (pixels,) = planting.server.store.pointers(image, "Pixels", "image")
    channel = planting.server.store.pointers(pixels, "Channel", "pixels")[1]["logicalChannel"]
    assert isinstance(channel, Row)
    for plane in range(2):
        put("PlaneInfo", pixels=pixels, theC=0, theZ=plane, theT=0, exposureTime=quantity(0.2 + plane, "SECOND"))
    path = put("LightPath")
    put("LightPathEmissionFilterLink", parent=path, child=emission)
    for name, target in {
        "detectorSettings": put("DetectorSettings", detector=detector, gain=2.5, binning=value("Binning", "2x2")),
        "lightSourceSettings": put("LightSettings", lightSource=laser, attenuation=0.3),
        "lightPath": path,
    }.items():
        planting.server.store.set(channel, name, target)
    planting.tag(image, "control")
    planting.comment(image, "looks fine")
    planting.pairs(image, {"gene": "ACT1", "dose": "3"})
    planting.dataset("day 1", [image], planting.project("study"))
    return image
