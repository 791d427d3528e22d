"""OME-Zarr 0.6, which is only read: its multiscale images as 0.5 would describe them.

Axes stand in named coordinate systems there, and each transformation says from where to where it leads
(https://ngff.openmicroscopy.org/0.6/ sections "multiscales metadata" and "coordinateTransformations metadata"). A
resolution leads to the image's own system by a scale, an identity, or a scale and a translation in sequence. What leads
on from there, to other systems and images, is left aside: pixel sizes are those of the image's own system.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from filiation.errors import BadInputError

Block = Mapping[str, Any]


def is_06(version: str) -> bool:
    """Tell whether a version is 0.6, or a candidate for it."""
    return version.startswith("0.6")


def as_05(multiscale: Block, where: str) -> dict[str, Any]:
    """Return an entry of ``multiscales`` of 0.6 with axes and transformations as 0.5 has them.

    Parameters
    ----------
    multiscale
        The entry.
    where
        The store, for messages.

    Raises
    ------
    BadInputError
        If a resolution leads to a coordinate system that is not there, or in another way than said above.
    """
    systems = {str(system["name"]): system for system in multiscale["coordinateSystems"]}
    datasets, leads_to = [], set()
    for dataset in multiscale["datasets"]:
        (transformation,) = dataset["coordinateTransformations"]
        leads_to.add(_name(transformation.get("output")))
        datasets.append({"path": dataset["path"], "coordinateTransformations": _steps(transformation, where)})
    if len(leads_to) != 1 or not leads_to <= set(systems):
        raise BadInputError(
            f"{where} has resolutions that lead to the coordinate systems {', '.join(sorted(leads_to)) or '(none)'}; "
            f"expected one of {', '.join(sorted(systems)) or '(none)'} for all."
        )
    axes = systems[leads_to.pop()]["axes"]
    filled = [_with_scale(dataset, len(axes)) for dataset in datasets]
    return {"name": multiscale.get("name"), "axes": axes, "datasets": filled}


def _name(end: object) -> str:
    """Return which coordinate system an end of a transformation is; drafts wrote its name alone."""
    return str(end.get("name") or "") if isinstance(end, Mapping) else str(end or "")


def _steps(transformation: Block, where: str) -> list[Block]:
    kind = transformation["type"]
    if kind == "sequence":
        return [step for each in transformation["transformations"] for step in _steps(each, where)]
    if kind == "identity":
        return []
    if kind not in ("scale", "translation"):
        raise BadInputError(
            f"{where} has a resolution with a transformation of type {kind!r}; an identity, a scale, or a scale and a "
            "translation in sequence can be read."
        )
    return [{"type": kind, kind: transformation[kind]}]


def _with_scale(dataset: dict[str, Any], length: int) -> dict[str, Any]:
    steps = dataset["coordinateTransformations"]
    if any(step["type"] == "scale" for step in steps):
        return dataset
    unscaled = {"type": "scale", "scale": [1.0] * length}
    return {**dataset, "coordinateTransformations": [unscaled, *steps]}
