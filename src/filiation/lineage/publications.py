"""Which published things rest on something: what is marked so, and the ways of a lineage that lead there.

Published is what a person noted to be (``doi=…``, or ``published=…`` but for false), and what a run made whose crate
has a DOI for its identifier. A crate's ``datePublished`` says nothing: RO-Crate asks every crate for one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from filiation.catalogue import Edge, Json, LineageIndex
from filiation.lineage.answers import ANCESTORS
from filiation.lineage.walked import Walked

DOI: Final = "doi"
MARKS: Final = (DOI, "published")
"""Names of annotations that mark what is published."""


@dataclass(frozen=True, slots=True, order=True)
class Publication:
    """Something published, and what of an answer is in it.

    Parameters
    ----------
    name
        Its DOI as ``https://doi.org/…``, or what was noted.
    things
        IRIs, sorted, of things and jobs of the answer that are in it.
    crates
        IRIs, sorted, of the crates whose identifier it is; none if people noted it.
    """

    name: str
    things: tuple[str, ...]
    crates: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return it as plain JSON."""
        return {"name": self.name, "things": list(self.things), "crates": list(self.crates)}


def publications_among(
    index: LineageIndex, iris: AbstractSet[str], annotations: Mapping[str, tuple[tuple[str, object], ...]]
) -> tuple[Publication, ...]:
    """Return what is published of nodes, sorted by name.

    Parameters
    ----------
    index
        The index.
    iris
        The nodes.
    annotations
        What holds of nodes, by IRI, as names and values.
    """
    things: dict[str, set[str]] = defaultdict(set)
    crates: dict[str, set[str]] = defaultdict(set)
    for iri, noted in annotations.items():
        for key, value in noted if iri in iris else ():
            if key in MARKS and value not in (None, False):
                things[_name(key, value)].add(iri)
    for run in index.runs_with_doi():
        made = {entity.iri for entity in index.entities(crate=run.iri) if entity.generated or not run.jobs}
        here = iris & {*made, *(action.iri for action in index.actions(crate=run.iri))}
        if here:
            things[str(run.doi)] |= here
            crates[str(run.doi)].add(run.iri)
    return tuple(
        sorted(Publication(name, tuple(sorted(found)), tuple(sorted(crates[name]))) for name, found in things.items())
    )


def leading_to(walked: Walked, roots: Iterable[str], direction: str, ends: set[str]) -> Walked:
    """Keep of a walk what lies between its roots and some of what it came by.

    Parameters
    ----------
    walked, roots
        A walk, and the IRIs that it started from, which always stay.
    direction
        ``ancestors`` or ``descendants``.
    ends
        IRIs of the walk.
    """
    upwards = direction == ANCESTORS
    back: dict[str, list[Edge]] = defaultdict(list)
    for edge in walked.edges:
        back[edge.src if upwards else edge.dst].append(edge)
    kept = set(roots) | ends
    edges: list[Edge] = []
    waiting = list(ends)
    while waiting:
        for edge in back[waiting.pop()]:
            edges.append(edge)
            other = edge.dst if upwards else edge.src
            if other not in kept:
                kept.add(other)
                waiting.append(other)
    return Walked(kept, edges, walked.cut & kept, walked.stopped & kept, walked.numbers)


def _name(key: str, value: object) -> str:
    from filiation.catalogue.describe import doi_of

    text = str(value)
    found = doi_of(text)
    if found is not None:
        return found
    return text if value is not True else f"marked {key}"
