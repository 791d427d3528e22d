"""The shortest ways of a graph, against all ways of it gone through one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import USED, Edge
from filiation.lineage.ways import between, shortest_ways, shortest_ways_over

_NAMES = "abcdefg"
_GRAPHS = st.sets(
    st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] < pair[1]), max_size=14
).map(lambda pairs: [Edge(_NAMES[src], _NAMES[dst], USED, "crate") for src, dst in sorted(pairs)])


def _all_ways(edges: list[Edge], here: str, root: str) -> list[tuple[Edge, ...]]:
    if here == root:
        return [()]
    return [(edge, *rest) for edge in edges if edge.src == here for rest in _all_ways(edges, edge.dst, root)]


def _shortest(ways: list[tuple[Edge, ...]]) -> set[tuple[Edge, ...]]:
    return {way for way in ways if len(way) == min(map(len, ways))}


@given(_GRAPHS, st.sets(st.sampled_from(_NAMES)))
def test_each_shortest_way_is_counted_and_told_over_whatever_it_is_to_lead(edges: list[Edge], over: set[str]) -> None:
    ways = _all_ways(edges, "a", "g")
    found = shortest_ways(edges, ("g",), {"a"}, 100)
    assert (set(found.told), found.count) == (_shortest(ways), len(_shortest(ways)))
    led = [way for way in ways if over & {"a", *(edge.dst for edge in way)}]
    found = shortest_ways_over(edges, ("g",), {"a"}, over, 100)
    assert (set(found.told), found.count) == (_shortest(led), len(_shortest(led)))
    assert between(edges, "a") == {name for name in _NAMES if _all_ways(edges, "a", name)}
