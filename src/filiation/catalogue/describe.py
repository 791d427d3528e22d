"""From a crate's statements to nodes: what is known of each thing and each action, and of the run as a whole."""

from __future__ import annotations

import json
import posixpath
import re
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, urlsplit

from filiation.catalogue.nodes import ActionNode, EntityNode, RunSummary, read_time
from filiation.catalogue.statements import Statements
from filiation.catalogue.vocabulary import (
    COLLECTION,
    CONTAINER_IMAGE,
    DATASET,
    FILE,
    PROPERTY_VALUE,
    SCHEMA,
    WFRUN,
    F,
)
from filiation.crate.image_metadata import IMAGE_TYPE, expanded, read_image_metadata
from filiation.crate.jobs import measured_by
from filiation.crate.remote import DATABASE
from filiation.crate.things import read_image_facts, read_pixels
from filiation.errors import BadInputError
from filiation.model import (
    Digest,
    DigestKind,
    EntityKind,
    ImageFacts,
    ImageMetadata,
    OriginalFile,
    Parameter,
    ServerFacts,
    Software,
    Status,
    Usage,
    Value,
    is_uri,
)

_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
"""DOI Handbook, 2.2; as an address or not."""
_IMAGE_FACTS: Final = {key: F + key for key in ("axes", "shape", "pixelType", "scale", "units", "labelSource")}
_ENDINGS: Final = {
    "CompletedActionStatus": Status.FINISHED,
    "FailedActionStatus": Status.FAILED,
    "ActiveActionStatus": Status.INTERRUPTED,
    "PotentialActionStatus": Status.UNKNOWN,  # Autosubmit says so of runs that ended, and names what they made
}
_IMAGE: Final = expanded(IMAGE_TYPE)
_DATA: Final = frozenset({FILE, DATASET, COLLECTION})
_STATUSES: Final = frozenset(status.value for status in Status)


def describe_entity(about: Statements, iri: str, *, generated: bool, folder: str | None) -> EntityNode:
    """Say what a crate tells of a thing; a thing that is only pointed at has no more than its path.

    Parameters
    ----------
    about
        The crate's statements.
    iri
        The thing.
    generated
        Whether an action of the crate made it.
    folder
        The run's folder, which relative paths start from.
    """
    path = about.path(iri)
    name = about.text(iri, SCHEMA + "alternateName", SCHEMA + "name")
    modified = about.text(iri, SCHEMA + "dateModified")
    return EntityNode(
        iri=iri,
        crate=about.crate,
        path=path,
        kind=_kind(about, iri),
        name=None if name in (None, path, posixpath.basename(path)) else name,
        digest=digest_told(about, iri),
        pixels=_pixels_told(about, iri),
        size=about.number(iri, SCHEMA + "contentSize"),
        files=about.number(iri, F + "fileCount"),
        presence=about.text(iri, F + "presence"),
        place=_place(about, iri, path, folder),
        media_type=_media_type(about, iri),
        modified=read_time(modified) if modified else None,
        image=_image(about, iri),
        generated=generated,
        reused=about.is_true(iri, F + "reused") and not generated,
        url=_page(about, iri),
        server=_server(about, iri),
        metadata=_metadata(about, iri),
    )


def describe_action(about: Statements, iri: str, whole: str | None) -> ActionNode:
    """Say what a crate tells of an action; who and where, if it tells that only of the run as a whole, by that.

    Parameters
    ----------
    about
        The crate's statements.
    iri
        The action.
    whole
        The action that stands for the whole run, if there is one.
    """
    tool = about.link(iri, SCHEMA + "instrument")
    agent = about.link(iri, SCHEMA + "agent") or (about.link(whole, SCHEMA + "agent") if whole else None)
    started, ended = (about.text(iri, SCHEMA + key) for key in ("startTime", "endTime"))
    return ActionNode(
        iri=iri,
        crate=about.crate,
        name=about.name(iri),
        rule=about.once(Statements.name, tool) if tool else None,
        job=about.number(iri, F + "jobNumber"),
        attempt=about.number(iri, F + "attempt"),
        status=status_of(about, iri).value,
        started=read_time(started) if started else None,
        ended=read_time(ended) if ended else None,
        agent=about.once(Statements.name, agent) if agent else None,
        agent_id=agent if agent and not agent.startswith(about.crate) else None,
        host=about.text(iri, F + "host") or about.text(about.crate, F + "host"),
        command=about.text(iri, F + "command", SCHEMA + "description"),
        parameters=_parameters(about, iri),
        software=_software(about, iri, tool),
        code=_code(about, tool),
        environment=_environment(about, iri),
        usage=_usage(about, iri),
        error=about.text(iri, SCHEMA + "error"),
        reason=about.text(iri, F + "reason"),
        exit_code=about.number(iri, F + "exitCode"),
    )


def describe_run(
    about: Statements, whole: str | None, actions: tuple[ActionNode, ...], entities: tuple[EntityNode, ...]
) -> RunSummary:
    """Say what a crate tells of its run, with what was counted in it; ``whole`` is :func:`whole_run`."""
    root = about.crate
    main = about.link(root, SCHEMA + "mainEntity")
    started, ended = ((about.text(whole, SCHEMA + key) if whole else None) for key in ("startTime", "endTime"))
    starts = [action.started for action in actions if action.started]
    ends = [action.ended for action in actions if action.ended]
    agent = about.link(whole, SCHEMA + "agent") if whole else None
    return RunSummary(
        id=root.removeprefix("arcp://uuid,").rstrip("/"),
        iri=root,
        status=_run_status(about, whole, actions),
        started=read_time(started) if started else min(starts, default=None),
        ended=read_time(ended) if ended else (max(ends, default=None) if not about.text(root, F + "runId") else None),
        workflow=_workflow_name(about, main),
        agent=about.name(agent) if agent else next((a.agent for a in actions if a.agent), None),
        host=about.text(root, F + "host"),
        folder=about.text(root, F + "runFolder"),
        jobs=len(actions),
        failed=sum(action.status == Status.FAILED for action in actions),
        outputs=sum(entity.generated for entity in entities),
        reused=sum(entity.reused for entity in entities),
        recorded_by=about.text(root, F + "recordedBy"),
        code=_code(about, main),
        modified=about.is_true(main, F + "modified") if main and about.text(main, F + "modified") else None,
        swhid=about.text(main, F + "swhid") if main else None,
        licenses=tuple(sorted(about.name(iri) for iri in about.links(main, SCHEMA + "license"))) if main else (),
        doi=_doi_of_crate(about),
    )


def doi_of(text: str) -> str | None:
    """Return the DOI that a text is, as an address; None if it is none.

    >>> doi_of("doi:10.5281/zenodo.7"), doi_of("https://dx.doi.org/10.5281/ZENODO.7"), doi_of("seven")
    ('https://doi.org/10.5281/zenodo.7', 'https://doi.org/10.5281/zenodo.7', None)
    """
    found = _DOI.fullmatch(text.strip())
    return None if found is None else f"https://doi.org/{found[1].lower()}"  # DOIs know no capitals


def _doi_of_crate(about: Statements) -> str | None:
    """Return the DOI that a crate says it has, as its identifier, as a value of that, or as what it is the same as."""
    for key in ("identifier", "sameAs"):
        for value in about.values(about.crate, SCHEMA + key):
            told = [str(value), *(about.texts(value, SCHEMA + "value") if isinstance(value, str) else ())]
            found = next((doi for text in told if (doi := doi_of(text)) is not None), None)
            if found is not None:
                return found
    return None


def whole_run(about: Statements) -> str | None:
    """Return the action that stands for the whole run, if there is one."""
    main = about.link(about.crate, SCHEMA + "mainEntity")
    if main is None:
        return None
    runs = [s for s in about.subjects() if main in about.links(s, SCHEMA + "instrument")]
    return min((s for s in runs if SCHEMA + "CreateAction" in about.types(s)), default=None)


def status_of(about: Statements, action: str) -> Status:
    """How an action ended; one without a status ended well, as the Process Run Crate profile has it."""
    own = about.text(action, F + "status")
    if own in _STATUSES:
        return Status(own)
    ending = about.text(action, SCHEMA + "actionStatus") or ""
    for name, status in _ENDINGS.items():
        if ending.endswith(name):
            return status
    return Status.FINISHED


def _run_status(about: Statements, whole: str | None, actions: tuple[ActionNode, ...]) -> str:
    own = about.text(about.crate, F + "runStatus")
    if own in _STATUSES:
        return str(own)
    if whole is not None:
        return status_of(about, whole).value
    return Status.FAILED.value if any(a.status == Status.FAILED for a in actions) else Status.FINISHED.value


def _workflow_name(about: Statements, main: str | None) -> str | None:
    return about.name(main) if main is not None else about.text(about.crate, SCHEMA + "name")


def _kind(about: Statements, iri: str) -> str:
    if own := about.text(iri, F + "entityKind"):
        return own
    types = about.types(iri)
    if COLLECTION in types:
        return "collection"
    return EntityKind.DIRECTORY.value if DATASET in types else EntityKind.FILE.value


def digest_told(about: Statements, iri: str) -> Digest | None:
    """Return the digest that a crate tells of a thing; None of one that is no SHA-256."""
    tree = _hex_digest(about.text(iri, F + "treeDigest"), DigestKind.TREE)
    return tree or _hex_digest(about.text(iri, WFRUN + "sha256"), DigestKind.FILE)


def _pixels_told(about: Statements, iri: str) -> Digest | None:
    told = about.text(iri, F + "pixelDigest")
    try:
        return None if told is None else read_pixels(told)
    except BadInputError:
        return None  # as of bytes


def _hex_digest(text: str | None, kind: DigestKind) -> Digest | None:
    if text is None:
        return None
    try:
        return Digest(kind, text.strip().lower().removeprefix(f"{kind.value}:"))
    except BadInputError:
        return None  # some engines put other checksums there; what is no SHA-256 identifies nothing


def _place(about: Statements, iri: str, path: str, folder: str | None) -> str | None:
    seen = about.text(iri, F + "lastSeen")
    if seen is not None:
        return unquote(urlsplit(seen).path) if seen.lower().startswith("file:") else seen
    if is_uri(path):
        return unquote(urlsplit(path).path) if path.startswith("file:") else path
    if iri.startswith(f"{about.crate}#"):
        return None  # a name in the crate, such as that of a collection, is nowhere
    if path.startswith("/") or folder is not None:
        return posixpath.normpath(posixpath.join(folder or "/", path))
    return None


def _image(about: Statements, iri: str) -> ImageFacts | None:
    if not about.says(iri, *_IMAGE_FACTS.values()):
        return None
    told = {key: text for key, said in _IMAGE_FACTS.items() if (text := about.text(iri, said)) is not None}
    try:
        return read_image_facts(told)
    except ValueError:
        return None  # what is no number says nothing of a shape


def _media_type(about: Statements, iri: str) -> str | None:
    return next((text for text in about.texts(iri, SCHEMA + "encodingFormat") if not is_uri(text)), None)


def _page(about: Statements, iri: str) -> str | None:
    """Return the page on an image outside the workflow; other things have addresses for other reasons."""
    return about.text(iri, SCHEMA + "url") if about.text(iri, F + "entityKind") == EntityKind.RAW_IMAGE else None


def _server(about: Statements, iri: str) -> ServerFacts | None:
    database = next((found for found in about.links(iri, SCHEMA + "isPartOf") if found.startswith(DATABASE)), None)
    count = about.number(iri, F + "originalFileCount")
    if database is None or count is None:
        return None
    files = tuple(
        OriginalFile(
            iri=file,
            name=about.text(file, SCHEMA + "name") or "",
            size=about.number(file, SCHEMA + "contentSize"),
            checksum=about.text(file, F + "checksum"),
            algorithm=about.text(file, F + "checksumAlgorithm"),
        )
        for file in about.links(iri, SCHEMA + "isBasedOn")
    )
    return ServerFacts(database.removeprefix(DATABASE), files, count)


class _InGraph:
    """The entities of a crate as its graph has them."""

    def __init__(self, about: Statements) -> None:
        self._about = about

    def values(self, identifier: str, term: str) -> tuple[str | int | float, ...]:
        """Return the texts and numbers that an entity has for a term."""
        return self._about.plain_values(identifier, expanded(term))

    def links(self, identifier: str, term: str) -> tuple[str, ...]:
        """Return what an entity refers to by a term."""
        return self._about.links(identifier, expanded(term))


def _metadata(about: Statements, iri: str) -> ImageMetadata | None:
    if _IMAGE not in about.types(iri):
        return None
    try:
        return read_image_metadata(_InGraph(about), iri)
    except (ValueError, TypeError):
        return None  # of a crate that says otherwise; the graph keeps what it says


def _parameters(about: Statements, action: str) -> tuple[Parameter, ...]:
    told = [about.once(_parameter, iri) for iri in about.links(action, SCHEMA + "object")]
    found = [parameter for parameter in told if parameter is not None]
    return tuple(sorted(found, key=lambda parameter: (parameter.name, parameter.value.json)))


def _parameter(about: Statements, iri: str) -> Parameter | None:
    """Say what a value is of which parameter; None of what is no value of one, or has none."""
    if PROPERTY_VALUE not in about.types(iri):
        return None
    if any(about.types(value) & _DATA for value in about.links(iri, SCHEMA + "value")):
        return None  # files as an array or a record: what the action used, and no parameter
    requested, used = (_json(about.text(iri, F + key)) for key in ("requestedValue", "usedValue"))
    if requested is None and used is None:
        used = about.value(iri, SCHEMA + "value")
    if used is None and requested is None:
        return None
    slot = about.link(iri, SCHEMA + "exampleOfWork")
    name = about.text(iri, SCHEMA + "name") or (about.name(slot) if slot else about.path(iri))
    return Parameter(name, requested=requested, used=used)


@lru_cache(maxsize=4096)  # many jobs get the same value
def _json(text: str | None) -> Value | None:
    """Read a value that filiation wrote as JSON text; anything else is the text itself."""
    if text is None:
        return None
    try:
        return Value.of(json.loads(text))
    except (json.JSONDecodeError, RecursionError):
        return Value.of(text)


def _software(about: Statements, action: str, tool: str | None) -> tuple[Software, ...]:
    """Return what the action says it used; else what its tool says it needs.

    The hundreds of packages of a deployed environment are told once, with it, and not of each job.
    """
    used = about.links(action, F + "softwareUsed")
    if not used and tool and not about.links(action, F + "deployedEnvironment"):
        used = _requirements(about, tool)
    found = {about.once(_program, iri) for iri in used}
    return tuple(sorted(found, key=lambda software: (software.name.lower(), software.version or "")))


def _program(about: Statements, iri: str) -> Software:
    origin, modified = about.text(iri, F + "installedFrom"), about.text(iri, F + "modified")
    changed = None if modified is None else modified == "true"
    return Software(about.name(iri), _version(about, iri), _purl(about, iri), origin, changed)


def _code(about: Statements, tool: str | None) -> str | None:
    version = _version(about, tool) if tool else None
    return None if version == "unknown" else version


def _requirements(about: Statements, tool: str) -> tuple[str, ...]:
    return about.links(tool, SCHEMA + "softwareRequirements")


def _version(about: Statements, iri: str) -> str | None:
    return about.text(iri, SCHEMA + "softwareVersion", SCHEMA + "version")


def _purl(about: Statements, iri: str) -> str | None:
    candidates = (iri, *about.texts(iri, SCHEMA + "identifier"))
    return next((text for text in candidates if text.startswith("pkg:")), None)


def _environment(about: Statements, action: str) -> tuple[tuple[str, str], ...]:
    found = []
    for value in about.values(action, WFRUN + "containerImage"):
        iri = str(value)
        named = about.name(iri) if iri in about and CONTAINER_IMAGE in about.types(iri) else iri
        tag, digest = about.text(iri, WFRUN + "tag"), about.text(iri, WFRUN + "sha256")
        if tag and not named.endswith(f":{tag}"):  # Sapporo says it in the name too
            named = f"{named}:{tag}"
        found.append(("container", named + (f", image sha256:{digest}" if digest else "")))
    for iri in about.links(action, F + "deployedEnvironment"):
        count = len(about.links(iri, F + "packages"))
        found.append(("conda", f"{count} packages, list {about.text(iri, F + 'lock')}"))
    if gpus := about.texts(action, F + "gpus"):
        driver = about.text(action, F + "gpuDriver")
        found.append(("gpu", ", ".join(gpus) + (f", driver {driver}" if driver else "")))
    for iri in about.links(action, WFRUN + "environment"):
        found.append((about.name(iri), about.text(iri, SCHEMA + "value") or ""))
    return tuple(sorted(found))


def _usage(about: Statements, action: str) -> tuple[Usage, ...]:
    found = []
    for iri in about.links(action, WFRUN + "resourceUsage"):
        unit = about.text(iri, SCHEMA + "unitCode", SCHEMA + "unitText") or ""
        measure = about.text(iri, SCHEMA + "propertyID") or ""
        source = measured_by(about.text(iri, F + "measuredBy"), measure)
        try:
            figure = float(about.text(iri, SCHEMA + "value") or "")
        except ValueError:
            continue  # a text is no figure; the graph keeps it
        found.append(Usage(about.name(iri), figure, unit.rpartition("/")[2], source))
    return tuple(sorted(found, key=lambda usage: (usage.name, usage.source, usage.value)))
