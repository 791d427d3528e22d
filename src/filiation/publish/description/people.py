"""Who made a crate, who helped, who publishes and who paid, as its metadata say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from filiation.publish.description.entities import Entities, Entity, line, text, texts, types_of
from filiation.publish.description.names import address_of, doi_of, orcid_of, ror_of
from filiation.publish.description.values import Creator, Grant, Missing, Organisation

_ORGANISATIONS: Final = frozenset(
    {"Organization", "Organisation", "Project", "Consortium", "ResearchOrganization", "CollegeOrUniversity",
     "EducationalOrganization", "GovernmentOrganization", "Corporation", "NGO", "FundingAgency", "Library", "Hospital"}
)  # fmt: skip
# schema.org's property -> DataCite's contributorType
_ROLES: Final = {
    "contributor": "Other",
    "editor": "Editor",
    "maintainer": "DataManager",
    "producer": "Producer",
    "sponsor": "Sponsor",
    "copyrightHolder": "RightsHolder",
    "contactPoint": "ContactPerson",
}
CONTRIBUTOR_TYPES: Final = frozenset(
    {"ContactPerson", "DataCollector", "DataCurator", "DataManager", "Distributor", "Editor", "HostingInstitution",
     "Producer", "ProjectLeader", "ProjectManager", "ProjectMember", "RegistrationAgency", "RegistrationAuthority",
     "RelatedPerson", "Researcher", "ResearchGroup", "RightsHolder", "Sponsor", "Supervisor", "WorkPackageLeader",
     "Other"}
)  # fmt: skip
"""DataCite's contributorType."""
_BY_WORDS: Final = {kind.lower(): kind for kind in CONTRIBUTOR_TYPES}


def creators_of(root: Entity, entities: Entities) -> tuple[Creator, ...]:
    """Return the authors, else the creators, of the crate."""
    found = entities.linked(root, "author") or entities.linked(root, "creator")
    return _once(_creator(entity, entities) for entity in found)


def contributors_of(root: Entity, entities: Entities) -> tuple[Creator, ...]:
    """Return the others who had a part, each with a role that DataCite has; ``Other`` where no such role is stated."""
    found = []
    for name, usual in _ROLES.items():
        for entity in entities.linked(root, name):
            stated = text(entity, "roleName") or usual
            people = entities.linked(entity, name) if "Role" in types_of(entity) else (entity,)
            role = _BY_WORDS.get("".join(stated.lower().split()), usual)
            found += [_creator(person, entities, role) for person in people]
    return _once(found)


def organisation_of(root: Entity, entities: Entities, name: str) -> Organisation | None:
    """Return the first organisation (or whoever it is) that a property names."""
    return next((found for one in entities.linked(root, name) if (found := _organisation(one))), None)


def grants_of(root: Entity, entities: Entities) -> tuple[Grant, ...]:
    """Return who paid, and by which grants."""
    found: list[Grant] = []
    for entity in entities.linked(root, "funding", "funder"):
        if types_of(entity) & {"Grant", "MonetaryGrant"}:
            number = text(entity, "identifier")
            address = doi_of(text(entity, "@id") or "") or address_of(text(entity, "url", "@id") or "")
            payer = next((one for one in map(_organisation, entities.linked(entity, "funder", "sponsor")) if one), None)
            found.append(Grant(payer, number, _in_line(text(entity, "name")), _resolvable(address)))
        elif funder := _organisation(entity):
            found.append(Grant(funder))
    told = {grant.funder for grant in found if grant != Grant(grant.funder)}
    # A funder that is named with a grant and alone is told once.
    return tuple(dict.fromkeys(grant for grant in found if grant != Grant(grant.funder) or grant.funder not in told))


def missing_of(people: tuple[Creator, ...], field: str) -> Iterator[Missing]:
    """Yield what the crate does not say of people."""
    for person in people:
        if person.is_person and person.orcid is None:
            yield Missing(field, f"{person.name} has no ORCID")
        if person.is_person and not person.affiliations:
            yield Missing(field, f"{person.name} has no affiliation")
        for place in person.affiliations:
            if place.ror is None:
                yield Missing(field, f"{place.name}, where {person.name} works, has no ROR")


def _creator(entity: Entity, entities: Entities, role: str | None = None) -> Creator | None:
    identifiers = [*texts(entity, "@id"), *texts(entity, "identifier"), *texts(entity, "sameAs"), *texts(entity, "url")]
    orcid = next((found for one in identifiers if (found := orcid_of(one))), None)
    given, family = _in_line(text(entity, "givenName")), _in_line(text(entity, "familyName"))
    name = _in_line(text(entity, "name")) or " ".join(part for part in (given, family) if part) or orcid
    if not name:
        return None
    is_person = not types_of(entity) & _ORGANISATIONS or "Person" in types_of(entity)
    ror = None if is_person else next((found for one in identifiers if (found := ror_of(one))), None)
    places = tuple(
        dict.fromkeys(
            place for one in entities.linked(entity, "affiliation", "worksFor") if (place := _organisation(one))
        )
    )
    if not is_person:
        return Creator(name, ror=ror, is_person=False, role=role)
    return Creator(name, given, family, orcid, affiliations=places, role=role)


def _organisation(entity: Entity) -> Organisation | None:
    identifiers = [*texts(entity, "@id"), *texts(entity, "identifier"), *texts(entity, "url"), *texts(entity, "sameAs")]
    ror = next((found for one in identifiers if (found := ror_of(one))), None)
    name = _in_line(text(entity, "name")) or ror
    pages = (address_of(one) for one in (*texts(entity, "url"), *texts(entity, "@id")))
    page = next((found for found in pages if found and not ror_of(found)), None)
    return Organisation(name, ror, page) if name else None


def _once(people: Iterator[Creator | None] | list[Creator | None]) -> tuple[Creator, ...]:
    return tuple(dict.fromkeys(person for person in people if person is not None))


def _in_line(found: str | None) -> str | None:
    return None if found is None else line(found)


def _resolvable(address: str | None) -> str | None:
    return f"https://doi.org/{address}" if address and address.startswith("10.") else address
