"""What a server tells of an image besides its pixels: instrument, channels, annotations, where it is, whose it is.

The words are those of OME's data model (2016-06, ome/ome-model), which OMERO keeps and OME-XML writes. What is not
known is left out. Everything with an IRI is an object of the server, ``https://<host>/<kind>/<id>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

FACTS_ATTRIBUTE = "filiation:image-metadata"
"""Attribute of a store's group ``OME`` that holds the metadata as JSON; ``docs/how-to/omero.md``."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its unit, by the symbol that OME-XML writes: ``Quantity(461.0, "nm")``."""

    value: float
    unit: str

    def __str__(self) -> str:
        return f"{self.value:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its value, as a person or a program wrote them."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Instrument:
    """A microscope: maker, model and type of its stand."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    microscope_type: str | None = None


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective: magnification, numerical aperture, what it is immersed in."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    nominal_magnification: float | None = None
    calibrated_magnification: float | None = None
    lens_na: float | None = None
    immersion: str | None = None
    correction: str | None = None
    working_distance: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Detector:
    """A camera or photomultiplier."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    detector_type: str | None = None


@dataclass(frozen=True, slots=True)
class LightSource:
    """A laser, arc lamp, filament or light-emitting diode; its IRI tells which."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    light_source_type: str | None = None
    laser_medium: str | None = None
    laser_wavelength: Quantity | None = None
    power: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter and the band that it lets through."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None
    filter_type: str | None = None
    cut_in: Quantity | None = None
    cut_out: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Dichroic:
    """A dichroic mirror."""

    iri: str
    manufacturer: str | None = None
    model: str | None = None
    serial_number: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, and the settings that it was taken with.

    Parameters
    ----------
    iri
        Of the channel.
    index
        Its place along the image's channel axis, from 0.
    name
        As a person sees it.
    color
        Red, green and blue, as six hexadecimal digits.
    excitation_wavelength, emission_wavelength
        Of the light.
    fluor, acquisition_mode, contrast_method, illumination_type
        In the words of OME's model.
    pinhole_size
        Of a confocal microscope.
    nd_filter
        Fraction of light that a neutral density filter lets through.
    exposure_time
        Of the channel's first plane.
    detector
        What took it; with it ``gain``, ``offset``, ``voltage``, ``binning`` and ``read_out_rate`` as set.
    light_source
        What lit it; with it ``attenuation`` (the fraction that was taken away) and ``light_wavelength`` as set.
    excitation_filters, dichroic, emission_filters
        What light went through, in this order.
    """

    iri: str
    index: int
    name: str | None = None
    color: str | None = None
    excitation_wavelength: Quantity | None = None
    emission_wavelength: Quantity | None = None
    fluor: str | None = None
    acquisition_mode: str | None = None
    contrast_method: str | None = None
    illumination_type: str | None = None
    pinhole_size: Quantity | None = None
    nd_filter: float | None = None
    exposure_time: Quantity | None = None
    detector: Detector | None = None
    gain: float | None = None
    offset: float | None = None
    voltage: Quantity | None = None
    binning: str | None = None
    read_out_rate: Quantity | None = None
    light_source: LightSource | None = None
    attenuation: float | None = None
    light_wavelength: Quantity | None = None
    excitation_filters: tuple[Filter, ...] = ()
    dichroic: Dichroic | None = None
    emission_filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, with what its owner says that it means."""

    iri: str
    name: str
    description: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment."""

    iri: str
    text: str
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Key-value pairs that were put on the image together, in their order; a key may come twice."""

    iri: str
    pairs: tuple[Pair, ...] = ()
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """A dataset, project, well, plate or screen, and what it stands in itself; its IRI tells which it is."""

    iri: str
    name: str | None = None
    containers: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose image it is on the server, by login name alone: a full name is a person's own to state."""

    iri: str
    user: str


@dataclass(frozen=True, slots=True)
class Group:
    """The group that the image belongs to on the server."""

    iri: str
    name: str


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """What a server tells of an image besides its pixels.

    Parameters
    ----------
    iri, name, description
        Of the image.
    acquired
        When it was taken, UTC.
    instrument, objective
        What it was taken with.
    medium, refractive_index, correction_collar
        How the objective was set.
    stage_name, stage_x, stage_y, stage_z
        Where the stage stood.
    temperature, air_pressure, humidity, co2_percent
        Around the sample; humidity and CO2 as fractions of 1.
    channels
        In their order.
    tags, comments, key_values
        What people and programs noted, by IRI.
    containers
        Where it is filed, by IRI. What the user may not see is not there.
    owner, group
        Whose it is.
    not_captured
        What could not be read, in sentences, sorted.
    """

    iri: str
    name: str | None = None
    description: str | None = None
    acquired: datetime | None = None
    instrument: Instrument | None = None
    objective: Objective | None = None
    medium: str | None = None
    refractive_index: float | None = None
    correction_collar: float | None = None
    stage_name: str | None = None
    stage_x: Quantity | None = None
    stage_y: Quantity | None = None
    stage_z: Quantity | None = None
    temperature: Quantity | None = None
    air_pressure: Quantity | None = None
    humidity: float | None = None
    co2_percent: float | None = None
    channels: tuple[Channel, ...] = ()
    tags: tuple[Tag, ...] = ()
    comments: tuple[Comment, ...] = ()
    key_values: tuple[KeyValues, ...] = ()
    containers: tuple[Container, ...] = ()
    owner: Owner | None = None
    group: Group | None = None
    not_captured: tuple[str, ...] = ()


def kind_of_object(iri: str) -> str:
    """Return which kind of object an IRI of a server names.

    >>> kind_of_object("https://omero.example.org/Laser/7")
    'Laser'
    """
    return iri.rstrip("/").rpartition("/")[0].rpartition("/")[2]
