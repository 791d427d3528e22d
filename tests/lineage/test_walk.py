"""The closure against networkx, on graphs that nobody would draw."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import GENERATED, USED, ActionNode, Edge, EntityNode, Joining, LineageIndex, RunSummary
from filiation.catalogue.derive import Derived
from filiation.lineage.walk import Bounds, ancestors, descendants

CRATE = "arcp://uuid,00000001-0000-4000-8000-000000000001/"
NUMBERS = st.integers(0, 14)


@st.composite
def graphs(draw: st.DrawFn, *, cyclic: bool = False) -> nx.DiGraph:
    """Draw a graph whose edges lead from things (even numbers) to actions (odd ones) and back."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(15))
    for src, dst in draw(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=40)):
        if (src - dst) % 2 and (cyclic or src < dst):
            graph.add_edge(src, dst)
    return graph


def iri(number: int) -> str:
    return f"{CRATE}#{number}"


def index_of(graph: nx.DiGraph) -> LineageIndex:
    edges = [Edge(iri(s), iri(d), GENERATED if s % 2 else USED, CRATE) for s, d in graph.edges]
    made = {edge.dst for edge in edges}
    things = (EntityNode(iri(n), CRATE, str(n), generated=iri(n) in made) for n in graph if n % 2 == 0)
    actions = (ActionNode(iri(n), CRATE, str(n)) for n in graph if n % 2)
    run = RunSummary(CRATE[12:-1], CRATE, "finished")
    index = LineageIndex(None, create=True)
    index.replace(Derived(run, tuple(things), tuple(actions), tuple(edges), ()), folder="c", stamp="", digest="")
    return index


@pytest.mark.slow
@given(graph=graphs(cyclic=True), start=NUMBERS)
def test_the_walk_finds_what_networkx_finds(graph: nx.DiGraph, start: int) -> None:
    with index_of(graph) as index:
        up = ancestors(index, Joining(index), [iri(start)])
        down = descendants(index, Joining(index), [iri(start)])
    assert up.iris == {iri(n) for n in nx.ancestors(graph, start) | {start}}
    assert down.iris == {iri(n) for n in nx.descendants(graph, start) | {start}}
    reached = nx.ancestors(graph, start) | {start}
    assert {(e.src, e.dst) for e in up.edges} == {(iri(s), iri(d)) for s, d in graph.edges if d in reached}


@given(graph=graphs(), start=NUMBERS.map(lambda n: n - n % 2), depth=st.integers(0, 4))
def test_depth_counts_actions(graph: nx.DiGraph, start: int, depth: int) -> None:
    with index_of(graph) as index:
        walked = ancestors(index, Joining(index), [iri(start)], Bounds(depth))
    # A thing and the action that made it are one step, the action and its inputs none: two edges a step.
    near = nx.single_source_shortest_path_length(graph.reverse(), start, cutoff=2 * depth)
    assert walked.iris == {iri(n) for n in near}
    assert bool(walked.cut) == any(graph.in_degree(n) for n, distance in near.items() if distance == 2 * depth)
