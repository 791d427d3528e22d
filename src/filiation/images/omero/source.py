"""An image in OMERO as a source: which it is, and how it gets into an OME-Zarr store."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypedDict

from filiation.errors import BadInputError, NotFoundError
from filiation.images.colours import colour_of_channel
from filiation.images.image import Image
from filiation.images.ome_zarr import read_image
from filiation.images.omero.address import Address, Kind
from filiation.images.omero.beside import image_block, with_settings, write_beside
from filiation.images.omero.connection import Connection, connect
from filiation.images.omero.metadata import read_metadata
from filiation.images.omero.microscope import colour_of
from filiation.images.omero.ome_xml import ome_xml
from filiation.images.omero.originals import original_files
from filiation.images.omero.pixels import Grid, ReaderOffice, pixel_type
from filiation.images.regions import Progress
from filiation.images.rendering import ChannelLook
from filiation.images.sources import SourceIdentity
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat
from filiation.images.streaming import DEFAULT_MEMORY, Outline, digest_image, stream_image
from filiation.model import Digest, DigestKind, ImageFacts, ImageMetadata, ServerFacts
from filiation.model.plain_facts import plain_origin

CONNECTIONS_VARIABLE = "FILIATION_OMERO_CONNECTIONS"
MEMORY_VARIABLE = "FILIATION_OMERO_MEMORY"
WEB_VARIABLE = "OMERO_WEB"
DEFAULT_CONNECTIONS = 2
_LENGTHS = {
    "PICOMETER": "picometer", "NANOMETER": "nanometer", "MICROMETER": "micrometer", "MILLIMETER": "millimeter",
    "CENTIMETER": "centimeter", "METER": "meter", "ANGSTROM": "angstrom", "INCH": "inch", "FOOT": "foot",
    "FEMTOSECOND": "femtosecond", "PICOSECOND": "picosecond", "NANOSECOND": "nanosecond",
    "MICROSECOND": "microsecond", "MILLISECOND": "millisecond", "SECOND": "second", "MINUTE": "minute",
    "HOUR": "hour", "DAY": "day",
}  # fmt: skip
"""OMERO's units -> as OME-Zarr spells them; others, such as PIXEL and REFERENCEFRAME, are no physical sizes."""


@dataclass(frozen=True, slots=True)
class OmeroImage:
    """What a server says of one image, before a pixel is read.

    Parameters
    ----------
    address
        Of the image.
    name
        Its name.
    grid
        Its pixels.
    modified
        When image or pixels were last changed on the server.
    server
        Its database, and the files that the image was imported from.
    scale, units
        Pixel size along each of the grid's axes.
    looks
        How each channel is shown.
    """

    address: Address
    name: str
    grid: Grid
    modified: datetime
    server: ServerFacts
    scale: tuple[float, ...]
    units: tuple[str, ...]
    looks: tuple[ChannelLook, ...]

    @property
    def facts(self) -> ImageFacts:
        """Axes, shape, pixel type, pixel sizes and units of what is read."""
        return ImageFacts(self.grid.axes, self.grid.shape, self.grid.dtype.name, self.scale, self.units)

    @property
    def outline(self) -> Outline:
        """What a store of it will be."""
        return Outline(
            axes=self.grid.axes,
            shape=self.grid.shape,
            dtype=self.grid.dtype,
            scale=self.scale,
            units=self.units,
            looks=self.looks,
            identity={
                "image": self.address.iri,
                "server": self.server.database,
                "pixels": str(self.grid.id),
                "modified": self.modified.isoformat(),
            },
            name=self.name,
            omero={"id": self.address.id, "name": self.name},
            origin=plain_origin(self.address.iri, self.facts, self.server),
        )


@dataclass(frozen=True, slots=True)
class OmeroSource:
    """One image on an OMERO server."""

    address: Address

    @classmethod
    def from_uri(cls, uri: str) -> OmeroSource:
        """Read ``omero://<host>/image/<id>``.

        Raises
        ------
        BadInputError
            If the URI has another form, or names more than one image.
        """
        address = Address.from_uri(uri)
        if address.kind is not Kind.IMAGE:
            raise BadInputError(
                f"{uri!r} may name several images, where one is expected. `filiation omero samples` writes a sample "
                "sheet of them, and filiation.images.omero.images_of lists them in a Snakefile."
            )
        return cls(address)

    def identify(self) -> SourceIdentity:
        """Return the image's IRI and name; the pixel digest is known when the pixels have been read.

        Raises
        ------
        NotFoundError
            If there is no such image, or it cannot be seen.
        AccessError, ServerError, MissingExtraError
            If the server cannot be asked.
        """
        return self._identity(self.describe())

    def describe(self) -> OmeroImage:
        """Ask the server what it knows of the image and its pixels; raises as :meth:`identify`."""
        connection = connect(self.address.host)
        return connection.call(lambda: _described(connection, self.address), f"looking up {self.address}")

    def fetch(self) -> Image:
        """Return the image in memory; large ones are better fetched into a store, see :meth:`fetch_into`."""
        with TemporaryDirectory(prefix="filiation-omero-") as folder:
            place = Path(folder) / "image.ome.zarr"
            self.fetch_into(place)
            return read_image(place)

    def fetch_into(
        self, path: Path, progress: Progress = lambda done, total: None, form: StoreFormat = DEFAULT_FORMAT
    ) -> SourceIdentity:
        """Write the image as an OME-Zarr store, in bounded memory; return which it is, by its pixels too.

        A broken attempt is gone on with. If the image is changed on the server meanwhile, it begins anew.

        Raises
        ------
        BadInputError
            If there is something at ``path`` already, or a setting is no number.
        NotFoundError, AccessError, ServerError, MissingExtraError
            As :meth:`identify`.
        """
        image = self.describe()
        connection = connect(self.address.host)
        metadata = read_metadata(connection, self.address)
        xml = ome_xml(metadata, image.grid, image.scale, image.units)
        pixels = stream_image(
            path,
            _with_metadata(image.outline, metadata),
            self._office(image).open,
            **_bounds(),
            form=form,
            progress=progress,
            beside=lambda store: write_beside(store, metadata, xml),
        )
        return replace(self._identity(image), pixels=pixels, metadata=metadata)

    def digest_pixels(
        self, image: OmeroImage, kind: DigestKind, progress: Progress = lambda done, total: None
    ) -> Digest:
        """Read all pixels and return their digest by one version; nothing is kept. ``image``: see :meth:`describe`.

        Raises
        ------
        BadInputError
            If a setting is no number.
        NotFoundError, AccessError, ServerError, MissingExtraError
            As :meth:`identify`.
        """
        return digest_image(image.outline, self._office(image).open, kind, **_bounds(), progress=progress)

    def _office(self, image: OmeroImage) -> ReaderOffice:
        return ReaderOffice(connect(self.address.host), image.grid, str(self.address))

    def _identity(self, image: OmeroImage) -> SourceIdentity:
        web = os.environ.get(WEB_VARIABLE, "").rstrip("/")
        return SourceIdentity(
            iri=self.address.iri,
            name=image.name,
            size=image.grid.size,
            url=f"{web}/webclient/?show=image-{self.address.id}" if web else None,
            image=image.facts,
            modified=image.modified,
            server=image.server,
        )


class _Bounds(TypedDict):
    workers: int
    memory: int


def _bounds() -> _Bounds:
    """Return how many connections, and how much memory, reading may take."""
    return {
        "workers": _setting(CONNECTIONS_VARIABLE, DEFAULT_CONNECTIONS),
        "memory": _setting(MEMORY_VARIABLE, DEFAULT_MEMORY // 2**20) * 2**20,
    }


def _with_metadata(outline: Outline, metadata: ImageMetadata) -> Outline:
    """Add to the ``omero`` block what else is known of image and channels."""
    looks = outline.looks
    if len(looks) == len(metadata.channels):
        looks = tuple(with_settings(*each) for each in zip(looks, metadata.channels, strict=True))
    return replace(outline, looks=looks, omero={**outline.omero, **image_block(metadata)})


def _setting(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit() or int(text) < 1:
        raise BadInputError(f"{name} is {text!r}; expected a number of 1 or more.")
    return int(text)


def _described(connection: Connection, address: Address) -> OmeroImage:
    gateway = connection.gateway
    image = gateway.getObject("Image", address.id)
    if image is None:
        raise NotFoundError(
            f"The OMERO server {address.host} has no image {address.id}, or the user {connection.user!r} may not see "
            "it. Check the id, and in which group it is."
        )
    pixels = image.getPrimaryPixels()
    if pixels is None:
        raise NotFoundError(f"The image {address} has no pixels; it was not imported to its end.")
    grid = Grid(
        id=pixels.getId(),
        group=image.getDetails().group.id.val,
        lengths=(
            image.getSizeT(), image.getSizeC(), image.getSizeZ(), image.getSizeY(), image.getSizeX(),
        ),
        dtype=pixel_type(pixels.getPixelsType().getValue(), str(address)),
    )  # fmt: skip
    sizes = _sizes(pixels)
    files, file_count = original_files(gateway, address)
    return OmeroImage(
        address=address,
        name=image.getName() or "",
        grid=grid,
        modified=_changed(gateway, address.id),
        server=ServerFacts(gateway.getConfigService().getDatabaseUuid(), files, file_count),
        scale=tuple(sizes.get(axis, (1.0, ""))[0] for axis in grid.axes),
        units=tuple(sizes.get(axis, (1.0, ""))[1] for axis in grid.axes),
        looks=tuple(
            _look(channel, number, image.getSizeC()) for number, channel in enumerate(image.getChannels(noRE=True))
        ),
    )


def _changed(gateway: Any, image: int) -> datetime:
    """Return when an image or its pixels were last changed."""
    import omero.sys

    rows = gateway.getQueryService().projection(
        "select i.details.updateEvent.time, p.details.updateEvent.time from Image i join i.pixels p where i.id = :id",
        omero.sys.ParametersI().addId(image),
        gateway.SERVICE_OPTS,
    )
    moments = [moment.val / 1000 for row in rows for moment in row]
    return datetime.fromtimestamp(max(moments, default=0.0), UTC)


def _sizes(pixels: Any) -> dict[str, tuple[float, str]]:
    found = {}
    for axis, size in (
        ("x", pixels.getPhysicalSizeX()),
        ("y", pixels.getPhysicalSizeY()),
        ("z", pixels.getPhysicalSizeZ()),
        ("t", pixels._obj.timeIncrement),
    ):
        unit = _LENGTHS.get(str(size.getUnit()), "") if size is not None else ""
        if unit and size.getValue() > 0:
            found[axis] = (float(size.getValue()), unit)
    return found


def _look(channel: Any, number: int, count: int) -> ChannelLook:
    waves = {
        "emissionWave": channel.getEmissionWave(),
        "excitationWave": channel.getExcitationWave(),
    }
    return ChannelLook(
        label=_label(channel, number),
        colour=colour_of(channel._obj) or colour_of_channel(number, count),
        more={name: wave for name, wave in waves.items() if wave is not None},
    )


def _label(channel: Any, number: int) -> str:
    name = channel.getLogicalChannel().name if channel.getLogicalChannel() is not None else None
    return str(name) if name else str(number)
