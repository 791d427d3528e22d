"""Which published things rest on something."""

from __future__ import annotations

from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id

RAW = "skimage:immunohistochemistry"
DOI = "https://doi.org/10.5281/zenodo.7"


@pytest.mark.slow
def test_impact_tells_which_publications_rest_on_a_raw_image(
    catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nuclei_run(folder).write(catalogue.folder.crates)
    later = CrateBuilder(folder, 2)
    later.job("plot", ("results/ihc/nuclei.parquet",), {"results/plot.svg": "<svg>"})
    crate = later.write(catalogue.folder.crates)
    metadata = crate / "ro-crate-metadata.json"
    told = metadata.read_text().replace('"name": "Run 2"', '"name": "Run 2", "identifier": "doi:10.5281/ZENODO.7"')
    metadata.write_text(told)
    monkeypatch.chdir(folder)
    ledger = Ledger()
    ledger.annotate("results/ihc/overlay.png", "published=Figure 2 of our paper")
    ledger.annotate("results/ihc/image.ome.zarr", "published=false")
    found = ledger.impact(RAW, published=True)
    assert [(each.name, [run[12:20] for run in each.crates]) for each in found.publications] == [
        ("Figure 2 of our paper", []), (DOI, ["00000002"]),
    ]  # fmt: skip
    names = {action.name for action in found.actions}
    assert names == {"fetch", "segment", "measure", "overlay", "plot"}
    ledger.annotate("results/ihc/overlay.png", "published=")
    found = ledger.impact(RAW, published=True)
    assert "overlay" not in {action.name for action in found.actions}
    assert found.tree().splitlines()[-1] == f"published as {DOI}: results/plot.svg (run 00000002)"
    assert found.to_json()["publications"] == [
        {"name": DOI, "things": list(found.publications[0].things), "crates": [f"arcp://uuid,{run_id(2)}/"]}
    ]
    assert ledger.show("00000002").summary.doi == DOI
    back = ledger.trace("results/plot.svg", published=True)
    assert {action.name for action in back.actions} == {"plot"}
    none = ledger.trace("results/ihc/nuclei.parquet", published=True)
    assert (len(none.nodes), none.publications) == (1, ())
    assert none.note == "Neither it nor anything that it descends from is marked as published."
