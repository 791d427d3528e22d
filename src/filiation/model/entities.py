"""Things: data entities, parameters, software, people. Frozen, typed, without input or output."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from filiation.errors import BadInputError
from filiation.model.identifiers import Digest, is_uri

if TYPE_CHECKING:
    from filiation.model.image_metadata import ImageMetadata
    from filiation.model.remote import ServerFacts

_TYPE_NAMES = {bool: "Boolean", int: "Integer", float: "Float", str: "Text"}


class EntityKind(StrEnum):
    """What a data entity is; an OME-Zarr store is one thing, whatever its number of chunks."""

    FILE = "file"
    DIRECTORY = "directory"
    IMAGE = "image"
    """An OME-Zarr image store."""
    LABEL_IMAGE = "label image"
    """An OME-Zarr store of labels, with ``image-label`` metadata."""
    PLATE = "plate"
    """An OME-Zarr plate of wells with fields of view."""
    WELL = "well"
    """A well of an OME-Zarr plate."""
    RAW_IMAGE = "raw image"
    """An image outside the workflow, named by a URI: an OMERO image, a test image of a library."""


class Presence(StrEnum):
    """What was seen of a data entity when the run was recorded."""

    PRESENT = "present"
    DELETED = "deleted"
    """Made and then removed by the workflow, as ``temp()`` asks."""
    MISSING = "missing"
    """Not there when the run was packed."""
    CHANGED = "changed"
    """There, but written again since the action that is recorded: its digest would be that of something else."""
    REMOTE = "remote"
    """Not a file of this machine; known by its identifier."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What an OME-Zarr store's metadata says of its highest resolution.

    Parameters
    ----------
    axes
        Axis names in order, for example ``("z", "y", "x")``.
    shape
        Length of each axis, in pixels.
    dtype
        Pixel type as numpy names it, for example ``"uint16"``.
    scale
        Pixel size along each axis.
    units
        Unit of each axis, empty where none is given.
    source
        ``image-label.source.image`` of a label image, as written; None for an image.
    """

    axes: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    scale: tuple[float, ...] = ()
    units: tuple[str, ...] = ()
    source: str | None = None


@dataclass(frozen=True, slots=True)
class DataEntity:
    """A file, directory, OME-Zarr store or remote image that a run used or made.

    Parameters
    ----------
    path
        As the workflow names it: relative to the run's folder, absolute, or a URI. ``/`` separates; no trailing one.
        A relative path that could be taken for a URI begins with ``./``.
    kind
        What it is.
    presence
        What was seen of it.
    digest
        Over a file's bytes, or over the tree of a directory or store. None if not captured.
    pixels
        Over the decoded pixels of an image. None if not captured or no image.
    size
        In bytes; for a tree, the sum over its files.
    files
        Number of files of a tree; None for a file.
    flags
        Snakemake's flags, sorted: ``directory``, ``temp``, ``protected``, …
    media_type
        IANA media type where the name tells it.
    modified
        Time of last modification, UTC.
    image
        What the store's metadata says, for images and label images.
    reused
        The run wanted it and found it up to date: made by an earlier run.
    url
        A page on it for a person, for a raw image outside the workflow.
    server
        What its server said of it, for an image in OMERO.
    metadata
        What the server that keeps a raw image tells of it.
    is_field
        It is a field of view of an OME-Zarr plate: the folders around it are its well and its plate.
    """

    path: str
    kind: EntityKind
    presence: Presence
    digest: Digest | None = None
    pixels: Digest | None = None
    size: int | None = None
    files: int | None = None
    flags: tuple[str, ...] = ()
    media_type: str | None = None
    modified: datetime | None = None
    image: ImageFacts | None = None
    reused: bool = False
    url: str | None = None
    server: ServerFacts | None = None
    metadata: ImageMetadata | None = None
    is_field: bool = False

    @property
    def is_tree(self) -> bool:
        """Whether it is a directory on disk."""
        return self.kind not in (EntityKind.FILE, EntityKind.RAW_IMAGE)

    @property
    def is_remote(self) -> bool:
        """Whether it is named by a URI instead of a path."""
        return is_uri(self.path)


@dataclass(frozen=True, slots=True)
class Value:
    """A plain value, kept as canonical JSON so that it is frozen and compares by content.

    >>> Value.of([1, 2.5, "a"]).json
    '[1,2.5,"a"]'
    >>> Value.of(2).type_name, Value.of([1]).type_name
    ('Integer', 'Text')
    """

    json: str

    @classmethod
    def of(cls, value: object) -> Value:
        """Take a JSON-like value; anything else is kept as its ``repr``."""
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=repr)
        return cls(text)

    @property
    def value(self) -> object:
        """The value as Python objects."""
        return json.loads(self.json)

    @property
    def type_name(self) -> str:
        """The schema.org data type: Boolean, Integer, Float or Text (JSON text for lists and mappings)."""
        return _TYPE_NAMES.get(type(self.value), "Text")

    def __str__(self) -> str:
        # Numbers need not be read to be told, and lineages of hundreds of jobs tell thousands.
        return str(self.value) if self.json.lstrip().startswith('"') else self.json


@dataclass(frozen=True, slots=True)
class Parameter:
    """A named parameter of an action, as requested and as used.

    Parameters
    ----------
    name
        The name in the rule, or ``params[0]`` for a nameless one.
    requested
        What the workflow asked for; None for a default that the step filled in.
    used
        What the step says it worked with; None where no step record tells.
    """

    name: str
    requested: Value | None = None
    used: Value | None = None

    def __post_init__(self) -> None:
        if self.requested is None and self.used is None:
            raise BadInputError(f"Parameter {self.name!r} needs a requested or a used value.")

    @property
    def value(self) -> Value:
        """The value that counts: the one used if known, else the one requested."""
        value = self.used if self.used is not None else self.requested
        if value is None:  # pragma: no cover - __post_init__ forbids it
            raise BadInputError(f"Parameter {self.name!r} has no value.")
        return value


@dataclass(frozen=True, slots=True, order=True)
class Software:
    """A program or library with its version.

    Parameters
    ----------
    name
        Its usual name.
    version
        As it reports itself; None if unknown.
    purl
        Package URL, for example ``pkg:pypi/scikit-image@0.26.0``.
    origin
        Where it was installed from, if that is known and no index: ``git+https://…@<commit>``, the address of an
        archive or of a conda package, ``swh:1:rev:<commit>`` for a folder whose repository only its machine knows,
        ``ni:///sha-256;…`` for an archive that lay on it (:func:`~filiation.model.origins.public_origin`).
    modified
        Whether that folder had changes that are not committed; None if it is none.
    """

    name: str
    version: str | None = None
    purl: str | None = None
    origin: str | None = None
    modified: bool | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    """A person who started a run.

    Parameters
    ----------
    user
        Login name on the machine.
    name
        Full name where configured, else None.
    orcid
        ``https://orcid.org/…`` where configured.
    affiliation
        Name of the organisation where configured.
    affiliation_ror
        ``https://ror.org/…`` of the organisation where configured.
    """

    user: str
    name: str | None = None
    orcid: str | None = None
    affiliation: str | None = None
    affiliation_ror: str | None = None

    def __post_init__(self) -> None:
        if self.name == self.user:
            # A login name in the name's place tells nothing more.
            object.__setattr__(self, "name", None)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where something ran.

    Parameters
    ----------
    host
        Host name.
    platform
        Operating system and processor family.
    cpus
        Processors that it might use.
    cpu
        Model of the processors.
    gpus
        Models of the NVIDIA GPUs that it saw.
    gpu_driver
        Version of their driver.
    gpu_visible
        ``CUDA_VISIBLE_DEVICES``: which of them it was to use.
    """

    host: str
    platform: str | None = None
    cpus: int | None = None
    cpu: str | None = None
    gpus: tuple[str, ...] = ()
    gpu_driver: str | None = None
    gpu_visible: str | None = None
