"""The metadata of an OME-Zarr multiscale image, read into frozen values; no pixel is read here.

Read are OME-Zarr 0.4 (on Zarr 2), 0.5 (on Zarr 3) and 0.6 (``coordinate_systems``): https://ngff.openmicroscopy.org/0.5/
sections "Axes metadata", "coordinateTransformations metadata", "multiscales metadata" and "image-label metadata".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

import zarr
import zarr.abc.store
from zarr.errors import ContainsArrayError, GroupNotFoundError
from zarr.storage import ZipStore

from filiation.digest.zipped import look_through
from filiation.errors import BadInputError, NotFoundError
from filiation.images.coordinate_systems import as_05, is_06
from filiation.images.image import check_axes
from filiation.images.zipped_parts import ZippedPart
from filiation.model.sentences import Sentence

READ_VERSIONS = ("0.4", "0.5", "0.6")

ZarrArray: TypeAlias = zarr.Array[Any]
Block: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution: its ``path`` in the store, its pixel size, where its first pixel lies, and the open array."""

    path: str
    scale: tuple[float, ...]
    translation: tuple[float, ...]
    array: ZarrArray


@dataclass(frozen=True, slots=True)
class Multiscale:
    """An OME-Zarr image or label image on disk.

    Parameters
    ----------
    path
        The store's folder, or the file of a zipped one; empty for one that is not in the file system.
    version
        OME-Zarr version, ``0.4``, ``0.5`` or one that begins with ``0.6``.
    name
        ``multiscales[0].name``, empty if there is none.
    axes
        Names of the axes, in order.
    units
        Unit of each axis, empty where none is given.
    levels
        Resolutions, the highest first.
    omero
        The ``omero`` block, empty if there is none.
    image_label
        The ``image-label`` block; None for an image.
    where
        The store's place as a person knows it: its path, or its URI.
    """

    path: Path
    version: str
    name: str
    axes: tuple[str, ...]
    units: tuple[str, ...]
    levels: tuple[Level, ...]
    omero: Block = field(default_factory=dict)
    image_label: Block | None = None
    where: str = ""

    @property
    def full(self) -> Level:
        """The highest resolution."""
        return self.levels[0]

    @property
    def source(self) -> str | None:
        """``image-label.source.image`` as written; the default ``../../`` of the specification is not filled in."""
        source = (self.image_label or {}).get("source")
        image = source.get("image") if isinstance(source, Mapping) else None
        return image if isinstance(image, str) else None


def open_multiscale(path: Path) -> Multiscale:
    """Read the metadata of the OME-Zarr image or label image whose group is the folder ``path``.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no Zarr group, no multiscale image, of another version, or its metadata are malformed.
    """
    return multiscale_of(open_group(path), str(path), path)


def multiscale_of(group: zarr.Group, where: str, path: Path = Path()) -> Multiscale:
    """Read the metadata of the image whose group is open; ``where`` names it in messages. Raises as above."""
    block = ome_block(group)
    _refuse_containers(where, group, block)
    try:
        return replace(_from_block(where, group, block), path=path, where=where)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        if isinstance(error, BadInputError | NotFoundError):
            raise
        raise BadInputError(
            f"{where} has malformed OME-Zarr metadata ({type(error).__name__}: {error}). "
            "Check it with `ome-zarr-models validate`, and write the store again."
        ) from error


def open_group(path: Path) -> zarr.Group:
    """Open the folder ``path``, the store zipped into that file, or a group inside that, as a Zarr group, for reading.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no Zarr group, or a ZIP file that holds what no store does.
    """
    zipped = ZippedPart.at(path)
    if zipped is not None:
        look_through(zipped.file)
        return group_in(ZipStore(zipped.file, mode="r", read_only=True), str(path), zipped.inside)
    if not path.exists():
        raise NotFoundError(f"There is no OME-Zarr store at {path}: the folder does not exist.")
    return group_in(path, str(path))


def group_in(store: Path | zarr.abc.store.Store, where: str, inside: str = "") -> zarr.Group:
    """Open the group at the root of a store, or ``inside`` it, for reading; ``where`` names it in messages.

    Raises
    ------
    BadInputError
        If there is none.
    """
    try:
        return zarr.open_group(store, path=inside or None, mode="r", use_consolidated=False)
    except ContainsArrayError as error:
        raise BadInputError(
            f"{where} is a single Zarr array, not an OME-Zarr image; name the folder above it."
        ) from error
    except (GroupNotFoundError, FileNotFoundError, NotADirectoryError) as error:
        raise BadInputError(
            f"{where} is not an OME-Zarr store: it is no folder with a zarr.json (Zarr 3) or .zgroup (Zarr 2) of a "
            "group."
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInputError(
            f"{where} has Zarr metadata that cannot be read ({type(error).__name__}: {error})."
        ) from error


def ome_block(group: zarr.Group) -> Block:
    """Return the OME metadata of a group: the ``ome`` attribute in Zarr 3, all attributes in Zarr 2."""
    attributes = cast("Block", group.attrs.asdict())
    if group.metadata.zarr_format == 2:
        return attributes
    block = attributes.get("ome", {})
    return block if isinstance(block, Mapping) else {}


def _refuse_containers(path: str, group: zarr.Group, block: Block) -> None:
    if "multiscales" in block:
        return
    if "plate" in block or "well" in block:
        hint = Sentence("it is a plate or well; name one field of view inside it, such as A/1/0")
    elif "bioformats2raw.layout" in block:
        hint = Sentence("it is a collection of images; name one of them, such as 0")
    elif "labels" in block:
        hint = Sentence("it is a list of label images; name one of them: {labels}", labels=str(block["labels"]))
    elif "scene" in block:
        hint = Sentence("it is a scene of OME-Zarr 0.6; name one of the images in it")
    else:
        hint = Sentence(
            "its group has no 'multiscales' metadata (Zarr {version})", version=int(group.metadata.zarr_format)
        )
    raise BadInputError(Sentence("{path} is not an OME-Zarr image: {hint}.", path=path, hint=hint))


def _from_block(path: str, group: zarr.Group, block: Block) -> Multiscale:
    multiscale = block["multiscales"][0]
    version = str(block.get("version", multiscale.get("version", "")))
    if is_06(version):
        multiscale = as_05(multiscale, path)
    elif version not in READ_VERSIONS:
        raise BadInputError(
            f"{path} is of OME-Zarr version {version or '(none given)'}; {_versions()} can be read. Convert it first."
        )
    axes = tuple(str(axis["name"]) for axis in multiscale["axes"])
    check_axes(axes, where=path)
    if not multiscale["datasets"]:
        raise BadInputError(f"{path} lists no resolution: 'multiscales[0].datasets' is empty.")
    outer = _transform(multiscale.get("coordinateTransformations", []), len(axes), path)
    return Multiscale(
        path=Path(),
        version=version,
        name=str(multiscale.get("name") or ""),
        axes=axes,
        units=tuple(str(axis.get("unit") or "") for axis in multiscale["axes"]),
        levels=tuple(_level(path, group, dataset, axes, outer) for dataset in multiscale["datasets"]),
        omero=block.get("omero") or {},
        image_label=block.get("image-label"),
    )


def _versions() -> str:
    return f"{', '.join(READ_VERSIONS[:-1])} and {READ_VERSIONS[-1]}"


_Transform: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]


def _level(path: str, group: zarr.Group, dataset: Block, axes: tuple[str, ...], outer: _Transform) -> Level:
    array = group.get(dataset["path"])
    if not isinstance(array, zarr.Array):
        raise BadInputError(f"{path} lists the resolution {dataset['path']!r}, but there is no such array.")
    # What is no number may be objects, which some of Zarr's codecs make of whatever a chunk says.
    if array.dtype.kind not in "biufc":
        raise BadInputError(
            f"{path} has pixels of type {array.dtype} in its resolution {dataset['path']!r}; expected numbers."
        )
    if array.ndim != len(axes):
        raise BadInputError(
            f"{path} has {len(axes)} axes ({', '.join(axes)}), but its resolution {dataset['path']!r} has "
            f"{array.ndim} dimensions."
        )
    scale, translation = _transform(dataset["coordinateTransformations"], len(axes), path)
    return Level(
        path=dataset["path"],
        scale=tuple(inner * factor for inner, factor in zip(scale, outer[0], strict=True)),
        translation=tuple(inner * factor + offset for inner, factor, offset in zip(translation, *outer, strict=True)),
        array=array,
    )


def _transform(steps: list[Block], length: int, path: str) -> _Transform:
    scale, translation = (1.0,) * length, (0.0,) * length
    for step in steps:
        if step["type"] == "scale":
            scale = tuple(float(value) for value in step["scale"])
        elif step["type"] == "translation":
            translation = tuple(float(value) for value in step["translation"])
        else:
            raise BadInputError(
                f"{path} has a coordinate transformation of type {step['type']!r}; scale and translation can be read."
            )
    if not len(scale) == len(translation) == length:
        raise BadInputError(
            f"{path} has {length} axes, but a scale of {len(scale)} and a translation of {len(translation)} values."
        )
    return scale, translation
