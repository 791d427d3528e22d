"""Images and what surrounds them put straight into the store, for tests that read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.omero_server.pixel_data import PixelData, Region, Stored, five_dimensional
from tests.omero_server.rows import Row, Value

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

UNITS_OF = {
    **dict.fromkeys(("MICROMETER", "NANOMETER", "MILLIMETER"), "Length"),
    **dict.fromkeys(("SECOND", "MILLISECOND"), "Time"),
    "CELSIUS": "Temperature", "MILLIWATT": "Power", "VOLT": "ElectricPotential", "MEGAHERTZ": "Frequency",
    "MILLIBAR": "Pressure",
}  # fmt: skip


def quantity(value: float, unit: str) -> Row:
    """Return a number with its unit, named as OMERO names it: ``quantity(0.5, "MICROMETER")``."""
    return Row(UNITS_OF[unit], None, {"value": value, "unit": unit})


@dataclass(frozen=True, slots=True)
class ChannelDescription:
    """One channel: name, colour (red, green, blue, alpha), wavelengths in nm, exposure settings."""

    name: str | None = None
    colour: tuple[int, int, int, int] | None = (255, 255, 255, 255)
    excitation: float | None = None
    emission: float | None = None


@dataclass(frozen=True, slots=True)
class Planting:
    """Puts objects into the store that belong to one user in one group."""

    server: OmeroServer
    owner: Row
    group: Row

    def put(self, kind: str, **values: Value) -> Row:
        """Put in an object of any class."""
        with self.server.store.transaction():
            return self.server.store.insert(kind, values, owner=self.owner, group=self.group)

    def value(self, kind: str, value: str) -> Row:
        """Return the object for a value of a class that names values: ``value("Immersion", "Oil")``."""
        return self.server.store.enumeration(kind, value)

    def link(self, parent: Row, child: Row) -> Row:
        """Link two objects: a dataset with an image, anything with an annotation."""
        target = "Annotation" if "Annotation" in self.server.store.schema.lineage(child.kind) else child.kind
        base = self.server.store.schema.root(parent.kind) if target == "Annotation" else parent.kind
        return self.put(f"{base}{target}Link", parent=parent, child=child)

    # -- containers

    def project(self, name: str) -> Row:
        """Put in a project."""
        return self.put("Project", name=name)

    def dataset(self, name: str, images: Iterable[Row] = (), project: Row | None = None) -> Row:
        """Put in a dataset, with images, in a project."""
        dataset = self.put("Dataset", name=name)
        if project is not None:
            self.link(project, dataset)
        for image in images:
            self.link(dataset, image)
        return dataset

    def plate(self, name: str, wells: dict[tuple[int, int], Sequence[Row]], screen: str | None = None) -> Row:
        """Put in a plate; ``wells`` has images by row and column, from 0."""
        plate = self.put(
            "Plate", name=name, rows=8, columns=12, columnNamingConvention="number", rowNamingConvention="letter"
        )
        if screen is not None:
            self.link(self.put("Screen", name=screen), plate)
        run = self.put("PlateAcquisition", plate=plate, name=f"{name} run")
        for (row, column), images in wells.items():
            well = self.put("Well", plate=plate, row=row, column=column)
            for image in images:
                self.put("WellSample", well=well, image=image, plateAcquisition=run)
        return plate

    def fileset(self, images: Iterable[Row], files: dict[str, bytes]) -> Row:
        """Put in the original files that images were imported from, with their SHA-1."""
        fileset = self.put("Fileset", templatePrefix="ada_2/")
        for path, content in files.items():
            file = self.file(path, content)
            self.put("FilesetEntry", fileset=fileset, originalFile=file, clientPath=path)
        for image in images:
            self.server.store.set(image, "fileset", fileset)
        return fileset

    def file(self, path: str, content: bytes, mimetype: str = "application/octet-stream") -> Row:
        """Put in a file with its bytes."""
        folder, _, name = path.rpartition("/")
        digest = hashlib.sha1(content).hexdigest()
        row = self.put("OriginalFile", name=name, path=f"{folder}/", size=len(content), hash=digest, mimetype=mimetype,
                       hasher=self.value("ChecksumAlgorithm", "SHA1-160"))  # fmt: skip
        self.server.file_data[row.id or 0] = bytearray(content)
        return row

    # -- images

    def image(
        self,
        pixels: Region | PixelData,
        name: str,
        *,
        axes: str = "",
        description: str | None = None,
        channels: Sequence[ChannelDescription] = (),
        pixel_size: Sequence[float] = (),
        acquired: int | None = None,
        **values: Value,
    ) -> Row:
        """Put in an image.

        ``pixels`` is an array whose ``axes`` are named (the last of ``tczyx`` if not), or pixels made on the fly.
        ``pixel_size`` in micrometres, x, y and z; ``acquired`` in milliseconds since 1970. More ``values`` are
        attributes of the image: ``instrument=...``, ``stageLabel=...``.
        """
        data = stored(pixels, axes)
        image = self.put(
            "Image",
            name=name,
            description=description,
            acquisitionDate=acquired,
            series=0,
            archived=False,
            partial=False,
            **values,
        )
        row = self.put("Pixels", image=image, sha1="Pending...", dimensionOrder=self.value("DimensionOrder", "XYZCT"),
                       pixelsType=self.value("PixelsType", data.type), **sizes(data, pixel_size))  # fmt: skip
        described = [*channels, *[ChannelDescription()] * (data.shape.c - len(channels))]
        for channel in described:
            self.channel(row, channel)
        self.server.pixel_data[row.id or 0] = data
        return image

    def channel(self, pixels: Row, channel: ChannelDescription) -> Row:
        """Put in a channel."""
        waves = {"excitationWave": channel.excitation, "emissionWave": channel.emission}
        logical = self.put(
            "LogicalChannel",
            name=channel.name,
            photometricInterpretation=self.value("PhotometricInterpretation", "Monochrome"),
            **{name: None if wave is None else quantity(wave, "NANOMETER") for name, wave in waves.items()},
        )
        colour = dict(zip(("red", "green", "blue", "alpha"), channel.colour, strict=True)) if channel.colour else {}
        return self.put("Channel", pixels=pixels, logicalChannel=logical, **colour)

    def replace_pixels(self, image: Row, pixels: Region) -> None:
        """Give an image other pixels under the same id."""
        (row,) = self.server.store.pointers(image, "Pixels", "image")
        self.server.pixel_data[row.id or 0] = stored(pixels, "")
        self.server.store.touch(image)
        self.server.store.touch(row)

    # -- annotations

    def tag(self, target: Row, text: str) -> Row:
        """Tag an object; an existing tag of that text is used again."""
        found = next((row for row in self.server.store.rows("TagAnnotation") if row["textValue"] == text), None)
        tag = found or self.put("TagAnnotation", textValue=text)
        self.link(target, tag)
        return tag

    def comment(self, target: Row, text: str) -> Row:
        """Comment on an object."""
        comment = self.put("CommentAnnotation", textValue=text)
        self.link(target, comment)
        return comment

    def pairs(
        self, target: Row, pairs: dict[str, str], namespace: str = "openmicroscopy.org/omero/client/mapAnnotation"
    ) -> Row:
        """Put key-value pairs on an object."""
        values: list[Row] = [Row("NamedValue", None, {"name": name, "value": value}) for name, value in pairs.items()]
        annotation = self.put("MapAnnotation", ns=namespace, mapValue=values)
        self.link(target, annotation)
        return annotation

    def external(self, target: Row, lsid: str, entity_type: str = "com.glencoesoftware.ngff:multiscales") -> Row:
        """Note where the data of an object really are, as images registered from a zarr store do."""
        info = self.put("ExternalInfo", entityId=3, entityType=entity_type, lsid=lsid)
        details = target["details"]
        assert isinstance(details, Row)
        details.values["externalInfo"] = info
        return info

    def as_user(self, user: str, group: str = "lab") -> Planting:
        """Return the same for somebody else."""
        return replace(self, owner=self.server.accounts[user].row, group=self.server.plant(user, group).group)


def stored(pixels: Region | PixelData, axes: str) -> PixelData:
    """Return pixels that can be read by region."""
    if isinstance(pixels, (Stored,)) or not hasattr(pixels, "ndim"):
        return pixels  # type: ignore[return-value]
    return Stored(five_dimensional(pixels, axes or "tczyx"[-pixels.ndim :]))


def sizes(data: PixelData, pixel_size: Sequence[float]) -> dict[str, Value]:
    """Return the sizes of pixels as attributes."""
    found: dict[str, Value] = {f"size{axis}": getattr(data.shape, axis.lower()) for axis in "XYZCT"}
    for axis, size in zip("XYZ", pixel_size, strict=False):
        found[f"physicalSize{axis}"] = quantity(size, "MICROMETER")
    return found
