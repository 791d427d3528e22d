"""People and organisations by the identifiers that last: ORCID and ROR, each with the check that it carries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from filiation.crate.jsonld import Node, local, node, reference
from filiation.errors import BadInputError

ORCID: Final = "https://orcid.org/"
ROR: Final = "https://ror.org/"
_ORCID: Final = re.compile(r"(?:(?:https?://)?(?:www\.)?orcid\.org/)?(\d{4}-\d{4}-\d{4}-\d{3}[\dXx])/?")
_ROR: Final = re.compile(r"(?:(?:https?://)?ror\.org/)?(0[a-hj-km-np-tv-z0-9]{6}\d{2})/?", re.IGNORECASE)
# Crockford's base 32, without i, l, o and u.
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_WRITTEN: Final = re.compile(r"\s*(?P<name>[^<>]*?)\s*<(?P<identifier>[^<>]+)>\s*")


@dataclass(frozen=True, slots=True)
class Party:
    """A person or an organisation, as named for a publication.

    Parameters
    ----------
    name
        For a reader.
    iri
        ORCID or ROR; None if there is none.
    affiliation
        Of a person: where they work.
    """

    name: str
    iri: str | None = None
    affiliation: Party | None = None

    def to_json(self) -> dict[str, str | None]:
        """Return it as plain JSON."""
        works_for = {} if self.affiliation is None else {"affiliation": self.affiliation.name}
        return {"name": self.name, "id": self.iri, **works_for}


def orcid(text: str) -> str:
    """Return an ORCID as its address, after its check digit (ISO 7064, MOD 11-2) was seen to be right.

    >>> orcid("0000-0002-1825-0097")
    'https://orcid.org/0000-0002-1825-0097'

    Raises
    ------
    BadInputError
        If it is none, or mistyped.
    """
    found = _ORCID.fullmatch(text.strip())
    if found is None:
        raise BadInputError(f"{text!r} is no ORCID; expected 16 digits such as 0000-0002-1825-0097.")
    digits = found[1].upper().replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if digits[-1] != ("X" if check == 10 else str(check)):
        raise BadInputError(f"{text!r} is mistyped: the last character of an ORCID checks the others, and does not.")
    return ORCID + found[1].upper()


def ror(text: str) -> str:
    """Return a ROR identifier as its address, after its two check digits (ISO 7064, MOD 97-10) were seen to be right.

    >>> ror("https://ror.org/05a28rw58")
    'https://ror.org/05a28rw58'

    Raises
    ------
    BadInputError
        If it is none, or mistyped.
    """
    found = _ROR.fullmatch(text.strip())
    if found is None:
        raise BadInputError(f"{text!r} is no ROR identifier; expected one such as https://ror.org/05a28rw58.")
    name = found[1].lower()
    number = 0
    for character in name[1:7]:
        number = number * 32 + _DIGITS.index(character)
    if int(name[7:]) != 98 - (number * 100) % 97:
        raise BadInputError(f"{text!r} is mistyped: the last two digits of a ROR identifier check it, and do not.")
    return ROR + name


def author(text: str) -> Party:
    """Read an author: a name, or a name with an ORCID as ``Ada Lovelace <0000-0002-1825-0097>``.

    >>> author("Josiah Carberry <0000-0002-1825-0097>").iri
    'https://orcid.org/0000-0002-1825-0097'
    """
    return _party(text, orcid, "an author")


def organisation(text: str) -> Party:
    """Read an organisation: a name, or a name with a ROR identifier as ``EMBL <https://ror.org/03mstc592>``."""
    return _party(text, ror, "an organisation")


def _party(text: str, identifier: object, what: str) -> Party:
    found = _WRITTEN.fullmatch(text)
    name = (found["name"] if found else text).strip()
    if not name:
        raise BadInputError(f"{text!r} does not name {what}; expected a name, or 'name <identifier>'.")
    assert callable(identifier)  # noqa: S101 - one of the two above
    return Party(name, identifier(found["identifier"]) if found else None)


def person_entities(person: Party) -> list[Node]:
    """Return a person, and where they work, as entities of a crate."""
    at, where = person.iri or local("author", person.name), person.affiliation
    works_for = None if where is None else reference(organisation_id(where))
    person_entity = node(at, "Person", name=person.name, affiliation=works_for)
    return [person_entity, *([] if where is None else [organisation_entity(where)])]


def organisation_id(organisation: Party) -> str:
    """Return the @id of an organisation: its ROR identifier where there is one."""
    return organisation.iri or local("organisation", organisation.name)


def organisation_entity(organisation: Party) -> Node:
    """Return an organisation as an entity of a crate."""
    return node(organisation_id(organisation), "Organization", name=organisation.name, url=organisation.iri)
