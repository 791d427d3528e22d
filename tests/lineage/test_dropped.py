"""Bytes that somebody else digested, held against what was recorded."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue
from filiation.digest import read_manifest
from filiation.errors import BadInputError, NotFoundError
from filiation.lineage import Ledger
from filiation.model import Digest, DigestKind
from tests.lineage.crates import CrateBuilder, nuclei_run

LABELS = "results/ihc/nuclei.ome.zarr"
OTHER = "0" * 64


@pytest.fixture
def ledger(catalogue: Catalogue, folder: Path) -> Ledger:
    nuclei_run(folder).write(catalogue.folder.crates)
    again = nuclei_run(folder / "again", number=3, sigma=2.0)
    again.job("copy", (LABELS,), {"elsewhere/nuclei.ome.zarr": {"zarr.json": "other"}, "empty.txt": ""})
    again.write(catalogue.folder.crates)
    return Ledger(folder)


@pytest.mark.slow
def test_recorded_bytes_are_known_whatever_they_are_called(ledger: Ledger) -> None:
    recorded = next(node for node in ledger.find("entity", f"path={LABELS}").nodes)
    found = ledger.recognise("my copy.zarr", str(recorded.digest))
    assert (found.verdict, found.name, found.was) == ("known", "my copy.zarr", ())
    first = found.seen[0]
    assert (first.path, first.made, first.manifest) == (LABELS, True, True)
    assert first.when is not None
    assert found.to_json()["seen"][0]["run"] == first.run  # type: ignore[index, call-overload]


@pytest.mark.slow
def test_other_bytes_of_a_known_name_have_changed_and_it_is_told_from_what(ledger: Ledger) -> None:
    found = ledger.recognise(f"C:\\data\\{Path(LABELS).name}", f"tree1:{OTHER}")
    assert (found.verdict, found.name) == ("changed", "nuclei.ome.zarr")
    paths = [record.path for record in found.was]
    assert sorted(paths) == ["elsewhere/nuclei.ome.zarr", LABELS, LABELS]
    assert all(record.digest.kind is DigestKind.TREE for record in found.was)
    whens = [record.when for record in found.was if record.when]
    assert whens == sorted(whens, reverse=True)


@pytest.mark.slow
def test_a_file_is_not_taken_for_a_changed_folder_nor_part_of_a_name_for_it(ledger: Ledger) -> None:
    for name in ("nuclei.ome.zarr", "uclei.ome.zarr", "", "nothing.txt", '"quoted" and kind=file'):
        assert ledger.recognise(name, f"sha256:{OTHER}").verdict == "unknown", name


@pytest.mark.slow
def test_no_bytes_tell_nothing(ledger: Ledger) -> None:
    nothing = hashlib.sha256().hexdigest()
    assert ledger.recognise("empty.txt", f"sha256:{nothing}").verdict == "empty"
    assert ledger.recognise("x", Digest(DigestKind.TREE, nothing)).verdict == "empty"


@pytest.mark.slow
def test_a_digest_of_pixels_is_refused(ledger: Ledger) -> None:
    with pytest.raises(BadInputError, match="is of pixels; of a file or a folder"):
        ledger.recognise("a", f"pixels1:{OTHER}")
    with pytest.raises(BadInputError, match="is not a digest"):
        ledger.recognise("a", "nonsense")


@pytest.mark.slow
def test_a_manifest_is_what_the_digest_was_made_of(ledger: Ledger) -> None:
    (record, *_) = ledger.recognise("nuclei.ome.zarr", f"tree1:{OTHER}").was
    manifest = ledger.manifest(record.iri)
    assert hashlib.sha256(manifest).hexdigest() == record.digest.hex
    assert "zarr.json" in {entry.path for entry in read_manifest(manifest)}
    kept = ledger.folder / "crates" / record.run / "manifests" / f"{record.digest.hex}.sha256"
    kept.write_bytes(manifest + b"x")
    with pytest.raises(NotFoundError, match="No crate keeps which files"):
        ledger.manifest(record.iri)
    kept.unlink()
    assert not next(each for each in ledger.recognise("nuclei.ome.zarr", f"tree1:{OTHER}").was if each == record or
                    each.iri == record.iri).manifest  # fmt: skip
    with pytest.raises(NotFoundError):
        ledger.manifest("arcp://uuid,nobody/")


@pytest.mark.slow
def test_runs_that_do_not_say_when_come_last(catalogue: Catalogue, folder: Path) -> None:
    run = CrateBuilder(folder, 5)
    run.job("make", (), {"a.txt": "a"})
    run.write(catalogue.folder.crates)
    assert [record.path for record in Ledger(folder).recognise("a.txt", f"sha256:{OTHER}").was] == ["a.txt"]
