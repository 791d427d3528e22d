"""Where images come from: a path, or a URI whose scheme names the kind of source.

A source does two things: it says which image it is (``identify``), and it hands the image over (``fetch``). A new kind
of source is a class with these two methods and a line in ``SCHEMES``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, runtime_checkable
from urllib.parse import parse_qsl

from filiation.errors import BadInputError
from filiation.images.image import Image
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat
from filiation.model import Digest, ImageFacts, ImageMetadata, ServerFacts, is_uri

_SECONDS_BETWEEN_WORDS = 10.0


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """Which image a source stands for.

    Parameters
    ----------
    iri
        The URI in its one canonical spelling, or the path as given.
    name
        A name for a person.
    digest
        Over the bytes of the file or store behind it, if there is one.
    pixels
        Over the pixels, where they are what identifies it: a generated image has no bytes until it is written.
    size
        In bytes, of the file behind it.
    media_type
        IANA media type of the file behind it.
    url
        A page about the image.
    image
        Axes, shape and pixel type of what ``pixels`` is over, where the image is not a store.
    modified
        When it was last changed, UTC, as its server says.
    server
        What else its server says of it.
    metadata
        What the server that keeps it tells of it besides its pixels.
    """

    iri: str
    name: str
    digest: Digest | None = None
    pixels: Digest | None = None
    size: int | None = None
    media_type: str | None = None
    url: str | None = None
    image: ImageFacts | None = None
    modified: datetime | None = None
    server: ServerFacts | None = None
    metadata: ImageMetadata | None = None


class Source(Protocol):
    """A place that an image can be had from."""

    def identify(self) -> SourceIdentity:
        """Say which image this is, without handing it over."""

    def fetch(self) -> Image:
        """Hand the image over, at full resolution."""


@runtime_checkable
class StreamingSource(Source, Protocol):
    """A place that images come from which may be larger than memory."""

    def fetch_into(
        self, path: Path, progress: Callable[[int, int], None], form: StoreFormat = DEFAULT_FORMAT
    ) -> SourceIdentity:
        """Write the image as an OME-Zarr store; return which it is, by its pixels too. ``progress`` hears of bytes."""


def fetch_into(source: Source, path: Path, form: StoreFormat = DEFAULT_FORMAT) -> SourceIdentity:
    """Write a source's image as an OME-Zarr store at ``path``, and say which image it is.

    What takes long tells on the standard error how far it is.

    Parameters
    ----------
    source
        Where the image comes from.
    path
        Where the store will be.
    form
        OME-Zarr version, and whether there are shards.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already.
    """
    if isinstance(source, StreamingSource):
        return source.fetch_into(path, _Progress(path), form)
    from filiation.images.ome_zarr import write_image

    identity = source.identify()
    write_image(path, source.fetch(), form)
    return identity


class _Progress:
    """Tells every now and then how much of an image is there."""

    def __init__(self, path: Path) -> None:
        self._path, self._told = path, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._told >= _SECONDS_BETWEEN_WORDS:
            self._told = now
            sys.stderr.write(f"{self._path}: {done / 1e6:.0f} of {total / 1e6:.0f} MB\n")


def open_source(uri_or_path: str) -> Source:
    """Return the source that a URI or a path names.

    Known are a path to an OME-Zarr store (a folder, or one file as ZIP) or a TIFF file, ``omero://<host>/image/<id>``
    (an image on an OMERO server), ``s3://<bucket>/<key>`` (an OME-Zarr store in an object store), ``skimage:<name>`` (a
    micrograph that ships with scikit-image) and ``synthetic:<name>?<parameters>`` (a generated image with a known
    truth).

    Raises
    ------
    BadInputError
        If the scheme, the name or a parameter is unknown, or the file is no image that can be read.
    NotFoundError
        If a path leads nowhere.
    MissingExtraError
        If the source belongs to an extra that this installation lacks.

    Examples
    --------
    >>> open_source("skimage:immunohistochemistry").identify().size
    477916
    """
    if not is_uri(uri_or_path):
        return _path_source(uri_or_path)
    scheme = uri_or_path.partition(":")[0].lower()
    if scheme not in SCHEMES:
        raise BadInputError(
            f"{uri_or_path!r} has the unknown scheme {scheme!r}. Known are {_known()}, and a path without a scheme."
        )
    return SCHEMES[scheme](uri_or_path)


def split_query(uri: str, known: Mapping[str, object]) -> tuple[str, dict[str, str]]:
    """Split ``scheme:name?key=value&…`` into the name and its parameters.

    Raises
    ------
    BadInputError
        If the query is malformed, names a parameter twice, or one that is not ``known``.
    """
    name, _, query = uri.partition(":")[2].partition("?")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise BadInputError(f"{uri!r} has a malformed query: {error}. Write name=value&name=value.") from error
    for key, _value in pairs:
        if key not in known or [other for other, _ in pairs].count(key) > 1:
            raise BadInputError(
                f"{uri!r} gives the parameter {key!r}; each of {', '.join(known) or '(none)'} may be given once."
            )
    return name, dict(pairs)


def _path_source(path: str) -> Source:
    from filiation.images.files import PathSource  # tifffile is paid for only by those who read a file

    return PathSource(Path(path))


def integers(uri: str, name: str, text: str, *, count: int) -> tuple[int, ...]:
    """Return the whole numbers of a parameter of a URI.

    Raises
    ------
    BadInputError
        If there are not ``count`` of them.
    """
    parts = text.split(",")
    # isdecimal is true of other scripts' digits too, which int() reads as well; a length cap keeps int() cheap
    if len(parts) != count or not all(part.isdecimal() and len(part) <= 18 for part in parts):
        wanted = "a whole number" if count == 1 else f"{count} whole numbers with commas between, as in 32,256,256"
        raise BadInputError(f"{uri!r} gives {name} as {text!r}; expected {wanted}.")
    return tuple(int(part) for part in parts)


def _skimage_source(uri: str) -> Source:
    from filiation.images.skimage_source import SkimageSource

    return SkimageSource.from_uri(uri)


def _synthetic_source(uri: str) -> Source:
    from filiation.images.synthetic import SyntheticSource
    from filiation.images.synthetic_cells import CellsSource
    from filiation.images.synthetic_movie import MovieSource
    from filiation.images.synthetic_plate import PlateFieldSource
    from filiation.images.synthetic_volume import BeadsSource

    name = uri.partition(":")[2].partition("?")[0]
    kinds: Mapping[str, Callable[[str], Source]] = {
        "beads3d": BeadsSource.from_uri,
        "cells": CellsSource.from_uri,
        "movie": MovieSource.from_uri,
        "plate": PlateFieldSource.from_uri,
    }
    return kinds.get(name, SyntheticSource.from_uri)(uri)


def _omero_source(uri: str) -> Source:
    from filiation.images.omero.source import OmeroSource

    return OmeroSource.from_uri(uri)


def _object_source(uri: str) -> Source:
    from filiation.images.store_source import ObjectSource

    return ObjectSource.from_uri(uri)


SCHEMES: Mapping[str, Callable[[str], Source]] = MappingProxyType(
    {"skimage": _skimage_source, "synthetic": _synthetic_source, "omero": _omero_source, "s3": _object_source}
)
"""Scheme -> how to open a URI of it."""


def _known() -> str:
    return ", ".join(f"{scheme}:" for scheme in SCHEMES)
