"""An image's metadata as OME-XML (https://docs.openmicroscopy.org/ome-model/6.3.1/), built by ome-types.

Numbers are OMERO's: ``Image:51`` is ``https://<host>/Image/51``. What OME's schema does not take, such as a word that a
server added to a list, is left out here; it stands in the facts that are written beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from filiation.errors import MissingExtraError
from filiation.images.omero.pixels import DTYPES, Grid
from filiation.model import (
    Channel,
    Comment,
    Container,
    Filter,
    ImageMetadata,
    KeyValues,
    LightSource,
    Quantity,
    Tag,
    kind_of_object,
    members,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

_Model = TypeVar("_Model", bound="BaseModel")

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, section 2.2."""
_WELL = re.compile(r"(?P<row>[A-Z]{1,3})(?P<column>[1-9][0-9]{0,5})")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*")
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "microscope_type": "type", "detector_type": "type", "light_source_type": "type", "filter_type": "type",
        "laser_wavelength": "wavelength", "stage_name": "name", "stage_x": "x", "stage_y": "y", "stage_z": "z",
    }
)  # fmt: skip
"""Field of ours -> attribute of OME-XML, where they differ."""
_LAMPS = ("Laser", "Arc", "Filament", "LightEmittingDiode", "GenericExcitationSource")
_SYMBOLS: Mapping[str, str] = MappingProxyType(
    {
        "picometer": "pm", "nanometer": "nm", "micrometer": "µm", "millimeter": "mm", "centimeter": "cm", "meter": "m",
        "angstrom": "Å", "inch": "in", "foot": "ft", "femtosecond": "fs", "picosecond": "ps", "nanosecond": "ns",
        "microsecond": "µs", "millisecond": "ms", "second": "s", "minute": "min", "hour": "h", "day": "d",
    }
)  # fmt: skip
"""Units as OME-Zarr spells them -> as OME-XML does."""
_AXES = ("t", "c", "z", "y", "x")


def ome_xml(metadata: ImageMetadata, grid: Grid, scale: Sequence[float], units: Sequence[str]) -> str:
    """Return the metadata of one image as an OME-XML document without pixels.

    Parameters
    ----------
    metadata
        What the server tells.
    grid
        Its pixels.
    scale, units
        Along each of the grid's axes: length of a pixel, or time between two, and its unit as OME-Zarr spells it.

    Raises
    ------
    MissingExtraError
        If ome-types is not installed.
    """
    sizes = {
        axis: Quantity(length, _SYMBOLS[unit])
        for axis, length, unit in zip(grid.axes, scale, units, strict=True)
        if unit in _SYMBOLS
    }
    return _Document(metadata, grid, sizes).xml()


class _Document:
    """One image's document; elements point at each other by number."""

    def __init__(self, metadata: ImageMetadata, grid: Grid, sizes: Mapping[str, Quantity]) -> None:
        try:
            from ome_types import model
        except ImportError as error:
            raise MissingExtraError(
                f"To write OME-XML, filiation needs ome-types, which is not installed ({error}). Install the extra: "
                "`pip install 'filiation[omero]'`."
            ) from error
        self._model: Any = model
        self._metadata, self._grid, self._sizes = metadata, grid, sizes

    def xml(self) -> str:
        made, metadata = self._model, self._metadata
        owner, group = metadata.owner, metadata.group
        document = made.OME(
            images=[self._image()],
            instruments=self._instruments(),
            experimenters=[made.Experimenter(id=_id(owner.iri), user_name=_text(owner.user))] if owner else [],
            experimenter_groups=[made.ExperimenterGroup(id=_id(group.iri), name=_text(group.name))] if group else [],
            structured_annotations=self._annotations(),
            **self._containers(),
        )
        return f'<?xml version="1.0" encoding="UTF-8"?>\n{document.to_xml()}'

    def _image(self) -> Any:
        made, metadata = self._model, self._metadata
        notes: tuple[Tag | Comment | KeyValues, ...] = (*metadata.tags, *metadata.comments, *metadata.key_values)
        return _element(
            made.Image,
            id=_id(metadata.iri),
            name=metadata.name,
            description=metadata.description,
            acquisition_date=metadata.acquired,
            experimenter_ref=made.ExperimenterRef(id=_id(metadata.owner.iri)) if metadata.owner else None,
            experimenter_group_ref=made.ExperimenterGroupRef(id=_id(metadata.group.iri)) if metadata.group else None,
            instrument_ref=made.InstrumentRef(id=self._instrument_id) if self._has_instrument else None,
            objective_settings=self._objective_settings(),
            imaging_environment=_from(
                made.ImagingEnvironment, metadata, "temperature", "air_pressure", "humidity", "co2_percent"
            ),
            stage_label=self._stage(),
            pixels=self._pixels(),
            annotation_refs=[made.AnnotationRef(id=_annotation_id(note.iri)) for note in notes],
        )

    def _stage(self) -> Any:
        metadata = self._metadata
        if metadata.stage_name is None and (metadata.stage_x or metadata.stage_y or metadata.stage_z) is None:
            return None
        return _from(self._model.StageLabel, metadata, "stage_x", "stage_y", "stage_z", name=metadata.stage_name or "")

    def _objective_settings(self) -> Any:
        metadata = self._metadata
        if metadata.objective is None:
            return None
        return _from(
            self._model.ObjectiveSettings, metadata, "medium", "refractive_index", "correction_collar",
            id=_id(metadata.objective.iri),
        )  # fmt: skip

    def _pixels(self) -> Any:
        made, metadata, grid = self._model, self._metadata, self._grid
        lengths = dict(zip(_AXES, grid.lengths, strict=True))
        physical: dict[str, Any] = {}
        for axis, size in self._sizes.items():
            name = "time_increment" if axis == "t" else f"physical_size_{axis}"
            physical |= {name: size.value, f"{name}_unit": size.unit}
        planes = [
            _element(
                made.Plane, the_z=0, the_t=0, the_c=channel.index,
                exposure_time=channel.exposure_time.value, exposure_time_unit=channel.exposure_time.unit,
            )
            for channel in metadata.channels
            if channel.exposure_time is not None
        ]  # fmt: skip
        return _element(
            made.Pixels,
            id=f"Pixels:{grid.id}",
            dimension_order="XYZCT",
            type={name: word for word, name in DTYPES.items()}[grid.dtype.name],
            **{f"size_{axis}": length for axis, length in lengths.items()},
            **physical,
            channels=[self._channel(channel) for channel in metadata.channels],
            planes=planes,
            metadata_only=made.MetadataOnly(),
        )

    def _channel(self, channel: Channel) -> Any:
        made = self._model
        light, detector, dichroic = channel.light_source, channel.detector, channel.dichroic
        filters = (*channel.excitation_filters, *channel.emission_filters)
        path = made.LightPath(
            excitation_filters=[made.FilterRef(id=_id(each.iri)) for each in channel.excitation_filters],
            dichroic_ref=made.DichroicRef(id=_id(dichroic.iri)) if dichroic else None,
            emission_filters=[made.FilterRef(id=_id(each.iri)) for each in channel.emission_filters],
        )
        wave = channel.light_wavelength
        return _from(
            made.Channel, channel, "name", "excitation_wavelength", "emission_wavelength", "fluor", "acquisition_mode",
            "contrast_method", "illumination_type", "pinhole_size", "nd_filter",
            id=_id(channel.iri),
            # Red, green, blue and alpha in one signed number, OME's way.
            color=_signed(int(f"{channel.color}FF", 16)) if channel.color else None,
            samples_per_pixel=1,
            detector_settings=_from(
                made.DetectorSettings, channel, "gain", "offset", "voltage", "binning", "read_out_rate",
                id=_id(detector.iri),
            ) if detector else None,
            light_source_settings=_element(
                made.LightSourceSettings, id=_light_id(light.iri), attenuation=channel.attenuation,
                wavelength=wave.value if wave else None, wavelength_unit=wave.unit if wave else None,
            ) if light else None,
            light_path=path if filters or dichroic else None,
        )  # fmt: skip

    # -- the instrument

    @property
    def _has_instrument(self) -> bool:
        parts = (channel.detector or channel.light_source or channel.dichroic for channel in self._metadata.channels)
        filters = any(each.excitation_filters or each.emission_filters for each in self._metadata.channels)
        return bool(self._metadata.instrument or self._metadata.objective or filters or any(parts))

    @property
    def _instrument_id(self) -> str:
        return _id(self._metadata.instrument.iri) if self._metadata.instrument else "Instrument:0"

    def _instruments(self) -> list[Any]:
        if not self._has_instrument:
            return []
        made, metadata = self._model, self._metadata
        channels = metadata.channels
        lights = _once(channel.light_source for channel in channels)
        filters: dict[str, Filter] = _once(
            each for channel in channels for each in (*channel.excitation_filters, *channel.emission_filters)
        )
        lamps = {kind: [self._lamp(kind, light) for light in lights.values() if _lamp_kind(light) == kind]
                 for kind in _LAMPS}  # fmt: skip
        return [
            made.Instrument(
                id=self._instrument_id,
                microscope=_from(made.Microscope, metadata.instrument),
                lasers=lamps["Laser"],
                arcs=lamps["Arc"],
                filaments=lamps["Filament"],
                light_emitting_diodes=lamps["LightEmittingDiode"],
                generic_excitation_sources=lamps["GenericExcitationSource"],
                detectors=[_whole(made.Detector, each) for each in _once(c.detector for c in channels).values()],
                objectives=[_whole(made.Objective, metadata.objective)] if metadata.objective else [],
                filters=[self._filter(each) for each in filters.values()],
                dichroics=[_whole(made.Dichroic, each) for each in _once(c.dichroic for c in channels).values()],
            )
        ]

    def _lamp(self, kind: str, light: LightSource) -> Any:
        return _from(getattr(self._model, kind), light, id=_light_id(light.iri))

    def _filter(self, found: Filter) -> Any:
        band = _from(self._model.TransmittanceRange, found, "cut_in", "cut_out")
        return _from(
            self._model.Filter, found, "manufacturer", "model", "serial_number", "filter_type",
            id=_id(found.iri), transmittance_range=band,
        )  # fmt: skip

    # -- annotations and containers

    def _annotations(self) -> Any:
        made, metadata = self._model, self._metadata
        tags = [
            _element(made.TagAnnotation, id=_annotation_id(tag.iri), namespace=_uri(tag.namespace), value=tag.name,
                     description=tag.description)
            for tag in metadata.tags
        ]  # fmt: skip
        comments = [
            _element(
                made.CommentAnnotation, id=_annotation_id(note.iri), namespace=_uri(note.namespace), value=note.text
            )
            for note in metadata.comments
        ]
        pairs = [self._pairs(each) for each in metadata.key_values]
        return made.StructuredAnnotations(
            tag_annotations=tags, comment_annotations=comments, map_annotations=pairs
        ) if (tags or comments or pairs) else None  # fmt: skip

    def _pairs(self, found: KeyValues) -> Any:
        made = self._model
        pairs = [made.Map.M(k=_text(pair.name), value=_text(pair.value)) for pair in found.pairs]
        return _element(
            made.MapAnnotation, id=_annotation_id(found.iri), namespace=_uri(found.namespace), value=made.Map(ms=pairs)
        )

    def _containers(self) -> dict[str, list[Any]]:
        made, image = self._model, self._model.ImageRef(id=_id(self._metadata.iri))
        found: dict[str, dict[str, Any]] = {kind: {} for kind in ("Dataset", "Project", "Plate", "Screen")}
        for container in self._metadata.containers:
            if kind_of_object(container.iri) == "Dataset":
                found["Dataset"][container.iri] = _named(made.Dataset, container, image_refs=[image])
                for project in container.containers:
                    known = found["Project"].setdefault(project.iri, _named(made.Project, project))
                    known.dataset_refs.append(made.DatasetRef(id=_id(container.iri)))
            for plate in container.containers if kind_of_object(container.iri) == "Well" else ():
                known = found["Plate"].setdefault(plate.iri, _named(made.Plate, plate))
                if place := place_of_well(container.name or ""):
                    known.wells.append(self._well(container.iri, *place, image))
                for screen in plate.containers:
                    found["Screen"][screen.iri] = _named(
                        made.Screen, screen, plate_refs=[made.Screen.PlateRef(id=_id(plate.iri))]
                    )
        return {f"{kind.lower()}s": list(each.values()) for kind, each in found.items()}

    def _well(self, iri: str, row: int, column: int, image: Any) -> Any:
        made, number = self._model, iri.rpartition("/")[2]
        sample = made.WellSample(id=f"WellSample:{number}", index=0, image_ref=image)
        return made.Well(id=_id(iri), row=row, column=column, well_samples=[sample])


def place_of_well(name: str) -> tuple[int, int] | None:
    """Return row and column, from 0, of a well's name; None if it is none.

    >>> place_of_well("B3"), place_of_well("AA1"), place_of_well("left")
    ((1, 2), (26, 0), None)
    """
    found = _WELL.fullmatch(name)
    if found is None:
        return None
    row = 0
    for letter in found["row"]:
        row = row * 26 + ord(letter) - ord("A") + 1
    return row - 1, int(found["column"]) - 1


def _named(cls: Any, container: Container, **more: Any) -> Any:
    return _element(cls, id=_id(container.iri), name=container.name, **more)


def _whole(cls: Any, thing: Any) -> Any:
    """Return the element for an object of ours, with all that it has."""
    return _from(cls, thing, id=_id(thing.iri))


def _from(cls: Any, thing: Any, *names: str, **more: Any) -> Any:
    """Return an element with the named fields of a value, or all that are no objects; None if there is nothing."""
    if thing is None:
        return None
    values: dict[str, Any] = {}
    for member in members(type(thing)):
        value = getattr(thing, member.name)
        if value is None or member.name == "iri" or (names and member.name not in names):
            continue
        name = _NAMES.get(member.name, member.name)
        values |= {name: value.value, f"{name}_unit": value.unit} if isinstance(value, Quantity) else {name: value}
    return _element(cls, **values, **more) if values or more else None


def _element(cls: type[_Model], **values: Any) -> _Model:
    """Return an element with what OME's schema takes of some values; the rest is left out."""
    from pydantic import ValidationError

    kept = {
        name: _text(value) if isinstance(value, str) else value
        for name, value in values.items()
        if value is not None and name in cls.model_fields
    }
    try:
        return cls(**kept)
    except ValidationError as error:
        refused = {str(each["loc"][0]).removesuffix("_unit") for each in error.errors()}
        fit = {name: value for name, value in kept.items() if name.removesuffix("_unit") not in refused}
        return cls(**fit)


def _once(things: Iterable[Any]) -> dict[str, Any]:
    return {thing.iri: thing for thing in things if thing is not None}


def _text(value: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)


def _uri(namespace: str | None) -> str | None:
    """Return a namespace as the URI reference that OME-XML asks for; people write any text."""
    if namespace is None:
        return None
    before, mark, after = quote(namespace, safe="/?&=@!$'()*+,;~-._:#").partition("#")
    scheme, _, rest = before.partition(":")
    if _SCHEME.fullmatch(scheme) is None or rest.startswith("//") or not rest:
        before = before.replace(":", "%3A") if not before.startswith(("http://", "https://")) else before
    return f"{before}{mark}{after.replace('#', '%23')}"


def _signed(number: int) -> int:
    return number - 2**32 if number >= 2**31 else number


def _id(iri: str) -> str:
    return f"{kind_of_object(iri)}:{iri.rpartition('/')[2]}"


def _annotation_id(iri: str) -> str:
    return f"Annotation:{iri.rpartition('/')[2]}"


def _light_id(iri: str) -> str:
    return f"LightSource:{iri.rpartition('/')[2]}"


def _lamp_kind(light: LightSource) -> str:
    kind = kind_of_object(light.iri)
    return kind if kind in _LAMPS else "GenericExcitationSource"
