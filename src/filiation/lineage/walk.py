"""The closure: everything a thing descends from, or everything that descends from it, whichever run made it.

Breadth first with a visited set, so cycles in a foreign crate end, and without recursion, so depth costs nothing. A
walk is over numbers; names are looked up once, in the end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from filiation.catalogue import CODE, GENERATED, ROLES, USED, Edge, Joining, LineageIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from filiation.catalogue import Reached
    from filiation.catalogue.adjacency import Adjacency, Step

    Ends: TypeAlias = Callable[[set[int]], set[int]]
    """Of nodes, those at which a walk ends."""

_INTO_ACTION: Final = {
    True: frozenset({ROLES.index(GENERATED)}),
    False: frozenset({ROLES.index(USED), ROLES.index(CODE)}),
}
"""The roles that lead to an action, up and down."""
_edge: Final = partial(tuple.__new__, Edge)
"""An edge of four texts; a third of what calling it takes, which asks for each by its name."""


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
    stopped
        Those beyond which there is more that a condition left out.
    numbers
        The numbers of the IRIs in the index, of those that have one.
    """

    iris: set[str] = field(default_factory=set)
    edges: set[Edge] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    stopped: set[str] = field(default_factory=set)
    numbers: dict[str, int] = field(default_factory=dict)


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


def _walk(index: LineageIndex, roots: Iterable[str], bounds: Bounds, *, up: bool) -> Walked:
    walked = Walked(iris=set(roots))
    adjacency = index.adjacency()
    numbers = index.numbers_of({*walked.iris, *([] if bounds.run is None else [bounds.run])})
    run = None if bounds.run is None else numbers.pop(bounds.run, 0)
    walk = _Walk(adjacency, set(numbers.values()), bounds, run, up=up)
    walk.go()
    _name(walked, adjacency, walk, up=up)
    return walked


class _Walk:
    """One walk, by numbers."""

    def __init__(self, adjacency: Adjacency, start: set[int], bounds: Bounds, run: int | None, *, up: bool) -> None:
        self._adjacency, self._start, self._ends, self._run, self._up = adjacency, start, bounds.ends, run, up
        self._actions_left = bounds.depth
        self.seen = set(start)
        self.followed: list[Step] = []
        self.cut: set[int] = set()
        self.stopped: set[int] = set()

    def go(self) -> None:
        level = self._start
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
            start, run = self._start, self._run
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
        ended = ends(level - self._start)
        self.stopped.update(step[0] for step in self._adjacency.steps(ended, up=self._up))
        return level - ended


def _name(walked: Walked, adjacency: Adjacency, walk: _Walk, *, up: bool) -> None:
    """Put IRIs in place of numbers."""
    names = adjacency.names(walk.seen.union([step[3] for step in walk.followed]))
    walked.numbers = {names[number]: number for number in walk.seen}
    walked.iris.update(walked.numbers)
    walked.cut.update(names[number] for number in walk.cut)
    walked.stopped.update(names[number] for number in walk.stopped)
    if not walk.followed:
        return
    near, far, role, crate = zip(*walk.followed, strict=True)
    name = names.__getitem__
    ends: Sequence[Iterable[str]] = (map(name, far), map(name, near))
    columns = (*(ends if up else reversed(ends)), map(ROLES.__getitem__, role), map(name, crate))
    walked.edges.update(map(_edge, zip(*columns, strict=True)))
