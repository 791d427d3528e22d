"""``filiation conform``: faults told, mended and recorded."""

import errno
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from filiation.digest import digest_tree
from filiation.images.metadata_file import replace_metadata
from tests.images.test_conformance import STORES

Call = Callable[..., Result]
DIMENSIONS = "dimension_names"


@pytest.fixture
def store(here: Path) -> Path:
    with zipfile.ZipFile(STORES) as archive:
        archive.extractall(here, [name for name in archive.namelist() if name.startswith("omezarr-0.5.zarr")])
    return here / "omezarr-0.5.zarr"


def test_a_fault_is_told_with_what_to_do_and_by_the_exit_code(store: Path, call: Call) -> None:
    done = call("conform", store)
    assert done.exit_code == 9
    assert done.stdout.splitlines()[1].split("  ")[0] == "error"
    assert "--fix mends 1 of them." in done.stderr
    told = json.loads(call("conform", store, "--json").stdout)
    assert told[0]["findings"] == [
        {
            "fault": "version-missing",
            "severity": "error",
            "where": "labels",
            "found": "the group gives no 'version'",
            "expected": "0.5",
            "advice": "write the version of the whole store there",
            "fixable": True,
        }
    ]
    assert call("conform", "nowhere.zarr").exit_code == 3
    (store.parent / "text").write_text("no store")
    assert call("conform", "text").exit_code == 2


def test_a_store_in_a_zip_file_is_looked_through_and_never_mended(store: Path, here: Path, call: Call) -> None:
    for name, member in (("whole.ozx", store), ("labels.ozx", store / "labels" / "nuclei")):
        with zipfile.ZipFile(here / name, "w") as archive:
            for path in sorted(each for each in member.rglob("*") if each.is_file()):
                archive.write(path, path.relative_to(member))
    packed, unpacked = (json.loads(call("conform", each, "--json").stdout) for each in ("whole.ozx", store))
    assert packed[0]["findings"] == unpacked[0]["findings"] != []
    (lost,) = json.loads(call("conform", "labels.ozx", "--json").stdout)[0]["findings"]
    assert lost["fault"] == "source-missing"
    assert lost["found"].endswith(f"and no image is at {here.parent}")

    done = call("conform", store, "whole.ozx", "--fix")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "whole.ozx lies in a ZIP file, where it is only read. Mend a copy in a folder" in done.stderr
    done = call("conform", "s3://lab/nuclei.ome.zarr", "--fix")
    assert done.exit_code == 2
    assert "s3://lab/nuclei.ome.zarr lies in an object store" in done.stderr
    done = call("conform", "omero://host/image/1")
    assert (done.exit_code, "expected a path, or s3://<bucket>/<key>" in done.stderr) == (2, True)
    assert json.loads(call("conform", store, "--json").stdout) == unpacked


@pytest.mark.slow
def test_what_is_mended_is_recorded_and_lineage_goes_through_it(store: Path, call: Call) -> None:
    before = (store / "labels" / "zarr.json").read_bytes()
    old = digest_tree(store).digest
    assert call("conform", store, "--fix").exit_code == 0
    (crate,) = (store.parent / ".filiation" / "crates").iterdir()
    assert (crate / "before" / "labels" / "zarr.json").read_bytes() == before
    assert [path.name for path in store.parent.iterdir() if path.name.startswith(".omezarr")] == []
    lineage = json.loads(call("trace", store, "--json").stdout)
    (action,) = (each for each in lineage["nodes"] if each["type"] == "action")
    stores = [each for each in lineage["nodes"] if each["type"] == "entity"]
    assert (action["rule"], action["status"]) == ("filiation conform --fix", "finished")
    assert {each["digest"] for each in stores} == {str(old), str(digest_tree(store).digest)}
    assert len({each["pixels"] for each in stores}) == 1
    assert call("conform", store, "--fix").exit_code == 0  # nothing more to do, and no further record
    assert len(list(crate.parent.iterdir())) == 1
    assert call("validate", crate, "--profile", "process-run-crate").exit_code == 0


def _break_off(monkeypatch: pytest.MonkeyPatch, place: str, error: BaseException, times: int = 1) -> None:
    """Have the writing of a metadata file fail, so often."""
    left = [error] * times

    def failing(target: Path, content: bytes) -> None:
        if place in target.parts and left:
            raise left.pop()
        replace_metadata(target, content)

    monkeypatch.setattr("filiation.images.conformance.mending.replace_metadata", failing)


def test_mending_that_breaks_off_is_taken_back_at_once_or_by_the_next_call(
    store: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = store / "s0" / "zarr.json"
    level.write_text(json.dumps({key: v for key, v in json.loads(level.read_text()).items() if key != DIMENSIONS}))
    before = digest_tree(store).digest
    _break_off(monkeypatch, "s0", OSError(errno.ENOSPC, "No space left on device", str(level)))
    failed = call("conform", store, "--fix")
    assert (failed.exit_code != 0, "No space left" in failed.stderr) == (True, True)
    assert digest_tree(store).digest == before
    assert list(store.parent.glob(".omezarr*")) == []
    _break_off(monkeypatch, "s0", KeyboardInterrupt())  # as if it were killed
    assert call("conform", store, "--fix").exit_code != 0
    assert digest_tree(store).digest != before
    assert list((store.parent / ".filiation" / "crates").iterdir()) == []
    done = call("conform", store, "--fix")
    assert (done.exit_code, "it was taken back first" in done.stderr) == (0, True)
    lineage = json.loads(call("trace", store, "--json").stdout)
    assert str(before) in {each.get("digest") for each in lineage["nodes"]}
    assert list(store.parent.glob(".omezarr*")) == []


def test_advice_alone_is_no_fault(store: Path, call: Call) -> None:
    call("conform", store, "--fix")
    metadata = store / "labels" / "nuclei" / "zarr.json"
    content = json.loads(metadata.read_text())
    content["attributes"]["ome"]["image-label"].pop("properties")
    content["attributes"]["ome"]["image-label"]["colors"].pop()
    metadata.write_text(json.dumps(content))
    done = call("conform", store)
    assert (done.exit_code, "label-without-row" in done.stdout) == (0, True)


def test_a_copy_of_a_store_is_mended_without_the_store_that_shares_its_files(store: Path, call: Call) -> None:
    shutil.copytree(store, store.parent / "copy.zarr", copy_function=lambda one, other: Path(other).hardlink_to(one))
    before = digest_tree(store).digest
    assert call("conform", "copy.zarr", "--fix").exit_code == 0
    assert digest_tree(store).digest == before
