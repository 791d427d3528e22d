"""What a multiscale image says of itself: version, axes, resolutions, transformations, channels.

https://ngff.openmicroscopy.org/0.5/ and /0.4/, sections "Axes metadata", "coordinateTransformations metadata",
"multiscales metadata", "omero metadata".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

from filiation.images.conformance.findings import Finding
from filiation.images.conformance.groups import Block, RawGroup, first, mapping, read_array, read_geometry, sequence

VERSIONS: Final = {2: "0.4", 3: "0.5"}
"""The version that a store of each Zarr format is taken for where its root says none."""
_RANK: Final = {"time": 0, "channel": 1, "space": 3}  # other types stand with channels
_CUSTOM: Final = 1
_COLOUR: Final = re.compile(r"[0-9a-fA-F]{6}")
_WINDOW: Final = ("min", "max", "start", "end")


def version_of(group: RawGroup) -> str | None:
    """Return the version that a group says it is of; None if it says none."""
    told = group.block.get("version") if group.zarr_format == 3 else _old_version(group.block)
    return told if isinstance(told, str) else None


def _old_version(block: Block) -> object:
    """Return the version of a group of 0.4, which stands in its blocks."""
    for holder in (first(block.get("multiscales")), mapping(block.get("plate")), mapping(block.get("well"))):
        if "version" in holder:
            return holder["version"]
    return None


def version_rule(group: RawGroup, where: str, expected: str) -> Iterator[Finding]:
    """Every group with OME metadata says the version of the whole store (0.5); of 0.4, every block should."""
    if group.zarr_format == 3 and not group.block:
        return
    told = version_of(group)
    if told is None:
        yield Finding("version-missing", where, "the group gives no 'version'", expected, (expected,))
    elif told != expected:
        yield Finding("version-differs", where, f"its 'version' is {told}", expected, (expected,))


def image_rules(group: RawGroup, where: str) -> Iterator[Finding]:
    """Yield what is wrong with one multiscale image or label image by itself."""
    multiscale = first(group.block.get("multiscales"))
    geometry = read_geometry(group)
    if geometry is None or not sequence(multiscale.get("datasets")):
        yield Finding("malformed", where, "'multiscales' lists no axes or no resolutions", "both, at least one each")
        return
    yield from _axes(sequence(multiscale.get("axes")), where)
    yield from _resolutions(group, multiscale, len(geometry.axes), where)
    shapes = [array.shape for _, array in geometry.levels if len(array.shape) == len(geometry.axes)]
    for finer, coarser in itertools.pairwise(shapes):
        if any(low > high for low, high in zip(coarser, finer, strict=True)):
            yield Finding("level-order", where, f"{coarser} pixels stand after {finer}", "from high to low resolution")
            break
    for path, array in geometry.levels:
        if array.zarr_format == 3 and len(array.shape) == len(geometry.axes) and array.dimension_names != geometry.axes:
            yield Finding(
                "dimension-names",
                _at(where, path),
                "its 'dimension_names' are " + (_listed(array.dimension_names) if array.dimension_names else "missing"),
                _listed(geometry.axes),
                geometry.axes,
            )
    if "omero" in group.block:
        full = next((array.shape for _, array in geometry.levels), ())
        yield from _channels(mapping(group.block["omero"]), geometry.axes, full, where)


def _axes(axes: Any, where: str) -> Iterator[Finding]:
    names = [str(mapping(axis).get("name", "")) for axis in axes]
    kinds = [str(mapping(axis).get("type", "")) for axis in axes]
    if not all(names) or len(set(names)) < len(names) or not 2 <= len(names) <= 5 or kinds.count("space") not in (2, 3):
        yield Finding(
            "malformed",
            where,
            f"its axes are {_listed(names)} of the types {_listed(kinds)}",
            "2 to 5 axes of different names, 2 or 3 of them of the type space",
        )
        return
    ranked = sorted(range(len(names)), key=lambda at: _RANK.get(kinds[at], _CUSTOM))
    right = [names[at] for at in ranked]
    if right != names:
        yield Finding("axes-order", where, f"its axes are {_listed(names)}", _listed(right))


def _resolutions(group: RawGroup, multiscale: Block, length: int, where: str) -> Iterator[Finding]:
    for dataset in map(mapping, sequence(multiscale.get("datasets"))):
        path = str(dataset.get("path", ""))
        array = read_array(group.path / path) if path else None
        if array is None:
            yield Finding("level-missing", _at(where, path), f"no array is at {path!r}, which is listed", "an array")
        elif len(array.shape) != length:
            yield Finding("dimension-count", _at(where, path), f"it has {len(array.shape)} dimensions", str(length))
        yield from _transformations(dataset, length, _at(where, path), required=True)
    yield from _transformations(multiscale, length, where, required=False)


def _transformations(holder: Block, length: int, where: str, *, required: bool) -> Iterator[Finding]:
    steps = [mapping(step) for step in sequence(holder.get("coordinateTransformations"))]
    kinds = [str(step.get("type")) for step in steps]
    expected = "one scale, then at most one translation"
    if kinds not in (["scale"], ["scale", "translation"]) and (kinds or required):
        yield Finding("transformations", where, f"its transformations are {_listed(kinds) or 'missing'}", expected)
        return
    for step in steps:
        values = step.get(str(step.get("type")))
        if not isinstance(values, list) or len(values) != length:
            count = len(values) if isinstance(values, list) else "no"
            yield Finding("transformations", where, f"its {step.get('type')} has {count} values", f"{length} values")


def _channels(omero: Block, axes: tuple[str, ...], shape: tuple[int, ...], where: str) -> Iterator[Finding]:
    channels = omero.get("channels")
    if not isinstance(channels, list):
        yield Finding("malformed", where, "'omero' describes no channels", "a list 'channels'")
        return
    there = shape[axes.index("c")] if "c" in axes and len(shape) == len(axes) else 1
    if len(channels) != there:
        yield Finding(
            "channel-count",
            where,
            f"'omero.channels' describes {len(channels)} channel(s), but the image has {there}",
            str(there),
        )
    for number, channel in enumerate(map(mapping, channels)):
        window = mapping(channel.get("window"))
        if missing := [key for key in _WINDOW if key not in window]:
            yield Finding(
                "channel-window", where, f"the window of channel {number} lacks {_listed(missing)}", _listed(_WINDOW)
            )
        if not _COLOUR.fullmatch(str(channel.get("color", ""))):
            yield Finding(
                "channel-colour",
                where,
                f"the colour of channel {number} is {channel.get('color', 'missing')!r}",
                "six hexadecimal digits",
            )


def _at(where: str, path: str) -> str:
    return path if where == "." else f"{where}/{path}"


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))
