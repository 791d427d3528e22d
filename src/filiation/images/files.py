"""Image files on disk: OME-Zarr stores and TIFF, with the axes and pixel sizes that they give."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from filiation.digest import digest_file, digest_tree
from filiation.digest.zipped import digest_zip, is_zip
from filiation.errors import BadInputError, FiliationError, NotFoundError
from filiation.images.image import AXIS_TYPES, Image, Pixels
from filiation.images.multiscale import open_multiscale
from filiation.images.ome_zarr import read_image, write_image
from filiation.images.sources import SourceIdentity
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat
from filiation.images.store_source import copy_image
from filiation.images.zipped_parts import ZippedPart

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_UNITS = {
    "µm": "micrometer", "μm": "micrometer", "um": "micrometer", "\\u00B5m": "micrometer", "micron": "micrometer",
    "micrometer": "micrometer", "nm": "nanometer", "mm": "millimeter", "cm": "centimeter", "m": "meter",
    "pm": "picometer", "Å": "angstrom",
    "s": "second", "sec": "second", "ms": "millisecond", "min": "minute", "h": "hour",
}  # fmt: skip
"""Units as OME-XML and ImageJ write them -> as OME-Zarr spells them."""

_Size = tuple[float, str]


@dataclass(frozen=True, slots=True)
class PathSource:
    """An OME-Zarr store, a field in a zipped plate, or a TIFF file, named by its path."""

    path: Path

    def identify(self) -> SourceIdentity:
        """Return the path with the digest of what lies there; everything is read.

        Raises
        ------
        NotFoundError
            If there is nothing at the path.
        """
        self._must_exist()
        if self.path.is_dir():
            tree = digest_tree(self.path)
            return SourceIdentity(str(self.path), self.path.name, tree.digest, size=tree.size)
        zipped = ZippedPart.at(self.path)
        if zipped is not None and zipped.inside:  # a field of a zipped plate is that of the unpacked one
            tree = digest_zip(zipped.file, zipped.inside)
            return SourceIdentity(str(self.path), self.path.name, tree.digest, size=tree.size)
        return SourceIdentity(
            iri=str(self.path),
            name=self.path.name,
            digest=digest_file(self.path),
            size=self.path.stat().st_size,
            media_type="image/tiff" if _is_tiff(self.path) else "application/zip" if is_zip(self.path) else None,
        )

    def fetch(self) -> Image:
        """Read the image at full resolution.

        Raises
        ------
        NotFoundError
            If there is nothing at the path.
        BadInputError
            If it is neither OME-Zarr nor TIFF, or cannot be read.
        """
        self._must_exist()
        if self._is_store():
            return read_image(self.path)
        if _is_tiff(self.path):
            return read_tiff(self.path)
        raise BadInputError(
            f"{self.path} is no image that can be read: it is neither a folder with an OME-Zarr image, nor such a "
            "folder in a ZIP file, nor a TIFF file. Convert it to one of them."
        )

    def fetch_into(
        self, path: Path, progress: Callable[[int, int], None], form: StoreFormat = DEFAULT_FORMAT
    ) -> SourceIdentity:
        """Write the image as a store: one that comes from a store as it is read, in bounded memory.

        Raises
        ------
        NotFoundError, BadInputError
            As :meth:`fetch`; also if there is something at ``path`` already.
        """
        self._must_exist()
        if self._is_store():
            # Whether the store has changed since an earlier attempt, only reading it all would tell: begin anew.
            copy_image(open_multiscale(self.path), path, uuid.uuid4().hex, progress, form)
        else:
            write_image(path, self.fetch(), form)
        return self.identify()

    def _is_store(self) -> bool:
        return self.path.is_dir() or ZippedPart.at(self.path) is not None

    def _must_exist(self) -> None:
        if not self.path.exists() and ZippedPart.at(self.path) is None:
            raise NotFoundError(f"There is no image at {self.path}: the path leads nowhere.")


def read_tiff(path: Path) -> Image:
    """Read the first series of a TIFF file at full resolution.

    Axes, pixel sizes and channel names come from OME-XML or ImageJ metadata. What is not given stays unknown: the
    scale is then 1 and the unit empty. Colours (red, green, blue) become channels.

    Raises
    ------
    BadInputError
        If the file is truncated or damaged, or it does not tell what its axes are.
    """
    complaints = _Complaints()
    try:
        with complaints, tifffile.TiffFile(path) as tiff:
            series = tiff.series[0]
            _check_whole(path, tiff, series)
            axes, data = _in_order(path, series.axes, series.asarray())
            sizes = _sizes(tiff)
            channels = _channel_names(tiff)
        complaints.check(path)
    except FiliationError:
        complaints.check(path)  # why it looks as it does
        raise
    # A damaged file can make the parser fail in any way; each of them means the same to the person who named it.
    except Exception as error:
        raise BadInputError(f"{path} cannot be read as TIFF: {error}. The file is damaged or incomplete.") from error
    count = data.shape[axes.index("c")] if "c" in axes else 1
    return Image(
        data=data,
        axes=axes,
        scale=tuple(sizes.get(axis, (1.0, ""))[0] for axis in axes),
        units=tuple(sizes.get(axis, (1.0, ""))[1] for axis in axes),
        channels=channels if len(channels) == count else (),
        name=path.name.partition(".")[0],
    )


class _Complaints(logging.Handler):
    """Errors that tifffile only logs: pages and tags beyond the end of the file are left out, and the rest is read."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())

    def __enter__(self) -> _Complaints:
        logging.getLogger("tifffile").addHandler(self)
        return self

    def __exit__(self, *_error: object) -> None:
        logging.getLogger("tifffile").removeHandler(self)

    def check(self, path: Path) -> None:
        if self._messages:
            raise BadInputError(
                f"{path} is truncated or damaged: {self._messages[0]}. Copy it again from where it came."
            )


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _TIFF_MAGIC


def _check_whole(path: Path, tiff: tifffile.TiffFile, series: Any) -> None:
    size = tiff.filehandle.size
    for page in series.pages:
        if page is None:
            continue
        end = max(
            (offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)),
            default=0,
        )
        if end > size:
            raise BadInputError(
                f"{path} is truncated: its pixels reach to byte {end}, but the file has {size} bytes. "
                "Copy it again from where it came."
            )


def _in_order(path: Path, found: str, data: Pixels) -> tuple[tuple[str, ...], Pixels]:
    names = [{"S": "c"}.get(axis, axis.lower()) for axis in found]
    for position in reversed([place for place, name in enumerate(names) if name not in AXIS_TYPES]):
        if data.shape[position] == 1:  # an axis of one position says nothing
            data = np.squeeze(data, axis=position)
            del names[position]
    if len(set(names)) < len(names) or not set(names) <= set(AXIS_TYPES) or not {"y", "x"} <= set(names):
        raise BadInputError(
            f"{path} has the TIFF axes {found} with lengths {data.shape}; expected Y and X, and of T, C, Z and colour "
            "samples what there is. Save it as OME-TIFF or ImageJ hyperstack, which say what each axis is."
        )
    ordered = tuple(axis for axis in AXIS_TYPES if axis in names)
    return ordered, np.transpose(data, [names.index(axis) for axis in ordered])


def _sizes(tiff: tifffile.TiffFile) -> Mapping[str, _Size]:
    if tiff.is_ome and tiff.ome_metadata:
        return _ome_sizes(tiff.ome_metadata)
    if tiff.is_imagej and tiff.imagej_metadata:
        return _imagej_sizes(tiff)
    return {}


def _ome_sizes(text: str) -> Mapping[str, _Size]:
    pixels = _ome_pixels(text)
    sizes = {}
    for axis, key, default in (("x", "PhysicalSizeX", "µm"), ("y", "PhysicalSizeY", "µm"),
                               ("z", "PhysicalSizeZ", "µm"), ("t", "TimeIncrement", "s")):  # fmt: skip
        value = pixels.get(key)
        if value is not None and float(value) > 0:
            unit = pixels.get(f"{key}Unit", default)
            sizes[axis] = (float(value), _UNITS.get(unit, ""))
    return sizes


def _channel_names(tiff: tifffile.TiffFile) -> tuple[str, ...]:
    if not (tiff.is_ome and tiff.ome_metadata):
        return ()
    names = [element.get("Name", "") for element in _ome_pixels(tiff.ome_metadata) if element.tag.endswith("}Channel")]
    return tuple(names) if all(names) else ()


def _ome_pixels(text: str) -> ElementTree.Element:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadInputError("its OME-XML declares entities, which are not expanded")
    pixels = ElementTree.fromstring(text).find(".//{*}Pixels")  # noqa: S314 - no entities, see above
    if pixels is None:
        raise BadInputError("its OME-XML has no Pixels element")
    return pixels


def _imagej_sizes(tiff: tifffile.TiffFile) -> Mapping[str, _Size]:
    metadata = tiff.imagej_metadata or {}
    unit = _UNITS.get(str(metadata.get("unit", "")), "")
    if not unit:
        return {}
    tags = tiff.pages.first.tags
    sizes = {}
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        pixels, units = tags[tag].value if tag in tags else (0, 1)
        if pixels:
            sizes[axis] = (units / pixels, unit)
    if metadata.get("spacing"):
        sizes["z"] = (float(metadata["spacing"]), unit)
    if metadata.get("finterval"):
        sizes["t"] = (float(metadata["finterval"]), "second")
    return sizes
