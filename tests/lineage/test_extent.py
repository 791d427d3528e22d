"""How far a lineage goes and what of it is shown: conditions that end the walk, or that choose; equal jobs as one."""

from __future__ import annotations

from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filiation.catalogue import Catalogue, Edge, Joining
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger, Lineage
from filiation.lineage.answers import ANCESTORS, THROUGH
from filiation.lineage.walk import Bounds, Walked, ancestors, descendants, only, only_of
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id
from tests.lineage.test_walk import CRATE, NUMBERS, graphs, index_of, iri

LABELS = "results/ihc/nuclei.ome.zarr"
TABLE = "results/ihc/nuclei.parquet"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    return Ledger()


def names(lineage: Lineage) -> list[str]:
    return sorted([action.name for action in lineage.actions] + [Path(entity.path).name for entity in lineage.entities])


@pytest.mark.slow
def test_a_condition_ends_the_walk_and_is_no_filter(ledger: Ledger) -> None:
    found = ledger.trace(TABLE, until=["rule=segment"])
    # The raw image still comes in by the other way, that of the image itself.
    assert names(found) == [
        *("fetch", "image.ome.zarr", "measure", "nuclei.ome.zarr", "nuclei.parquet", "segment"),
        "skimage:immunohistochemistry",
    ]
    assert [Path(iri).name for iri in found.stopped] == ["#job-2-attempt-1"]
    assert "made by segment, job 2, finished" in found.tree()
    assert found.tree().count("… more beyond, left out as was asked") == 1
    both = ledger.trace(TABLE, until=["rule=segment", "kind=image"])
    assert names(both) == ["image.ome.zarr", "measure", "nuclei.ome.zarr", "nuclei.parquet", "segment"]
    assert both.sources == ()


@pytest.mark.slow
def test_a_condition_ends_the_walk_forwards_too(ledger: Ledger) -> None:
    found = ledger.impact("skimage:immunohistochemistry", until=["kind=label image"])
    assert names(found) == [
        *("fetch", "image.ome.zarr", "measure", "nuclei.ome.zarr", "nuclei.parquet", "overlay", "overlay.png"),
        *("segment", "skimage:immunohistochemistry"),
    ]
    assert [Path(iri).name for iri in found.stopped] == ["nuclei.ome.zarr"]
    # What is asked about does not end the walk itself.
    assert names(ledger.impact(LABELS, until=["kind=label image"], depth=1)) == [
        *("measure", "nuclei.ome.zarr", "nuclei.parquet", "overlay", "overlay.png"),
    ]


@pytest.mark.slow
def test_depth_counts_from_the_start_with_a_condition_too(ledger: Ledger) -> None:
    assert names(ledger.trace(TABLE, until=["rule=never"], depth=1)) == names(ledger.trace(TABLE, depth=1))


@pytest.mark.slow
@pytest.mark.parametrize("few", [0, 5_000])
def test_what_is_left_out_is_bridged(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr("filiation.lineage.tracing._FEW", few)  # from which on columns choose
    found = ledger.trace(TABLE, only=["kind=label image", "rule=fetch"])
    assert names(found) == ["fetch", "nuclei.ome.zarr", "nuclei.parquet"]
    told = {(Path(edge.src).name, Path(edge.dst).name, edge.role) for edge in found.edges}
    assert told == {
        ("nuclei.ome.zarr", "nuclei.parquet", THROUGH),
        ("#job-1-attempt-1", "nuclei.ome.zarr", THROUGH),
        ("#job-1-attempt-1", "nuclei.parquet", THROUGH),
    }
    assert {edge.crate for edge in found.edges} == {f"arcp://uuid,{run_id(1)}/"}
    assert "├─ further back, fetch, job 1, finished\n" in found.tree()
    assert found.sources == ()


def test_several_things_have_one_lineage(ledger: Ledger) -> None:
    found = ledger.trace(TABLE, "results/ihc/overlay.png")
    assert found.thing == f"{TABLE}, results/ihc/overlay.png"
    assert len(found.roots) == 2
    alone = ledger.trace(TABLE).nodes + ledger.trace("results/ihc/overlay.png").nodes
    assert {node.iri for node in found.nodes} == {node.iri for node in alone}
    with pytest.raises(BadInputError, match="Nothing was named"):
        ledger.trace()


@pytest.mark.slow
def test_one_run_of_several_can_be_meant(ledger: Ledger, folder: Path) -> None:
    nuclei_run(folder, 2).write(ledger.folder / "crates")  # the same bytes once more
    assert {action.crate[12:20] for action in ledger.impact("skimage:immunohistochemistry").actions} == {
        "00000001", "00000002",
    }  # fmt: skip
    one = ledger.impact("skimage:immunohistochemistry", from_run="00000001")
    assert {action.crate[12:20] for action in one.actions} == {"00000001"}
    assert {action.crate[12:20] for action in ledger.trace(LABELS, from_run="00000001").actions} == {"00000001"}
    run = CrateBuilder(folder, 3)
    run.job("report", (), {"report.html": "<p>"})
    run.write(ledger.folder / "crates")
    with pytest.raises(NotFoundError) as caught:
        ledger.trace(LABELS, from_run="00000003")
    assert str(caught.value) == (f"Run {run_id(3)} neither used nor made {LABELS}. Runs that did: 00000001, 00000002.")


def test_a_condition_that_is_none_is_refused_before_anything_is_read(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match=r"there is no field 'rul'\. Did you mean rule"):
        ledger.trace("nothing", until=["rul=segment"])


def plate(folder: Path, *, wells: int, sigma: object = 2) -> CrateBuilder:
    """Build a run that segments each well alike and gathers them."""
    run = CrateBuilder(folder, 7)
    for well in range(wells):
        path = f"wells/{well:03}"
        run.job("fetch", ("omero://server/plate/1",), {f"{path}.tif": f"pixels {well}"})
        found = sigma if not isinstance(sigma, list) else sigma[well % len(sigma)]
        run.job("segment", (f"{path}.tif", "flat.tif"), {f"{path}.zarr": {"0": f"{well}"}}, parameters={"sigma": found})
    run.job("gather", tuple(f"wells/{well:03}.zarr" for well in range(wells)), {"all.parquet": "table"})
    return run


@pytest.mark.slow
def test_equal_jobs_are_told_as_one_unless_asked(catalogue: Catalogue, folder: Path) -> None:
    (folder / "flat.tif").write_text("flat")
    plate(folder, wells=20).write(catalogue.folder.crates)
    found = Ledger(folder).trace("all.parquet")
    assert len(found.actions) == 41
    tree = found.tree()
    assert "made by gather, job 41, finished" in tree
    assert "wells/000.zarr and 19 like it" in tree
    assert "made by segment x 20, finished" in tree
    assert "made by fetch x 20, finished" in tree
    assert tree.count("flat.tif") == 1
    assert len(tree.splitlines()) <= 30  # each of the 41 jobs takes six
    assert found.tree(each=True).count("made by segment, job") == 20
    assert "segment x 20" in found.to_svg()
    assert found.to_svg(each=True).count("<polygon") == 41
    assert dict(found.collapsed.alike)[f"arcp://uuid,{run_id(7)}/work/wells/000.zarr"] == 20
    # Forwards the same, and what programs are given is always whole.
    assert "went into segment x 20, finished" in Ledger(folder).impact("flat.tif").tree()
    assert len(found.to_json()["nodes"]) == len(found.nodes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_folders_without_an_ending_are_told_as_one_too(catalogue: Catalogue, folder: Path) -> None:
    run = CrateBuilder(folder, 7)
    for job in range(5):
        run.job("segment_blocks", ("raw.zarr",), {f"blocks.d/part-{job}": {"0": f"{job}"}})
    run.job("join_blocks", tuple(f"blocks.d/part-{job}" for job in range(5)), {"joined": "numbers"})
    run.write(catalogue.folder.crates)
    assert "made by segment_blocks x 5, finished" in Ledger(folder).trace("joined").tree()


def test_jobs_that_differ_in_a_parameter_are_not_equal_and_nor_is_what_came_of_them(
    catalogue: Catalogue, folder: Path
) -> None:
    (folder / "flat.tif").write_text("flat")
    plate(folder, wells=20, sigma=[1, 2, 2, 2]).write(catalogue.folder.crates)
    counted = Ledger(folder).trace("all.parquet").collapsed
    assert sorted(counted.counted[action.iri] for action in counted.actions if action.rule == "segment") == [5, 15]
    assert sorted(counted.counted[action.iri] for action in counted.actions if action.rule == "fetch") == [5, 15]


@pytest.mark.slow
def test_few_equal_jobs_stay_as_they_are(catalogue: Catalogue, folder: Path) -> None:
    (folder / "flat.tif").write_text("flat")
    plate(folder, wells=3).write(catalogue.folder.crates)
    found = Ledger(folder).trace("all.parquet")
    assert found.collapsed is found or found.collapsed == found


def walked(graph: nx.DiGraph, start: int) -> Walked:
    reached = nx.ancestors(graph, start) | {start}
    edges = [Edge(iri(s), iri(d), "generated" if s % 2 else "used", CRATE) for s, d in graph.edges if d in reached]
    return Walked({iri(number) for number in reached}, edges)


@given(graph=graphs(cyclic=True), start=NUMBERS, ends=st.sets(NUMBERS), up=st.booleans())
def test_the_walk_does_not_pass_where_it_is_to_end(graph: nx.DiGraph, start: int, ends: set[int], up: bool) -> None:
    ending = {iri(number) for number in ends - {start}}
    asked: list[int] = []
    with index_of(graph if up else graph.reverse()) as index:
        numbers = set(index.numbers_of(ending).values())

        def holds(some: set[int]) -> set[int]:
            asked.extend(some)
            return some & numbers

        walk = ancestors if up else descendants
        found = walk(index, Joining(index), [iri(start)], Bounds(ends=holds))
        assert len(asked) == len(set(asked)) <= len(found.iris)  # each once, and nothing that is not reached
    without = graph.copy()
    without.remove_edges_from([(s, d) for s, d in graph.edges if d in ends - {start}])
    assert found.iris == {iri(number) for number in nx.ancestors(without, start) | {start}}
    assert found.stopped == {at for at in found.iris & ending if graph.in_degree(int(at.rpartition("#")[2]))}
    assert all((edge.dst if up else edge.src) not in ending for edge in found.edges)


@given(graph=graphs(cyclic=True), start=NUMBERS, kept=st.sets(NUMBERS), depth=st.none() | st.just(99))
def test_what_is_kept_is_joined_where_it_was_joined(
    graph: nx.DiGraph, start: int, kept: set[int], depth: int | None
) -> None:
    names = {iri(number) for number in kept}
    whole = walked(graph, start)
    found = only_of(whole, [iri(start)], lambda at: at in names, up=True)
    with index_of(graph) as index:
        numbers = set(index.numbers_of(names).values())
        walk = only(index, [iri(start)], lambda some: numbers & set(some), Bounds(depth), up=True)
    assert (walk.iris, walk.stopped, walk.cut) == (found.iris, found.stopped, found.cut)
    assert sorted(walk.edges) == sorted(found.edges)
    assert found.iris == (whole.iris & names) | {iri(start)}
    joined = nx.DiGraph((edge.src, edge.dst) for edge in found.edges)
    joined.add_nodes_from(found.iris)
    full = nx.DiGraph((edge.src, edge.dst) for edge in whole.edges)
    full.add_nodes_from(whole.iris)
    for at in found.iris:
        assert nx.ancestors(joined, at) == (nx.ancestors(full, at) & found.iris)


@given(graph=graphs(cyclic=True), start=NUMBERS)
def test_from_one_run_only_its_own_actions_follow(graph: nx.DiGraph, start: int) -> None:
    with index_of(graph) as index:
        whole = descendants(index, Joining(index), [iri(start)])
        here = descendants(index, Joining(index), [iri(start)], Bounds(run=CRATE))
        assert (here.iris, sorted(here.edges)) == (whole.iris, sorted(whole.edges))
        gone = descendants(index, Joining(index), [iri(start)], Bounds(run="arcp://uuid,other/"))
    assert sorted(gone.edges) == sorted(whole.edges) if start % 2 else gone.iris == {iri(start)}


@given(graph=graphs(cyclic=True), start=NUMBERS, marks=st.lists(st.integers(0, 1), min_size=15, max_size=15))
def test_what_is_told_as_one_has_the_same_before_and_after_it(graph: nx.DiGraph, start: int, marks: list[int]) -> None:
    from filiation.catalogue import ActionNode, EntityNode
    from filiation.lineage.collapsing import _colours

    found = walked(graph, start)
    numbers = {at: int(at.rpartition("#")[2]) for at in sorted(found.iris)}
    nodes = tuple(
        ActionNode(at, CRATE, "job", rule=str(marks[n])) if n % 2 else EntityNode(at, CRATE, "thing")
        for at, n in numbers.items()
    )
    lineage = Lineage("x", ANCESTORS, (iri(start),), nodes, tuple(sorted(found.edges)))

    def around(at: str, colours: dict[str, int]) -> object:
        after = frozenset((">", colours[edge.dst]) for edge in found.edges if edge.src == at)
        return after | frozenset(("<", colours[edge.src]) for edge in found.edges if edge.dst == at)

    # By the definition: split everything by everything until nothing splits.
    plain = {node.iri: hash((type(node), getattr(node, "rule", None), node.iri == iri(start))) for node in nodes}
    for _ in nodes:
        plain = {at: hash((colour, around(at, plain))) for at, colour in plain.items()}
    fast = _colours(lineage)
    alike = {(a, b) for a in plain for b in plain if plain[a] == plain[b]}
    assert alike == {(a, b) for a in fast for b in fast if fast[a] == fast[b]}
