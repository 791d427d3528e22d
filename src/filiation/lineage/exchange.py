"""The catalogue's graphs for a Python user's own tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdflib import Dataset, URIRef
from rdflib import Literal as RdfLiteral

from filiation.catalogue import Literal, Term

if TYPE_CHECKING:
    from collections.abc import Iterable


def to_rdflib(quads: Iterable[tuple[str, str, Term, str]]) -> Dataset:
    """Return quads as an rdflib dataset whose default graph is the union of the named ones.

    Parameters
    ----------
    quads
        Subject, predicate, object and graph.
    """
    dataset = Dataset(default_union=True)
    for subject, predicate, value, graph in quads:
        dataset.add((URIRef(subject), URIRef(predicate), _to_rdflib(value), dataset.graph(URIRef(graph))))
    return dataset


def _to_rdflib(value: Term) -> URIRef | RdfLiteral:
    if not isinstance(value, Literal):
        return URIRef(value)
    if value.language:
        return RdfLiteral(value.text, lang=value.language)
    return RdfLiteral(value.text, datatype=URIRef(value.datatype), normalize=False)
