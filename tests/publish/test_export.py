"""Results leave as one crate that tells all that the runs' crates tell of them, and nothing that is to stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from filiation.digest import digest_tree
from filiation.errors import BadInputError, ChangedError
from filiation.lineage import Ledger
from filiation.publish.export import ExportSettings, export, plan_export
from tests.lineage.crates import CrateBuilder, nuclei_run

LABELS = "results/ihc/nuclei.ome.zarr"
TABLE = "results/ihc/nuclei.parquet"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    built = nuclei_run(tmp_path)
    Ledger(tmp_path).ingest(built.write(tmp_path / "crate"))
    return built


def metadata(folder: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((folder / "ro-crate-metadata.json").read_text())
    return {node["@id"]: node for node in document["@graph"]}


def test_an_export_holds_the_jobs_that_led_to_a_result_and_no_others(run: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    assert (report.jobs, report.runs[0].left_out) == (2, {"jobs": 2, "things": 2})
    nodes = metadata(tmp_path / "out")
    jobs = [node["name"] for node in nodes.values() if "jobNumber" in node]
    assert sorted(jobs) == ["fetch", "segment"]
    assert f"arcp://uuid,{run.id}/#job-2-attempt-1" in nodes
    assert nodes["./"]["mainEntity"] == {"@id": f"crates/{run.id}/work/Snakefile"}
    assert nodes["./"]["chosen"] == {"@id": f"crates/{run.id}/work/{LABELS}/"}
    assert f"#{run.id}/work/results/ihc/image.ome.zarr/" in nodes


def test_the_chosen_bytes_come_along_and_the_others_by_their_digest(run: CrateBuilder, tmp_path: Path) -> None:
    report = export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    (carried,) = report.carried
    assert carried.path == LABELS
    assert carried.carried is not None
    assert digest_tree(tmp_path / "out" / carried.carried).digest == digest_tree(tmp_path / LABELS).digest
    image = metadata(tmp_path / "out")[f"#{run.id}/work/results/ihc/image.ome.zarr/"]
    assert image["treeDigest"] == digest_tree(tmp_path / "results/ihc/image.ome.zarr").digest.hex
    assert {thing.why for thing in report.things if not thing.carried} == {"not asked for"}


def test_what_would_go_is_told_before_and_too_much_is_refused(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    told = plan_export(ledger, [LABELS], tmp_path / "out", ExportSettings(data="all"))
    assert told.dry
    assert not (tmp_path / "out").exists()
    assert told.size == sum(digest_tree(tmp_path / f"results/ihc/{name}.ome.zarr").size for name in ("image", "nuclei"))
    with pytest.raises(BadInputError, match=f"{told.size} bytes of data would come along, and at most 3 may"):
        export(ledger, [LABELS], tmp_path / "out", ExportSettings(data="all", max_size=3))
    assert not list(tmp_path.glob(".out*"))


def test_changed_bytes_are_not_published(run: CrateBuilder, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    digest = str(digest_tree(tmp_path / LABELS).digest)
    (tmp_path / LABELS / "0/c/0/1").write_text("something else")
    with pytest.raises(ChangedError, match="is not what was recorded"):
        export(ledger, [digest], tmp_path / "out", ExportSettings())
    assert not (tmp_path / "out").exists()


def test_licences_that_contradict_each_other_are_refused_unless_somebody_says_why(
    run: CrateBuilder, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path)
    ledger.annotate("skimage:immunohistochemistry", "licence=CC BY-NC 4.0")
    settings = ExportSettings(licence="CC-BY-4.0")
    with pytest.raises(BadInputError, match=r"CC-BY-NC-4.0 allows no commercial use; CC-BY-4.0 would allow it"):
        export(ledger, [LABELS], tmp_path / "out", settings)
    allowed = ExportSettings(licence="CC-BY-4.0", allow_licence_conflict="The owner agreed on 1 March.")
    export(ledger, [LABELS], tmp_path / "out", allowed)
    assert metadata(tmp_path / "out")["./"]["licenceConflictAllowed"] == "The owner agreed on 1 March."
    assert plan_export(ledger, [LABELS], tmp_path, ExportSettings(licence="CC-BY-NC-4.0")).licences[0].kind == "unknown"
