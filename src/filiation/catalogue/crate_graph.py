"""The whole graph of a crate: what it states, the lineage derived from that, and the seal of its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, identify
from filiation.catalogue.derive import Derived, derive
from filiation.catalogue.graph import Triple
from filiation.catalogue.reading import read_triples
from filiation.catalogue.vocabulary import SEAL

if TYPE_CHECKING:
    from filiation.catalogue.crates import CatalogueFolder


def graph_of(stated: tuple[Triple, ...], derived: Derived, crate: CrateOnDisk) -> list[Triple]:
    """Return a crate's graph, with the digest of the metadata file that it was made from.

    By that the crate's own statements can be told from later ones, and a graph from one of an older crate.
    """
    seal: Triple = (crate.iri, SEAL, crate.metadata_digest.iri)
    return [*stated, *derived.triples, seal]


def graph_on_disk(folder: CatalogueFolder, iri: str) -> list[Triple] | None:
    """Return the graph of a crate of a catalogue as it is now; None if the crate is gone.

    Raises
    ------
    InvalidCrateError
        If it cannot be read.
    """
    home = folder.crates / run_id_in(iri)
    if not (home / METADATA).is_file():
        return None
    crate = identify(home)
    stated = read_triples(crate)
    return graph_of(stated, derive(stated, crate.iri), crate)


def run_id_in(iri: str) -> str:
    """Return the run's id in the IRI of its crate.

    >>> run_id_in("arcp://uuid,7c9f2c34-0000-4000-8000-000000000001/")
    '7c9f2c34-0000-4000-8000-000000000001'
    """
    return iri.rstrip("/").rpartition(",")[2]
