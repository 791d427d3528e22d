"""A crate's description in DataCite's metadata schema 4.5, as JSON and XML (https://schema.datacite.org/meta/kernel-4.5/).

What the schema asks for and nobody stated gets the word that DataCite has for that, ``:unkn``; it is told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from lxml import etree

from filiation.errors import BadInputError
from filiation.publish.description import Creator, Description, Organisation, describe_crate
from filiation.publish.packages.package import Package, PackageSettings, write_text

NAMESPACE: Final = "http://datacite.org/schema/kernel-4"
UNKNOWN: Final = ":unkn"
_SCHEMA_LOCATION: Final = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_ROR: Final = "https://ror.org"
_PERIOD: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?(/\d{4}(-\d{2}(-\d{2})?)?)?")
_LISTS: Final = {
    "creators": "creator", "titles": "title", "subjects": "subject", "contributors": "contributor", "dates": "date",
    "relatedIdentifiers": "relatedIdentifier", "sizes": "size", "formats": "format", "rightsList": "rights",
    "descriptions": "description", "fundingReferences": "fundingReference",
}  # fmt: skip
# Of an object in JSON, what becomes the element's text in XML; the rest becomes attributes.
_TEXT: Final = {
    "title": "title", "subject": "subject", "date": "date", "relatedIdentifier": "relatedIdentifier",
    "rights": "rights", "description": "description", "nameIdentifier": "nameIdentifier", "affiliation": "name",
    "publisher": "name",
}  # fmt: skip
_ATTRIBUTES: Final = {
    "schemeUri": "schemeURI",
    "valueUri": "valueURI",
    "rightsUri": "rightsURI",
    "awardUri": "awardURI",
}


def write_datacite_json(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate's description as DataCite JSON."""
    described = describe_crate(crate, settings.today)
    content = json.dumps(to_datacite(described), indent=2, ensure_ascii=False) + "\n"
    return write_text(target, "datacite-json", content, _remarks(described))


def write_datacite_xml(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate's description as DataCite XML."""
    described = describe_crate(crate, settings.today)
    return write_text(target, "datacite-xml", to_xml(to_datacite(described)), _remarks(described))


def to_datacite(described: Description) -> dict[str, Any]:
    """Return a description as DataCite JSON 4.5.

    Raises
    ------
    BadInputError
        If no year is stated: DataCite has no word for an unknown one.
    """
    if described.published is None:
        raise BadInputError(
            "DataCite asks for the year of publication, and the crate states no datePublished. State it, and try again."
        )
    document: dict[str, Any] = {
        "doi": described.identifier,
        "creators": [_person(creator) for creator in described.creators] or [{"name": UNKNOWN}],
        "titles": [{"title": described.title or UNKNOWN}],
        "publisher": _publisher(described.publisher),
        "publicationYear": described.published[:4],
        "types": {"resourceType": described.kind, "resourceTypeGeneral": described.resource_type},
        "subjects": [
            *({"subject": word} for word in described.keywords),
            *(
                _known(
                    subject=subject.term,
                    subjectScheme=subject.vocabulary,
                    schemeUri=subject.vocabulary_iri,
                    valueUri=subject.iri,
                )
                for subject in described.subjects
            ),
        ],
        "contributors": [{**_person(one), "contributorType": one.role or "Other"} for one in described.contributors],
        "dates": [{"date": date, "dateType": kind} for kind, date in _dates(described) if date],
        "language": described.language,
        "relatedIdentifiers": [
            _known(
                relatedIdentifier=_resolvable(one.identifier, one.scheme),
                relatedIdentifierType="URL" if one.scheme == "SWHID" else one.scheme,
                relationType=one.relation,
                resourceTypeGeneral=one.kind,
            )
            for one in described.related
        ],
        "sizes": [f"{described.size} bytes", f"{described.files} files"],
        "formats": list(described.formats),
        "version": described.version,
        "rightsList": _rights(described),
        "descriptions": (
            [{"description": described.description, "descriptionType": "Abstract"}] if described.description else []
        ),
        "fundingReferences": [
            _known(
                funderName=UNKNOWN if grant.funder is None else grant.funder.name,
                funderIdentifier=None if grant.funder is None else grant.funder.ror,
                funderIdentifierType="ROR" if grant.funder is not None and grant.funder.ror else None,
                awardNumber=grant.number,
                awardUri=grant.url,
                awardTitle=grant.title,
            )
            for grant in described.grants
        ],
        "schemaVersion": NAMESPACE,
    }
    return {name: _once(value) if isinstance(value, list) else value for name, value in document.items() if value}


def to_xml(document: Mapping[str, Any]) -> str:
    """Return DataCite JSON as DataCite XML."""
    root = etree.Element(f"{{{NAMESPACE}}}resource", nsmap={None: NAMESPACE})
    root.set(_SCHEMA_LOCATION, f"{NAMESPACE} http://schema.datacite.org/meta/kernel-4.5/metadata.xsd")
    if "doi" in document:
        _add(root, "identifier", document["doi"], {"identifierType": "DOI"})
    for name, value in document.items():
        if name in _LISTS:
            whole = _add(root, name)
            for one in value:
                _write(whole, _LISTS[name], one)
        elif name == "types":
            general = {"resourceTypeGeneral": value["resourceTypeGeneral"]}
            _add(root, "resourceType", value["resourceType"], general)
        elif name not in ("doi", "schemaVersion"):
            _write(root, name, value)
    etree.indent(root)
    return str(etree.tostring(root, encoding="unicode", xml_declaration=False)) + "\n"


def _write(parent: etree._Element, tag: str, value: str | Mapping[str, Any]) -> None:
    if isinstance(value, str):
        _add(parent, tag, value)
    elif tag in ("creator", "contributor"):
        role = {"contributorType": value["contributorType"]} if tag == "contributor" else {}
        person = _add(parent, tag, attributes=role)
        kind = {"nameType": value["nameType"]} if "nameType" in value else {}
        _add(person, f"{tag}Name", value["name"], kind)
        for name in ("givenName", "familyName"):
            if name in value:
                _add(person, name, value[name])
        for name in ("nameIdentifiers", "affiliation"):
            for one in value.get(name, ()):
                _write(person, name.removesuffix("s"), one)
    elif tag == "fundingReference":
        whole = _add(parent, tag)
        _add(whole, "funderName", value["funderName"])
        if "funderIdentifier" in value:
            kind = {"funderIdentifierType": value["funderIdentifierType"]}
            _add(whole, "funderIdentifier", value["funderIdentifier"], kind)
        if "awardNumber" in value:
            address = {"awardURI": value["awardUri"]} if "awardUri" in value else {}
            _add(whole, "awardNumber", value["awardNumber"], address)
        if "awardTitle" in value:
            _add(whole, "awardTitle", value["awardTitle"])
    else:
        text = _TEXT[tag]
        attributes = {_ATTRIBUTES.get(name, name): str(one) for name, one in value.items() if name != text}
        _add(parent, tag, value[text], attributes)


def _add(
    parent: etree._Element, tag: str, text: str | None = None, attributes: Mapping[str, str] | None = None
) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", dict(attributes or {}))
    element.text = text
    return element


def _person(creator: Creator) -> dict[str, Any]:
    identifiers = []
    if creator.orcid is not None:
        identifiers.append(
            {"nameIdentifier": creator.orcid, "nameIdentifierScheme": "ORCID", "schemeUri": "https://orcid.org"}
        )
    if creator.ror is not None:
        identifiers.append({"nameIdentifier": creator.ror, "nameIdentifierScheme": "ROR", "schemeUri": _ROR})
    return _known(
        name=f"{creator.family}, {creator.given}" if creator.given and creator.family else creator.name,
        nameType="Personal" if creator.is_person else "Organizational",
        givenName=creator.given if creator.family else None,
        familyName=creator.family,
        nameIdentifiers=identifiers,
        affiliation=[
            _known(
                name=place.name,
                affiliationIdentifier=place.ror,
                affiliationIdentifierScheme="ROR" if place.ror else None,
                schemeUri=_ROR if place.ror else None,
            )
            for place in creator.affiliations
        ],
    )


def _publisher(publisher: Organisation | None) -> dict[str, Any]:
    if publisher is None:
        return {"name": UNKNOWN}
    return _known(
        name=publisher.name,
        publisherIdentifier=publisher.ror,
        publisherIdentifierScheme="ROR" if publisher.ror else None,
        schemeUri=_ROR if publisher.ror else None,
    )


def _rights(described: Description) -> list[dict[str, Any]]:
    if described.licence is None:
        return []
    spdx = described.licence.spdx
    return [
        _known(
            rights=described.licence.name,
            rightsUri=described.licence.url,
            rightsIdentifier=spdx,
            rightsIdentifierScheme="SPDX" if spdx else None,
            schemeUri="https://spdx.org/licenses/" if spdx else None,
        )
    ]


def _dates(described: Description) -> tuple[tuple[str, str | None], ...]:
    period = described.temporal if described.temporal and _PERIOD.fullmatch(described.temporal) else None
    return (
        ("Available" if described.embargo else "Issued", described.published),
        ("Created", described.created),
        ("Updated", described.modified),
        ("Collected", period),
    )


def _resolvable(identifier: str, scheme: str) -> str:
    return f"https://archive.softwareheritage.org/{identifier}" if scheme == "SWHID" else identifier


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _once(values: Iterable[Any]) -> list[Any]:
    """Return values each once; the schema refuses the same twice."""
    return list({json.dumps(value, sort_keys=True): value for value in values}.values())


def _remarks(described: Description) -> tuple[str, ...]:
    asked = {"creators": described.creators, "title": described.title, "publisher": described.publisher}
    unknown = [f"{name}: not stated, so it is told as {UNKNOWN}" for name, value in asked.items() if not value]
    return (*unknown, *(f"{one.field}: {one.why}" for one in described.missing))
