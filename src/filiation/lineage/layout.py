"""Where the boxes of a lineage stand: layers in the direction of the data, few crossings, no overlap.

The layered method of Sugiyama, Tagawa and Toda (1981) in its plainest form: longest-path layers, dummy points on long
edges, the order inside a layer by the mean of the neighbours, then coordinates that pull boxes towards their
neighbours as far as the order allows.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SWEEPS: Final = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand.

    Parameters
    ----------
    centres
        Centre of each box: along the flow, and across it.
    bends
        The points that each edge passes, between its ends.
    length, breadth
        The extent along and across.
    """

    centres: Mapping[str, tuple[float, float]]
    bends: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    length: float
    breadth: float


def lay_out(
    sizes: Mapping[str, tuple[float, float]], edges: Iterable[tuple[str, str]], *, along: float, across: float
) -> Layout:
    """Place boxes in layers.

    Parameters
    ----------
    sizes
        Extent of each box along and across the flow.
    edges
        Pairs of names; edges that close a cycle are drawn, but do not count for the layers.
    along, across
        Room between layers, and between boxes of a layer.
    """
    forward = _without_cycles(sizes, sorted(set(edges)))
    layer = _layers(sizes, forward)
    paths, members = _with_dummies(layer, forward)
    order = _order(members, paths)
    extents = {name: sizes.get(name, (0.0, 12.0)) for row in order for name in row}
    position = _across(order, extents, paths, across)
    where, length = _along(order, extents, along)
    low = min((position[n] - extents[n][1] / 2 for n in position), default=0.0)
    high = max((position[n] + extents[n][1] / 2 for n in position), default=0.0)
    centres = {name: (where[layer[name]], position[name] - low) for name in sizes}
    # A long edge goes straight through a whole layer, so that it passes between the boxes there and not over them.
    half = [max((extents[name][0] for name in row), default=0.0) / 2 for row in order]
    bends = {
        (path[0], path[-1]): tuple(
            (where[level] + side * half[level], position[dummy] - low)
            for level, dummy in enumerate(path[1:-1], start=layer[path[0]] + 1)
            for side in (-1, 1)
        )
        for path in paths
    }
    return Layout(centres, bends, length, high - low)


def _without_cycles(names: Iterable[str], edges: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out the edges that lead back to where a depth-first walk still is."""
    following: dict[str, list[str]] = defaultdict(list)
    for src, dst in edges:
        if src != dst:
            following[src].append(dst)
    state: dict[str, int] = {}
    kept: list[tuple[str, str]] = []
    for start in sorted(names):
        if start in state:
            continue
        stack = [(start, iter(following[start]))]
        state[start] = 1
        while stack:
            name, rest = stack[-1]
            for other in rest:
                if state.get(other) == 1:
                    continue
                kept.append((name, other))
                if other not in state:
                    state[other] = 1
                    stack.append((other, iter(following[other])))
                    break
            else:
                state[name] = 2
                stack.pop()
    return kept


def _layers(names: Iterable[str], edges: list[tuple[str, str]]) -> dict[str, int]:
    """Put each box as far back as its predecessors allow, then sources right before what they went into."""
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for src, dst in edges:
        before[dst].append(src)
        after[src].append(dst)
    waiting = {name: len(before[name]) for name in names}
    ready = sorted(name for name, count in waiting.items() if not count)
    layer: dict[str, int] = {}
    while ready:
        name = ready.pop()
        layer[name] = max((layer[other] + 1 for other in before[name]), default=0)
        for other in after[name]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for name in layer:
        if not before[name] and after[name]:
            layer[name] = min(layer[other] for other in after[name]) - 1
    return layer


def _with_dummies(
    layer: Mapping[str, int], edges: list[tuple[str, str]]
) -> tuple[list[tuple[str, ...]], list[list[str]]]:
    members: list[list[str]] = [[] for _ in range(max(layer.values(), default=-1) + 1)]
    for name in sorted(layer):
        members[layer[name]].append(name)
    paths = []
    for number, (src, dst) in enumerate(edges):
        dummies = [f"\0{number}.{level}" for level in range(layer[src] + 1, layer[dst])]
        for level, dummy in enumerate(dummies, start=layer[src] + 1):
            members[level].append(dummy)
        paths.append((src, *dummies, dst))
    return paths, members


def _order(members: list[list[str]], paths: list[tuple[str, ...]]) -> list[list[str]]:
    before, after = _neighbours(paths)
    rows = [list(row) for row in members]
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = before if downwards else after
        levels = range(1, len(rows)) if downwards else range(len(rows) - 2, -1, -1)
        for level in levels:
            fixed = {name: place for place, name in enumerate(rows[level - 1 if downwards else level + 1])}
            current = {name: float(place) for place, name in enumerate(rows[level])}
            rows[level].sort(key=lambda name: (_mean(name, neighbours, fixed, current), name))
    return rows


def _mean(
    name: str, neighbours: Mapping[str, list[str]], fixed: Mapping[str, int], current: Mapping[str, float]
) -> float:
    places = [fixed[other] for other in neighbours.get(name, ()) if other in fixed]
    return sum(places) / len(places) if places else current[name]


def _across(
    order: list[list[str]],
    extents: Mapping[str, tuple[float, float]],
    paths: list[tuple[str, ...]],
    room: float,
) -> dict[str, float]:
    before, after = _neighbours(paths)
    position: dict[str, float] = {}
    for row in order:
        edge = 0.0
        for name in row:
            position[name] = edge + extents[name][1] / 2
            edge += extents[name][1] + room
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for row in order if downwards else reversed(order):
            wished = []
            for name in row:
                near = (
                    (before if downwards else after).get(name) or (after if downwards else before).get(name) or [name]
                )
                wished.append(sum(position[other] for other in near) / len(near))
            for name, place in zip(row, _apart(row, wished, extents, room), strict=True):
                position[name] = place
    return position


def _apart(row: list[str], wished: list[float], extents: Mapping[str, tuple[float, float]], room: float) -> list[float]:
    """Come as near to the wishes as keeping order and distance allows: pool those that push each other."""
    offsets, offset = [], 0.0
    for number, name in enumerate(row):
        if number:
            offset += (extents[row[number - 1]][1] + extents[name][1]) / 2 + room
        offsets.append(offset)
    blocks: list[tuple[float, int]] = []  # mean of (wish - offset), and how many
    for wish, shift in zip(wished, offsets, strict=True):
        mean, count = wish - shift, 1
        while blocks and blocks[-1][0] >= mean:
            other, number = blocks.pop()
            mean, count = (mean * count + other * number) / (count + number), count + number
        blocks.append((mean, count))
    spread = [mean for mean, count in blocks for _ in range(count)]
    return [mean + shift for mean, shift in zip(spread, offsets, strict=True)]


def _along(
    order: list[list[str]], extents: Mapping[str, tuple[float, float]], room: float
) -> tuple[list[float], float]:
    where, edge = [], 0.0
    for row in order:
        extent = max((extents[name][0] for name in row), default=0.0)
        where.append(edge + extent / 2)
        edge += extent + room
    return where, max(edge - room, 0.0)


def _neighbours(paths: list[tuple[str, ...]]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    before: dict[str, list[str]] = defaultdict(list)
    after: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        for near, far in pairwise(path):
            after[near].append(far)
            before[far].append(near)
    return before, after
