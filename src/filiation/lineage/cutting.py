"""What of a walk is shown: what a condition names, joined over what it does not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from filiation.catalogue import Edge
from filiation.lineage.answers import ANCESTORS, THROUGH
from filiation.lineage.walk import Walked


def only(walked: Walked, roots: Iterable[str], direction: str, keeps: Callable[[str], bool]) -> Walked:
    """Leave out what a condition does not name, and join what stays over the gaps.

    Parameters
    ----------
    walked, roots
        A walk, and the IRIs that it started from, which always stay.
    direction
        ``ancestors`` or ``descendants``.
    keeps
        Whether an IRI stays.

    Returns
    -------
    What stays, with an edge ``through`` where something lies between; it is stopped also where all beyond was left out.
    """
    upwards = direction == ANCESTORS
    following = _following(walked.edges, upwards=upwards)
    start = set(roots)
    kept = Walked(iris={iri for iri in walked.iris if iri in start or keeps(iri)}, numbers=walked.numbers)
    kept.cut, kept.stopped = walked.cut & kept.iris, walked.stopped & kept.iris
    for iri in sorted(kept.iris):
        found = _next_kept(iri, following, kept.iris, upwards=upwards)
        kept.edges |= found
        if following[iri] and not found:
            kept.stopped.add(iri)
    return kept


def _next_kept(iri: str, following: dict[str, list[Edge]], kept: set[str], *, upwards: bool) -> set[Edge]:
    """Return the edges to the next things that stay, direct ones as they are."""
    found: set[Edge] = set()
    crates: dict[str, frozenset[str]] = {iri: frozenset()}
    waiting = [iri]
    for here in waiting:  # grows as it goes: breadth first
        for edge in following[here]:
            other = edge.src if upwards else edge.dst
            told = crates[here] | {edge.crate}
            if other in kept:
                src, dst = (other, iri) if upwards else (iri, other)
                if here == iri:
                    found.add(edge)
                elif other != iri:
                    found |= {Edge(src, dst, THROUGH, crate) for crate in told}
            elif other not in crates:
                crates[other] = told
                waiting.append(other)
    return found


def _following(edges: Iterable[Edge], *, upwards: bool) -> dict[str, list[Edge]]:
    following: dict[str, list[Edge]] = defaultdict(list)
    for edge in sorted(edges):
        following[edge.dst if upwards else edge.src].append(edge)
    return following
