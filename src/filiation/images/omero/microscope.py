"""From OMERO's objects to values of ours: instrument, objective, channels and what they were taken with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from filiation.images.omero.address import Host
from filiation.model import Channel, Detector, Dichroic, Filter, Instrument, LightSource, Objective, Quantity

_LAMPS = ("Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource")


def plain(value: Any) -> Any:
    """Return what stands in one of OMERO's wrapped values; None for none."""
    return getattr(value, "val", None)


def word(enumeration: Any) -> str | None:
    """Return the word of an enumeration."""
    found = plain(enumeration.value) if enumeration is not None and enumeration.isLoaded() else None
    return str(found) if found else None


def text(value: Any) -> str | None:
    """Return a text; an empty one says nothing."""
    found = plain(value)
    return str(found) if found else None


def number(value: Any) -> float | None:
    """Return a number."""
    found = plain(value)
    return None if found is None else float(found)


def quantity(value: Any) -> Quantity | None:
    """Return a number with its unit."""
    return None if value is None else Quantity(float(value.getValue()), str(value.getSymbol()))


def iri_of(host: Host, thing: Any) -> str:
    """Return the IRI of an object: ``https://<host>/Laser/7``, the form that omero-rdf writes."""
    return object_iri_of(host, type(thing).__name__.removesuffix("I"), thing.id.val)


def object_iri_of(host: Host, kind: str, number: int) -> str:
    """Return the IRI of an object of which kind and id are known."""
    return f"https://{host.name}/{kind}/{number}"


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of an instrument as the server loaded them, by kind and id: settings only point at them."""

    host: Host
    known: Mapping[tuple[str, int], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, host: Host, instrument: Any) -> Parts:
        """Take the parts of a loaded instrument, or of none."""
        if instrument is None:
            return cls(host)
        every = (
            *instrument.copyObjective(), *instrument.copyDetector(), *instrument.copyLightSource(),
            *instrument.copyFilter(), *instrument.copyDichroic(),
        )  # fmt: skip
        return cls(host, {(_root(part), part.id.val): part for part in every if part is not None})

    def find(self, thing: Any) -> Any:
        """Return the loaded part that another object points at; None if nothing is known of it."""
        if thing is None:
            return None
        found = self.known.get((_root(thing), thing.id.val), thing)
        return found if found.isLoaded() else None

    def objective(self, thing: Any) -> Objective | None:
        """Return an objective."""
        found = self.find(thing)
        return found and Objective(
            **self._maker(found),
            nominal_magnification=number(found.nominalMagnification),
            calibrated_magnification=number(found.calibratedMagnification),
            lens_na=number(found.lensNA),
            immersion=word(found.immersion),
            correction=word(found.correction),
            working_distance=quantity(found.workingDistance),
        )

    def detector(self, thing: Any) -> Detector | None:
        """Return a detector."""
        found = self.find(thing)
        return found and Detector(**self._maker(found), detector_type=word(found.type))

    def light_source(self, thing: Any) -> LightSource | None:
        """Return what gave light."""
        found = self.find(thing)
        return found and LightSource(
            **self._maker(found),
            light_source_type=word(getattr(found, "type", None)),  # a diode has none
            laser_medium=word(getattr(found, "laserMedium", None)),
            laser_wavelength=quantity(getattr(found, "wavelength", None)),
            power=quantity(found.power),
        )

    def filters(self, things: Iterable[Any]) -> tuple[Filter, ...]:
        """Return filters, each once, by id."""
        found = {part.id.val: part for thing in things if (part := self.find(thing)) is not None}
        return tuple(self._filter(part) for _, part in sorted(found.items()))

    def _filter(self, found: Any) -> Filter:
        band = found.transmittanceRange
        known = band is not None and band.isLoaded()
        return Filter(
            **self._maker(found),
            filter_type=word(found.type),
            cut_in=quantity(band.cutIn) if known else None,
            cut_out=quantity(band.cutOut) if known else None,
        )

    def dichroic(self, thing: Any) -> Dichroic | None:
        """Return a dichroic mirror."""
        found = self.find(thing)
        return found and Dichroic(**self._maker(found))

    def _maker(self, part: Any) -> dict[str, Any]:
        return {
            "iri": iri_of(self.host, part),
            "manufacturer": text(part.manufacturer),
            "model": text(part.model),
            "serial_number": text(part.serialNumber),
        }


def instrument_of(host: Host, found: Any) -> Instrument | None:
    """Return an instrument with what is told of its stand."""
    if found is None:
        return None
    stand = found.microscope
    if stand is None or not stand.isLoaded():
        return Instrument(iri_of(host, found))
    return Instrument(
        iri_of(host, found), text(stand.manufacturer), text(stand.model), text(stand.serialNumber), word(stand.type)
    )


def channel_of(host: Host, index: int, found: Any, logical: Any, parts: Parts, exposure: Quantity | None) -> Channel:
    """Return a channel with its settings.

    Parameters
    ----------
    host
        The server.
    index
        Its place, from 0.
    found, logical
        The channel and its logical channel, loaded.
    parts
        Of the instrument.
    exposure
        Of its first plane.
    """
    detector, light = logical.detectorSettings, logical.lightSourceSettings
    path, set_of_filters = logical.lightPath, logical.filterSet
    detector = detector if detector is not None and detector.isLoaded() else None
    light = light if light is not None and light.isLoaded() else None
    way = next((each for each in (path, set_of_filters) if _lets_light_through(each)), None)
    return Channel(
        iri=iri_of(host, found),
        index=index,
        name=text(logical.name),
        color=colour_of(found) or None,
        excitation_wavelength=quantity(logical.excitationWave),
        emission_wavelength=quantity(logical.emissionWave),
        fluor=text(logical.fluor),
        acquisition_mode=word(logical.mode),
        contrast_method=word(logical.contrastMethod),
        illumination_type=word(logical.illumination),
        pinhole_size=quantity(logical.pinHoleSize),
        nd_filter=number(logical.ndFilter),
        exposure_time=exposure,
        detector=parts.detector(detector.detector) if detector else None,
        gain=number(detector.gain) if detector else None,
        offset=number(detector.offsetValue) if detector else None,
        voltage=quantity(detector.voltage) if detector else None,
        binning=word(detector.binning) if detector else None,
        read_out_rate=quantity(detector.readOutRate) if detector else None,
        light_source=parts.light_source(light.lightSource) if light else None,
        attenuation=number(light.attenuation) if light else None,
        light_wavelength=quantity(light.wavelength) if light else None,
        excitation_filters=parts.filters(_linked(way, "copyExcitationFilterLink")),
        dichroic=parts.dichroic(way.dichroic) if way is not None else None,
        emission_filters=parts.filters(_linked(way, "copyEmissionFilterLink")),
    )


def colour_of(channel: Any) -> str:
    """Return a channel's red, green and blue as six hexadecimal digits; empty if it has none."""
    parts = [plain(getattr(channel, name)) for name in ("red", "green", "blue")]
    return "" if None in parts else "".join(f"{part:02X}" for part in parts)


def _lets_light_through(way: Any) -> bool:
    """Tell whether a light path or a filter set names anything; a file has the one or the other."""
    if way is None or not way.isLoaded():
        return False
    links = (*_linked(way, "copyExcitationFilterLink"), *_linked(way, "copyEmissionFilterLink"))
    return way.dichroic is not None or bool(links)


def _linked(way: Any, name: str) -> list[Any]:
    """Return the filters of a light path or a filter set, if the server loaded them."""
    from omero import ClientError

    try:
        links = getattr(way, name)() if way is not None else []
    except ClientError:  # what was not loaded may not be looked at
        return []
    return [link.child for link in links if link is not None]


def _root(part: Any) -> str:
    """Return the kind whose ids a part shares: lamps of all kinds are counted together."""
    kind = type(part).__name__.removesuffix("I")
    return "LightSource" if kind in _LAMPS or kind == "LightSource" else kind
