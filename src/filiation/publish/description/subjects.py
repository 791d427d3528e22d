"""What a crate is about: free words, and terms of vocabularies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from filiation.publish.description.entities import Entities, Entity, line, plain, text, texts, types_of
from filiation.publish.description.names import address_of
from filiation.publish.description.values import Subject

# How a term's address begins -> the vocabulary, and its own address
VOCABULARIES: Final = {
    "http://purl.obolibrary.org/obo/FBbi_": ("FBbi", "http://purl.obolibrary.org/obo/fbbi.owl"),
    "http://purl.obolibrary.org/obo/NCBITaxon_": ("NCBITaxon", "http://purl.obolibrary.org/obo/ncbitaxon.owl"),
    "http://purl.obolibrary.org/obo/CL_": ("Cell Ontology", "http://purl.obolibrary.org/obo/cl.owl"),
    "http://purl.obolibrary.org/obo/CLO_": ("Cell Line Ontology", "http://purl.obolibrary.org/obo/clo.owl"),
    "http://purl.obolibrary.org/obo/UBERON_": ("Uberon", "http://purl.obolibrary.org/obo/uberon.owl"),
    "http://purl.obolibrary.org/obo/GO_": ("Gene Ontology", "http://purl.obolibrary.org/obo/go.owl"),
    "http://purl.obolibrary.org/obo/CHEBI_": ("ChEBI", "http://purl.obolibrary.org/obo/chebi.owl"),
    "http://purl.obolibrary.org/obo/OBI_": ("OBI", "http://purl.obolibrary.org/obo/obi.owl"),
    "http://www.ebi.ac.uk/efo/EFO_": ("EFO", "http://www.ebi.ac.uk/efo/efo.owl"),
    "http://edamontology.org/": ("EDAM", "http://edamontology.org"),
    "http://id.loc.gov/authorities/subjects/": ("LCSH", "http://id.loc.gov/authorities/subjects"),
    "http://www.wikidata.org/entity/": ("Wikidata", "http://www.wikidata.org"),
}
_TAXON: Final = re.compile(r"(?:NCBI:txid|NCBITaxon:|NCBITaxon_)(\d+)")


def keywords_of(root: Entity) -> tuple[str, ...]:
    """Return the free words, whether they come as a list or with commas."""
    found = root.get("keywords", root.get("http://schema.org/keywords"))
    stated = [plain(one) for one in (found if isinstance(found, list) else [found])]
    apart = [word for one in stated if one for word in (one.split(",") if len(stated) == 1 else [one])]
    return tuple(dict.fromkeys(found for word in apart if (found := line(word))))


def subjects_of(root: Entity, entities: Entities) -> tuple[Subject, ...]:
    """Return the terms: those that the crate is about, and every other term that it defines by an address."""
    stated = [*entities.linked(root, "about", "keywords", "subject", "measurementMethod")]
    named = [entity for entity in stated if types_of(entity) & {"DefinedTerm", "Taxon", "CategoryCode"}]
    other = [entity for entity in entities.typed("DefinedTerm", "Taxon") if _iri(entity)]
    return tuple(dict.fromkeys(found for entity in (*named, *other) for found in _subject(entity, entities)))


def _subject(entity: Entity, entities: Entities) -> Iterator[Subject]:
    iri = _iri(entity)
    label = text(entity, "name", "scientificName", "termCode") or iri
    if label is None:
        return
    known = next((found for begin, found in VOCABULARIES.items() if iri and iri.startswith(begin)), None)
    of = next(iter(entities.linked(entity, "inDefinedTermSet", "inCodeSet")), {})
    name, address = known or (text(of, "name"), address_of(text(of, "@id", "url") or ""))
    yield Subject(line(label), iri, name and line(name), address)


def _iri(entity: Entity) -> str | None:
    for candidate in (
        *texts(entity, "@id"),
        *texts(entity, "identifier"),
        *texts(entity, "termCode"),
        *texts(entity, "url"),
    ):
        if taxon := _TAXON.fullmatch(candidate):
            return f"http://purl.obolibrary.org/obo/NCBITaxon_{taxon[1]}"
        if address := address_of(candidate):
            return address
    return None
