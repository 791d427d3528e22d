"""The IRIs of the vocabularies that crates are written in, each brought to one spelling.

RO-Crate 1.1, 1.2 and 1.3 spell Bioschemas' terms in three ways, and crates in the wild write ``https://schema.org/``
where the context says ``http://``. Questions are asked in one spelling, that of RO-Crate 1.1.
"""

from __future__ import annotations

from typing import Final

RDF_TYPE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
SCHEMA: Final = "http://schema.org/"
DCTERMS: Final = "http://purl.org/dc/terms/"
PROV: Final = "http://www.w3.org/ns/prov#"
WFRUN: Final = "https://w3id.org/ro/terms/workflow-run#"
BIOSCHEMAS: Final = "https://bioschemas.org/"
F: Final = "https://w3id.org/ro/terms/filiation#"
SEAL: Final = F + "metadata"
"""Every crate's graph says of the crate which metadata it was made from; so a graph can be told to be a crate's."""
FORMER_METADATA: Final = F + "formerMetadata"
"""The same of a crate that another one took the place of; it has no graph any more."""

WORKFLOW: Final = BIOSCHEMAS + "ComputationalWorkflow"
FORMAL_PARAMETER: Final = BIOSCHEMAS + "FormalParameter"
CONTAINER_IMAGE: Final = WFRUN + "ContainerImage"
COLLECTION: Final = SCHEMA + "Collection"
DATASET: Final = SCHEMA + "Dataset"
FILE: Final = SCHEMA + "MediaObject"
CREATIVE_WORK: Final = SCHEMA + "CreativeWork"
PROPERTY_VALUE: Final = SCHEMA + "PropertyValue"

ACTION_TYPES: Final = frozenset(SCHEMA + name for name in ("CreateAction", "UpdateAction", "ActivateAction"))

_SAME: Final = {
    BIOSCHEMAS + "terms/ComputationalWorkflow": WORKFLOW,
    BIOSCHEMAS + "terms/FormalParameter": FORMAL_PARAMETER,
    BIOSCHEMAS + "ComputationalWorkflow#input": BIOSCHEMAS + "ComputationalWorkflow#input",
    BIOSCHEMAS + "properties/input": BIOSCHEMAS + "ComputationalWorkflow#input",
    BIOSCHEMAS + "terms/input": BIOSCHEMAS + "ComputationalWorkflow#input",
    BIOSCHEMAS + "properties/output": BIOSCHEMAS + "ComputationalWorkflow#output",
    BIOSCHEMAS + "terms/output": BIOSCHEMAS + "ComputationalWorkflow#output",
    SCHEMA + "sha256": WFRUN + "sha256",
    "https://w3id.org/ro/terms/sapporo#exitCode": F + "exitCode",
    "http://pcdm.org/models#Collection": COLLECTION,
}


def one_spelling(iri: str) -> str:
    """Return the spelling under which the catalogue keeps a term.

    >>> one_spelling("https://schema.org/name")
    'http://schema.org/name'
    """
    if iri.startswith("https://schema.org/"):
        iri = SCHEMA + iri[len("https://schema.org/") :]
    return _SAME.get(iri, iri)
