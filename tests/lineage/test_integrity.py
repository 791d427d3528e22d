"""Bytes against their record."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.errors import NotFoundError
from filiation.lineage import Ledger
from tests.lineage.crates import CrateBuilder, nuclei_run, sha256, write

LABELS = "results/ihc/nuclei.ome.zarr"
CHUNK = f"{LABELS}/0/c/0/0"


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    monkeypatch.chdir(folder)
    return Ledger()


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[0] ^= 1
    path.write_bytes(raw)


def test_what_is_as_it_was_recorded_is_silent(ledger: Ledger) -> None:
    report = ledger.check()
    assert report.is_intact
    assert report.text() == "4 of 4 things are as they were recorded (44 B).\n"


@pytest.mark.slow
def test_one_flipped_bit_in_a_chunk_is_named_with_what_was_made_from_it(ledger: Ledger, folder: Path) -> None:
    flip(folder / CHUNK)
    for report in (ledger.check(), ledger.check(LABELS), ledger.check(CHUNK), ledger.check("results")):
        (finding,) = report.findings
        recorded = finding.record.digest
        assert recorded is not None
        assert finding.text() == (
            f"CHANGED    {LABELS} (label image)\n"
            f"  changed    {folder / CHUNK}\n"
            f"  recorded tree1:{recorded.hex[:12]} by run 00000001\n"
            "  made from it:\n"
            "    file         results/ihc/nuclei.parquet  (run 00000001)\n"
            "    file         results/ihc/overlay.png  (run 00000001)"
        )


@pytest.mark.slow
def test_a_damaged_image_names_the_label_images_downstream(ledger: Ledger, folder: Path) -> None:
    flip(folder / "results/ihc/image.ome.zarr/0/c/0/0")
    (finding,) = ledger.check().findings
    assert [(entity.kind, entity.path) for entity in finding.downstream] == [
        ("label image", LABELS),
        ("file", "results/ihc/nuclei.parquet"),
        ("file", "results/ihc/overlay.png"),
    ]


@pytest.mark.slow
def test_a_time_alone_is_silent(ledger: Ledger, folder: Path) -> None:
    for path in folder.glob("results/**/*"):
        os.utime(path, (1, 1))
    assert ledger.check().is_intact


def test_missing_unexpected_and_changed_files_of_a_store_are_told_apart(ledger: Ledger, folder: Path) -> None:
    flip(folder / CHUNK)
    (folder / LABELS / "0/c/0/1").unlink()
    write(folder / LABELS / "0/c/9/9", "new")
    (finding,) = ledger.check(LABELS).findings
    assert [(found.path, found.what) for found in finding.files] == [
        ("0/c/0/0", "changed"),
        ("0/c/0/1", "missing"),
        ("0/c/9/9", "unexpected"),
    ]


@pytest.mark.slow
def test_things_that_are_gone_are_missing(ledger: Ledger, folder: Path) -> None:
    shutil.rmtree(folder / LABELS)
    (folder / "results/ihc/overlay.png").unlink()
    assert [(finding.what, finding.record.path) for finding in ledger.check().findings] == [
        ("missing", LABELS),
        ("missing", "results/ihc/overlay.png"),
    ]


@pytest.mark.slow
def test_a_changed_file_shows_both_digests(ledger: Ledger, folder: Path) -> None:
    write(folder / "results/ihc/nuclei.parquet", "edited by hand")
    (finding,) = ledger.check("results/ihc/nuclei.parquet").findings
    assert finding.what == "changed"
    assert finding.found is not None
    assert finding.found != finding.record.digest
    assert finding.to_json()["found"] == str(finding.found)


@pytest.mark.slow
def test_what_a_later_run_wrote_again_is_no_damage(ledger: Ledger, folder: Path) -> None:
    old = ledger.resolve(LABELS).digest
    run = CrateBuilder(folder, 2)
    run.job("segment", (), {CHUNK: None, LABELS: {"0/c/0/0": "again"}}, kinds={LABELS: "label image"})
    run.write(ledger.folder / "crates")
    report = ledger.check()
    assert report.is_intact
    assert [(before.digest, after.crate) for before, after in report.overwritten] == [(old, run.iri)]
    report = ledger.check(str(old))
    assert report.is_intact
    assert [before.digest for before, _ in report.overwritten] == [old]


@pytest.mark.slow
def test_an_old_version_put_back_is_damage_and_named(ledger: Ledger, folder: Path) -> None:
    table = folder / "results/ihc/nuclei.parquet"
    old = table.read_text()
    run = CrateBuilder(folder, 2)
    run.job("measure", (), {"results/ihc/nuclei.parquet": "new table"})
    run.write(ledger.folder / "crates")
    assert ledger.check().is_intact
    write(table, old)
    (finding,) = ledger.check().findings
    assert "  what is there now was recorded by run 00000001" in finding.text()


@pytest.mark.slow
def test_what_the_workflow_deleted_itself_is_no_damage(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("make", (), {"temporary.txt": "x"})
    run.graph["#work/temporary.txt"]["presence"] = "deleted"
    run.write(ledger.folder / "crates")
    (folder / "temporary.txt").unlink()
    report = ledger.check()
    assert report.is_intact
    assert [entity.path for entity in report.away] == ["temporary.txt"]


@pytest.mark.slow
def test_a_thing_without_a_digest_cannot_be_compared(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("make", (), {"late.txt": "x"})
    del run.graph["#work/late.txt"]["sha256"]
    run.write(ledger.folder / "crates")
    assert [entity.path for entity in ledger.check().unrecorded] == ["late.txt"]


@pytest.mark.slow
def test_what_a_crate_carries_is_checked_in_the_crate(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("make", (), {"x.txt": "x"})
    run.graph["work/run.log"] = {
        "@id": "work/run.log", "@type": "File", "sha256": sha256("x").removeprefix("sha256:"),
    }  # fmt: skip
    crate = run.write(ledger.folder / "crates")
    write(crate / "work/run.log", "x")
    assert ledger.check().is_intact
    write(crate / "work/run.log", "y")
    (finding,) = ledger.check().findings
    assert finding.place == str(crate / "work/run.log")


@pytest.mark.slow
def test_a_crate_cannot_point_a_check_outside_itself(ledger: Ledger, folder: Path) -> None:
    run = CrateBuilder(folder, 2)
    run.job("make", (), {"x.txt": "x"})
    for reference in ("../secret", "work/../../secret", "%2e%2e/secret", "/etc/passwd"):
        run.graph[reference] = {"@id": reference, "@type": "File", "sha256": "0" * 64}
    run.write(ledger.folder / "crates")
    assert ledger.check().is_intact


@pytest.mark.slow
def test_a_changed_manifest_is_not_believed(ledger: Ledger, folder: Path) -> None:
    flip(folder / CHUNK)
    digest = ledger.show("00000001").entities[1].digest
    assert digest is not None
    manifest = next(ledger.folder.glob(f"crates/*/manifests/{digest.hex}.sha256"))
    manifest.write_bytes(b"")
    (finding,) = ledger.check(str(digest)).findings
    assert finding.problem == f"its manifest {manifest} was changed, so the file cannot be named"


@pytest.mark.slow
def test_progress_counts_bytes(ledger: Ledger) -> None:
    told: list[int] = []
    report = ledger.check(progress=told.append)
    assert sum(told) == report.size == 44


def test_an_unknown_thing_cannot_be_checked(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="Nothing in the catalogue is called 'nowhere'"):
        ledger.check("nowhere")
