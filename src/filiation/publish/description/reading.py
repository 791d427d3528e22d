"""A crate's description, read from its metadata with suspicion, whoever wrote it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from filiation.catalogue.root import root_of
from filiation.crate.metadata import METADATA_FILE, MOST_BYTES, escape_of, parse_metadata, read_metadata
from filiation.crate.profiles import RO_CRATE
from filiation.errors import InvalidCrateError, NotFoundError
from filiation.incoming.archives import CrateArchive
from filiation.publish.description.entities import Entities, Entity, line, text, texts, types_of
from filiation.publish.description.names import address_of, doi_of, spdx_of
from filiation.publish.description.people import contributors_of, creators_of, grants_of, missing_of, organisation_of
from filiation.publish.description.relations import related_of
from filiation.publish.description.subjects import keywords_of, subjects_of
from filiation.publish.description.values import Description, Licence, MainWorkflow, Missing

_DATE: Final = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_MEDIA_TYPE: Final = re.compile(r"[a-z]+/[A-Za-z0-9][A-Za-z0-9.+-]*(?:;.*)?")
_NOTHING_STATED: Final = re.compile(r"#no-licen[cs]e\b.*|(?:no|unknown) licen[cs]e.*|none|unknown", re.IGNORECASE)
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def describe_crate(crate: Path, today: date | None = None) -> Description:
    """Describe a crate as repositories want it.

    Parameters
    ----------
    crate
        The crate's folder, or a ZIP archive of it (``.zip``, ``.eln``).
    today
        From which day on a date lies in the future; None for today, UTC.

    Raises
    ------
    NotFoundError
        If there is nothing at that place.
    InvalidCrateError
        If it is no crate, or one that cannot be read or be trusted.
    """
    document, files, size = _opened(crate)
    identifier = root_of(document)
    if identifier is None:
        raise InvalidCrateError(f"{crate}: nothing in its {METADATA_FILE} says which entity is the crate itself.")
    entities = Entities(document)
    described = _describe(entities.get(identifier), entities, today or datetime.now(UTC).date())
    described = replace(described, files=files, size=size)
    return replace(described, missing=tuple(_missing(described, entities.get(identifier))))


def metadata_of(crate: Path) -> dict[str, Any]:
    """Return the metadata document of a crate's folder or ZIP archive.

    Raises
    ------
    NotFoundError
        If there is nothing at that place.
    InvalidCrateError
        If it is no crate, or one that cannot be read.
    """
    return _opened(crate)[0]


def _opened(crate: Path) -> tuple[dict[str, Any], int, int]:
    """Return the metadata document, and how many files and bytes there are."""
    if crate.is_dir():
        sizes = [status.st_size for status in _files_below(crate)]
        return read_metadata(crate), len(sizes), sum(sizes)
    if not crate.is_file():
        raise NotFoundError(f"No crate at {crate}; name its folder, or a ZIP archive (.zip, .eln) of it.")
    with CrateArchive.opened(crate) as archive:
        sizes = [member.info.file_size for member in archive.members]
        try:
            document = parse_metadata(archive.read_metadata(MOST_BYTES).decode("utf-8-sig"))
        except (UnicodeDecodeError, InvalidCrateError) as error:
            raise InvalidCrateError(f"{crate}: {error}") from error
        return document, len(sizes), sum(sizes)


def _files_below(folder: Path) -> Iterator[os.stat_result]:
    pending = [os.fspath(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    yield entry.stat(follow_symlinks=False)


def _describe(root: Entity, entities: Entities, today: date) -> Description:
    main = next(iter(entities.linked(root, "mainEntity")), {})
    workflow = main if "ComputationalWorkflow" in types_of(main) else {}
    ran = any(entities.typed("CreateAction"))
    published = _date(text(root, "datePublished"))
    return Description(
        title=line(text(root, "name", "headline") or ""),
        description=text(root, "description", "abstract") or "",
        creators=creators_of(root, entities),
        contributors=contributors_of(root, entities),
        published=published,
        embargo=published if published and published > today.isoformat()[: len(published)] else None,
        created=_date(text(root, "dateCreated")),
        modified=_date(text(root, "dateModified")),
        temporal=text(root, "temporalCoverage"),
        licence=_licence(root, entities),
        keywords=keywords_of(root),
        subjects=subjects_of(root, entities),
        version=text(root, "version", "softwareVersion"),
        publisher=organisation_of(root, entities, "publisher"),
        grants=grants_of(root, entities),
        related=related_of(root, workflow, entities),
        identifier=next((doi for one in _identifiers(root, entities) if (doi := doi_of(one))), None),
        url=next((page for one in texts(root, "url") if (page := address_of(one))), None),
        language=next((one for one in texts(root, "inLanguage") if _LANGUAGE.fullmatch(one)), None),
        resource_type="Workflow" if workflow and not ran else "Dataset",
        kind=_kind(workflow=bool(workflow), ran=ran),
        formats=_formats(entities),
        profiles=_profiles(root, entities),
        workflow=_workflow(workflow, entities) if workflow else None,
    )


def _identifiers(root: Entity, entities: Entities) -> Iterator[str]:
    yield from texts(root, "identifier")
    yield from texts(root, "cite-as")
    yield from texts(root, "@id")
    for entity in entities.linked(root, "identifier"):
        yield from texts(entity, "value")


def _kind(*, workflow: bool, ran: bool) -> str:
    if workflow:
        return "Workflow Run RO-Crate" if ran else "Workflow RO-Crate"
    return "Process Run RO-Crate" if ran else "RO-Crate"


def _licence(entity: Entity, entities: Entities) -> Licence | None:
    for found in entities.linked(entity, "license"):
        identifier, name = text(found, "@id") or "", line(text(found, "name") or "")
        if _NOTHING_STATED.fullmatch(identifier) or _NOTHING_STATED.fullmatch(name):
            continue
        candidates = (identifier, name, text(found, "identifier"), text(found, "url"))
        spdx = next((listed for one in candidates if one and (listed := spdx_of(one))), None)
        address = address_of(identifier) or address_of(text(found, "url") or "") or address_of(name)
        if label := (None if address_of(name) else name) or spdx or identifier:
            return Licence(label, spdx, address or (f"https://spdx.org/licenses/{spdx}" if spdx else None))
    return None


def _workflow(entity: Entity, entities: Entities) -> MainWorkflow:
    language = next(iter(entities.linked(entity, "programmingLanguage")), {})
    return MainWorkflow(
        path=text(entity, "@id") or "",
        name=text(entity, "name"),
        version=text(entity, "version", "softwareVersion"),
        language=text(language, "name"),
        repository=address_of(re.sub(r"^git\+", "", text(entity, "codeRepository") or text(entity, "url") or "")),
        licence=_licence(entity, entities),
    )


def _formats(entities: Entities) -> tuple[str, ...]:
    """Return the media types of what the crate holds; the rest is named ``#…`` or by its address."""
    held = (
        entity
        for entity in entities.typed("File", "Dataset", "MediaObject")
        if not re.match(r"#|[A-Za-z][A-Za-z0-9+.-]+:", identifier := str(entity.get("@id", "#")))
        and escape_of(identifier) is None
    )
    found = {one for entity in held for one in texts(entity, "encodingFormat") if _MEDIA_TYPE.fullmatch(one)}
    return tuple(sorted(found))


def _profiles(root: Entity, entities: Entities) -> tuple[str, ...]:
    descriptors = (
        entity for entity in entities.all if str(entity.get("@id", "")).rpartition("/")[2].startswith(METADATA_FILE)
    )
    stated = [one for entity in (*descriptors, root) for one in texts(entity, "conformsTo")]
    return tuple(dict.fromkeys(one for one in stated if address_of(one))) or (RO_CRATE.rpartition("/")[0],)


def _date(stated: str | None) -> str | None:
    """Return a date as it was stated, to the day at most; None if there is no such day."""
    found = _DATE.match(stated or "")
    if found is None:
        return None
    year, month, day = found.groups()
    try:
        date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    return found[0]


def _missing(told: Description, root: Mapping[str, Any]) -> Iterator[Missing]:
    for field, name, value in (
        ("title", "name", told.title),
        ("description", "description", told.description),
        ("creators", "author", told.creators),
        ("published", "datePublished", told.published),
        ("licence", "license", told.licence),
        ("publisher", "publisher", told.publisher),
        ("keywords", "keywords", told.keywords or told.subjects),
    ):
        if not value:
            stated = f", or none that can be read: {root[name]!r:.80}" if root.get(name) else ""
            yield Missing(field, f"the crate's own entity has no {name!r}{stated}")
    if told.licence is not None and told.licence.spdx is None:
        yield Missing("licence", f"{told.licence.name!r} is no licence that SPDX lists")
    yield from missing_of(told.creators, "creators")
