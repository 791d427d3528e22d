"""Finding actions and things over all runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, nuclei_run


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path) -> Ledger:
    for number, sigma in enumerate((1.0, 2.0, 3.0), start=1):
        nuclei_run(folder, number, sigma).write(catalogue.folder.crates)
    run = CrateBuilder(folder, 4, status="failed")
    run.job("segment", (), {}, status="failed", error="no memory", parameters={"sigma": 9})
    run.write(catalogue.folder.crates)
    return Ledger(folder)


@pytest.mark.slow
def test_conditions_are_combined_over_all_runs_the_newest_first(ledger: Ledger) -> None:
    found = ledger.find("action", "rule=segment", "parameter.sigma>=2")
    assert [row[-2:] for row in found.rows] == [("00000004", "9"), ("00000003", "3.0"), ("00000002", "2.0")]
    assert found.columns == ("action", "status", "started", "took", "by", "run", "parameter.sigma")
    assert found.conditions == ("rule=segment", "parameter.sigma>=2")
    failed = ledger.find("action", "status=failed", "error~MEMORY", "agent=0000-0002-1825-0097")
    assert [action.crate[12:20] for action in failed.nodes] == ["00000004"]
    assert not ledger.find("action", "rule=segment", "after=2026-03-02").nodes


@pytest.mark.slow
def test_things_are_found_by_what_they_are(ledger: Ledger) -> None:
    labels = ledger.find("entity", "kind=label image", "made=yes")
    assert [row[0] for row in labels.rows] == ["results/ihc/nuclei.ome.zarr"] * 3
    digest = str(labels.nodes[-1].digest)  # type: ignore[union-attr]
    again = ledger.find("entity", f"digest={digest[:14]}")
    assert {node.crate[12:20] for node in again.nodes} == {"00000001"}
    assert ledger.find("entity", "path~parquet", "run=00000002").names == (
        "arcp://uuid,00000002-0000-4000-8000-000000000002/work/results/ihc/nuclei.parquet",
    )


@pytest.mark.slow
def test_a_limit_is_told(ledger: Ledger) -> None:
    found = ledger.find("action", limit=2)
    assert (len(found.nodes), found.truncated) == (2, True)
    assert not ledger.find("action", "run=00000004", limit=1).truncated
    assert json.loads(json.dumps(found.to_json()))["truncated"] is True


@pytest.mark.slow
def test_what_cannot_be_asked_of_a_kind_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BadInputError) as caught:
        ledger.find("entity", "rule=segment")
    assert str(caught.value) == "'rule=segment' can be asked of an action, not of an entity."
    with pytest.raises(BadInputError, match="'run' cannot be found: ask for action or entity"):
        ledger.find("run")
