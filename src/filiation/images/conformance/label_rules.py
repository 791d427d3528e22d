"""What a label image says of its objects and its source, against the pixels and the source itself.

https://ngff.openmicroscopy.org/0.5/ and /0.4/, section "labels metadata".
"""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import zarr

from filiation.images.conformance.findings import Finding
from filiation.images.conformance.groups import (
    Block,
    Geometry,
    RawArray,
    RawGroup,
    mapping,
    read_geometry,
    read_group,
    sequence,
)
from filiation.images.label_differences import stretches
from filiation.images.pixels import blocks

DEFAULT_SOURCE: Final = "../../"  # the specification's default of image-label.source.image
_SHOWN: Final = 5


def label_rules(group: RawGroup, where: str, version: str, *, pixels: bool) -> Iterator[Finding]:
    """Yield what is wrong with a label image beyond what is wrong with an image.

    Parameters
    ----------
    group, where
        The label image, and its name in what is found.
    version
        The version of the whole store.
    pixels
        Whether its pixels are read, where it describes objects.
    """
    block, geometry = mapping(group.block.get("image-label")), read_geometry(group)
    told = block.get("version")
    if told is not None and told != version:
        yield Finding("version-differs", where, f"'image-label.version' is {told}", version, (version, "image-label"))
    if geometry is None:
        return
    if geometry.levels and not geometry.levels[0][1].is_integer:
        yield Finding("not-integer", where, f"its labels are {geometry.levels[0][1].dtype}", "integers")
    against = tuple(_against_source(group, block, geometry, where))
    yield from against
    yield from _rows(block, where)
    # Where the shape is wrong, it may be so large that reading would never end.
    if pixels and geometry.levels and not any(found.fault == "shape-differs" for found in against):
        yield from _against_pixels(block, geometry, where)


def _against_source(group: RawGroup, block: Block, geometry: Geometry, where: str) -> Iterator[Finding]:
    written = mapping(block.get("source")).get("image")
    place = (group.path.resolve() / str(written or DEFAULT_SOURCE)).resolve()
    source = read_group(place)
    theirs = None if source is None else read_geometry(source)
    if theirs is None:
        said = "it gives no 'image-label.source.image', and no image is"
        found = f"'image-label.source.image' is {written!r}, and no image is" if written else said
        fault = "source-nowhere" if written else "source-missing"
        yield Finding(fault, where, f"{found} at {place}", "the path of an image, from here")
        return
    shared = [axis for axis in geometry.axes if axis in theirs.axes]
    along = ", ".join(shared)
    if geometry.levels and theirs.levels:
        mine_long, long = _along(geometry, shared), _along(theirs, shared)
        if mine_long != long:
            yield Finding("shape-differs", where, f"at full resolution its {along} are {mine_long} pixels", f"{long}")
    if geometry.scale is not None and theirs.scale is not None:
        mine = tuple(geometry.scale[geometry.axes.index(axis)] for axis in shared)
        other = tuple(theirs.scale[theirs.axes.index(axis)] for axis in shared)
        if not all(math.isclose(one, another, rel_tol=1e-3) for one, another in zip(mine, other, strict=True)):
            yield Finding(
                "scale-differs", where, f"at full resolution its pixel size along {along} is {mine}", f"{other}"
            )
    if len(geometry.levels) != len(theirs.levels):
        yield Finding(
            "level-count", where, f"it has {len(geometry.levels)} resolution(s)", f"{len(theirs.levels)}, as its source"
        )


def _along(geometry: Geometry, axes: Iterable[str]) -> tuple[int, ...]:
    shape = geometry.levels[0][1].shape
    return tuple(shape[geometry.axes.index(axis)] for axis in axes) if len(shape) == len(geometry.axes) else ()


def _rows(block: Block, where: str) -> Iterator[Finding]:
    for key in ("colors", "properties"):
        rows = [mapping(row) for row in sequence(block.get(key))]
        values = [row.get("label-value") for row in rows]
        whole = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        if wrong := len(values) - len(whole):
            yield Finding(
                "row-malformed", where, f"'image-label.{key}' has {wrong} row(s) without one", "a 'label-value'"
            )
        twice = sorted(value for value, count in Counter(whole).items() if count > 1)
        if twice:
            yield Finding(
                f"{key}-twice",
                where,
                f"'image-label.{key}' has more than one row for label {_some(twice)}",
                "one",
                tuple(twice),
            )
    for row in map(mapping, sequence(block.get("colors"))):
        rgba = row.get("rgba")
        if rgba is not None and not _is_colour(rgba):
            value = row.get("label-value")
            yield Finding("colour-range", where, f"the colour of label {value} is {rgba}", "four numbers, 0 to 255")


def _is_colour(rgba: object) -> bool:
    return (
        isinstance(rgba, list)
        and len(rgba) == 4
        and all(isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= 255 for part in rgba)
    )


def _against_pixels(block: Block, geometry: Geometry, where: str) -> Iterator[Finding]:
    rows = {key: described(block, key) for key in ("properties", "colors")}
    known = np.array(sorted(set().union(*rows.values())), dtype=np.int64)
    if not known.size:
        return
    array = geometry.levels[0][1]
    if len(array.shape) != len(geometry.axes):
        return
    try:
        seen, others = _values(array, geometry.axes, known)
    except (ValueError, TypeError, ArithmeticError, LookupError, RuntimeError, OSError, zlib.error) as error:
        yield Finding("unreadable", where, f"its pixels cannot be read ({error})", "whole chunks")
        return
    for key, values in rows.items():
        if ghosts := sorted(values - seen - {0}):
            yield Finding(
                f"{key}-ghost",
                where,
                f"'image-label.{key}' describes label {_some(ghosts)}, which no pixel has",
                "rows for labels that are there",
                tuple(ghosts),
            )
        without = sorted((seen | others) - values)
        if values and without:
            yield Finding(
                "label-without-row",
                where,
                f"'image-label.{key}' has no row for label {_some(without)}, which pixels have",
                "a row for each",
                tuple(without[:_SHOWN]),
            )


def described(block: Block, key: str) -> set[int]:
    """Return the labels that ``image-label.colors`` or ``image-label.properties`` has rows for."""
    rows = (mapping(row).get("label-value") for row in sequence(block.get(key)))
    return {value for value in rows if isinstance(value, int) and not isinstance(value, bool)}


def _values(array: RawArray, axes: tuple[str, ...], known: npt.NDArray[np.int64]) -> tuple[set[int], set[int]]:
    """Return which of the known labels pixels have, and which others; the background is none. Block by block."""
    opened = zarr.open_array(array.path, mode="r")
    seen: set[int] = set()
    others: set[int] = set()
    for region in blocks(axes, array.shape):
        pixels = np.asarray(opened[region]).ravel()
        values = np.unique(pixels[stretches(pixels)])
        here = np.isin(values, known)
        seen.update(values[here].tolist())
        others.update(values[~here].tolist())
    return seen - {0}, others - {0}


def _some(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:_SHOWN]))
    return f"{shown} and {len(values) - _SHOWN} more" if len(values) > _SHOWN else shown
