"""What lies near some nodes, over whole arrays at once: a flat-field image stands beside a million jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from filiation.catalogue.adjacency import numbers_in, ranges
from filiation.catalogue.closure import Closure
from filiation.catalogue.nodes import CODE, GENERATED, ROLES, USED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from filiation.catalogue.adjacency import Adjacency, Numbers

_CODE: Final = ROLES.index(CODE)
_INTO_ACTION: Final = {True: (ROLES.index(GENERATED),), False: (ROLES.index(USED), _CODE)}
"""The roles that lead to an action, up and down."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges as columns.

    Parameters
    ----------
    near, far
        The numbers of where each was looked from, and of where it leads.
    role, crate
        The place of its role in :data:`ROLES`, and the number of the crate that says so.
    """

    near: Numbers
    far: Numbers
    role: NDArray[np.int8]
    crate: Numbers

    def where(self, mask: NDArray[np.bool_]) -> Edges:
        """Return those that a mask chooses."""
        return Edges(self.near[mask], self.far[mask], self.role[mask], self.crate[mask])


class Nearby:
    """Looks around nodes of an index.

    Parameters
    ----------
    adjacency
        The edges.
    """

    def __init__(self, adjacency: Adjacency) -> None:
        self._adjacency = adjacency
        self._apart = adjacency.apart()
        arrays = adjacency.arrays
        self._sides = None if arrays is None else {True: arrays.up.as_numpy(), False: arrays.down.as_numpy()}

    def within(self, roots: Iterable[int], depth: int, *, up: bool) -> Numbers:
        """Return what is at most so many actions away, the nearest first; the roots are the first.

        Parameters
        ----------
        roots
            Numbers of nodes.
        depth
            How many actions to go over at most.
        up
            Whether to what they descend from; else to what descends from them.
        """
        level = np.unique(numbers_in(roots))
        is_seen = np.zeros(self._adjacency.last + 1, np.bool_)
        is_seen[level] = True
        found = [level]
        while level.size:
            beyond = []
            while level.size:  # everything within reach of the same number of actions
                edges = self.edges(level, up=up)
                over = np.isin(edges.role, _INTO_ACTION[up])
                beyond.append(edges.far[over])
                level = self._new(edges.far[~over], is_seen)
                found.append(level)
            level = self._new(np.concatenate(beyond) if depth > 0 else level, is_seen)
            found.append(level)
            depth -= 1
        return np.concatenate(found)

    def onwards(self, begun: Closure, followed: int, *, up: bool) -> Closure:
        """Go on with a walk as far as it goes.

        Parameters
        ----------
        begun
            What it came by so far.
        followed
            Of how many of its nodes, the first ones, the edges were followed already.
        up
            Whether to what they descend from; else to what descends from them.

        Returns
        -------
        All that it comes by, in the order of the IRIs, in which they are quickly read.
        """
        nodes = numbers_in(begun.nodes)
        found, known = [nodes], nodes.size
        place = np.zeros(self._adjacency.last + 1, np.int32)
        """Of each node that was found, from 1 on."""
        place[nodes] = np.arange(1, known + 1, dtype=np.int32)
        near, far, role, crate = (np.asarray(column, np.int32) for column in begun[1:])
        walked = [Edges(nodes[near], nodes[far], role.astype(np.int8), crate)]
        level = nodes[followed:]
        while level.size:
            edges = self.edges(level, up=up)
            walked.append(edges)
            new = edges.far[place[edges.far] == 0]
            # Each once, without sorting: of those alike, the one whose place was written last.
            order = np.arange(1, new.size + 1, dtype=np.int32)
            place[new] = order
            level = new[place[new] == order]
            place[level] = known + order[: level.size]
            known += level.size
            found.append(level)
        old, newer = self._adjacency.in_order(np.concatenate(found))
        nodes = np.concatenate((old, numbers_in(newer)))
        place[nodes] = np.arange(nodes.size, dtype=np.int32)
        columns = zip(*((edges.near, edges.far, edges.role, edges.crate) for edges in walked), strict=True)
        near, far, role, crate = map(np.concatenate, columns)
        return Closure(nodes.tolist(), place[near], place[far], role, crate)

    def among(self, numbers: Iterable[int]) -> Edges:
        """Return every edge between nodes, each once, from what was there before to what came of it."""
        wanted = numbers_in(numbers)
        is_wanted = np.zeros(self._adjacency.last + 1, np.bool_)
        is_wanted[wanted] = True
        edges = self.edges(wanted, up=False)
        return edges.where(is_wanted[edges.far])

    def beyond(self, numbers: Iterable[int], shown: Iterable[int], *, up: bool) -> dict[int, int]:
        """Return how many nodes stand next to each that are not shown; those without any are left out."""
        edges = self.edges(numbers_in(numbers), up=up)
        is_shown = np.zeros(self._adjacency.last + 1, np.bool_)
        is_shown[numbers_in(shown)] = True
        edges = edges.where(~is_shown[edges.far])
        pairs = np.unique(edges.near.astype(np.int64) * (self._adjacency.last + 1) + edges.far)
        near, count = np.unique(pairs // (self._adjacency.last + 1), return_counts=True)
        return dict(zip(near.tolist(), count.tolist(), strict=True))

    def edges(self, level: Numbers, *, up: bool) -> Edges:
        """Return the edges into nodes, or out of them; a script that an action ran is no ancestor of what it made."""
        apart = self._apart[level]
        if not apart.any():
            return self._in_arrays(level, up=up)
        by_hand = self._adjacency.steps(level[apart].tolist(), up=up)
        columns = [numbers_in(step[place] for step in by_hand) for place in range(4)]
        found = Edges(columns[0], columns[1], columns[2].astype(np.int8), columns[3])
        plain = level[~apart]
        if not plain.size:
            return found
        more = self._in_arrays(plain, up=up)
        return Edges(
            np.concatenate([found.near, more.near]),
            np.concatenate([found.far, more.far]),
            np.concatenate([found.role, more.role]),
            np.concatenate([found.crate, more.crate]),
        )

    def _in_arrays(self, level: Numbers, *, up: bool) -> Edges:
        """Return the edges of nodes that have not changed since the arrays were made."""
        assert self._sides is not None  # noqa: S101 - without arrays every node is looked up in the index
        start, other, crate, role = self._sides[up]
        begin, end = start[level], start[level + 1]
        places = ranges(begin, end)
        edges = Edges(np.repeat(level, end - begin), other[places], role[places], crate[places])
        return edges.where(edges.role != _CODE) if up else edges

    @staticmethod
    def _new(ends: Numbers, is_seen: NDArray[np.bool_]) -> Numbers:
        """Return those not seen yet, each once, and note that they are."""
        found = np.unique(ends[~is_seen[ends]])
        is_seen[found] = True
        return found
