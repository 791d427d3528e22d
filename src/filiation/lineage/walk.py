"""The closure: everything a thing descends from, or everything that descends from it, whichever run made it.

Breadth first with a visited set, so cycles in a foreign crate end, and without recursion, so depth costs nothing. A
walk is over numbers; names are looked up once, in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from filiation.catalogue import CODE, GENERATED, ROLES, USED, Edge, Joining, LineageIndex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from filiation.catalogue import Reached

_CODE: Final = ROLES.index(CODE)
_INTO_ACTION: Final = {
    True: frozenset({ROLES.index(GENERATED)}),
    False: frozenset({ROLES.index(USED), ROLES.index(CODE)}),
}
"""The roles that lead to an action, up and down."""


@dataclass(slots=True)
class Walked:
    """What a walk came by.

    Parameters
    ----------
    iris
        Every thing and action, the starting ones included.
    edges
        Every edge between them that the walk followed.
    cut
        Those beyond which there is more that the depth left out.
    """

    iris: set[str] = field(default_factory=set)
    edges: set[Edge] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)


def ancestors(index: LineageIndex, joining: Joining, roots: Iterable[str], depth: int | None = None) -> Walked:
    """Walk against the flow of data: to what the roots descend from.

    Parameters
    ----------
    index, joining
        Edges within runs, and between them.
    roots
        IRIs to start from.
    depth
        How many actions to go back at most; None for all.
    """
    return _walk(index, roots, depth, up=True)


def descendants(index: LineageIndex, joining: Joining, roots: Iterable[str], depth: int | None = None) -> Walked:
    """Walk with the flow of data: to what came of the roots; see :func:`ancestors`."""
    return _walk(index, roots, depth, up=False)


def reach(index: LineageIndex, roots: Iterable[str], *, up: bool) -> Reached:
    """Walk as far as it goes, to count what is there and list it by page: for answers of any size.

    Parameters
    ----------
    index
        The index; it is to stay open while the answer is read.
    roots
        IRIs to start from.
    up
        Whether to what they descend from; else to what descends from them.
    """
    return index.adjacency().reach(index.numbers_of(roots).values(), up=up)


def _walk(index: LineageIndex, roots: Iterable[str], depth: int | None, *, up: bool) -> Walked:
    walked = Walked(iris=set(roots))
    adjacency, into_action = index.adjacency(), _INTO_ACTION[up]
    seen = set(index.numbers_of(walked.iris).values())
    followed: list[tuple[int, int, int, int]] = []
    cut: set[int] = set()
    level, actions_left = list(seen), depth
    while level:
        beyond: list[int] = []
        while level:  # everything within reach of the same number of actions
            node = level.pop()
            for other, role, crate in adjacency.steps(node, up=up):
                if up and role == _CODE:
                    continue
                goes_on = role in into_action
                if goes_on and actions_left == 0:
                    cut.add(node)
                    continue
                followed.append((node, other, role, crate))
                if other not in seen:
                    if goes_on:
                        beyond.append(other)
                    else:
                        seen.add(other)
                        level.append(other)
        level = list(set(beyond) - seen)
        seen.update(level)
        actions_left = None if actions_left is None else actions_left - 1
    _name(walked, index, seen, followed, cut, up=up)
    return walked


def _name(
    walked: Walked,
    index: LineageIndex,
    seen: set[int],
    followed: list[tuple[int, int, int, int]],
    cut: set[int],
    *,
    up: bool,
) -> None:
    """Put IRIs in place of numbers."""
    names = index.iris_of(seen | {crate for _, _, _, crate in followed})
    walked.iris.update(names[number] for number in seen)
    walked.cut.update(names[number] for number in cut)
    if up:
        walked.edges.update(
            Edge(names[far], names[near], ROLES[role], names[crate]) for near, far, role, crate in followed
        )
    else:
        walked.edges.update(
            Edge(names[near], names[far], ROLES[role], names[crate]) for near, far, role, crate in followed
        )
