"""IContainer, IPixels and IMetadata: images with what surrounds them, loaded in one call."""

from __future__ import annotations

from typing import Any

import omero.api
from omero.rtypes import rlong

from tests.omero_server.hql import Answer
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.pixel_data import Shape, Stored
from tests.omero_server.planting import ChannelDescription, Planting
from tests.omero_server.rows import Row
from tests.omero_server.services.service import Call, Service

PIXELS = """
    left outer join fetch p.pixelsType left outer join fetch p.dimensionOrder
    left outer join fetch p.channels c left outer join fetch c.statsInfo
    left outer join fetch c.logicalChannel l left outer join fetch l.photometricInterpretation"""
IMAGES = f"select i from Image i left outer join fetch i.pixels p {PIXELS}"
BELOW = {
    "Project": ("datasetLinks", "imageLinks"),
    "Dataset": ("imageLinks",),
    "Screen": ("plateLinks",),
    "Plate": (),
    "Folder": (),
}
IMAGES_OF = {
    "Image": "i.id in (:ids)",
    "Dataset": "exists (select l from DatasetImageLink l where l.child = i and l.parent.id in (:ids))",
    "Project": "exists (select l from DatasetImageLink l, ProjectDatasetLink k"
    " where l.child = i and k.child = l.parent and k.parent.id in (:ids))",
}
LOGICAL = (
    "illumination", "contrastMethod", "mode", "photometricInterpretation", "detectorSettings", "lightSourceSettings",
    "filterSet", "lightPath",
)  # fmt: skip
BELOW_LOGICAL = {
    "detectorSettings": ("detector", "binning"),
    "lightSourceSettings": ("lightSource",),
    "filterSet": ("dichroic",),
    "lightPath": ("dichroic",),
}
INSTRUMENT = {
    "microscope": ("type",),
    "objective": ("immersion", "correction"),
    "detector": ("type",),
    "lightSource": (),
    "filter": ("type", "transmittanceRange"),
    "dichroic": (),
    "filterSet": (),
}


class IContainer(Service, omero.api.IContainer):
    """Projects, datasets, screens, and the images in them."""

    def do_getImages(self, call: Call, root: str, ids: list[int], options: Any) -> list[Any]:
        """Return images with their pixels, by their own ids or by those of what they are in."""
        kind = root.rsplit(".", 1)[-1]
        if kind not in IMAGES_OF:
            raise omero.ApiUsageException("", "ApiUsageException", f"getImages of {root}")
        return call.objects(f"{IMAGES} where {IMAGES_OF[kind]}", ids=list(ids))

    def do_loadContainerHierarchy(self, call: Call, root: str, ids: Any, options: Any) -> list[Any]:
        """Return containers with what is linked below them."""
        kind = root.rsplit(".", 1)[-1]
        if kind not in BELOW:
            raise omero.ApiUsageException("", "ApiUsageException", f"loadContainerHierarchy of {root}")
        joins, holder = "", "o"
        for number, links in enumerate(BELOW[kind]):
            joins += (
                f" left outer join fetch {holder}.{links} l{number} left outer join fetch l{number}.child c{number}"
            )
            holder = f"c{number}"
        condition = "where o.id in (:ids)" if ids else ""
        return call.objects(f"select o from {kind} o {joins} {condition} order by o.id", ids=list(ids or []))

    def do_getCollectionCount(
        self, call: Call, kind: str, attribute: str, ids: list[int], options: Any
    ) -> dict[int, int]:
        """Return how many are in a collection of each object."""
        name, collection = kind.rsplit(".", 1)[-1], attribute.rsplit("_", 1)[-1]
        found = call.ask(f"select o.id, size(o.{collection}) from {name} o where o.id in (:ids)", ids=list(ids))
        return {each[0]: each[1] for each in found.tuples}  # type: ignore[misc]


class IPixels(Service, omero.api.IPixels):
    """The description of pixels, and new images."""

    def do_retrievePixDescription(self, call: Call, number: int) -> Any:
        """Return pixels with type, order, channels and image."""
        call.find("Pixels", number)
        return call.objects(f"select p from Pixels p join fetch p.image {PIXELS} where p.id = :id", id=number)[0]

    def do_getAllEnumerations(self, call: Call, kind: str) -> list[Any]:
        """Return all values of a class that names values."""
        return call.objects(f"select e from {kind.rsplit('.', 1)[-1]} e order by e.id")

    def do_getBitDepth(self, call: Call, pixels_type: Any) -> int:
        """Return the bits of a pixel."""
        return int(str(call.find("PixelsType", pixels_type.id.val)["bitSize"]))

    def do_createImage(
        self,
        call: Call,
        x: int,
        y: int,
        z: int,
        t: int,
        channels: list[int],
        pixels_type: Any,
        name: str,
        description: str,
    ) -> Any:
        """Put in a new image of empty pixels; return its id."""
        type_row = call.find("PixelsType", pixels_type.id.val)
        data = Stored.empty(Shape(x, y, z, len(channels), t), str(type_row["value"]))
        with call.view.store.transaction():
            image = self.planting(call).image(data, name, description=description)
        return rlong(image.id)

    def do_copyAndResizeImage(
        self,
        call: Call,
        number: int,
        x: Any,
        y: Any,
        z: Any,
        t: Any,
        channels: list[int],
        method: str,
        statistics: bool,
    ) -> Any:
        """Put in an image of empty pixels with another's type, pixel size and some of its channels; return its id."""
        source = call.find("Image", number)
        (pixels,) = call.view.store.pointers(source, "Pixels", "image")
        old = self.server.pixel_data[pixels.id or 0]
        sizes = [
            new.val if new else same
            for new, same in zip((x, y, z), (old.shape.x, old.shape.y, old.shape.z), strict=True)
        ]
        data = Stored.empty(Shape(*sizes, len(channels), t.val if t else old.shape.t), old.type)
        described = [described_channel(row) for row in call.view.store.pointers(pixels, "Channel", "pixels")]
        with call.view.store.transaction():
            image = self.planting(call).image(
                data, str(source["name"]), channels=[described[each] for each in channels]
            )
            (new,) = call.view.store.pointers(image, "Pixels", "image")
            for name in ("physicalSizeX", "physicalSizeY", "physicalSizeZ", "timeIncrement"):
                call.view.store.set(new, name, pixels[name])
        return rlong(image.id)

    def planting(self, call: Call) -> Planting:
        """Return what puts images in for the asker, in the group of the call or of the session."""
        number = call.in_session().group if call.view.asker.group < 0 else call.view.asker.group
        return self.server.planting(call.account.row, call.view.store.find("ExperimenterGroup", number))

    def do_setChannelGlobalMinMax(self, call: Call, number: int, channel: int, lowest: float, highest: float) -> None:
        """Note the range of a channel."""
        pixels = call.find("Pixels", number)
        call.saving().refuse(pixels)
        channels = call.view.value(pixels, "channels")
        assert isinstance(channels, list)
        group = call.view.store.find("ExperimenterGroup", call.view.store.standing(pixels)[1] or 0)
        values = {"globalMin": lowest, "globalMax": highest}
        stats = call.view.store.insert("StatsInfo", dict(values), owner=call.account.row, group=group)
        call.view.store.set(channels[channel], "statsInfo", stats)  # type: ignore[arg-type]


class IMetadata(Service, omero.api.IMetadata):
    """Annotations by class and namespace, and how an image was taken."""

    def do_loadSpecifiedAnnotations(
        self, call: Call, kind: str, include: list[str], exclude: list[str], options: Any
    ) -> list[Any]:
        """Return the annotations of a class, in some namespaces only."""
        name = kind.rsplit(".", 1)[-1]
        file = "left outer join fetch a.file" if name == "FileAnnotation" else ""
        conditions = []
        if include:
            conditions.append("a.ns in (:include)")
        if exclude:
            conditions.append("(a.ns is null or a.ns not in (:exclude))")
        where = f"where {' and '.join(conditions)}" if conditions else ""
        return call.objects(
            f"select a from {name} a {file} {where} order by a.id",
            include=list(include or []),
            exclude=list(exclude or []),
        )

    def do_loadAnnotation(self, call: Call, ids: list[int]) -> list[Any]:
        """Return annotations by their ids."""
        return call.objects("select a from Annotation a where a.id in (:ids)", ids=list(ids))

    def do_loadChannelAcquisitionData(self, call: Call, ids: list[int]) -> list[Any]:
        """Return logical channels with settings, light path and filters."""
        joins = fetches("l", dict.fromkeys(LOGICAL, ()) | BELOW_LOGICAL)
        for name in ("excitationFilter", "emissionFilter"):
            joins += (
                f"left outer join fetch lightPath_.{name}Link {name}Link left outer join fetch {name}Link.child {name}"
            )
            joins += fetches(name, {"type": (), "transmittanceRange": ()}).replace("_ ", f"_{name} ")
        return call.objects(f"select l from LogicalChannel l {joins} where l.id in (:ids)", ids=list(ids))

    def do_loadInstrument(self, call: Call, number: int) -> Any:
        """Return an instrument with all its parts."""
        call.find("Instrument", number)
        found: Answer | None = None
        for part, below in INSTRUMENT.items():  # one part at a time: joined together they would multiply
            answer = call.ask(f"select i from Instrument i {fetches('i', {part: below})} where i.id = :id", id=number)
            if found is None:
                found = answer
            else:
                found.loaded.found.update(answer.loaded.found)
        assert found is not None
        for lamp in call.ask("select s from LightSource s where s.instrument.id = :id", id=number).tuples:
            for name in ("type", "laserMedium", "pulse"):
                target = lamp[0][name] if isinstance(lamp[0], Row) else None
                if isinstance(target, Row) and isinstance(lamp[0], Row):
                    found.loaded.add(lamp[0], name, target)
        row = found.tuples[0][0]
        assert isinstance(row, Row)
        return Marshaller(call.view, found.loaded).object(row)


def described_channel(channel: Row) -> ChannelDescription:
    """Return what another channel needs to look the same."""
    logical = channel["logicalChannel"]
    assert isinstance(logical, Row)
    colour = tuple(channel[name] for name in ("red", "green", "blue", "alpha"))
    waves = (
        wave["value"] if isinstance(wave := logical[name], Row) else None for name in ("excitationWave", "emissionWave")
    )
    return ChannelDescription(logical["name"], None if None in colour else colour, *waves)  # type: ignore[arg-type]


def fetches(alias: str, paths: dict[str, tuple[str, ...]]) -> str:
    """Return the joins that load attributes of an alias and what is below them."""
    text = ""
    for name, below in paths.items():
        text += f" left outer join fetch {alias}.{name} {name}_"
        text += "".join(f" left outer join fetch {name}_.{each}" for each in below)
    return f"{text} "
