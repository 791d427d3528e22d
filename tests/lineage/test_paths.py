"""From one thing to another, with evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.digest import digest_file
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id

RAW = "skimage:immunohistochemistry"
TABLE = "results/ihc/nuclei.parquet"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    return Ledger()


@pytest.mark.slow
def test_the_shortest_way_is_told_with_its_evidence_whichever_is_named_first(ledger: Ledger) -> None:
    found = ledger.path(RAW, TABLE)
    assert ledger.path(TABLE, RAW) == found
    assert (found.origin, found.result, found.count, found.jobs) == (RAW, TABLE, 1, 2)
    (way,) = found.ways
    assert [edge.role for edge in way] == ["used", "generated", "used", "generated"]
    assert [way[0].src, way[-1].dst] == [RAW, f"arcp://uuid,{run_id(1)}/work/{TABLE}"]
    (evidence,) = found.evidence
    metadata = ledger.folder / "crates" / str(evidence.folder) / "ro-crate-metadata.json"
    assert evidence.metadata == str(digest_file(metadata))
    text = found.text()
    assert text.startswith(f"{TABLE} descends from {RAW} over 2 jobs.\n")
    assert "    went into, as run 00000001 tells\n  measure, job 3, finished\n" in text
    assert text.endswith(f"    run 00000001: crates/{run_id(1)}, metadata {evidence.metadata}\n")
    assert json.loads(json.dumps(found.to_json()))["jobs"] == 2
    assert found.lineage.tree().startswith(TABLE)


@pytest.mark.slow
def test_all_shortest_ways_are_counted_and_some_told(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    for number in range(4):
        run.job("left", ("a.txt",), {f"left{number}.txt": f"{number}"})
    run.job("middle", tuple(f"left{number}.txt" for number in range(4)), {"middle.txt": "x"})
    for number in range(4):
        run.job("right", ("middle.txt",), {f"right{number}.txt": f"r{number}"})
    run.job("last", tuple(f"right{number}.txt" for number in range(4)), {"z.txt": "z"})
    (folder / "a.txt").write_text("a")
    run.thing("a.txt")
    run.write(ledger.folder / "crates")
    found = ledger.path("a.txt", "z.txt")
    assert (found.count, len(found.ways), len(set(found.ways)), found.jobs) == (16, 10, 10, 4)
    assert "6 more ways are as short.\n" in found.text()


@pytest.mark.slow
def test_a_way_leads_through_several_runs(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("report", (TABLE,), {"report.html": "<p>"})
    run.write(ledger.folder / "crates")
    found = ledger.path("report.html", RAW)
    assert [each.crate[12:20] for each in found.evidence] == ["00000001", "00000002"]
    assert "is the content of, as run 00000002 tells" in found.text()


@pytest.mark.slow
def test_what_has_nothing_to_do_with_each_other_is_said_to(ledger: Ledger, folder: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        ledger.path(TABLE, "results/ihc/overlay.png")
    assert str(caught.value) == (
        f"Neither of {TABLE} and results/ihc/overlay.png descends from the other. Both descend from "
        "results/ihc/nuclei.ome.zarr."
    )
    run = CrateBuilder(folder, 2)
    run.job("report", (), {"report.html": "<p>"})
    run.write(ledger.folder / "crates")
    with pytest.raises(NotFoundError, match="As far as is known, nothing is an ancestor of both"):
        ledger.path(TABLE, "report.html")
    with pytest.raises(BadInputError, match="are the same thing"):
        ledger.path(TABLE, f"./{TABLE}")


@pytest.mark.slow
def test_which_ways_are_asked_for_and_what_of_them_is_shown(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("report", (TABLE,), {"report.html": "<p>"})
    run.job("long", ("report.html",), {"long.html": "<p><p>"})
    run.job("summary", (TABLE, "long.html"), {"summary.html": "<h1>"})
    run.write(ledger.folder / "crates")
    assert ledger.path(RAW, "report.html", depth=3).jobs == 3
    for asked in ({"depth": 2}, {"until": ("rule=measure",)}, {"from_run": run_id(1)}):
        with pytest.raises(NotFoundError, match=r"as far as was asked|neither used nor made"):
            ledger.path(RAW, "report.html", **asked)  # type: ignore[arg-type]
    assert ledger.path(RAW, "report.html", from_run=run_id(2)).jobs == 3
    shown = ledger.path(RAW, "report.html", only=("rule=measure",))
    assert (shown.jobs, [edge.role for edge in shown.ways[0]]) == (3, ["through", "through"])
    assert [each.crate[12:20] for each in shown.evidence] == ["00000001", "00000002"], "of what is left out too"
    assert "    led on, over what is left out, as run 00000001 tells\n  measure, job 3, finished\n" in shown.text()
    with pytest.raises(NotFoundError, match=f"^Nothing between {RAW} and summary.html is marked as published.$"):
        ledger.path(RAW, "summary.html", published=True)
    ledger.annotate("long.html", "doi=10.5281/zenodo.7")
    assert ledger.path(RAW, "summary.html").jobs == 3
    found = ledger.path(RAW, "summary.html", published=True)
    assert found.jobs == 5
    assert "published as https://doi.org/10.5281/zenodo.7: long.html (run 00000002)\n" in found.text()
