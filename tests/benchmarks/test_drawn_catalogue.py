"""The drawn catalogue of the benchmarks: whole, kept, and its index made again for another version of the product."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from filiation.catalogue import Joining, LineageIndex
from filiation.lineage import Ledger
from filiation.lineage.walk import ancestors

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_drawn_catalogue_is_kept_and_its_index_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from drawn_catalogue import prepare
    from institute import Institute, derived, statements

    institute = Institute(900)
    folder, made = prepare(institute, tmp_path)
    assert len(made) == 2
    assert prepare(institute, tmp_path) == (folder, [])
    ledger = Ledger(tmp_path)
    assert len(ledger.runs()) == institute.size
    assert not ledger.problems
    label = institute.last_label()
    lineage = ledger.trace(label)
    assert {run.iri for run in ledger.runs()} >= {edge.crate for edge in lineage.edges}
    stated = sum(sum(1 for _ in statements(derived(run))) for run in institute.runs())
    (row,) = ledger.sparql("SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } }").as_text()
    assert row == (str(stated),)
    with sqlite3.connect(folder.index) as connection:
        connection.execute("PRAGMA user_version = 1")
    _, made = prepare(institute, tmp_path)
    assert len(made) == 1  # the store stays
    with LineageIndex(folder.index, arrays=folder.arrays) as index:
        assert sorted(ancestors(index, Joining(index), [label]).edges) == list(lineage.edges)
