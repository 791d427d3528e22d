"""A published crate comes in whole and verified, or not at all; whoever made it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bagit
import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.crate.seals import Signer, seal_crate, verify_crate
from filiation.errors import BadInputError, ChangedError, InvalidCrateError, NotFoundError, UnknownSignerError
from filiation.lineage import Ledger
from filiation.publish.evidence import write_evidence
from filiation.publish.export import ExportSettings, export
from filiation.publish.importing import import_crate
from tests.lineage.crates import CrateBuilder, nuclei_run
from tests.publish.test_export import LABELS, digest_of, without_places

CWLTOOL = Path(__file__).parents[1] / "incoming" / "recorded" / "cwltool" / "crate"
TABLE = "d0b23e8cc3d127861e9a72cb2ef0e47254ae8e75"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CrateBuilder:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    built = nuclei_run(tmp_path)
    Ledger(tmp_path).ingest(built.write(tmp_path / "crates"))
    return built


@pytest.fixture
def exported(lab: CrateBuilder, tmp_path: Path) -> Path:
    export(Ledger(tmp_path), [LABELS], tmp_path / "out", ExportSettings())
    return tmp_path / "out"


@pytest.fixture
def here(tmp_path: Path) -> Catalogue:
    return Catalogue(CatalogueFolder.create(tmp_path / "here" / ".filiation"))


def crates_in(catalogue: Catalogue) -> list[str]:
    return sorted(path.name for path in catalogue.folder.list_crates())


def test_one_wrong_byte_of_the_data_refuses_all(exported: Path, here: Catalogue) -> None:
    (chunk,) = exported.glob("crates/*/work/results/ihc/nuclei.ome.zarr/0/c/0/1")
    chunk.write_text("mor3")
    with pytest.raises(
        ChangedError, match=r"work/results/ihc/nuclei.ome.zarr differ from what its own metadata records"
    ):
        import_crate(here, exported)
    assert crates_in(here) == []


def test_a_crate_that_says_in_its_runs_what_it_does_not_show_is_refused(
    lab: CrateBuilder, exported: Path, here: Catalogue
) -> None:
    place = exported / "crates" / lab.id / "ro-crate-metadata.json"
    document = json.loads(place.read_text())
    (sigma,) = (node for node in document["@graph"] if node.get("name") == "sigma" and "usedValue" in node)
    sigma["usedValue"] = "99"
    place.write_text(json.dumps(document))
    with pytest.raises(InvalidCrateError, match="what the metadata of the whole does not say"):
        import_crate(here, exported)
    assert crates_in(here) == []


def test_a_run_under_anothers_name_is_refused(lab: CrateBuilder, exported: Path, here: Catalogue) -> None:
    (exported / "crates" / lab.id).rename(exported / "crates" / "0000000f-0000-4000-8000-00000000000f")
    with pytest.raises(InvalidCrateError, match=f"holds the crate of run {lab.id}; it should be called so"):
        import_crate(here, exported)


def test_seals_decide_before_anything_comes_in(exported: Path, here: Catalogue) -> None:
    with pytest.raises(UnknownSignerError, match=r"is not taken in: .* has no seal"):
        import_crate(here, exported, required=("ada@example.org",))
    seal_crate(exported, Signer("Ada", None, None), meaning="published")
    (exported / "README.md").write_text("Something else")
    with pytest.raises(ChangedError, match="1 file of the crate changed after seal 1 was made"):
        import_crate(here, exported)
    assert crates_in(here) == []


def test_data_are_never_written_over_something_else(exported: Path, here: Catalogue, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    (target / LABELS).mkdir(parents=True)
    (target / LABELS / "zarr.json").write_text("mine")
    with pytest.raises(BadInputError, match="exists already, and holds something else"):
        import_crate(here, exported, data_to=target)
    assert crates_in(here) == []
    told = import_crate(here, exported, data_to=tmp_path / "new", dry=True)
    assert told.placed == (tmp_path / "new" / LABELS,)
    assert not (tmp_path / "new").exists()


def test_a_bag_is_checked_by_its_manifests_and_an_eln_by_its_one_folder(
    lab: CrateBuilder, exported: Path, here: Catalogue, tmp_path: Path
) -> None:
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path, "out")
    (tmp_path / "study.zip").rename(tmp_path / "study.eln")
    assert import_crate(here, tmp_path / "study.eln").runs == ((lab.id, "new"),)
    shutil.copytree(exported, tmp_path / "bag")
    bagit.make_bag(str(tmp_path / "bag"), checksums=["sha256"])
    assert import_crate(here, tmp_path / "bag").runs == ((lab.id, "unchanged"),)
    (tmp_path / "bag/data/README.md").write_text("Something else")
    with pytest.raises(ChangedError, match="is not as its manifests say"):
        import_crate(here, tmp_path / "bag")


def test_what_is_no_export_is_told_what_to_do_with(here: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"holds no crates of runs in crates/.*filiation ingest"):
        import_crate(here, CWLTOOL)
    (tmp_path / "notes.txt").write_text("no crate")
    with pytest.raises(BadInputError, match="is neither a folder nor a ZIP archive"):
        import_crate(here, tmp_path / "notes.txt")


def test_a_bundle_of_evidence_is_imported_too(lab: CrateBuilder, here: Catalogue, tmp_path: Path) -> None:
    write_evidence(Ledger(tmp_path), LABELS, tmp_path / "evidence")
    assert import_crate(here, tmp_path / "evidence").runs == ((lab.id, "new"),)


def test_whole_runs_keep_their_seals_and_other_jobs(lab: CrateBuilder, here: Catalogue, tmp_path: Path) -> None:
    crate = tmp_path / ".filiation/crates" / lab.id
    (crate / "journal.jsonl").write_text("{}\n")
    seal_crate(crate, Signer("Ada", None, None), meaning="made")
    export(Ledger(tmp_path), [LABELS], tmp_path / "out.zip", ExportSettings(whole_runs=True))
    import_crate(here, tmp_path / "out.zip")
    before, after = (verify_crate(place) for place in (crate, here.folder.crates / lab.id))
    assert before.seals
    assert after.to_json() == before.to_json()
    assert len(Ledger(here.folder.root).show(lab.id).actions) == 4


def test_failed_attempts_come_along_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".filiation").mkdir()
    run = CrateBuilder(tmp_path)
    run.job("make", outputs={"a.txt": None}, status="failed", number=1, attempt=1, error="no space left")
    run.job("make", outputs={"a.txt": "a"}, number=1, attempt=2)
    ledger = Ledger(tmp_path)
    ledger.ingest(run.write(tmp_path / "crates"))
    assert export(ledger, ["a.txt"], tmp_path / "out", ExportSettings()).jobs == 1
    assert export(ledger, ["a.txt"], tmp_path / "all", ExportSettings(with_failed=True)).jobs == 2
    told = (tmp_path / "all/ro-crate-metadata.json").read_text()
    assert "no space left" in told
    assert "no space left" not in (tmp_path / "out/ro-crate-metadata.json").read_text()


def test_a_run_of_another_engine_gives_the_same_answers_elsewhere(here: Catalogue, tmp_path: Path) -> None:
    ledger = Ledger(CatalogueFolder.create(tmp_path / "lab").root)
    table = ledger.ingest(CWLTOOL).iri + TABLE
    asked = ledger.trace(table).to_json()
    report = export(ledger, [table], tmp_path / "out.zip", ExportSettings())
    assert [thing.why for thing in report.things] == [None] * len(report.things)
    import_crate(here, tmp_path / "out.zip")
    told: Any = Ledger(here.folder.root).trace(table).to_json()
    assert without_places(told) == without_places(asked)
    assert digest_of(CWLTOOL / TABLE) in json.dumps(told)
