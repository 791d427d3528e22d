"""Everything that some nodes descend from, or that descends from them, with each edge on the way: numbers, in columns.

Node by node while it is little, which needs no numpy; level by level over whole arrays from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from filiation.catalogue.nodes import CODE, ROLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from filiation.catalogue.adjacency import Adjacency

_CODE: Final = ROLES.index(CODE)


class Closure(NamedTuple):
    """What a walk came by.

    Parameters
    ----------
    nodes
        Each once, the roots first.
    near, far
        For each edge where it was come from, and where that leads.
    role, crate
        The place of its role in ``ROLES``, and the number of the crate that says so.
    """

    nodes: Collection[int]
    near: Sequence[int]
    far: Sequence[int]
    role: Sequence[int]
    crate: Sequence[int]


def close_by_hand(adjacency: Adjacency, roots: Iterable[int], most: int, *, up: bool) -> tuple[Closure, list[int]]:
    """Walk until there are more nodes than ``most``.

    Parameters
    ----------
    adjacency
        The edges.
    roots
        Numbers of nodes to start from.
    most
        How many nodes are few enough.
    up
        Whether to what the roots descend from; else to what descends from them.

    Returns
    -------
    What was come by, and the nodes of it whose edges were not followed yet: none if all is there.
    """
    seen = set(roots)
    level = list(seen)
    nodes, near, far, places = level.copy(), [], [], []
    apart = []
    arrays, touched, last = adjacency.arrays, adjacency.touched, -1
    if arrays is not None:
        start, other, crates, roles = arrays.up if up else arrays.down
        last = arrays.last
    while level and len(nodes) <= most:
        beyond = []
        for node in level:
            if node > last or node in touched:
                for step in adjacency.steps((node,), up=up):
                    apart.append(step)
                    if step[1] not in seen:
                        seen.add(step[1])
                        beyond.append(step[1])
                continue
            for place in range(start[node], start[node + 1]):
                if up and roles[place] == _CODE:  # a script that an action ran is no ancestor of what it made
                    continue
                end = other[place]
                near.append(node)
                far.append(end)
                places.append(place)
                if end not in seen:
                    seen.add(end)
                    beyond.append(end)
        nodes += beyond
        level = beyond
    role = [roles[place] for place in places]
    crate = [crates[place] for place in places]
    for column, more in zip((near, far, role, crate), zip(*apart, strict=True), strict=False):  # nothing for nothing
        column.extend(more)
    return Closure(nodes, near, far, role, crate), level


def close(adjacency: Adjacency, roots: Iterable[int], by_hand: int, *, up: bool) -> Closure:
    """Walk as far as it goes; see :func:`close_by_hand`."""
    found, level = close_by_hand(adjacency, roots, by_hand, up=up)
    if not level:
        return found
    from filiation.catalogue.nearby import Nearby

    nodes, edges = Nearby(adjacency).onwards(found.nodes, level, up=up)
    return Closure(
        [*found.nodes, *nodes.tolist()],
        [*found.near, *edges.near.tolist()],
        [*found.far, *edges.far.tolist()],
        [*found.role, *edges.role.tolist()],
        [*found.crate, *edges.crate.tolist()],
    )
