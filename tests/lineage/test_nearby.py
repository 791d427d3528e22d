"""What lies near some nodes, over whole arrays at once: what a plain walk finds, and how much is beyond it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.catalogue import Joining, LineageIndex
from filiation.catalogue.array_writer import write_arrays
from filiation.catalogue.nearby import Nearby
from filiation.lineage.walk import Bounds, ancestors, descendants
from tests.examples import examples
from tests.lineage.test_walk_at_scale import Run, everything, histories, play


@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), depth=st.integers(0, 3))
def test_nearby_is_what_a_walk_by_hand_finds_with_arrays_and_changes_since(
    tmp_path_factory: pytest.TempPathFactory, history: list[Run | int], depth: int
) -> None:
    place = tmp_path_factory.mktemp("index")
    with LineageIndex(place / "index.sqlite", create=True, arrays=place / "arrays") as index:
        play(index, history[:-1])
        write_arrays(index)
        play(index, history[-1:])
        nearby, adjacency = Nearby(index.adjacency()), index.adjacency()
        for iri in everything(index):
            (root,) = index.numbers_of([iri]).values()
            for up, walk in ((True, ancestors), (False, descendants)):
                walked = walk(index, Joining(index), [iri], Bounds(depth))
                found = nearby.within([root], depth, up=up).tolist()
                assert sorted(found) == sorted(walked.numbers.values())
                assert found[0] == root
                steps = adjacency.steps(found, up=up)
                beyond = {near: {far for here, far, *_ in steps if here == near} - set(found) for near in found}
                expected = {near: len(ends) for near, ends in beyond.items() if ends}
                assert nearby.beyond(found, found, up=up) == expected
                edges = nearby.among(found)
                columns = (edges.near.tolist(), edges.far.tolist(), edges.role.tolist(), edges.crate.tolist())
                between = {step for step in adjacency.steps(found, up=False) if step[1] in set(found)}
                assert set(zip(*columns, strict=True)) == between
