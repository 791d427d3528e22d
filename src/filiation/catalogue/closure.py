"""Everything that some nodes descend from, or that descends from them, with each edge on the way: numbers, in columns.

Node by node while it is little, which needs no numpy; level by level over whole arrays from there on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from filiation.catalogue.nodes import CODE, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from filiation.catalogue.adjacency import Adjacency, Numbers

    Column: TypeAlias = list[int] | Numbers

_CODE: Final = ROLES.index(CODE)


class Closure(NamedTuple):
    """What a walk came by.

    Parameters
    ----------
    nodes
        The number of each, once, the roots first.
    near, far
        For each edge where it was come from, and where that leads, as places among the nodes.
    role, crate
        The place of its role in ``ROLES``, and the number of the crate that says so.

    The columns of edges are lists where they were walked by hand, and else arrays.
    """

    nodes: Sequence[int]
    near: Column
    far: Column
    role: Column
    crate: Column


def close_by_hand(adjacency: Adjacency, roots: Iterable[int], most: int, *, up: bool) -> tuple[Closure, int]:
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
    What was come by, and of how many of its nodes the edges were followed: of the first ones, of all if all is there.
    """
    nodes = list(dict.fromkeys(roots))
    place_of = {node: place for place, node in enumerate(nodes)}
    near, far, rows, apart = [], [], [], []
    arrays, touched, last = adjacency.arrays, adjacency.touched, -1
    if arrays is not None:
        start, other, crates, roles = arrays.up if up else arrays.down
        last = arrays.last
    followed = 0
    for followed, node in enumerate(nodes):  # which grow meanwhile
        if (known := len(nodes)) > most:
            break
        if node > last or node in touched:
            for _, end, role, crate in adjacency.steps((node,), up=up):
                if (place := place_of.setdefault(end, known)) == known:
                    nodes.append(end)
                    known += 1
                apart.append((followed, place, role, crate))
            continue
        for row in range(start[node], start[node + 1]):
            if up and roles[row] == _CODE:  # a script that an action ran is no ancestor of what it made
                continue
            end = other[row]
            if (place := place_of.setdefault(end, known)) == known:
                nodes.append(end)
                known += 1
            near.append(followed)
            far.append(place)
            rows.append(row)
    else:
        followed = len(nodes)
    columns = near, far, [roles[row] for row in rows], [crates[row] for row in rows]
    for column, more in zip(columns, zip(*apart, strict=True), strict=False):  # nothing for nothing
        column.extend(more)
    return Closure(nodes, *columns), followed


def close(adjacency: Adjacency, roots: Iterable[int], by_hand: int, *, up: bool) -> Closure:
    """Walk as far as it goes; see :func:`close_by_hand`."""
    found, followed = close_by_hand(adjacency, roots, by_hand, up=up)
    if followed == len(found.nodes):
        return found
    from filiation.catalogue.nearby import Nearby

    return Nearby(adjacency).onwards(found, followed, up=up)


def listed(column: Column) -> list[int]:
    """Return a column as a list."""
    return column if isinstance(column, list) else column.tolist()
