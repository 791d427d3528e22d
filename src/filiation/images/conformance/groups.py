"""Groups and arrays of a store on disk, read as plain JSON: a fault in one value leaves the others readable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

Block: TypeAlias = Mapping[str, Any]
GROUP_FILES: Final = ("zarr.json", ".zgroup", ".zattrs")


@dataclass(frozen=True, slots=True)
class RawGroup:
    """A group of a store.

    Parameters
    ----------
    path
        Its folder.
    zarr_format
        2 or 3.
    block
        Its OME metadata: the attribute ``ome`` in Zarr 3, all attributes in Zarr 2.
    """

    path: Path
    zarr_format: int
    block: Block

    @property
    def metadata(self) -> Path:
        """The file that the attributes are in."""
        return self.path / ("zarr.json" if self.zarr_format == 3 else ".zattrs")


@dataclass(frozen=True, slots=True)
class RawArray:
    """An array of a store: its shape, its type as Zarr writes it, and the names of its dimensions if it has any."""

    path: Path
    zarr_format: int
    shape: tuple[int, ...]
    dtype: str
    dimension_names: tuple[str | None, ...] | None

    @property
    def is_integer(self) -> bool:
        """Whether its values are whole numbers."""
        return "int" in self.dtype if self.zarr_format == 3 else self.dtype[1:2] in ("i", "u")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where the pixels of a multiscale image lie, as far as its metadata are well-formed.

    Parameters
    ----------
    axes
        Names of the axes.
    levels
        Path and array of each resolution that is there.
    scale
        Pixel size at full resolution; None if it is not given well.
    """

    axes: tuple[str, ...]
    levels: tuple[tuple[str, RawArray], ...]
    scale: tuple[float, ...] | None


def read_group(path: Path) -> RawGroup | None:
    """Return the group in a folder; None if there is none whose metadata can be read."""
    told = _json(path / "zarr.json")
    if told is not None:
        if told.get("node_type") != "group":
            return None
        block = mapping(mapping(told.get("attributes")).get("ome"))
        return RawGroup(path, 3, block)
    if _json(path / ".zgroup") is None:
        return None
    return RawGroup(path, 2, _json(path / ".zattrs") or {})


def read_array(path: Path) -> RawArray | None:
    """Return the array in a folder; None if there is none whose metadata can be read."""
    told = _json(path / "zarr.json")
    try:
        if told is not None:
            if told.get("node_type") != "array":
                return None
            names = told.get("dimension_names")
            shape = tuple(int(length) for length in told["shape"])
            return RawArray(path, 3, shape, str(told["data_type"]), None if names is None else tuple(names))
        told = _json(path / ".zarray")
        if told is None:
            return None
        return RawArray(path, 2, tuple(int(length) for length in told["shape"]), str(told["dtype"]), None)
    except (KeyError, TypeError, ValueError):
        return None


def read_geometry(group: RawGroup) -> Geometry | None:
    """Return where the pixels of a multiscale image lie; None if the group is none."""
    multiscale = first(group.block.get("multiscales"))
    axes = tuple(str(mapping(axis).get("name", "")) for axis in sequence(multiscale.get("axes")))
    if not axes:
        return None
    levels, scale = [], None
    for number, dataset in enumerate(map(mapping, sequence(multiscale.get("datasets")))):
        array = read_array(group.path / str(dataset.get("path", "")))
        if array is not None:
            levels.append((str(dataset["path"]), array))
        if number == 0:
            scale = _scale(dataset, multiscale, len(axes))
    return Geometry(axes, tuple(levels), scale)


def _scale(dataset: Block, multiscale: Block, length: int) -> tuple[float, ...] | None:
    product: tuple[float, ...] | None = None
    for holder in (dataset, multiscale):
        for step in map(mapping, sequence(holder.get("coordinateTransformations"))):
            values = step.get("scale")
            if step.get("type") != "scale":
                continue
            if not (isinstance(values, list) and len(values) == length and all(map(_is_number, values))):
                return None
            before = product or (1.0,) * length
            product = tuple(float(value) * factor for value, factor in zip(values, before, strict=True))
    return product


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def mapping(value: object) -> Block:
    """Return a JSON object, or an empty one for anything else."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """Return a JSON array, or an empty one for anything else."""
    return value if isinstance(value, list) else ()


def first(value: object) -> Block:
    """Return the first member of a JSON array that holds objects, or an empty object."""
    members = sequence(value)
    return mapping(members[0]) if members else {}


def _json(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
