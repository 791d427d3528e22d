"""What people noted is a graph of its own, made of the records, and tells what held when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.catalogue.annotation_graph import OA, annotations_graph
from filiation.catalogue.crate_graph import graph_on_disk
from filiation.catalogue.vocabulary import PROV, F
from filiation.lineage import Ledger
from tests.lineage.crates import nuclei_run
from tests.sparql_servers import OxigraphServer

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.mark.slow
def test_what_was_noted_can_be_asked_for_and_what_was_replaced_stays_in_the_past(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = nuclei_run(folder)
    run.write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    ledger = Ledger()
    (first,) = ledger.annotate(LABELS, "quality=good", why="a look")
    then = datetime.now(UTC)
    (second,) = ledger.annotate(LABELS, "quality=poor")
    ledger.annotate(LABELS, "score=7")
    (taken_back,) = ledger.annotate(LABELS, "score=")
    thing = run.iri_of(LABELS)
    told = [(str(row[0]), str(row[1]), str(row[2]), row[5]) for row in ledger.ask("annotations").rows]
    assert told == [(thing, "quality", "poor", None)]
    past = Ledger(as_of=then).ask("annotations", given={"key": "quality"}).rows
    assert [(str(row[2]), str(row[5])) for row in past] == [("good", "a look")]
    name = annotations_graph(catalogue.folder)
    assert name is not None
    told_on_disk = {(s.removeprefix("urn:uuid:"), p, str(o)) for s, p, o in graph_on_disk(catalogue.folder, name) or ()}
    assert (second.id, f"{PROV}wasRevisionOf", f"urn:uuid:{first.id}") in told_on_disk
    kinds = {s: o for s, p, o in told_on_disk if p.endswith("#type") and "#" not in s}
    assert [kinds[each.id] for each in (first, second, taken_back)] == [
        f"{F}FormerAnnotation", f"{OA}Annotation", f"{F}TakingBack",
    ]  # fmt: skip
    assert first.id in {s for s, p, _ in told_on_disk if p == f"{PROV}invalidatedAtTime"}
    before = sorted(map(str, catalogue.quads()))
    catalogue.rebuild()
    assert sorted(map(str, catalogue.quads())) == before
    asked = f"SELECT ?v {{ GRAPH <{name}> {{ ?a a <{OA}Annotation> ; <{OA}hasTarget> ?v }} }}"
    assert [str(row[0]) for row in ledger.sparql(asked).rows] == [thing]


@pytest.mark.slow
def test_a_sparql_server_is_sent_what_was_noted_and_what_a_crate_is_a_revision_of(
    catalogue: Catalogue, folder: Path, tmp_path: Path, oxigraph_server: OxigraphServer
) -> None:
    (catalogue.folder.root / "filiation.toml").write_text(oxigraph_server.settings())
    run = nuclei_run(folder)
    ledger = Ledger(folder)
    ledger.ingest(run.write(tmp_path / "elsewhere"))
    ledger.annotate(run.iri_of(LABELS), "quality=good")
    then = datetime.now(UTC)
    run.job("report", ("results/ihc/nuclei.parquet",), {"results/report.html": "<p>"})
    ledger.ingest(run.write(tmp_path / "elsewhere"))
    ledger.annotate(run.iri_of(LABELS), "quality=poor")
    assert [str(row[2]) for row in ledger.ask("annotations").rows] == ["poor"]
    assert [str(row[2]) for row in Ledger(folder, as_of=then).ask("annotations").rows] == ["good"]
    asked = f"SELECT ?v {{ <{run.iri}> <{PROV}wasRevisionOf> ?v }}"
    assert [row[0] for row in ledger.sparql(asked).rows] == [ledger.former()[0].iri]
    ledger.rebuild()
    assert [str(row[2]) for row in ledger.ask("annotations").rows] == ["poor"]
