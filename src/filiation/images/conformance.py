"""Faults in OME-Zarr labels that the public validators let pass.

The official schemas, ome-zarr-models and ngio each find other faults, and none of them finds these (table of faults
in the tests): they need two groups, or the pixels, to be looked at together.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from filiation.errors import FiliationError
from filiation.images.multiscale import Multiscale, ome_block, open_group, open_multiscale
from filiation.images.ome_zarr import read_pixels
from filiation.images.pixels import blocks

_DEFAULT_SOURCE = "../../"  # the specification's default of image-label.source.image


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a store.

    Parameters
    ----------
    fault
        A short name that stays the same between versions, for example ``source-nowhere``.
    where
        The group, relative to the store that was checked; ``.`` is the store itself.
    message
        What was found, what is expected, what to do.
    """

    fault: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.fault}]"


def check_store(path: Path) -> tuple[Finding, ...]:
    """Check an OME-Zarr image with its labels, or a label image, for faults that other validators miss.

    Looked for are: a group without its version, a label image that is not listed or is listed and not there, a
    source that leads nowhere, a shape, pixel size or number of levels other than the source's, colours or properties
    given twice for a label, properties for a label that has no pixel, and a number of ``omero`` channels other than
    the channel axis has.

    Raises
    ------
    NotFoundError
        If there is nothing at ``path``.
    BadInputError
        If it is no OME-Zarr image at all.
    """
    store = open_multiscale(path)
    findings = list(_channels(store))
    if store.image_label is not None:
        findings += _label_image(store, ".")
    findings += _labels_group(path)
    return tuple(findings)


def _channels(store: Multiscale) -> Iterator[Finding]:
    described = store.omero.get("channels")
    if described is None:
        return
    there = store.full.array.shape[store.axes.index("c")] if "c" in store.axes else 1
    if len(described) != there:
        yield Finding(
            "channel-count",
            ".",
            f"'omero.channels' describes {len(described)} channel(s), but the image has {there}; "
            "describe each channel once, in order.",
        )


def _labels_group(path: Path) -> Iterator[Finding]:
    folder = path / "labels"
    if not folder.is_dir():
        return
    group = open_group(folder)
    block = ome_block(group)
    if group.metadata.zarr_format == 3 and block and "version" not in block:
        yield Finding(
            "version-missing",
            "labels",
            "the 'ome' metadata of the group have no 'version'; every group with an 'ome' block needs the store's.",
        )
    listed = [str(name) for name in block.get("labels", ())]
    found = _label_groups(folder)
    for name in sorted(found - set(listed)):
        yield Finding(
            "not-listed",
            f"labels/{name}",
            f"the label image is on disk, but 'labels' lists only {', '.join(listed) or 'nothing'}; list it.",
        )
    for name in sorted(found | set(listed)):
        yield from _listed_label(folder / name, f"labels/{name}")


def _label_groups(folder: Path) -> set[str]:
    """Return the label images under a ``labels`` folder; their names may have several parts."""
    found: set[str] = set()
    for here, folders, files in os.walk(folder):
        if Path(here) != folder and {"zarr.json", ".zattrs"} & set(files):
            found.add(Path(here).relative_to(folder).as_posix())
            folders.clear()  # what is below are its levels
    return found


def _listed_label(path: Path, where: str) -> Iterator[Finding]:
    try:
        label = open_multiscale(path)
    except FiliationError as error:
        yield Finding("unreadable", where, str(error))
        return
    yield from _label_image(label, where)


def _label_image(label: Multiscale, where: str) -> Iterator[Finding]:
    yield from _against_source(label, where)
    for key in ("colors", "properties"):
        yield from _twice(label, key, where)
    yield from _without_pixels(label, where)


def _against_source(label: Multiscale, where: str) -> Iterator[Finding]:
    written = label.source if label.source is not None else _DEFAULT_SOURCE
    place = (label.path.resolve() / written).resolve()
    try:
        source = open_multiscale(place)
    except FiliationError as error:
        yield Finding(
            "source-nowhere",
            where,
            f"'image-label.source.image' is {written!r}, which leads to no image ({error}); point it to the image that "
            "was labelled.",
        )
        return
    shared = [axis for axis in label.axes if axis in source.axes]
    yield from _same_shape(label, source, shared, where)
    yield from _same_scale(label, source, shared, where)
    if len(label.levels) != len(source.levels):
        yield Finding(
            "level-count",
            where,
            f"the label image has {len(label.levels)} level(s), its source {len(source.levels)}; they must be as many.",
        )


def _same_shape(label: Multiscale, source: Multiscale, shared: list[str], where: str) -> Iterator[Finding]:
    mine = tuple(label.full.array.shape[label.axes.index(axis)] for axis in shared)
    theirs = tuple(source.full.array.shape[source.axes.index(axis)] for axis in shared)
    if mine != theirs:
        yield Finding(
            "shape-differs",
            where,
            f"at full resolution its {', '.join(shared)} are {mine} pixels, those of its source {theirs}; "
            "each label pixel must lie on an image pixel.",
        )


def _same_scale(label: Multiscale, source: Multiscale, shared: list[str], where: str) -> Iterator[Finding]:
    mine = tuple(label.full.scale[label.axes.index(axis)] for axis in shared)
    theirs = tuple(source.full.scale[source.axes.index(axis)] for axis in shared)
    if not all(math.isclose(one, other, rel_tol=1e-3) for one, other in zip(mine, theirs, strict=True)):
        yield Finding(
            "scale-differs",
            where,
            f"at full resolution its pixel size along {', '.join(shared)} is {mine}, that of its source {theirs}; "
            "give it the source's.",
        )


def _rows(label: Multiscale, key: str) -> list[int]:
    rows = (label.image_label or {}).get(key) or ()
    return [int(row["label-value"]) for row in rows if "label-value" in row]


def _twice(label: Multiscale, key: str, where: str) -> Iterator[Finding]:
    twice = sorted(value for value, count in Counter(_rows(label, key)).items() if count > 1)
    if twice:
        yield Finding(
            f"{key}-twice",
            where,
            f"'image-label.{key}' has more than one row for label {_some(twice)}; keep one for each.",
        )


def _without_pixels(label: Multiscale, where: str) -> Iterator[Finding]:
    described = set(_rows(label, "properties"))
    if not described:
        return
    try:
        absent = sorted(described - _values(label))
    except FiliationError as error:
        yield Finding("unreadable", where, str(error))
        return
    if absent:
        yield Finding(
            "no-such-label",
            where,
            f"'image-label.properties' describes label {_some(absent)}, which no pixel has; drop the row or find out "
            "where the object went.",
        )


def _values(label: Multiscale) -> set[int]:
    values: set[int] = set()
    for region in blocks(label.axes, label.full.array.shape):
        values.update(np.unique(read_pixels(label, region)).tolist())
    return values


def _some(values: list[int]) -> str:
    shown = ", ".join(map(str, values[:5]))
    return f"{shown} and {len(values) - 5} more" if len(values) > 5 else shown
