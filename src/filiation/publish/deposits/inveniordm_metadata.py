"""A crate's description as InvenioRDM wants it (``record-v6.0.0.json``), and the files that it gets.

Source: the metadata reference of docs-invenio-rdm. What the crate does not say is left out, not made up: the service
then names it, and the draft can be completed there.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from filiation.errors import BadInputError
from filiation.publish.deposits.package import PREVIEW, flat_files
from filiation.publish.deposits.repository import Advance, LocalFile, Payload
from filiation.publish.deposits.services import ZENODO, Kind
from filiation.publish.description import Creator, Description, Grant, Licence, Related, describe_crate

MOST_BYTES: Final = 50 * 10**9
"""What Zenodo takes of one record, as far as is known; not looked up there."""
_RESOURCE_TYPES: Final = {"Dataset": "dataset", "Workflow": "workflow"}
_RELATED_TYPES: Final = {
    "JournalArticle": "publication-article", "Dataset": "dataset", "Image": "image", "Software": "software",
    "Workflow": "workflow", "Book": "publication-book", "Report": "publication-report",
}  # fmt: skip
_SCHEMES: Final = frozenset({"doi", "url", "arxiv", "urn", "handle", "ark", "purl", "isbn", "issn", "pmid", "w3id"})
_LANGUAGES: Final = {
    "de": "deu", "en": "eng", "es": "spa", "fr": "fra", "it": "ita", "ja": "jpn", "nl": "nld", "pt": "por",
    "ru": "rus", "zh": "zho",
}  # fmt: skip
_DAY: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


class InvenioRdmForm:
    """What InvenioRDM wants of a crate.

    Parameters
    ----------
    kind
        Zenodo, or another.
    name
        What the archive is called.
    """

    def __init__(self, kind: Kind, name: str) -> None:
        self._kind, self._name = kind, name

    def payload(self, crate: Path, *, marker: str, files: tuple[LocalFile, ...] = (), by_name: bool = False) -> Payload:
        """Return the body of a record."""
        described = describe_crate(crate)
        publisher = self._kind.title if self._kind is ZENODO else None
        names = [file.name for file in files]
        there: dict[str, Any] = {"enabled": True}
        if names:
            there |= {"order": names} | ({"default_preview": PREVIEW} if PREVIEW in names else {})
        return {
            "access": _access(described),
            "files": there,
            "metadata": metadata_of(described, marker=marker, publisher=publisher, by_name=by_name),
            "custom_fields": {},
            "pids": {},
        }

    def files(self, crate: Path, folder: Path, advance: Advance) -> tuple[LocalFile, ...]:
        """Return one archive of the crate, its metadata and its page."""
        made = flat_files(crate, folder, self._name, advance)
        whole = sum(file.size for file in made)
        if self._kind is ZENODO and whole > MOST_BYTES:
            raise BadInputError(
                f"The crate has {whole} bytes; Zenodo takes {MOST_BYTES} a record unless it is asked for more. Export "
                "fewer results, or leave bytes out and reference them."
            )
        return made

    def completed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the metadata as they are."""
        return document

    def refuse(self, crate: Path) -> None:
        """Refuse nothing: an archive takes every name."""


def metadata_of(
    described: Description, *, marker: str, publisher: str | None = None, by_name: bool = False
) -> dict[str, Any]:
    """Return the metadata of a record.

    Parameters
    ----------
    described
        The crate.
    marker
        ``urn:uuid:…``, by which the draft is found again.
    publisher
        Who publishes if the crate does not say.
    by_name
        Whether organisations and licences go by their names, for a service without the vocabularies of their ids.
    """
    found: dict[str, Any] = {
        "resource_type": {"id": _RESOURCE_TYPES.get(described.resource_type, "dataset")},
        "title": described.title,
        "publication_date": described.published or f"{datetime.now(UTC):%Y-%m-%d}",
        "creators": [_creator(person, by_name) for person in described.creators],
        "contributors": [
            {**_creator(person, by_name), "role": {"id": (person.role or "Other").lower()}}
            for person in described.contributors
        ],
        "description": _paragraphs(described.description),
        "publisher": described.publisher.name if described.publisher else publisher,
        "version": (described.version or "")[:191],
        "rights": [_rights(described.licence, by_name)] if described.licence else [],
        "subjects": [{"subject": word} for word in (*described.keywords, *(each.term for each in described.subjects))],
        "languages": list(_languages(described.language)),
        "dates": list(_dates(described)),
        "funding": [told for grant in described.grants if (told := _funding(grant, by_name))],
        "identifiers": [{"identifier": marker, "scheme": "urn"}],
        "related_identifiers": [_related(one) for one in described.related],
        "sizes": [f"{described.files} files", f"{described.size} bytes"] if described.files else [],
        "formats": list(described.formats),
    }
    return {name: value for name, value in found.items() if value}


def _access(described: Description) -> dict[str, Any]:
    if described.embargo is None:
        return {"record": "public", "files": "public"}
    embargo = {"active": True, "until": _whole_day(described.embargo), "reason": "The crate's datePublished."}
    return {"record": "public", "files": "restricted", "embargo": embargo}


def _creator(person: Creator, by_name: bool) -> dict[str, Any]:
    if not person.is_person:
        whole: dict[str, Any] = {"type": "organizational", "name": person.name}
        if person.ror:
            whole["identifiers"] = [{"identifier": _last(person.ror), "scheme": "ror"}]
        return {"person_or_org": whole}
    given, family = person.split_name()
    whole = {"type": "personal", "family_name": family}
    if given:
        whole["given_name"] = given
    if person.orcid_digits:
        whole["identifiers"] = [{"identifier": person.orcid_digits, "scheme": "orcid"}]
    places = [
        {"id": _last(place.ror)} if place.ror and not by_name else {"name": place.name}
        for place in dict.fromkeys(person.affiliations)
    ]  # fmt: skip
    return {"person_or_org": whole} | ({"affiliations": places} if places else {})


def _rights(licence: Licence, by_name: bool) -> dict[str, Any]:
    if licence.spdx and not by_name:
        return {"id": licence.spdx.lower()}
    return {"title": {"en": licence.name}} | ({"link": licence.url} if licence.url else {})


def _funding(grant: Grant, by_name: bool) -> dict[str, Any] | None:
    """Return who paid; a grant without its funder has no place there."""
    if grant.funder is None:
        return None
    found: dict[str, Any] = {
        "funder": {"id": _last(grant.funder.ror)} if grant.funder.ror and not by_name else {"name": grant.funder.name}
    }
    if grant.number:
        found["award"] = {"number": grant.number, "title": {"en": grant.title or grant.number}}
        if grant.url:
            found["award"]["identifiers"] = [{"identifier": grant.url, "scheme": "url"}]
    return found


def _related(one: Related) -> dict[str, Any]:
    scheme = one.scheme.lower()
    found: dict[str, Any] = {
        "identifier": one.identifier,
        "scheme": scheme if scheme in _SCHEMES else "other",
        "relation_type": {"id": one.relation.lower()},
    }
    if one.kind in _RELATED_TYPES:
        found["resource_type"] = {"id": _RELATED_TYPES[one.kind]}
    return found


def _dates(described: Description) -> Iterator[Mapping[str, Any]]:
    for date, kind in ((described.created, "created"), (described.modified, "updated")):
        if date:
            yield {"date": date[:10], "type": {"id": kind}}
    ends = [end[:10] for end in (described.temporal or "").split("/")]
    if all(_DAY.fullmatch(end) for end in ends) and len(ends) in (1, 2):
        yield {"date": "/".join(ends), "type": {"id": "collected"}}


def _languages(language: str | None) -> Iterator[Mapping[str, str]]:
    code = (language or "").lower().partition("-")[0]
    if known := _LANGUAGES.get(code, code if len(code) == 3 else ""):
        yield {"id": known}


def _paragraphs(text: str) -> str:
    """Return a text as HTML in which nothing of it is markup."""
    return "".join(f"<p>{html.escape(part.strip())}</p>" for part in re.split(r"\n\s*\n", text) if part.strip())


def _whole_day(date: str) -> str:
    return {4: f"{date}-12-31", 7: f"{date}-28"}.get(len(date), date)


def _last(address: str | None) -> str:
    return (address or "").rstrip("/").rpartition("/")[2]
