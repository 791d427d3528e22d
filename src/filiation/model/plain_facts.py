"""What is known of an image outside the workflow as JSON, in step records, in stores and in the index, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from filiation.model.entities import ImageFacts
from filiation.model.remote import OriginalFile, ServerFacts

ORIGIN: Final = "filiation:origin"
"""Attribute of an OME-Zarr store that tells which image outside the workflow, with which pixels, it is a copy of."""


def plain_server_facts(facts: ServerFacts) -> dict[str, Any]:
    """Return the facts as JSON-like values; what is not known is left out."""
    files = [
        {
            key: value
            for key in ("iri", "name", "size", "checksum", "algorithm")
            if (value := getattr(file, key)) is not None
        }
        for file in facts.files
    ]
    return {"database": facts.database, **({"files": files} if files else {}), "file_count": facts.file_count}


def read_server_facts(facts: object) -> ServerFacts | None:
    """Undo :func:`plain_server_facts`; None if there is nothing of the kind.

    Raises
    ------
    KeyError, TypeError
        If something that is always there is missing.
    """
    if not isinstance(facts, Mapping):
        return None
    files = tuple(
        OriginalFile(str(each["iri"]), str(each["name"]), each.get("size"), each.get("checksum"), each.get("algorithm"))
        for each in facts.get("files", ())
    )
    return ServerFacts(str(facts["database"]), files, int(facts.get("file_count", len(files))))


def plain_image_facts(facts: ImageFacts) -> dict[str, Any]:
    """Return axes, shape, pixel type, pixel sizes and units as JSON-like values."""
    return {
        "axes": list(facts.axes),
        "shape": list(facts.shape),
        "dtype": facts.dtype,
        "scale": list(facts.scale),
        "units": list(facts.units),
    }


def read_image_facts(facts: object) -> ImageFacts | None:
    """Undo :func:`plain_image_facts`; None if there is nothing of the kind.

    Raises
    ------
    KeyError, TypeError, ValueError
        If something is missing, or a length is no number.
    """
    if not isinstance(facts, Mapping):
        return None
    return ImageFacts(
        axes=tuple(str(axis) for axis in facts["axes"]),
        shape=tuple(int(length) for length in facts["shape"]),
        dtype=str(facts["dtype"]),
        scale=tuple(float(size) for size in facts.get("scale", ())),
        units=tuple(str(unit) for unit in facts.get("units", ())),
    )


def plain_origin(iri: str, image: ImageFacts | None, server: ServerFacts | None) -> dict[str, Any]:
    """Return which image outside the workflow a store is a copy of, as JSON-like values.

    When the image was last changed is left out: the same pixels, read again, give the same store.
    """
    return {
        "iri": iri,
        **({"image": plain_image_facts(image)} if image is not None else {}),
        **({"server": plain_server_facts(server)} if server is not None else {}),
    }
