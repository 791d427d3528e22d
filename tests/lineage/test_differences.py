"""Two runs, or two things, compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from filiation.lineage.differences import Change, Replaced
from tests.lineage.crates import CrateBuilder, nuclei_run, run_id, write

LABELS = "results/ihc/nuclei.ome.zarr"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.chdir(folder)
    nuclei_run(folder, 1, 1.0).write(catalogue.folder.crates)
    nuclei_run(folder, 2, 1.0).write(catalogue.folder.crates)
    return Ledger()


def source(crate: Path, path: str, text: str) -> None:
    """Let a crate carry a source file."""
    from hashlib import sha256

    write(crate / "work" / path, text)
    metadata = crate / "ro-crate-metadata.json"
    document = json.loads(metadata.read_text())
    entity = {
        "@id": f"work/{path}",
        "@type": ["File", "SoftwareSourceCode"],
        "sha256": sha256(text.encode()).hexdigest(),
    }
    document["@graph"].append(entity)
    metadata.write_text(json.dumps(document))


@pytest.mark.slow
def test_two_runs_that_did_the_same_are_said_to_be_the_same(ledger: Ledger) -> None:
    found = ledger.diff("00000001", "00000002")
    assert found.is_same
    assert found.alike == (0, 4)  # nobody digested the image that was fetched
    assert "The same: steps, parameters, code, software, inputs and outputs." in found.text()
    assert found.to_json()["same"] is True


@pytest.mark.slow
def test_parameters_and_what_came_of_them_are_told(ledger: Ledger, folder: Path) -> None:
    nuclei_run(folder, 3, 2.0).write(ledger.folder / "crates")
    found = ledger.diff("00000001", "00000003")
    assert found.parameters == (Change("segment: sigma", "1.0", "2.0", ("segment",)),)
    assert [(change.what, change.kind) for change in found.outputs] == [
        (f"results/ihc/{name}", "changed") for name in ("nuclei.ome.zarr", "nuclei.parquet", "overlay.png")
    ]
    assert found.alike[1] == 1
    assert "  segment: sigma: 1.0 → 2.0   in segment\n" in found.text()
    assert json.loads(json.dumps(found.to_json()))["parameters"][0]["before"] == "1.0"


@pytest.mark.slow
def test_the_changed_lines_of_the_code_are_told_where_crates_carry_them(ledger: Ledger) -> None:
    crates = ledger.folder / "crates"
    for number, line in ((1, "sigma = 1"), (2, "sigma = 2")):
        source(crates / run_id(number), "scripts/segment.py", f"import x\n\n{line}\nrun()\n")
    source(crates / run_id(2), "scripts/new.py", "print()\n")
    found = ledger.diff("00000001", "00000002")
    assert [(change.path, change.kind) for change in found.code] == [
        ("scripts/new.py", "added"),
        ("scripts/segment.py", "changed"),
    ]
    changed = next(change for change in found.code if change.path == "scripts/segment.py")
    assert changed.lines == ("@@ -1,4 +1,4 @@", " import x", " ", "-sigma = 1", "+sigma = 2", " run()")
    assert "\n      -sigma = 1\n      +sigma = 2\n" in found.text()
    (crates / run_id(1) / "work/scripts/segment.py").unlink()
    assert "    the crates do not carry the texts of both" in ledger.diff("00000001", "00000002").text()


@pytest.mark.slow
def test_steps_that_are_added_removed_or_replaced_are_told(catalogue: Catalogue, folder: Path) -> None:
    for number, rule in ((1, "otsu"), (2, "cellpose")):
        run = CrateBuilder(folder, number)
        run.job("fetch", ("skimage:ihc",), {"raw.tif": "raw"})
        run.job(rule, ("raw.tif",), {"labels.tif": f"labels {rule}"})
        run.job("measure", ("labels.tif",), {"table.csv": f"table {rule}"})
        if number == 2:
            run.job("report", ("table.csv",), {"report.html": "<p>"})
        run.write(catalogue.folder.crates)
    found = Ledger(folder).diff("00000001", "00000002")
    assert found.replaced == (Replaced("otsu", "cellpose"),)
    assert [(change.what, change.kind) for change in found.steps] == [
        ("cellpose", "added"), ("otsu", "removed"), ("report", "added"),
    ]  # fmt: skip
    assert found.text().split("Steps\n")[1].startswith("  otsu → cellpose   replaced\n  report: 1 job, added\n")


@pytest.mark.slow
def test_what_one_run_found_up_to_date_is_no_difference(catalogue: Catalogue, folder: Path) -> None:
    first = CrateBuilder(folder, 1)
    first.job("fetch", ("skimage:ihc",), {"download.zip": "zip"})
    first.job("unpack", ("download.zip",), {"raw.tif": "raw"})
    first.job("segment", ("raw.tif",), {"labels.tif": "labels"}, parameters={"sigma": 1})
    first.write(catalogue.folder.crates)
    second = CrateBuilder(folder, 2)
    second.job("segment", ("raw.tif",), {"labels.tif": "labels 2"}, parameters={"sigma": 2})
    second.write(catalogue.folder.crates)
    found = Ledger(folder).diff("00000001", "00000002")
    assert [(change.what, change.before, change.after) for change in found.steps] == [
        ("fetch", "1 job", "found up to date"), ("unpack", "1 job", "found up to date"),
    ]  # fmt: skip
    assert (found.inputs, found.alike) == ((), (1, 0))
    assert [change.what for change in found.outputs] == ["labels.tif"]
    assert [change.what for change in found.parameters] == ["segment: sigma"]


@pytest.mark.slow
def test_the_lineages_of_two_things_are_compared_whatever_their_names(ledger: Ledger, folder: Path) -> None:
    first = str(ledger.resolve(LABELS).digest)
    run = CrateBuilder(folder, 4)
    run.job("segment", ("results/ihc/image.ome.zarr",), {"other.ome.zarr": {"0": "x"}}, parameters={"method": "li"})
    run.write(ledger.folder / "crates")
    found = ledger.diff(first, "other.ome.zarr")
    assert [(change.what, change.before, change.after) for change in found.parameters] == [
        ("segment: method", '"otsu"', '"li"'), ("segment: sigma", "1.0", None),
    ]  # fmt: skip
    assert [change.what for change in found.outputs] == [f"{LABELS} | other.ome.zarr"]
    assert (found.steps, found.inputs) == ((), ())
    with pytest.raises(BadInputError, match="are a run and a thing: compare two runs, or two things"):
        ledger.diff("00000001", LABELS)
    with pytest.raises(NotFoundError):
        ledger.diff("00000001", "ffffff")


@pytest.mark.slow
def test_software_and_a_run_that_failed_are_told(catalogue: Catalogue, folder: Path) -> None:
    for number, version in ((1, "0.25.0"), (2, "0.26.0")):
        run = CrateBuilder(folder, number, status="finished" if number == 1 else "failed")
        run.job("segment", ("skimage:ihc",), {}, status=run.status, error=None if number == 1 else "no memory")
        run.graph["#package-scikit-image"]["version"] = version
        run.write(catalogue.folder.crates)
    found = Ledger(folder).diff("00000001", "00000002")
    assert found.software == (Change("scikit-image", "0.25.0", "0.26.0", ("segment",)),)
    assert ("status", "finished", "failed") in [(change.what, change.before, change.after) for change in found.facts]
