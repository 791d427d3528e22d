"""Opening what a function asks for, and writing what it returns, by type."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from filiation.errors import BadInputError
from filiation.images import (
    Image,
    LabelImage,
    read_image,
    read_labels,
    read_table,
    write_image,
    write_labels,
    write_picture,
    write_table,
)
from filiation.step.binding import Argument

_READERS: dict[type, Callable[[Path], object]] = {
    Image: read_image,
    LabelImage: read_labels,
    pa.Table: read_table,
    Path: lambda path: path,
}
_BY_NAME = {"Image": Image, "LabelImage": LabelImage, "Table": pa.Table, "Path": Path}


def open_argument(argument: Argument) -> object:
    """Return what a function's parameter asks for: an opened image, labels or table, a path, or else the pixels."""
    if argument.several:
        if not argument.paths and _is_optional(argument.annotation):
            return None
        return [_open(path, _wanted(argument.annotation)) for path in argument.paths]
    return _open(argument.paths[0], _wanted(argument.annotation))


def _open(path: Path, wanted: type | None) -> object:
    if wanted is not None:
        return _READERS[wanted](path)
    if path.suffix == ".parquet":
        return read_table(path)
    return read_image(path).data if path.is_dir() else path


def _wanted(annotation: Any) -> type | None:
    """Return the type that an annotation names, through ``X | None``, ``list[X]`` and names kept as text."""
    for inner in typing.get_args(annotation):
        found = _wanted(inner)
        if found is not None:
            return found
    if isinstance(annotation, str):
        return next((known for name, known in _BY_NAME.items() if name in annotation.replace("[", " ").split()), None)
    return annotation if isinstance(annotation, type) and annotation in _READERS else None


def _is_optional(annotation: Any) -> bool:
    return type(None) in typing.get_args(annotation) or (isinstance(annotation, str) and "None" in annotation)


def write_result(slot: Argument, result: object, images: dict[Path, Image]) -> None:
    """Write what a function returned to the rule's output.

    Parameters
    ----------
    slot
        The output.
    result
        An image, labels, a table, a picture (``uint8``, axes y x RGB), or an array of labels for a slot named so.
    images
        The images that the function got, by path: the first is the source that labels are drawn on.

    Raises
    ------
    BadInputError
        If the result is nothing that can be written there.
    """
    (path,) = slot.paths
    if isinstance(result, np.ndarray) and path.suffix != ".png":
        result = _as_labels(slot, result, images)
    if isinstance(result, Image):
        write_image(path, result)
    elif isinstance(result, LabelImage):
        write_labels(path, _with_source(path, result, images))
    elif isinstance(result, pa.Table):
        write_table(path, result)
    elif isinstance(result, np.ndarray):
        write_picture(path, result)
    else:
        raise BadInputError(
            f"The step returned {type(result).__name__} for the output {path}; expected an Image, a LabelImage, a "
            "pyarrow Table or a numpy array. To write the output yourself, give the function a parameter named "
            f"{slot.name!r} annotated Path."
        )


def _as_labels(slot: Argument, data: np.ndarray[Any, Any], images: dict[Path, Image]) -> LabelImage:
    if not images or data.dtype.kind not in "iu":
        raise BadInputError(
            f"The step returned an array of {data.dtype} for the output {slot.paths[0]}; expected integers, drawn on "
            "an input image. Return an Image or a LabelImage to say its axes and pixel sizes."
        )
    return next(iter(images.values())).labelled(data, name=slot.name)


def _with_source(path: Path, labels: LabelImage, images: dict[Path, Image]) -> LabelImage:
    if labels.source is not None or not images:
        return labels
    return replace(labels, source=os.path.relpath(next(iter(images)), path))
