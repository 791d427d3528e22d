"""The whole graph of a crate: what it states, the lineage derived from that, and the seal of its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from filiation.catalogue.annotation_graph import annotation_triples, annotations_graph
from filiation.catalogue.annotations import read_annotations
from filiation.catalogue.crate_on_disk import METADATA, CrateOnDisk, identify
from filiation.catalogue.derive import Derived
from filiation.catalogue.graph import XSD, Literal, Triple
from filiation.catalogue.payload import derive_from
from filiation.catalogue.reading import read_triples
from filiation.catalogue.versions import Version, versions_of
from filiation.catalogue.vocabulary import FORMER_METADATA, PROV, RDF_TYPE, SEAL
from filiation.model import Digest

if TYPE_CHECKING:
    from filiation.catalogue.crates import CatalogueFolder


def graph_of(
    stated: tuple[Triple, ...], derived: Derived, crate: CrateOnDisk, versions: Sequence[Version]
) -> list[Triple]:
    """Return a crate's graph, with the digest of the metadata file that it was made from.

    By that the crate's own statements can be told from later ones, and a graph from one of an older crate. Where it
    took the place of others, it says of which, and when.
    """
    seal: Triple = (crate.iri, SEAL, crate.metadata_digest.iri)
    return [*stated, *derived.triples, seal, *(history_of(versions) if len(versions) > 1 else ())]


def history_of(versions: Sequence[Version]) -> list[Triple]:
    """Say in PROV-O which crate of a run came after which: the last under the crate's IRI, each former under its own.

    Parameters
    ----------
    versions
        The oldest first.
    """
    told: list[Triple] = []
    names = [version.crate if version.until is None else version.iri for version in versions]
    for name, version in zip(names, versions, strict=True):
        told.append((name, f"{PROV}generatedAtTime", Literal(version.taken_in, f"{XSD}dateTime")))
        if version.until is not None:
            told += [
                (name, RDF_TYPE, f"{PROV}Bundle"),
                (name, f"{PROV}specializationOf", version.crate),
                (name, f"{PROV}invalidatedAtTime", Literal(version.until, f"{XSD}dateTime")),
                (name, FORMER_METADATA, Digest.from_text(version.digest).iri),
            ]
    told += [(later, f"{PROV}wasRevisionOf", name) for name, later in pairwise(names)]
    return told


def graph_on_disk(folder: CatalogueFolder, iri: str) -> list[Triple] | None:
    """Return the graph of a crate of a catalogue, or of its annotations, as it is now; None if the crate is gone.

    Raises
    ------
    InvalidCrateError
        If it cannot be read.
    """
    if iri == annotations_graph(folder):
        return annotation_triples(read_annotations(folder)[0], iri)
    home = folder.crates / run_id_in(iri)
    if not (home / METADATA).is_file():
        return None
    crate = identify(home)
    stated = read_triples(crate)
    return graph_of(stated, derive_from(crate, stated), crate, versions_of(folder, crate.id))


def run_id_in(iri: str) -> str:
    """Return the run's id in the IRI of its crate.

    >>> run_id_in("arcp://uuid,7c9f2c34-0000-4000-8000-000000000001/")
    '7c9f2c34-0000-4000-8000-000000000001'
    """
    return iri.rstrip("/").rpartition(",")[2]
