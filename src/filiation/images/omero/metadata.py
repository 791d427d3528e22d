"""What an OMERO server tells of an image besides its pixels, in a few calls: one for each subject.

What the user may not see does not come, and what cannot be read is said so: neither keeps the pixels from being read.
``Pixels.sha1`` and statistics of channels are not asked for: the one is often only announced, the other rarely loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from filiation.errors import AccessError, ServerError
from filiation.images.omero.address import Address
from filiation.images.omero.connection import Connection
from filiation.images.omero.microscope import (
    Parts,
    channel_of,
    instrument_of,
    iri_of,
    number,
    object_iri_of,
    plain,
    quantity,
    text,
    word,
)
from filiation.images.omero.namespaces import OURS
from filiation.model import (
    Channel,
    Comment,
    Container,
    Group,
    ImageMetadata,
    KeyValues,
    Owner,
    Pair,
    Quantity,
    Tag,
)

_Result = TypeVar("_Result")
_Annotations = tuple[tuple[Tag, ...], tuple[Comment, ...], tuple[KeyValues, ...]]

_IMAGE = (
    "select i from Image i join fetch i.details.owner join fetch i.details.group "
    "left outer join fetch i.stageLabel left outer join fetch i.imagingEnvironment "
    "left outer join fetch i.objectiveSettings s left outer join fetch s.medium "
    "left outer join fetch s.objective o left outer join fetch o.immersion left outer join fetch o.correction "
    "where i.id = :id"
)
_CHANNELS = "select p from Pixels p join fetch p.channels c join fetch c.logicalChannel where p.image.id = :id"
_FIRST_PLANES = "select n from PlaneInfo n where n.pixels.id = :id and n.theZ = 0 and n.theT = 0"
_ANNOTATIONS = "select l from ImageAnnotationLink l join fetch l.child where l.parent.id = :id"
_DATASETS = (
    "select d.id, d.name, p.id, p.name from DatasetImageLink l join l.parent d "
    "left outer join d.projectLinks k left outer join k.parent p where l.child.id = :id"
)
_WELLS = (
    "select w.id, w.row, w.column, q.id, q.name, s.id, s.name from WellSample f join f.well w join w.plate q "
    "left outer join q.screenLinks k left outer join k.parent s where f.image.id = :id"
)


def read_metadata(connection: Connection, address: Address) -> ImageMetadata:
    """Return what a server tells of an image besides its pixels.

    Never raises for a part of it that cannot be read; ``not_captured`` then says which.
    """
    return _Reader(connection, address).read()


class _Reader:
    """Asks for one image, subject by subject."""

    def __init__(self, connection: Connection, address: Address) -> None:
        self._connection = connection
        self._address = address
        self._problems: list[str] = []

    def read(self) -> ImageMetadata:
        image = self._part("the image itself", self._image)
        instrument = self._part("the instrument", lambda: self._instrument(image))
        parts = Parts.of(self._address.host, instrument)
        channels = self._part("channels", lambda: self._channels(parts)) or ()
        tags, comments, pairs = self._part("annotations", self._annotations) or ((), (), ())
        datasets = self._part("datasets and projects", self._datasets) or ()
        wells = self._part("wells and plates", self._wells) or ()
        return ImageMetadata(
            iri=self._address.iri,
            **(self._facts(image, instrument, parts) if image is not None else {}),
            channels=channels,
            tags=tags,
            comments=comments,
            key_values=pairs,
            containers=(*datasets, *wells),
            not_captured=tuple(sorted(set(self._problems))),
        )

    def _part(self, name: str, read: Callable[[], _Result]) -> _Result | None:
        """Read one subject, again if the connection is lost; None if it cannot be read, which is noted."""
        about = f"reading {name} of {self._address}"
        try:
            return self._connection.call(read, about)
        except (AccessError, ServerError) as error:
            self._problems.append(f"The metadata of {self._address} are not whole: {error}")
            return None

    def _facts(self, image: Any, instrument: Any, parts: Parts) -> dict[str, Any]:
        host, settings, stage, around = (
            self._address.host, image.objectiveSettings, image.stageLabel, image.imagingEnvironment,
        )  # fmt: skip
        owner, group, acquired = image.details.owner, image.details.group, plain(image.acquisitionDate)
        return {
            "name": text(image.name),
            "description": text(image.description),
            "acquired": datetime.fromtimestamp(acquired / 1000, UTC) if acquired else None,
            "instrument": instrument_of(host, instrument),
            **({
                "objective": parts.objective(settings.objective),
                "medium": word(settings.medium),
                "refractive_index": number(settings.refractiveIndex),
                "correction_collar": number(settings.correctionCollar),
            } if settings is not None else {}),
            **({
                "stage_name": text(stage.name),
                "stage_x": quantity(stage.positionX),
                "stage_y": quantity(stage.positionY),
                "stage_z": quantity(stage.positionZ),
            } if stage is not None else {}),
            **({
                "temperature": quantity(around.temperature),
                "air_pressure": quantity(around.airPressure),
                "humidity": number(around.humidity),
                "co2_percent": number(around.co2percent),
            } if around is not None else {}),
            "owner": Owner(iri_of(host, owner), str(plain(owner.omeName))),
            "group": Group(iri_of(host, group), str(plain(group.name))),
        }  # fmt: skip

    def _image(self) -> Any:
        found = self._objects(_IMAGE)
        return found[0] if found else None

    def _instrument(self, image: Any) -> Any:
        if image is None or image.instrument is None:
            return None
        service = self._connection.gateway.getMetadataService()
        return service.loadInstrument(image.instrument.id.val, self._context)

    def _channels(self, parts: Parts) -> tuple[Channel, ...]:
        pixels = self._objects(_CHANNELS)
        if not pixels:
            return ()
        channels = [channel for channel in pixels[0].copyChannels() if channel is not None]
        wanted = sorted({channel.logicalChannel.id.val for channel in channels})
        service = self._connection.gateway.getMetadataService()
        logical = {each.id.val: each for each in service.loadChannelAcquisitionData(wanted, self._context)}
        exposures = self._exposures(pixels[0].id.val)
        return tuple(
            channel_of(
                self._address.host,
                index,
                channel,
                logical.get(channel.logicalChannel.id.val, channel.logicalChannel),
                parts,
                exposures.get(index),
            )
            for index, channel in enumerate(channels)
        )

    def _exposures(self, pixels: int) -> dict[int, Quantity]:
        planes = self._objects(_FIRST_PLANES, pixels)
        exposed = {int(plain(plane.theC)): quantity(plane.exposureTime) for plane in planes}
        return {channel: time for channel, time in exposed.items() if time is not None}

    def _annotations(self) -> _Annotations:
        host = self._address.host
        found = {link.child.id.val: link.child for link in self._objects(_ANNOTATIONS)}
        tags, comments, pairs = [], [], []
        for _, each in sorted(found.items()):
            kind, iri, namespace = type(each).__name__, iri_of(host, each), text(each.ns)
            if namespace in OURS:
                continue  # it tells of what was made from the image, not of the image
            if kind == "TagAnnotationI" and text(each.textValue):
                tags.append(Tag(iri, str(plain(each.textValue)), text(each.description), namespace))
            elif kind == "CommentAnnotationI" and text(each.textValue):
                comments.append(Comment(iri, str(plain(each.textValue)), namespace))
            elif kind == "MapAnnotationI":
                values = tuple(Pair(str(pair.name), str(pair.value)) for pair in each.getMapValue() or () if pair)
                pairs.append(KeyValues(iri, values, namespace))
        return tuple(tags), tuple(comments), tuple(pairs)

    def _datasets(self) -> tuple[Container, ...]:
        found: dict[int, tuple[str, dict[int, str]]] = {}
        for dataset, name, project, project_name in self._rows(_DATASETS):
            known = found.setdefault(dataset, (name, {}))[1]
            if project is not None:
                known[project] = project_name
        return tuple(
            self._container(
                "Dataset", dataset, name, (self._container("Project", *each) for each in sorted(projects.items()))
            )
            for dataset, (name, projects) in sorted(found.items())
        )

    def _wells(self) -> tuple[Container, ...]:
        found: dict[int, tuple[str, int, str, dict[int, str]]] = {}
        for well, row, column, plate, plate_name, screen, screen_name in self._rows(_WELLS):
            screens = found.setdefault(well, (name_of_well(row, column), plate, plate_name, {}))[3]
            if screen is not None:
                screens[screen] = screen_name
        return tuple(
            self._container(
                "Well", well, name,
                [self._container("Plate", plate, plate_name,
                                 (self._container("Screen", *each) for each in sorted(screens.items())))],
            )
            for well, (name, plate, plate_name, screens) in sorted(found.items())
        )  # fmt: skip

    def _container(self, kind: str, number: int, name: str | None, inside: Iterable[Container] = ()) -> Container:
        return Container(object_iri_of(self._address.host, kind, int(number)), name or None, tuple(inside))

    def _objects(self, query: str, number: int | None = None) -> list[Any]:
        found: list[Any] = self._connection.gateway.getQueryService().findAllByQuery(
            query, self._parameters(number), self._context
        )
        return found

    def _rows(self, query: str) -> list[list[Any]]:
        from omero.rtypes import unwrap

        rows = self._connection.gateway.getQueryService().projection(query, self._parameters(), self._context)
        return [unwrap(row) for row in rows]

    def _parameters(self, number: int | None = None) -> Any:
        from omero.sys import ParametersI

        return ParametersI().addId(self._address.id if number is None else number)

    @property
    def _context(self) -> Any:
        return self._connection.gateway.SERVICE_OPTS


def name_of_well(row: int, column: int) -> str:
    """Return a well's name as people write it, row by letter and column by number.

    >>> name_of_well(1, 2), name_of_well(26, 0)
    ('B3', 'AA1')
    """
    letters, rest = "", row + 1
    while rest:
        rest, letter = divmod(rest - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{column + 1}"
