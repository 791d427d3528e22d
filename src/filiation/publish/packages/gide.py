"""A crate as one study for the search of image archives: a detached RO-Crate by the GIDE profile (search input, 0.2).

The profile wants the study alone: who, what organism, which imaging method, how much; by reference to where the data
are. Of a crate that does not say the organism or the method, no such file can be made, and nothing is made up.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from filiation.crate.jsonld import Node, node, reference, references, single
from filiation.crate.metadata import METADATA_FILE
from filiation.errors import BadInputError
from filiation.publish.description import Creator, Description, Organisation, Subject, describe_crate
from filiation.publish.packages.package import Package, PackageSettings, write_text

_ORGANISM: Final = "http://purl.obolibrary.org/obo/NCBITaxon_"
_METHOD: Final = "http://purl.obolibrary.org/obo/FBbi_"
_OPERATION: Final = "http://edamontology.org/"
_UNITS: Final = "http://purl.obolibrary.org/obo/UO_"
_DWC: Final = "http://rs.tdwg.org/dwc/"
CONTEXT: Final = [
    "https://w3id.org/ro/crate/1.2/context",
    {
        "dwc": f"{_DWC}terms/",
        "datePublished": {"@id": "http://schema.org/datePublished", "@type": "http://www.w3.org/2001/XMLSchema#date"},
        "scientificName": f"{_DWC}terms/scientificName",
        "measurementMethod": f"{_DWC}iri/measurementMethod",
        "BioSample": "http://schema.org/BioSample",
    },
]
"""The meaning of every word of the profile that is used here, as its own context gives them."""


def write_gide(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate's study.

    Raises
    ------
    BadInputError
        If the crate lacks what the profile requires; all of it is listed.
    """
    described = describe_crate(crate, settings.today)
    content = json.dumps(to_gide(described), indent=2, ensure_ascii=False) + "\n"
    return write_text(target, "gide", content, tuple(f"{one.field}: {one.why}" for one in described.missing))


def to_gide(described: Description) -> dict[str, Any]:
    """Return the metadata document of the study."""
    place = f"https://doi.org/{described.identifier}" if described.identifier else described.url
    organisms = [one for one in described.subjects if (one.iri or "").startswith(_ORGANISM)]
    methods = [one for one in described.subjects if (one.iri or "").startswith(_METHOD)]
    publisher, licence = described.publisher, described.licence
    asked = {
        "a DOI or the page where the data are (identifier or url)": place,
        "a title (name)": described.title,
        "a description": described.description,
        "a date (datePublished)": described.published,
        "a licence with an address (license)": licence and licence.url,
        "an author": described.creators,
        "a publisher": publisher,
        "an organism, as a term of NCBITaxon (about)": organisms,
        "an imaging method, as a term of FBbi (measurementMethod or about)": methods,
    }
    if lacking := [what for what, found in asked.items() if not found]:
        raise BadInputError(
            f"The GIDE profile requires {', '.join(lacking)}, which the crate does not state. Organism and imaging "
            "method come from the sample sheet or from annotations in OMERO, the place from `filiation export "
            "--published-at`; see docs/how-to/publish.md."
        )
    if place is None or licence is None or publisher is None:
        raise AssertionError("asked for above")
    people: dict[str, Node] = {}
    for creator in described.creators:
        _add_person(people, creator)
    by = _add_organisation(people, publisher)
    other = (one for one in described.subjects if one not in (*organisms, *methods) and one.iri)
    # What was done to the images is no biological matter, of which alone `about` is to tell.
    about = [*organisms, *(one for one in other if not str(one.iri).startswith(_OPERATION))]
    study = node(
        place,
        "Dataset",
        name=described.title,
        description=described.description,
        datePublished=described.published,
        license=reference(str(licence.url)),
        author=references(_identifier(creator) for creator in described.creators),
        publisher=reference(by),
        about=references(str(one.iri) for one in about),
        measurementMethod=references(str(one.iri) for one in methods),
        identifier=described.identifier or place,
        keywords=single(list(described.keywords)),
        size=references(("#size-files", "#size-bytes")),
    )
    sizes = (
        ("#size-files", described.files, "0000189", "file count"),
        ("#size-bytes", described.size, "0000233", "bytes"),
    )
    return {
        "@context": CONTEXT,
        "@graph": [
            node(
                METADATA_FILE,
                "CreativeWork",
                conformsTo=reference("https://w3id.org/ro/crate/1.2"),
                about=reference(place),
            ),
            study,
            *people.values(),
            *(_term(one, is_taxon=one in organisms) for one in (*about, *methods)),
            *(
                node(at, "QuantitativeValue", value=value, unitCode=_UNITS + unit, unitText=text)
                for at, value, unit, text in sizes
            ),
        ],
    }


def _term(subject: Subject, *, is_taxon: bool) -> Node:
    if is_taxon:
        # RO-Crate 1.2 means schema.org's Taxon by the word, and the published shapes look for Darwin Core's.
        return node(str(subject.iri), ["Taxon", "dwc:Taxon"], name=subject.term, scientificName=subject.term)
    return node(str(subject.iri), "DefinedTerm", name=subject.term)


def _identifier(creator: Creator) -> str:
    return creator.orcid or creator.ror or f"#{'-'.join(creator.name.split())}"


def _add_person(people: dict[str, Node], creator: Creator) -> None:
    if not creator.is_person:
        people[_identifier(creator)] = node(_identifier(creator), "Organization", name=creator.name)
        return
    places = [_add_organisation(people, place) for place in creator.affiliations]
    people[_identifier(creator)] = node(
        _identifier(creator), "Person", name=creator.name, affiliation=references(places)
    )


def _add_organisation(people: dict[str, Node], organisation: Organisation) -> str:
    identifier = organisation.ror or f"#{'-'.join(organisation.name.split())}"
    people[identifier] = node(identifier, "Organization", name=organisation.name, url=organisation.url)
    return identifier
