"""A crate's description as Dataverse wants it, the files that it gets, and the names that it would change.

Source: the citation block (``citation.tsv``) and the rules on names of IQSS/dataverse (b485249). Five fields must be
there: title, author, contact, description, subject; a contact's address and a subject are asked of whoever deposits.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.errors import BadInputError
from filiation.publish.deposits.package import STORE, files_in_folders, flat_files
from filiation.publish.deposits.repository import Advance, LocalFile, Payload
from filiation.publish.description import Creator, Description, describe_crate

SUBJECTS: Final = (
    "Agricultural Sciences", "Arts and Humanities", "Astronomy and Astrophysics", "Business and Management",
    "Chemistry", "Computer and Information Science", "Earth and Environmental Sciences", "Engineering", "Law",
    "Mathematical Sciences", "Medicine, Health and Life Sciences", "Physics", "Social Sciences", "Other",
)  # fmt: skip
USUAL_SUBJECT: Final = "Medicine, Health and Life Sciences"
_FOLDER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-. ]*(?<![. ])")
_NOT_IN_A_LABEL: Final = frozenset(':<>;#/"*|?\\')
_MOST_SHOWN: Final = 50
_CONTRIBUTORS: Final = {
    "DataCollector": "Data Collector", "DataCurator": "Data Curator", "DataManager": "Data Manager",
    "Editor": "Editor", "ProjectLeader": "Project Leader", "ProjectManager": "Project Manager",
    "ProjectMember": "Project Member", "RelatedPerson": "Related Person", "Researcher": "Researcher",
    "ResearchGroup": "Research Group", "RightsHolder": "Rights Holder", "Sponsor": "Sponsor",
    "Supervisor": "Supervisor", "WorkPackageLeader": "Work Package Leader",
}  # fmt: skip
_LICENCES: Final = {
    "CC0-1.0": ("CC0 1.0", "http://creativecommons.org/publicdomain/zero/1.0"),
    "CC-BY-4.0": ("CC BY 4.0", "http://creativecommons.org/licenses/by/4.0"),
    "CC-BY-SA-4.0": ("CC BY-SA 4.0", "http://creativecommons.org/licenses/by-sa/4.0"),
    "CC-BY-NC-4.0": ("CC BY-NC 4.0", "http://creativecommons.org/licenses/by-nc/4.0"),
    "CC-BY-NC-SA-4.0": ("CC BY-NC-SA 4.0", "http://creativecommons.org/licenses/by-nc-sa/4.0"),
    "CC-BY-ND-4.0": ("CC BY-ND 4.0", "http://creativecommons.org/licenses/by-nd/4.0"),
    "CC-BY-NC-ND-4.0": ("CC BY-NC-ND 4.0", "http://creativecommons.org/licenses/by-nc-nd/4.0"),
}
"""What Dataverse ships; which of them an installation offers is its own choice."""


@dataclass(frozen=True, slots=True)
class DataverseForm:
    """What Dataverse wants of a crate.

    Parameters
    ----------
    name
        What its archive is called.
    contact
        E-mail address that readers write to; Dataverse does not show it.
    subject
        One of :data:`SUBJECTS`.
    whole
        Whether the crate is one archive, with its metadata and its page beside it.
    """

    name: str
    contact: str
    subject: str = USUAL_SUBJECT
    whole: bool = False

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", self.contact):
            raise BadInputError(
                "Dataverse asks for an e-mail address that readers can write to: --contact ada@example.org."
            )
        if self.subject not in SUBJECTS:
            raise BadInputError(f"{self.subject!r} is no subject of Dataverse; expected one of: {'; '.join(SUBJECTS)}.")

    def payload(self, crate: Path, *, marker: str, files: tuple[LocalFile, ...] = (), by_name: bool = False) -> Payload:
        """Return the version of a dataset."""
        return version_of(describe_crate(crate), marker=marker, contact=self.contact, subject=self.subject)

    def files(self, crate: Path, folder: Path, advance: Advance) -> tuple[LocalFile, ...]:
        """Return the crate's files with their folders, or one archive of it."""
        return flat_files(crate, folder, self.name, advance) if self.whole else files_in_folders(crate, folder, advance)

    def completed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the metadata as they are."""
        return document

    def refuse(self, crate: Path) -> None:
        """Refuse a crate that does not say what Dataverse asks, or every name that it would refuse or change."""
        described = describe_crate(crate)
        asked = {"a title": described.title, "an author": described.creators, "a description": described.description}
        if lacking := [what for what, there in asked.items() if not there]:
            raise BadInputError(
                f"Dataverse makes no dataset of a crate without {' and '.join(lacking)}. Nothing was sent. State it in "
                "the crate: `filiation export` has options for each."
            )
        if self.whole:
            return
        names = (path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file())
        wrong = list(names_refused(names))
        if wrong:
            shown = "\n".join(f"  {name}: {why}" for name, why in wrong[:_MOST_SHOWN])
            more = f"\n  and {len(wrong) - _MOST_SHOWN} more" if len(wrong) > _MOST_SHOWN else ""
            raise BadInputError(
                f"Dataverse would refuse or change {len(wrong)} names, and the crate's metadata would lead nowhere:\n"
                f"{shown}{more}\nNothing was sent. Rename them and make the crate again, or deposit it as one archive: "
                "--one-archive."
            )


def names_refused(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the names that Dataverse would not keep, with the reason; what is inside a store travels in its archive.

    >>> names_refused(["results/a.csv", "results/what?.csv", "a.zarr/c/0:0", ".cache/d"])
    [('.cache/d', 'the folder .cache'), ('results/what?.csv', "a '?' in it")]
    """
    kept = set()
    for name in names:
        parts = name.split("/")
        store = next((number for number, part in enumerate(parts[:-1]) if part.endswith(STORE)), None)
        kept.add(name if store is None else "/".join(parts[: store + 1]))
    found = ((name, _fault(name)) for name in sorted(kept))
    return [(name, why) for name, why in found if why is not None]


def _fault(name: str) -> str | None:
    *folders, label = name.split("/")
    for folder in folders:
        if not _FOLDER.fullmatch(folder):
            return f"the folder {folder}"
    for sign in label:
        if sign in _NOT_IN_A_LABEL or ord(sign) < 32:
            return f"a {sign!r} in it"
    if label != label.strip():
        return "a space at its end"
    return None


def version_of(described: Description, *, marker: str, contact: str, subject: str) -> Payload:
    """Return the version of a dataset: its licence and citation block.

    Parameters
    ----------
    described
        The crate.
    marker
        ``urn:uuid:…``, by which the draft is found again.
    contact, subject
        See :class:`DataverseForm`.
    """
    text = "".join(
        f"<p>{html.escape(part)}</p>" for part in re.split(r"\n\s*\n", described.description) if part.strip()
    )
    whom = described.creators[0].name if described.creators else ""
    words = (*described.keywords, *(each.term for each in described.subjects))
    fields = [
        _plain("title", described.title),
        _many("otherId", [{"otherIdAgency": "filiation", "otherIdValue": marker}]),
        _many("author", [_author(person) for person in described.creators]),
        _many("datasetContact", [{"datasetContactName": whom, "datasetContactEmail": contact}]),
        _many("dsDescription", [{"dsDescriptionValue": text}]),
        {"typeName": "subject", "multiple": True, "typeClass": "controlledVocabulary", "value": [subject]},
        _many("keyword", [{"keywordValue": word} for word in words]),
        _many("contributor", [
            {"contributorType": _CONTRIBUTORS.get(person.role or "", "Other"), "contributorName": person.name}
            for person in described.contributors
        ]),
        _many("grantNumber", [
            {"grantNumberAgency": grant.funder.name if grant.funder else "", "grantNumberValue": grant.number or ""}
            for grant in described.grants
        ]),
        _texts("relatedDatasets", [
            f"{one.relation} {one.identifier}" for one in described.related if one.kind != "JournalArticle"
        ]),
        _many("publication", [
            {"publicationCitation": one.title or one.identifier} | _address(one.scheme, one.identifier)
            for one in described.related if one.kind == "JournalArticle"
        ]),
    ]  # fmt: skip
    found: Payload = {
        "metadataBlocks": {
            "citation": {"displayName": "Citation Metadata", "fields": [each for each in fields if each]}
        }
    }
    licence = described.licence
    if licence is not None and licence.spdx in _LICENCES:
        name, uri = _LICENCES[licence.spdx]
        found["license"] = {"name": name, "uri": uri}
    elif licence is not None:
        found["termsOfUse"] = html.escape(f"{licence.name} {licence.url or ''}".strip())
    return found


def _author(person: Creator) -> dict[str, str]:
    given, family = person.split_name() if person.is_person else ("", person.name)
    found = {"authorName": f"{family}, {given}" if given else family}
    if person.affiliations:
        found["authorAffiliation"] = person.affiliations[0].name
    if person.orcid_digits:
        found |= {"authorIdentifierScheme": "ORCID", "authorIdentifier": person.orcid_digits}
    return found


def _address(scheme: str, identifier: str) -> dict[str, str]:
    if scheme == "DOI":
        return {"publicationIDType": "doi", "publicationIDNumber": identifier,
                "publicationURL": f"https://doi.org/{identifier}"}  # fmt: skip
    return {"publicationURL": identifier} if scheme == "URL" else {}


_CONTROLLED: Final = frozenset({"contributorType", "authorIdentifierScheme", "publicationIDType"})


def _plain(name: str, value: str) -> dict[str, Any]:
    return {"typeName": name, "multiple": False, "typeClass": "primitive", "value": value} if value else {}


def _texts(name: str, values: list[str]) -> dict[str, Any]:
    return {"typeName": name, "multiple": True, "typeClass": "primitive", "value": values} if values else {}


def _many(name: str, values: list[dict[str, str]]) -> dict[str, Any]:
    """Return a compound field, each of its parts as a field of its own."""
    told = [
        {
            part: {
                "typeName": part,
                "multiple": False,
                "typeClass": "controlledVocabulary" if part in _CONTROLLED else "primitive",
                "value": value,
            }
            for part, value in each.items()
            if value
        }
        for each in values
    ]
    told = [each for each in told if each]
    return {"typeName": name, "multiple": True, "typeClass": "compound", "value": told} if told else {}
