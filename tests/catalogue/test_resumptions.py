"""A run that went on from an unfinished one is said to in the graph, whatever the order in which crates come in."""

from __future__ import annotations

import shutil
from itertools import permutations
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder

INFORMED = "SELECT ?by ?before WHERE { ?by <http://www.w3.org/ns/prov#wasInformedBy> ?before }"


@pytest.fixture
def runs(folder: Path) -> tuple[CrateBuilder, ...]:
    """Give a run whose second job fails, one that tries again in vain, and one that ends well."""
    first, second, third = (CrateBuilder(folder, number) for number in (1, 2, 3))
    first.job("make", (), {"a.txt": "a"})
    for run, status in ((first, "failed"), (second, "failed"), (third, "finished")):
        run.job("use", ("a.txt",), {"b.txt": "b" if run is third else None}, status=status)
        run.status = status
    return first, second, third


def informed(catalogue: Catalogue) -> set[tuple[str, ...]]:
    return set(Ledger(catalogue.folder.root).sparql(INFORMED).as_text())


def pair(by: CrateBuilder, before: CrateBuilder) -> tuple[str, str]:
    return f"{by.iri}#run", f"{before.iri}#run"


@pytest.mark.slow
def test_the_graph_says_it_in_whatever_order_runs_come_in(
    catalogue: Catalogue, runs: tuple[CrateBuilder, ...], tmp_path: Path
) -> None:
    first, second, third = runs
    crates = [run.write(tmp_path / "made") for run in runs]
    for order in permutations(crates):
        for crate in order:
            catalogue.ingest(crate)
        assert informed(catalogue) == {pair(second, first), pair(third, second)}
        told = sorted(catalogue.quads(), key=str)
        catalogue.rebuild()
        assert sorted(catalogue.quads(), key=str) == told
        shutil.rmtree(catalogue.folder.crates)
        catalogue.catch_up()
        assert informed(catalogue) == set()


@pytest.mark.slow
def test_it_is_said_anew_when_a_run_between_is_taken_away(catalogue: Catalogue, runs: tuple[CrateBuilder, ...]) -> None:
    first, _, third = runs
    for run in runs:
        run.write(catalogue.folder.crates)
    catalogue.catch_up()
    shutil.rmtree(catalogue.folder.crates / runs[1].id)
    assert informed(catalogue) == {pair(third, first)}


@pytest.mark.slow
def test_a_trace_tells_it_of_the_runs_in_it(catalogue: Catalogue, runs: tuple[CrateBuilder, ...], folder: Path) -> None:
    for run in runs:
        run.write(catalogue.folder.crates)
    first, second, third = (run.id for run in runs)
    lineage = Ledger(catalogue.folder.root).trace(str(folder / "b.txt"))
    assert [(found.by, found.run, found.status, found.again) for found in lineage.resumptions] == [
        (third, second, "failed", ("use",))
    ]
    assert lineage.tree().endswith(f"Run {third[:8]} went on from run {second[:8]}, which failed: did again use\n")
    assert lineage.to_json()["resumptions"] == [found.to_json() for found in lineage.resumptions]
    detail = Ledger(catalogue.folder.root).show(second)
    assert detail.resumes is not None
    assert (detail.resumes.run, detail.resumes.used, detail.resumed_in) == (first, ("a.txt",), third)
