"""What a plan of data management says of a crate, by the RDA DMP Common Standard 1.2 for machine-actionable plans.

It is a fragment: the dataset, who had a part, and what paid for it. What only the plan itself can say (who to ask for
it, what ethical questions there are) is left to the plan that takes it over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from filiation.publish.description import Creator, Description, describe_crate
from filiation.publish.packages.package import Package, PackageSettings, write_text

# BCP 47 has two letters where ISO 639-3 has three.
_LANGUAGES: Final = {
    "en": "eng", "fr": "fra", "de": "deu", "es": "spa", "it": "ita", "nl": "nld", "pt": "por", "pl": "pol",
    "cs": "ces", "sv": "swe", "da": "dan", "fi": "fin", "ja": "jpn", "zh": "zho", "ko": "kor", "ru": "rus",
}  # fmt: skip
_STANDARDS: Final = ("https://w3id.org/ro/crate", "https://w3id.org/ro/wfrun/")


def write_dmp(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write the fragment of a plan that is about a crate."""
    described = describe_crate(crate, settings.today)
    content = json.dumps(to_dmp(described, settings.contact), indent=2, ensure_ascii=False) + "\n"
    left = (
        "Whether there are personal or sensitive data is told as unknown: no crate says it. A plan adds its own "
        "dmp_id, contact, created, modified, language and ethical_issues_exist.",
    )
    return write_text(target, "dmp", content, (*left, *(f"{one.field}: {one.why}" for one in described.missing)))


def to_dmp(described: Description, contact: str | None = None) -> dict[str, Any]:
    """Return a description as the fragment of a plan.

    Parameters
    ----------
    described
        The crate.
    contact
        Address to ask; with it, the first creator with an ORCID is the contact.
    """
    first = next((one for one in described.creators if one.orcid), None)
    asked = contact and first
    return {
        "dmp": _known(
            title=f"Data management plan for {described.title}" if described.title else None,
            contact={"name": first.name, "mbox": contact, "contact_id": _orcid(first)} if asked and first else None,
            contributor=_contributors(described),
            project=_projects(described),
            dataset=[_dataset(described)],
        )
    }


def _dataset(described: Description) -> dict[str, Any]:
    language = _LANGUAGES.get((described.language or "").partition("-")[0].lower())
    return _known(
        title=described.title or "untitled",
        description=described.description,
        type=described.resource_type.lower(),
        dataset_id=_identifier(described),
        issued=described.published if len(described.published or "") == 10 else None,
        keyword=[*described.keywords, *(subject.term for subject in described.subjects)],
        language=language,
        personal_data="unknown",
        sensitive_data="unknown",
        is_reused=None,
        metadata=[
            {"language": language or "eng", "metadata_standard_id": {"identifier": profile, "type": "url"}}
            for profile in described.profiles
            if profile.startswith(_STANDARDS)
        ],
        technical_resource=_technical(described),
        distribution=[
            _known(
                title=described.title or "untitled",
                data_access="closed" if described.embargo else "open" if described.identifier else "shared",
                byte_size=described.size,
                format=list(described.formats),
                access_url=described.url or _doi(described),
                license=_licences(described),
            )
        ],
    )


def _identifier(described: Description) -> dict[str, str]:
    if described.identifier:
        return {"identifier": f"https://doi.org/{described.identifier}", "type": "doi"}
    if described.url:
        return {"identifier": described.url, "type": "url"}
    return {"identifier": described.title or "untitled", "type": "other"}


def _doi(described: Description) -> str | None:
    return f"https://doi.org/{described.identifier}" if described.identifier else None


def _licences(described: Description) -> list[dict[str, str]]:
    """Return the licence and the day from which on it counts; one in the future is an embargo."""
    if described.licence is None or described.licence.url is None or len(described.published or "") != 10:
        return []
    return [{"license_ref": described.licence.url, "start_date": str(described.published)}]


def _technical(described: Description) -> list[dict[str, Any]]:
    workflow = described.workflow
    if workflow is None:
        return []
    name = " ".join(part for part in (workflow.name or workflow.path, workflow.version) if part)
    return [_known(name=name, description=workflow.repository and f"Workflow in {workflow.repository}")]


def _contributors(described: Description) -> list[dict[str, Any]]:
    """Return those who have an ORCID: the standard takes nobody without an identifier."""
    roles: dict[str, list[str]] = {}
    people: dict[str, Creator] = {}
    for creator in (*described.creators, *described.contributors):
        if creator.orcid is not None:
            people.setdefault(creator.orcid, creator)
            roles.setdefault(creator.orcid, []).append(creator.role or "Creator")
    return [
        {"name": one.name, "contributor_id": _orcid(one), "role": list(dict.fromkeys(roles[orcid]))}
        for orcid, one in people.items()
    ]


def _projects(described: Description) -> list[dict[str, Any]]:
    """Return the grants that have a title, as projects with what paid for them."""
    return [
        _known(
            title=grant.title,
            funding=[
                _known(
                    funder_id={"identifier": grant.funder.ror, "type": "url"}
                    if grant.funder.ror
                    else {"identifier": grant.funder.name, "type": "other"},
                    grant_id=_known(identifier=grant.url, type="url")
                    if grant.url
                    else (_known(identifier=grant.number, type="other") if grant.number else None),
                    funding_status="granted",
                )
            ]
            if grant.funder is not None
            else None,
        )
        for grant in described.grants
        if grant.title
    ]


def _orcid(creator: Creator) -> dict[str, str]:
    return {"identifier": str(creator.orcid), "type": "orcid"}


def _known(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
