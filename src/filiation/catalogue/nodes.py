"""The nodes and edges of lineage: everything that a person needs to know of a thing or an action. Frozen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from filiation.model import (
    Digest,
    ImageFacts,
    Parameter,
    ServerFacts,
    Software,
    Usage,
    Value,
    from_plain,
    to_plain,
)
from filiation.model.plain_facts import plain_server_facts, read_server_facts

if TYPE_CHECKING:
    from filiation.model import ImageMetadata

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

USED: Final = "used"
"""A thing went into an action."""
GENERATED: Final = "generated"
"""A thing came out of an action."""
SAME_CONTENT: Final = "same content"
"""What one run made is, byte for byte, what another found."""
PART: Final = "part"
"""A thing stands inside another, or is gathered in it."""
CODE: Final = "code"
"""A script that an action ran. It is no ancestor of what the action made, but what it made descends from it."""

ROLES: Final = (USED, GENERATED, SAME_CONTENT, PART, CODE)
"""Every role of an edge; where roles are numbers, they are places in this."""

NO_BYTES: Final = hashlib.sha256().hexdigest()
"""The digest, in hexadecimal, of an empty file and of an empty tree."""


class Edge(NamedTuple):
    """One step of lineage, in the direction in which data flowed; a tuple, since answers hold many and sort them.

    Parameters
    ----------
    src
        IRI of what was there before.
    dst
        IRI of what came of it.
    role
        ``used``, ``generated``, ``same content``, ``part`` or ``code``.
    crate
        IRI of the crate that says so; of the using one for ``same content``.
    """

    src: str
    dst: str
    role: str
    crate: str


@dataclass(frozen=True, slots=True)
class EntityNode:
    """A file, directory, store or remote image, as one run saw it.

    Parameters
    ----------
    iri, crate
        Its IRI, and the IRI of the crate that describes it.
    path
        As the workflow named it; a URI for what is remote.
    kind
        An ``EntityKind`` value where the crate is one of filiation, else ``file``, ``directory`` or ``collection``;
        ``code`` for a script that took part only by being run.
    name
        A name for a person, where it differs from the path.
    digest, pixels
        Over bytes or tree, and over decoded pixels.
    size, files
        Bytes, and number of files of a tree.
    presence
        A ``Presence`` value, if the crate tells.
    place
        Where it was last seen: an absolute path, or a URI; None if the crate does not tell.
    media_type
        IANA media type.
    modified
        Time of last modification, UTC.
    image
        Axes, shape, pixel type, pixel sizes and units of an image store, if the crate tells.
    generated
        Whether an action of this crate made it.
    reused
        Whether the run found it up to date: an earlier run made it.
    url
        A page on it, for an image outside the workflow.
    server
        What its server said of it, for an image in OMERO.
    metadata
        Of an image that a server keeps: instrument, channels, annotations, where it is filed, whose it is.
    """

    iri: str
    crate: str
    path: str
    kind: str = "file"
    name: str | None = None
    digest: Digest | None = None
    pixels: Digest | None = None
    size: int | None = None
    files: int | None = None
    presence: str | None = None
    place: str | None = None
    media_type: str | None = None
    modified: datetime | None = None
    image: ImageFacts | None = None
    generated: bool = False
    reused: bool = False
    url: str | None = None
    server: ServerFacts | None = None
    metadata: ImageMetadata | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there are no bytes, or no files; an empty thing's digest tells nothing of where it came from."""
        return self.digest is not None and self.digest.hex == NO_BYTES

    def to_json(self) -> dict[str, Json]:
        """Return what is known as plain JSON; what is not known is left out."""
        return _to_json(self)


@dataclass(frozen=True, slots=True)
class ActionNode:
    """One attempt of one job, or one execution of a tool in another engine's crate.

    Parameters
    ----------
    iri, crate
        Its IRI, and the IRI of the crate that describes it.
    name
        For a person, for example ``segment (sample=ihc)``.
    rule
        Name of the tool or rule.
    job, attempt
        Snakemake's job number, and which try it was, from 1.
    status
        A ``Status`` value; finished if the crate says nothing, as the profile has it.
    started, ended
        UTC.
    agent, agent_id
        Name of who ran it, and an ORCID or other identifier.
    host
        Where it ran.
    command
        Command line.
    parameters
        By name, as requested and as used.
    software
        With versions.
    code
        Version of the tool's own code: a version, a commit or a digest.
    environment
        What it ran in, as name and value: container image, conda environment, GPUs, variables.
    usage
        Resources used, each with its unit and who measured it.
    error
        What it failed with.
    reason
        Why the engine ran it.
    exit_code
        How what it ran ended: 0, another exit code, or the negative number of a signal; None if nobody tells.
    """

    iri: str
    crate: str
    name: str
    rule: str | None = None
    job: int | None = None
    attempt: int | None = None
    status: str = "finished"
    started: datetime | None = None
    ended: datetime | None = None
    agent: str | None = None
    agent_id: str | None = None
    host: str | None = None
    command: str | None = None
    parameters: tuple[Parameter, ...] = ()
    software: tuple[Software, ...] = ()
    code: str | None = None
    environment: tuple[tuple[str, str], ...] = ()
    usage: tuple[Usage, ...] = ()
    error: str | None = None
    reason: str | None = None
    exit_code: int | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, if both times are known and in order."""
        if self.started is None or self.ended is None or self.ended < self.started:
            return None
        return (self.ended - self.started).total_seconds()

    def to_json(self) -> dict[str, Json]:
        """Return what is known as plain JSON; what is not known is left out."""
        return _to_json(self)


Node: TypeAlias = "EntityNode | ActionNode"


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in one line.

    Parameters
    ----------
    id, iri
        The run's UUID and its crate's IRI.
    status
        A ``Status`` value.
    started, ended
        UTC.
    workflow
        Name of what ran.
    agent
        Who started it.
    host
        Where.
    folder
        The run's folder.
    jobs, failed
        Attempts of jobs, and those that failed.
    outputs, reused
        Things made, and things found up to date.
    recorded_by
        ``snakemake-metadata`` if it was recorded afterwards, of low confidence; else None.
    code
        Version of the workflow: a commit, or the digest of its main file.
    modified
        Whether there were changes that the commit does not hold; None without a repository.
    swhid
        Identifier of the workflow's folder (ISO/IEC 18670).
    licenses
        Of the workflow, by SPDX identifier, or by name.
    doi
        Of the crate, as an address, if it says that it has one.
    """

    id: str
    iri: str
    status: str
    started: datetime | None = None
    ended: datetime | None = None
    workflow: str | None = None
    agent: str | None = None
    host: str | None = None
    folder: str | None = None
    jobs: int = 0
    failed: int = 0
    outputs: int = 0
    reused: int = 0
    recorded_by: str | None = None
    code: str | None = None
    modified: bool | None = None
    swhid: str | None = None
    licenses: tuple[str, ...] = ()
    doi: str | None = None

    def to_json(self) -> dict[str, Json]:
        """Return what is known as plain JSON; what is not known is left out."""
        return _to_json(self)


def shown_time(when: datetime) -> str:
    """Write a time as ISO 8601 in UTC.

    >>> shown_time(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_time(text: str) -> datetime | None:
    """Read an ISO 8601 time; one without a zone, as some engines write, is taken as UTC. None if it is no time."""
    try:
        when = datetime.fromisoformat(text.strip())
        return (when.replace(tzinfo=UTC) if when.tzinfo is None else when).astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last day of all years have no other zone
        return None


def node_to_text(node: Node | RunSummary) -> str:
    """Write a node as one line of JSON."""
    return _TEXT.encode(node.to_json())


_TEXT: Final = json.JSONEncoder(separators=(",", ":"), sort_keys=True)


_NO_IMAGE: Final[dict[str, Any]] = {"axes": (), "shape": (), "dtype": "", "scale": (), "units": (), "source": None}


def entity_from_text(text: str) -> EntityNode:
    """Undo :func:`node_to_text` for an entity."""
    found = json.loads(text)
    _revive(found, times=("modified",))
    for key in ("digest", "pixels"):
        if key in found:
            found[key] = Digest.from_text(found[key])
    if "image" in found:
        image = {**_NO_IMAGE, **found["image"]}
        axes, shape, scale, units = (tuple(image[key]) for key in ("axes", "shape", "scale", "units"))
        found["image"] = ImageFacts(axes, shape, image["dtype"], scale, units, image["source"])
    if "server" in found:
        found["server"] = read_server_facts(found["server"])
    if "metadata" in found:
        from filiation.model import ImageMetadata  # few things have any

        found["metadata"] = from_plain(ImageMetadata, found["metadata"])
    return EntityNode(**found)


def action_from_text(text: str) -> ActionNode:
    """Undo :func:`node_to_text` for an action."""
    found = json.loads(text)
    _revive(found, times=("started", "ended"))
    found["parameters"] = tuple(
        Parameter(
            item["name"],
            _value(item["requested"]) if "requested" in item else None,
            _value(item["used"]) if "used" in item else None,
        )
        for item in found.get("parameters", ())
    )
    found["software"] = tuple(_software(**item) for item in found.get("software", ()))
    found["environment"] = tuple((name, value) for name, value in found.get("environment", ()))
    found["usage"] = tuple(Usage(**item) for item in found.get("usage", ()))
    return ActionNode(**found)


def _value(plain: Json) -> Value:
    return _scalar(plain) if isinstance(plain, str | int | float) else Value.of(plain)


# Thousands of jobs have the same few values and programs. That 1, 1.0 and true are equal must not matter.
_scalar: Final = lru_cache(maxsize=4096, typed=True)(Value.of)
_software: Final = lru_cache(maxsize=4096, typed=True)(Software)


def run_from_text(text: str) -> RunSummary:
    """Undo :func:`node_to_text` for a run."""
    found = json.loads(text)
    _revive(found, times=("started", "ended"))
    found["licenses"] = tuple(found.get("licenses", ()))
    return RunSummary(**found)


def _revive(found: dict[str, object], times: tuple[str, ...]) -> None:
    for key in times:
        text = found.get(key)
        if isinstance(text, str):
            found[key] = read_time(text)


def _to_json(thing: Node | RunSummary) -> dict[str, Json]:
    plain: dict[str, Json] = {}
    kind = type(thing)
    for name, value in zip(_NAMES[kind], _VALUES[kind](thing), strict=True):
        if type(value) in _AS_THEY_ARE:
            # A flag that is not set says nothing; that a workflow was not modified is said.
            if value is not False or name == "modified":
                plain[name] = value
        elif value is not None and value != ():
            plain[name] = _plain(value)
    return plain


_NAMES: Final[dict[type, tuple[str, ...]]] = {
    kind: tuple(field.name for field in fields(kind))
    for kind in (EntityNode, ActionNode, RunSummary, ImageFacts, Usage)
}
_VALUES: Final = {kind: attrgetter(*_NAMES[kind]) for kind in (EntityNode, ActionNode, RunSummary)}
_PLAIN: Final = (str, int, float)  # a flag is a number
_AS_THEY_ARE: Final = frozenset({bool, int, float, str})


def _plain(value: object) -> Json:
    """Return a value as JSON; the kinds that nodes have most of are looked for first."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple):
        return [item if type(item) in _AS_THEY_ARE else _plain(item) for item in value]
    if isinstance(value, Parameter):
        parameter: dict[str, Json] = {"name": value.name}
        if value.requested is not None:
            parameter["requested"] = _json_of(value.requested)
        if value.used is not None:
            parameter["used"] = _json_of(value.used)
        return parameter
    if isinstance(value, Software):
        told: tuple[tuple[str, Json], ...] = (
            ("name", value.name),
            ("version", value.version),
            ("purl", value.purl),
            ("origin", value.origin),
            ("modified", value.modified),
        )
        return {key: fact for key, fact in told if fact is not None}
    if isinstance(value, datetime):
        return shown_time(value)
    if isinstance(value, Digest):
        return str(value)
    if isinstance(value, ImageFacts | Usage):
        known = ((name, getattr(value, name)) for name in _NAMES[type(value)])
        return {name: _plain(part) for name, part in known if part not in (None, (), "")}
    if isinstance(value, ServerFacts):
        return plain_server_facts(value)
    from filiation.model import ImageMetadata

    if isinstance(value, ImageMetadata):
        return to_plain(value)
    raise TypeError(f"Unexpected value: {value!r}.")


def _json_of(value: Value) -> Json:
    if value.json[0] in "[{":  # which its reader may change
        found: Json = json.loads(value.json)
        return found
    return _scalar_of(value.json)


@lru_cache(maxsize=4096)
def _scalar_of(text: str) -> Json:
    found: Json = json.loads(text)
    return found
