"""A crate as repositories want it described: frozen values, and nothing in them that the crate does not say."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation.

    Parameters
    ----------
    name
        As stated.
    ror
        ``https://ror.org/…``, its check digits seen to be right.
    url
        Its page.
    """

    name: str
    ror: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Creator:
    """A person or an organisation that made something, or contributed to it.

    Parameters
    ----------
    name
        As stated.
    given, family
        Where the crate states them apart; they are never guessed from ``name``.
    orcid
        Of a person: ``https://orcid.org/…``, its check digit seen to be right.
    ror
        Of an organisation.
    affiliations
        Of a person.
    is_person
        Whether it is a person.
    role
        Of a contributor, a term of DataCite's contributorType; None of a creator.
    """

    name: str
    given: str | None = None
    family: str | None = None
    orcid: str | None = None
    ror: str | None = None
    affiliations: tuple[Organisation, ...] = ()
    is_person: bool = True
    role: str | None = None

    @property
    def orcid_digits(self) -> str | None:
        """The ORCID without its address: ``0000-0002-1825-0097``."""
        return None if self.orcid is None else self.orcid.rpartition("/")[2]

    def split_name(self) -> tuple[str, str]:
        """Return given and family name, for a form that insists on both.

        Where the crate does not state them apart, what stands before a comma is taken as the family name, else the
        last word; a name of one word is all family name.

        >>> Creator("Ada King Lovelace").split_name(), Creator("Carberry, Josiah").split_name()
        (('Ada King', 'Lovelace'), ('Josiah', 'Carberry'))
        """
        if self.family is not None:
            return self.given or "", self.family
        family, comma, given = self.name.partition(",")
        if comma:
            return given.strip(), family.strip()
        given, _, family = self.name.rpartition(" ")
        return given.strip(), family


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence.

    Parameters
    ----------
    name
        As stated, else the SPDX identifier.
    spdx
        SPDX identifier, where it is one that SPDX lists.
    url
        Where its text is.
    """

    name: str
    spdx: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """What a crate is about, by a term of a vocabulary.

    Parameters
    ----------
    term
        Its label.
    iri
        The term itself.
    vocabulary, vocabulary_iri
        The vocabulary that it is of.
    """

    term: str
    iri: str | None = None
    vocabulary: str | None = None
    vocabulary_iri: str | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Who paid, and by which grant.

    Parameters
    ----------
    funder
        The organisation; None if only a grant is stated.
    number, title, url
        Of the grant, where stated.
    """

    funder: Organisation | None
    number: str | None = None
    title: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Something elsewhere that a crate stands in a relation to.

    Parameters
    ----------
    relation
        A term of DataCite's relationType: ``IsDerivedFrom``, ``IsCompiledBy``, ``Cites``, …
    identifier
        A DOI without its resolver, or an address.
    scheme
        ``DOI``, ``URL``, ``URN``, ``arXiv`` … as DataCite's relatedIdentifierType calls it.
    title
        What it is called, where the crate says so.
    kind
        A term of DataCite's resourceTypeGeneral, where the crate says so.
    """

    relation: str
    identifier: str
    scheme: str
    title: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class MainWorkflow:
    """The workflow that a crate is about.

    Parameters
    ----------
    path
        Inside the crate; an address if it is elsewhere.
    name, version
        As stated.
    language
        What it is written in.
    repository
        Where its code is kept.
    licence
        Its own.
    """

    path: str
    name: str | None = None
    version: str | None = None
    language: str | None = None
    repository: str | None = None
    licence: Licence | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that repositories ask for and the crate does not say, or says in a way that cannot be used.

    Parameters
    ----------
    field
        Of :class:`Description`.
    why
        What was found instead, in a sentence.
    """

    field: str
    why: str


@dataclass(frozen=True, slots=True)
class Description:
    """A crate as repositories want it described.

    Texts are plain: without control characters, as the crate has them. Markup in them is text; who writes them into
    HTML or XML escapes them.

    Parameters
    ----------
    title, description
        Empty if the crate does not say.
    creators, contributors
        In the crate's order; contributors have a role.
    published
        The crate's date: ``2026``, ``2026-11`` or ``2026-11-22``; None if it does not say.
    embargo
        The same, if it lies in the future.
    created, modified
        Dates, where the crate states them of itself.
    temporal
        The time that the data are of, ISO 8601, an interval with a slash.
    licence
        Of the crate; None if none is stated.
    keywords
        Free words.
    subjects
        Terms of vocabularies.
    version
        Of the crate.
    publisher
        Who publishes.
    grants
        Who paid.
    related
        What it was made from, cites, and so on.
    identifier
        The crate's own DOI, without the resolver.
    url
        The crate's own page.
    language
        BCP 47.
    resource_type
        ``Dataset``, or ``Workflow`` for a workflow without a run; DataCite's resourceTypeGeneral.
    kind
        The same in words: ``Workflow Run RO-Crate``.
    files, size
        How many files the crate holds, and their bytes.
    formats
        Media types of the data that it holds.
    profiles
        That it says it conforms to.
    workflow
        The workflow that it is about.
    missing
        What it does not say.
    """

    title: str
    description: str
    creators: tuple[Creator, ...] = ()
    contributors: tuple[Creator, ...] = ()
    published: str | None = None
    embargo: str | None = None
    created: str | None = None
    modified: str | None = None
    temporal: str | None = None
    licence: Licence | None = None
    keywords: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    version: str | None = None
    publisher: Organisation | None = None
    grants: tuple[Grant, ...] = ()
    related: tuple[Related, ...] = ()
    identifier: str | None = None
    url: str | None = None
    language: str | None = None
    resource_type: str = "Dataset"
    kind: str = "RO-Crate"
    files: int = 0
    size: int = 0
    formats: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    workflow: MainWorkflow | None = None
    missing: tuple[Missing, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return asdict(self)
