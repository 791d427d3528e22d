"""What of a walk is kept: up to a condition, from one run on, and what of it is shown.

It works on what a walk came by, so it is the same whichever way the walk was made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from filiation.catalogue import CODE, GENERATED, USED, Edge
from filiation.lineage.answers import ANCESTORS, THROUGH
from filiation.lineage.walk import Walked

_INTO_ACTION: Final = {True: frozenset({GENERATED}), False: frozenset({USED, CODE})}


def cut_short(
    walked: Walked,
    roots: Iterable[str],
    direction: str,
    *,
    stops: Callable[[str], bool],
    depth: int | None = None,
    run: str | None = None,
) -> tuple[Walked, set[str]]:
    """Walk again through what a walk found, not beyond what a condition names.

    Parameters
    ----------
    walked
        A whole walk from ``roots``.
    roots
        IRIs to start from; the condition does not stop at them.
    direction
        ``ancestors`` or ``descendants``.
    stops
        Whether the walk ends at an IRI. What it ends at is part of the answer.
    depth
        How many actions to go over at most; None for all.
    run
        IRI of a crate: only the actions of this run that the roots went into are followed.

    Returns
    -------
    The shorter walk, and the IRIs at which it ended though there is more.
    """
    upwards = direction == ANCESTORS
    following = _following(walked.edges, upwards=upwards)
    into_action = _INTO_ACTION[upwards]
    start = set(roots)
    kept, stopped = Walked(iris=set(start)), set[str]()
    level, actions_left = sorted(start), depth
    while level:
        beyond: list[str] = []
        while level:
            iri = level.pop()
            if iri not in start and following[iri] and stops(iri):
                stopped.add(iri)
                continue
            for edge in following[iri]:
                goes_on = edge.role in into_action
                if run is not None and iri in start and goes_on and edge.crate != run:
                    continue
                if goes_on and actions_left == 0:
                    kept.cut.add(iri)
                    continue
                kept.edges.add(edge)
                other = edge.src if upwards else edge.dst
                if other not in kept.iris:
                    kept.iris.add(other)
                    (beyond if goes_on else level).append(other)
        level = sorted(beyond)
        actions_left = None if actions_left is None else actions_left - 1
    return kept, stopped


def only(walked: Walked, roots: Iterable[str], direction: str, keeps: Callable[[str], bool]) -> tuple[Walked, set[str]]:
    """Leave out what a condition does not name, and join what stays over the gaps.

    Parameters
    ----------
    walked, roots, direction
        As for :func:`cut_short`; the roots always stay.
    keeps
        Whether an IRI stays.

    Returns
    -------
    What stays, with an edge ``through`` where something lies between; and the IRIs after which all was left out.
    """
    upwards = direction == ANCESTORS
    following = _following(walked.edges, upwards=upwards)
    start = set(roots)
    kept = Walked(iris={iri for iri in walked.iris if iri in start or keeps(iri)}, cut=set(walked.cut))
    ended: set[str] = set()
    for iri in sorted(kept.iris):
        found = _next_kept(iri, following, kept.iris, upwards=upwards)
        kept.edges |= found
        if following[iri] and not found:
            ended.add(iri)
    kept.cut &= kept.iris
    return kept, ended


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
