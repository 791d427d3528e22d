"""The OME-Zarr 0.5 metadata of a store: axes, resolutions, and what a label image says of its objects and its source.

https://ngff.openmicroscopy.org/0.5/ sections "multiscales metadata" and "image-label metadata".
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from filiation.errors import BadInputError, NotFoundError
from filiation.images.colours import colour_of_label
from filiation.images.image import AXIS_TYPES, Properties, Pyramid
from filiation.images.multiscale import Multiscale, open_multiscale
from filiation.images.object_store import ObjectPlace, open_object_multiscale
from filiation.images.pyramid import LevelPlan, plan_pyramid
from filiation.images.store_format import VERSION, StoreFormat

MOST_COLOURS = 10_000
"""Colours are written for at most this many objects; beyond, a viewer's own colours serve, and metadata stay small."""

_JsonDict: TypeAlias = dict[str, Any]


class LabelOutline(Protocol):
    """What is known of a label image without its pixels; see :class:`filiation.images.LabelImage`."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""

    @property
    def scale(self) -> tuple[float, ...]:
        """Pixel size along each axis."""

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each axis."""

    @property
    def name(self) -> str:
        """A name for a person."""

    @property
    def source(self) -> str | None:
        """The image that was labelled, relative to the store."""

    @property
    def pyramid(self) -> Pyramid:
        """How its lower resolutions are made."""


def multiscale_block(
    axes: tuple[str, ...], units: tuple[str, ...], levels: Sequence[LevelPlan], name: str, method: str
) -> _JsonDict:
    """Return one entry of ``multiscales``: axes with units, and where each resolution lies."""
    return {
        "name": name,
        "type": method,
        "axes": [_axis(name, unit) for name, unit in zip(axes, units, strict=True)],
        "datasets": [
            {
                "path": str(number),
                "coordinateTransformations": [
                    {"type": "scale", "scale": list(level.scale)},
                    {"type": "translation", "translation": list(level.translation)},
                ],
            }
            for number, level in enumerate(levels)
        ],
    }


def _axis(name: str, unit: str) -> _JsonDict:
    axis = {"name": name, "type": AXIS_TYPES[name]}
    return {**axis, "unit": unit} if unit else axis


def label_block(
    path: Path | ObjectPlace,
    labels: LabelOutline,
    levels: Sequence[LevelPlan],
    values: Sequence[int],
    properties: Properties,
) -> _JsonDict:
    """Return the ``ome`` block of a label image that is a store of its own.

    Parameters
    ----------
    path
        Where the store is; its name serves where the labels have none.
    labels, levels
        What is known of the labels, and their resolutions.
    values
        The labels that occur, sorted.
    properties
        For some of them, what else is known.

    Raises
    ------
    BadInputError
        If properties are given for a label that does not occur.
    """
    name = labels.name or stem(path)
    block: _JsonDict = {"version": VERSION}
    absent = sorted(set(properties) - set(values))
    if absent:
        raise BadInputError(f"Properties are given for label {absent[0]}, which no pixel of {labels.name!r} has.")
    if values and len(values) <= MOST_COLOURS:
        block["colors"] = [{"label-value": value, "rgba": [*colour_of_label(value), 255]} for value in values]
    if properties:
        # Readers such as ome-zarr-models want rows for the same labels in both lists.
        rows = values if "colors" in block else sorted(properties)
        block["properties"] = [{"label-value": value, **properties.get(value, {})} for value in rows]
    if labels.source is not None:
        block["source"] = {"image": labels.source}
    return {
        "version": VERSION,
        "multiscales": [multiscale_block(labels.axes, labels.units, levels, name, labels.pyramid.value)],
        "image-label": block,
    }


def label_levels(path: Path | ObjectPlace, labels: LabelOutline) -> tuple[LevelPlan, ...]:
    """Return the resolutions that labels get: those of the image that their source leads to, if it is there.

    Raises
    ------
    BadInputError
        If the source has another shape or pixel size than the labels.
    """
    return _levels_of_source(path, labels) or plan_pyramid(labels.axes, labels.shape, labels.scale)


def label_form(path: Path | ObjectPlace, labels: LabelOutline) -> StoreFormat:
    """Return the form that labels are written in: that of the image that their source leads to, if it is there.

    A store and the labels inside it are of one version (0.5, section "OME-Zarr Metadata"), so those beside it are too.
    """
    source = _source(path, labels)
    return StoreFormat.like(source) if source is not None else StoreFormat()


def _source(path: Path | ObjectPlace, labels: LabelOutline) -> Multiscale | None:
    if labels.source is None:
        return None
    try:
        if isinstance(path, Path):
            return open_multiscale((path / labels.source).resolve())
        place = path.beside(labels.source)
        return None if place is None else open_object_multiscale(place)
    except NotFoundError:
        return None  # labels may travel without their image


def _levels_of_source(path: Path | ObjectPlace, labels: LabelOutline) -> tuple[LevelPlan, ...]:
    source = _source(path, labels)
    if source is None:
        return ()
    kept = [source.axes.index(axis) for axis in labels.axes if axis in source.axes]
    levels = tuple(
        LevelPlan(
            shape=tuple(level.array.shape[axis] for axis in kept),
            scale=tuple(level.scale[axis] for axis in kept),
            translation=tuple(level.translation[axis] for axis in kept),
        )
        for level in source.levels
    )
    if levels[0].shape != labels.shape or levels[0].scale != labels.scale:
        raise BadInputError(
            f"The labels for {path} do not fit their source {source.where}: their {', '.join(labels.axes)} are "
            f"{labels.shape} pixels of {labels.scale}, the source's {levels[0].shape} of {levels[0].scale}."
        )
    return levels


def stem(path: Path | ObjectPlace) -> str:
    """Return the name of a store without its endings."""
    return path.name.removesuffix(".zarr").removesuffix(".ome")
