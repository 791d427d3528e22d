"""What lies around a thing: steps each way, what was expanded, equal jobs as one, and never more than can be drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.catalogue import ActionNode, Catalogue, Node
from filiation.lineage import Ledger
from filiation.lineage.neighbourhood import Neighbourhood, Steps, look_around, order_of_flow
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id
from tests.lineage.test_extent import plate

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    return Ledger()


def name(node: Node) -> str:
    return node.name if isinstance(node, ActionNode) else Path(node.path).name


def drawn(found: Neighbourhood) -> list[str]:
    return sorted(map(name, found.drawn.nodes))


def beyond(found: Neighbourhood, hidden: tuple[tuple[str, int], ...]) -> dict[str, int]:
    return {name(found.drawn.by_iri[iri]): count for iri, count in hidden}


def test_one_step_each_way_is_a_job_and_its_things_on_both_sides(ledger: Ledger) -> None:
    found = ledger.around(LABELS)
    assert drawn(found) == [
        *("image.ome.zarr", "measure", "nuclei.ome.zarr", "nuclei.parquet", "overlay", "overlay.png", "segment"),
    ]
    assert found.left_out == 0
    assert beyond(found, found.before) == {"image.ome.zarr": 1}
    assert found.after == ()
    edges = {(name(found.drawn.by_iri[edge.src]), name(found.drawn.by_iri[edge.dst])) for edge in found.drawn.edges}
    assert ("image.ome.zarr", "overlay") in edges, "although no way to or from what was asked about leads over it"
    assert name(found.drawn.nodes[0]) == "nuclei.ome.zarr", "what was asked about comes first"


@pytest.mark.slow
def test_no_steps_at_all_tell_how_much_there_is_next_to_it(ledger: Ledger) -> None:
    found = ledger.around(LABELS, back=0, on=0)
    assert drawn(found) == ["nuclei.ome.zarr"]
    assert beyond(found, found.before) == {"nuclei.ome.zarr": 1}
    assert beyond(found, found.after) == {"nuclei.ome.zarr": 2}


def test_what_is_expanded_brings_a_step_each_way_besides(ledger: Ledger) -> None:
    alone = ledger.around(LABELS, back=1, on=0)
    (image,) = [node.iri for node in alone.drawn.nodes if name(node) == "image.ome.zarr"]
    found = ledger.around(LABELS, back=1, on=0, expanded=[image, "arcp://uuid,nothing/of/that/name"])
    assert set(drawn(found)) - set(drawn(alone)) >= {"fetch", "skimage:immunohistochemistry"}
    (job,) = [node.iri for node in alone.drawn.nodes if name(node) == "segment"]
    assert "nuclei.ome.zarr" in drawn(ledger.around(image, back=0, on=0, expanded=[job]))


@pytest.mark.slow
def test_equal_jobs_are_one_node_unless_each_is_asked_for(catalogue: Catalogue, folder: Path) -> None:
    plate(folder, wells=20).write(catalogue.folder.crates)
    ledger = Ledger(folder)
    found = ledger.around("all.parquet")
    (job,) = found.drawn.actions
    assert found.drawn.counted.get(job.iri, 1) in (1, 20)
    assert len(ledger.around("all.parquet", back=9).drawn.nodes) < 12
    each = ledger.around("all.parquet", back=9, each=True)
    assert len(each.drawn.nodes) > 60
    assert each.drawn.alike == ()
    collapsed = ledger.around("all.parquet", back=9)
    assert sum(collapsed.drawn.counted.get(node.iri, 1) for node in collapsed.drawn.nodes) == len(each.drawn.nodes)


@pytest.mark.slow
def test_no_more_is_drawn_than_was_asked_for_and_the_rest_is_counted(catalogue: Catalogue, folder: Path) -> None:
    plate(folder, wells=20).write(catalogue.folder.crates)
    ledger = Ledger(folder)
    with ledger._tracing() as (index, tracer):
        steps = Steps(back=9, on=0, each=True)
        found = look_around(index, tracer, "all.parquet", steps, most=10)
    assert len(found.drawn.nodes) == 10
    assert found.left_out == len(found.whole.nodes) - 10
    kept = {node.iri for node in found.drawn.nodes}
    assert all(edge.src in kept and edge.dst in kept for edge in found.drawn.edges)
    lost = {edge.src for edge in found.whole.edges if edge.dst in kept} - kept
    assert sum(count for _, count in found.before) >= len(lost) > 0


def test_only_so_much_is_read_and_what_was_not_is_counted(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plate(folder, wells=20).write(catalogue.folder.crates)
    ledger = Ledger(folder)
    everything = len(ledger.around("all.parquet", back=9, each=True).whole.nodes)
    monkeypatch.setattr("filiation.lineage.neighbourhood.MOST_READ", 15)
    found = ledger.around("all.parquet", back=9, on=0, each=True)
    assert len(found.whole.nodes) == 15
    assert found.left_out == everything - 15
    fewer = ledger.around("all.parquet", back=9, on=0, each=True, read=7)
    assert (len(fewer.whole.nodes), fewer.left_out) == (7, everything - 7)


@pytest.mark.slow
def test_a_circle_in_a_foreign_crate_ends(catalogue: Catalogue, folder: Path) -> None:
    run = CrateBuilder(folder, 5)
    run.job("one", (), {"a.txt": "a"})
    run.job("two", ("a.txt",), {"b.txt": "b"})
    run.graph[run.jobs[0]]["object"] = [{"@id": "#work/b.txt"}, *run.graph[run.jobs[1]]["result"]]  # type: ignore[misc]
    run.write(catalogue.folder.crates)
    found = Ledger(folder).around(f"arcp://uuid,{run_id(5)}/work/a.txt", back=50, on=50)
    assert {"a.txt", "b.txt", "one", "two"} <= set(drawn(found))


def test_a_list_reads_from_source_to_result() -> None:
    edges = [("a", "b", "used"), ("b", "d", "used"), ("a", "d", "used"), ("x", "y", "used"), ("y", "x", "used")]
    level = order_of_flow(["d", "b", "a", "x", "y"], edges)
    assert (level["a"], level["b"], level["d"]) == (0, 1, 2)
    assert set(level) == {"a", "b", "d", "x", "y"}
