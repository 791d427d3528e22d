"""The closure: everything a thing descends from, or everything that descends from it, whichever run made it.

Breadth first with a visited set, so cycles in a foreign crate end, and without recursion, so depth costs nothing. A
walk is over numbers; names are looked up once, in the end.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue import CODE, GENERATED, ROLES, USED, Edge, Joining, LineageIndex
from filiation.catalogue.closure import Closure, listed
from filiation.lineage.cutting import Node, join
from filiation.lineage.walked import EdgeColumns, NumberColumn, Walked, role_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from filiation.catalogue import Reached
    from filiation.catalogue.adjacency import Adjacency, Step
    from filiation.lineage import cutting

    Ends: TypeAlias = Callable[[set[int]], set[int]]
    """Of nodes, those at which a walk ends."""

    Chosen: TypeAlias = Callable[[Collection[int]], set[int]]
    """Of nodes, those that are shown."""

_INTO_ACTION: Final = {
    True: frozenset({ROLES.index(GENERATED)}),
    False: frozenset({ROLES.index(USED), ROLES.index(CODE)}),
}
"""The roles that lead to an action, up and down."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far a walk goes.

    Parameters
    ----------
    depth
        How many actions to go over at most; None for all.
    ends
        Asked of what was reached, the roots apart: which of them the walk goes no further than; None for none.
    run
        IRI of a crate: of the actions that the roots went into, or came out of, only those of this run are followed.
    """

    depth: int | None = None
    ends: Ends | None = None
    run: str | None = None


_WHOLE: Final = Bounds()


def ancestors(index: LineageIndex, joining: Joining, roots: Iterable[str], bounds: Bounds = _WHOLE) -> Walked:
    """Walk against the flow of data: to what the roots descend from.

    Parameters
    ----------
    index, joining
        Edges within runs, and between them.
    roots
        IRIs to start from.
    bounds
        How far.
    """
    return _walk(index, roots, bounds, up=True)


def descendants(index: LineageIndex, joining: Joining, roots: Iterable[str], bounds: Bounds = _WHOLE) -> Walked:
    """Walk with the flow of data: to what came of the roots; see :func:`ancestors`."""
    return _walk(index, roots, bounds, up=False)


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


def nearest(
    index: LineageIndex, roots: Iterable[str], bounds: Bounds, most: int, *, up: bool
) -> tuple[Walked, set[int]]:
    """Walk, and keep of what was come by only so many: those that take the fewest steps.

    Parameters
    ----------
    index
        The index.
    roots
        IRIs to start from.
    bounds
        How far.
    most
        How many to keep; the others are neither named nor read.
    up
        Whether to what the roots descend from; else to what descends from them.

    Returns
    -------
    What was kept, and the numbers of all that was come by.
    """
    roots = set(roots)
    walk = _started(index, roots, bounds, up=up)
    walk.go()
    reached = set(walk.seen)
    if len(reached) > most:
        walk.seen = _first_of(walk.start, walk.followed, most)
        walk.followed = [step for step in walk.followed if step[0] in walk.seen and step[1] in walk.seen]
        walk.cut &= walk.seen
    return _named(index.adjacency(), roots, walk, up=up), reached


def _first_of(start: set[int], steps: Iterable[Step], most: int) -> set[int]:
    """Return so many of what steps lead to, the nearest first."""
    after: dict[int, list[int]] = defaultdict(list)
    for near, far, *_ in steps:
        after[near].append(far)
    found = set(start)
    level: Collection[int] = sorted(start)
    while level and len(found) < most:
        level = sorted({far for near in level for far in after[near]} - found)[: most - len(found)]
        found.update(level)
    return found


def only(index: LineageIndex, roots: Iterable[str], chosen: Chosen, bounds: Bounds = _WHOLE, *, up: bool) -> Walked:
    """Walk, and keep of what was come by only what is chosen; the rest is neither named nor read.

    Parameters
    ----------
    index
        The index.
    roots
        IRIs to start from, which always stay.
    chosen
        Asked which of some nodes, given by their numbers, are to stay.
    bounds
        How far.
    up
        Whether to what the roots descend from; else to what descends from them.

    Returns
    -------
    What stays, with an edge ``through`` where something lies between; it is stopped also where all beyond was left out.
    """
    roots = set(roots)
    adjacency = index.adjacency()
    walk = _started(index, roots, bounds, up=up)
    steps: Callable[[Iterable[int]], list[Step]]
    if bounds == _WHOLE:
        found = chosen(adjacency.reach(walk.seen, up=up).numbers)
        steps = partial(adjacency.steps, up=up)
    else:
        walk.go()
        found = chosen(walk.seen)
        steps = _following(walk.followed)
    walk.seen = found | walk.start
    joined = join(walk.seen, steps, adjacency.names)
    walk.followed = list(joined.steps)
    walk.cut &= walk.seen
    walk.stopped = walk.stopped & walk.seen | joined.ends
    return _named(adjacency, roots, walk, up=up)


def only_of(walked: Walked, roots: Iterable[str], chosen: Callable[[str], bool], *, up: bool) -> Walked:
    """Keep of a walk that is named already only what is chosen; see :func:`only`."""
    start = set(roots)
    kept = Walked(iris={iri for iri in walked.iris if iri in start or chosen(iri)}, numbers=walked.numbers)
    roles = {role: number for number, role in enumerate(ROLES)}
    steps = [(dst, src, role, crate) if up else (src, dst, role, crate) for src, dst, role, crate in (
        (edge.src, edge.dst, roles[edge.role], edge.crate) for edge in walked.edges)]  # fmt: skip
    joined = join(kept.iris, _following(steps), lambda iris: {iri: iri for iri in iris})
    kept.edges = [
        Edge(*((far, near) if up else (near, far)), role_name(role), crate) for near, far, role, crate in joined.steps
    ]
    kept.cut, kept.stopped = walked.cut & kept.iris, walked.stopped & kept.iris | joined.ends
    return kept


def _following(steps: Iterable[cutting.Step[Node]]) -> Callable[[Iterable[Node]], list[cutting.Step[Node]]]:
    after: dict[Node, list[cutting.Step[Node]]] = defaultdict(list)
    for step in steps:
        after[step[0]].append(step)
    return lambda nodes: [step for node in nodes for step in after.get(node, ())]


def _walk(index: LineageIndex, roots: Iterable[str], bounds: Bounds, *, up: bool) -> Walked:
    roots = set(roots)
    adjacency = index.adjacency()
    if bounds == _WHOLE:
        found = adjacency.closure(index.numbers_of(roots).values(), up=up)
        return _told(adjacency, roots, found, adjacency.names_of(found.nodes), up=up)
    walk = _started(index, roots, bounds, up=up)
    walk.go()
    return _named(adjacency, roots, walk, up=up)


def _started(index: LineageIndex, roots: set[str], bounds: Bounds, *, up: bool) -> _Walk:
    numbers = index.numbers_of({*roots, *([] if bounds.run is None else [bounds.run])})
    run = None if bounds.run is None else numbers.pop(bounds.run, 0)
    return _Walk(index.adjacency(), set(numbers.values()), bounds, run, up=up)


class _Walk:
    """One walk, by numbers."""

    def __init__(self, adjacency: Adjacency, start: set[int], bounds: Bounds, run: int | None, *, up: bool) -> None:
        self._adjacency, self.start, self._ends, self._run, self._up = adjacency, start, bounds.ends, run, up
        self._actions_left = bounds.depth
        self.seen = set(start)
        self.followed: list[Step] = []
        self.cut: set[int] = set()
        self.stopped: set[int] = set()

    def go(self) -> None:
        level = self.start
        while level:
            beyond: set[int] = set()
            while level:  # everything within reach of the same number of actions
                level, further = self._go_on(level)
                beyond |= further
            level = beyond - self.seen
            self.seen |= level
            if self._actions_left is not None:
                self._actions_left -= 1

    def _go_on(self, level: set[int]) -> tuple[set[int], set[int]]:
        """Follow the edges of nodes; return what they lead to, and what they lead to over one more action."""
        level = level if self._ends is None else self._not_ended(level, self._ends)
        steps = self._adjacency.steps(level, up=self._up)
        into_action = _INTO_ACTION[self._up]
        if self._run is not None:
            start, run = self.start, self._run
            steps = [step for step in steps if step[3] == run or step[0] not in start or step[2] not in into_action]
        further: set[int] = set()
        if self._actions_left is not None:
            over = [step for step in steps if step[2] in into_action]
            steps = [step for step in steps if step[2] not in into_action]
            if self._actions_left:
                self.followed += over
                further = {step[1] for step in over}
            else:
                self.cut.update(step[0] for step in over)
        self.followed += steps
        found = {step[1] for step in steps} - self.seen
        self.seen |= found
        return found, further

    def _not_ended(self, level: set[int], ends: Ends) -> set[int]:
        ended = ends(level - self.start)
        self.stopped.update(step[0] for step in self._adjacency.steps(ended, up=self._up))
        return level - ended


def _named(adjacency: Adjacency, roots: set[str], walk: _Walk, *, up: bool) -> Walked:
    """Put IRIs in place of numbers."""
    nodes = list(walk.seen)
    place = {node: at for at, node in enumerate(nodes)}
    near, far, role, crate = map(list, zip(*walk.followed, strict=True)) if walk.followed else ([], [], [], [])
    found = Closure(nodes, [place[node] for node in near], [place[node] for node in far], role, crate)
    names = adjacency.names_of(nodes)
    walked = _told(adjacency, roots, found, names, up=up)
    walked.cut, walked.stopped = ({names[place[node]] for node in nodes} for nodes in (walk.cut, walk.stopped))
    return walked


def _told(adjacency: Adjacency, roots: set[str], found: Closure, names: list[str], *, up: bool) -> Walked:
    numbers = NumberColumn(names, found.nodes)
    ends = (found.far, found.near) if up else (found.near, found.far)
    edges = EdgeColumns(*ends, found.role, found.crate, names, adjacency.names(set(listed(found.crate))))
    # Of what nobody knows, nothing descends, and yet it was asked for.
    iris = numbers.keys() if len(roots) == 1 and names else roots.union(names)
    return Walked(iris, edges, numbers=numbers)
