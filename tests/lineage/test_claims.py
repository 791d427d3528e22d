"""What a label store says of its own making: written by the step, read alone, recorded again, held against the rest."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
import zarr
from click.testing import CliRunner, Result
from ome_zarr_models.v05 import ImageLabel

from filiation.catalogue import CatalogueFolder
from filiation.catalogue.from_stores import rebuild_from_stores
from filiation.catalogue.mending import mend_store
from filiation.cli import main
from filiation.digest import digest_tree
from filiation.errors import NotFoundError
from filiation.images import ObjectPlace, assemble, pixel_digest, put_store
from filiation.images.claims import read_claim
from filiation.images.conformance.mending import MetadataChange
from filiation.lineage import Ledger, testimony
from filiation.lineage.testimony import Verdict, hear
from filiation.model import DigestKind
from tests.lineage.labelled import edit_attributes, labelled, labelled_once, write_raw
from tests.object_store import KEY_ID, SECRET, s3_server

__all__ = ["labelled", "labelled_once"]
pytestmark = pytest.mark.slow
STORE = Path("nuclei.ome.zarr")


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], prog_name="filiation")


def different(heard: testimony.Testimony) -> dict[str, Verdict]:
    return {fact.name: fact.verdict for fact in heard.differing}


def test_the_store_says_which_run_step_parameters_and_inputs_made_it(labelled: Path) -> None:
    claim = read_claim(STORE)
    assert claim is not None
    (run,) = Ledger().runs()
    assert (claim.run, claim.rule, claim.function) == (run.id, "label", "__main__.label")
    assert {each.name: each.value.value for each in claim.parameters if each.name != "token"} == {
        "threshold": 2000,
        "found": 1,
    }
    (raw,) = claim.inputs
    assert (raw.slot, raw.path, raw.digest) == ("image", "../raw.ome.zarr", digest_tree(Path("raw.ome.zarr")).digest)
    assert raw.pixels == pixel_digest(Path("raw.ome.zarr"))
    assert claim.pixels == pixel_digest(STORE)
    assert (claim.person, claim.orcid) == ("Josiah Carberry", "https://orcid.org/0000-0002-1825-0097")
    assert "filiation" in {each.name for each in claim.software}
    assert "s3cr3t" not in (STORE / "zarr.json").read_text()
    assert (labelled / ".filiation" / "crates" / run.id / "steps" / str(claim.record)).is_file()


def test_the_recorded_digest_is_of_the_store_with_the_block_and_readers_take_it(labelled: Path) -> None:
    assert Ledger().check(str(STORE)).is_intact
    ImageLabel.from_zarr(zarr.open_group(STORE, mode="r"))
    assert call("conform", STORE).exit_code == 0


def test_a_store_found_alone_is_traced_by_its_own_claim(labelled: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    shutil.copytree(STORE, tmp_path / "elsewhere" / "found.zarr")
    monkeypatch.chdir(tmp_path / "elsewhere")
    told = call("trace", "found.zarr")
    assert told.exit_code == 0, told.output
    assert told.stdout.startswith("This is what the store itself says, of run ")
    assert "Its pixels are those that it tells of." in told.stdout
    assert "threshold = 2000" in told.stdout
    nodes = json.loads(call("trace", "found.zarr", "--json").stdout)["nodes"]
    assert [node["path"] for node in nodes if node["type"] == "entity"] == ["found.zarr", "../raw.ome.zarr"]
    label = int(zarr.open_array("found.zarr/0", mode="r")[...].max())
    one = call("trace", f"found.zarr#label={label}")
    assert (one.exit_code, one.stdout.startswith(f"object {label} of found.zarr\n   voxels ")) == (0, True)
    assert "what the store itself says" in one.stdout
    assert "threshold = 2000" in one.stdout
    assert call("trace", f"found.zarr#label={label + 1}").exit_code == 3
    zarr.open_array("found.zarr/0", mode="r+")[0, 0] = 9
    assert "they were changed since" in call("trace", "found.zarr").stdout
    edit_attributes(Path("found.zarr"), lambda attributes: attributes["filiation"].update(version=99))
    refused = call("trace", "found.zarr")
    assert (refused.exit_code, "of version 99" in refused.stderr) == (2, True)
    edit_attributes(Path("found.zarr"), lambda attributes: attributes.pop("filiation"))
    assert call("trace", "found.zarr").exit_code == 3


def test_lost_records_are_made_again_from_the_stores_once(labelled: Path) -> None:
    shutil.rmtree(".filiation")
    assemble(Path("cells.ome.zarr"), Path("raw.ome.zarr"), {"nuclei": STORE})
    done = call("rebuild", "--from-stores", ".", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["recorded"] == ["nuclei.ome.zarr"]
    assert list(told["left_alone"]) == ["cells.ome.zarr/labels/nuclei"]
    again = json.loads(call("rebuild", "--from-stores", ".", "--json").stdout)
    assert (again["crates"], again["recorded"]) == ([], [])
    ledger = Ledger()
    (run,) = ledger.runs()
    assert (run.recorded_by, run.status) == ("store-claims", "unknown")
    lineage = ledger.trace(str(STORE))
    (action,) = lineage.actions
    assert (action.rule, action.status, action.agent) == ("label", "unknown", "Josiah Carberry")
    assert {each.name: each.value.value for each in action.parameters}["threshold"] == 2000
    assert "low confidence" in lineage.tree()
    assert [each.path for each in ledger.impact("raw.ome.zarr").entities if each.generated] == [str(STORE.resolve())]
    crate = next((labelled / ".filiation" / "crates").iterdir())
    assert call("validate", crate, "--profile", "process-run-crate").exit_code == 0


def test_stores_that_were_changed_or_say_nothing_are_not_recorded(labelled: Path) -> None:
    shutil.copytree(STORE, "changed.ome.zarr")
    zarr.open_array("changed.ome.zarr/0", mode="r+")[0, 0] = 9
    shutil.copytree(STORE, "silent.ome.zarr")
    edit_attributes(Path("silent.ome.zarr"), lambda attributes: attributes.pop("filiation"))
    shutil.rmtree(STORE)
    report = rebuild_from_stores(CatalogueFolder.create(Path("new")), [Path()])
    assert report.recorded == ()
    assert [str(place) for place, _ in report.left_alone] == ["changed.ome.zarr", "silent.ome.zarr"]
    with pytest.raises(NotFoundError):
        rebuild_from_stores(CatalogueFolder.create(Path("new")), [Path("nowhere")])


def test_store_crate_and_graph_tell_the_same(labelled: Path) -> None:
    done = call("agree", STORE)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "Store, crate and graph tell the same."
    heard = hear(CatalogueFolder.find(None), STORE)
    names = {fact.name for fact in heard.facts if None not in (fact.store, fact.crate, fact.graph)}
    assert {"run", "record", "rule", "digest", "pixels", "input raw.ome.zarr", "parameter threshold"} <= names


def test_they_do_where_the_store_lies_in_a_zip_file_or_an_object_store(
    labelled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.make_archive("nuclei", "zip", STORE)
    here = json.loads(call("agree", STORE, "--json").stdout)
    packed = json.loads(call("agree", "nuclei.zip", "--json").stdout)
    assert {**packed, "store": str(STORE)} == here
    with s3_server() as address:
        for name, value in (("ENDPOINT_URL", address), ("ACCESS_KEY_ID", KEY_ID), ("SECRET_ACCESS_KEY", SECRET)):
            monkeypatch.setenv(f"AWS_{name}", value)
        keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys).create_bucket(Bucket="lab")
        put_store(STORE, ObjectPlace("lab", "nuclei/51.ome.zarr"))
        there = json.loads(call("agree", "s3://lab/nuclei/51.ome.zarr", "--json").stdout)
        assert {**there, "store": str(STORE)} == here
        assert call("conform", "s3://lab/nuclei/51.ome.zarr").exit_code == 9  # its source was not put there
        missing = call("agree", "s3://lab/nuclei/52.ome.zarr")
        assert (missing.exit_code, "There is nothing at s3://lab/nuclei/52.ome.zarr" in missing.stderr) == (3, True)
    assert call("agree", "nowhere.zip").exit_code == 3


def test_a_store_whose_metadata_were_mended_still_agrees(labelled: Path) -> None:
    folder = CatalogueFolder.find(None)
    before = digest_tree(STORE).digest
    assert hear(folder, STORE).mended is None
    (change,) = mend_row(STORE)
    mend_store(folder, STORE, [change])
    heard = hear(folder, STORE)
    assert digest_tree(STORE).digest != before
    assert (heard.agrees, heard.mended) == (True, before)


def mend_row(store: Path) -> tuple[MetadataChange, ...]:
    """Plan a change of one metadata file that touches nothing that the store tells of its making."""
    content = (store / "zarr.json").read_bytes()
    return (MetadataChange("zarr.json", content, content.replace(b'"nuclei"', b'"Nuclei"'), ()),)


IN_THE_STORE: dict[str, tuple[Callable[[dict], object], set[str]]] = {
    "run": (lambda block: block.update(run="00000000-0000-4000-8000-000000000000"), {"run"}),
    "rule": (lambda block: block.update(rule="paint"), {"rule"}),
    "record": (lambda block: block.update(record="label-0.json"), {"record"}),
    "parameter": (lambda block: block["parameters"][0].update(used=1), {"parameter threshold"}),
    "parameter left out": (lambda block: block["parameters"].pop(0), {"parameter threshold"}),
    "source": (lambda block: block["inputs"][0].update(digest=f"tree1:{'0' * 64}"), {"input raw.ome.zarr"}),
    "pixels as written": (lambda block: block.update(pixels=f"pixels1:{'0' * 64}"), {"pixels as written"}),
    "pixels as written, by the version of the crate": (
        lambda block: block.update(pixels=f"pixels2:{'0' * 64}"),
        {"pixels as written"},
    ),
    "person": (lambda block: block["person"].update(orcid="https://orcid.org/0"), {"person"}),
}


def test_a_store_that_names_its_pixels_by_version_1_is_traced_and_agrees_with_a_crate_of_version_2(
    labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(pixel_digest(STORE, DigestKind.PIXELS_1))
    edit_attributes(STORE, lambda attributes: attributes["filiation"].update(pixels=first))
    heard = hear(CatalogueFolder.find(None), STORE)
    told = {fact.name: str(fact.store) for fact in heard.facts}
    assert (told["pixels"], told["pixels as written"]) == (first, first)
    assert set(different(heard)) == {"digest"}, "its metadata were changed by the test, its pixels were not"
    shutil.copytree(STORE, tmp_path / "found.zarr")
    monkeypatch.chdir(tmp_path)
    assert "Its pixels are those that it tells of." in call("trace", "found.zarr").stdout


@pytest.mark.parametrize("what", IN_THE_STORE)
def test_each_disagreement_of_the_store_is_named(labelled: Path, what: str) -> None:
    change, expected = IN_THE_STORE[what]
    edit_attributes(STORE, lambda attributes: change(attributes["filiation"]))
    heard = hear(CatalogueFolder.find(None), STORE)
    assert not heard.agrees
    assert expected <= set(different(heard)) or heard.missing
    assert set(different(heard)) <= {*expected, "digest"}


def test_changed_pixels_a_changed_crate_and_a_lost_crate_are_told(labelled: Path) -> None:
    folder = CatalogueFolder.find(None)
    before = (STORE / "0" / "c" / "0" / "0").read_bytes()
    zarr.open_array(STORE / "0", mode="r+")[0, 0] = 9
    assert set(different(hear(folder, STORE))) == {"digest", "pixels"}
    (STORE / "0" / "c" / "0" / "0").write_bytes(before)
    (crate,) = folder.list_crates()
    metadata = crate / "ro-crate-metadata.json"
    content = metadata.read_text()
    metadata.write_text(content.replace("2000", "2500"))  # the graph follows the crate
    assert "parameter threshold" in different(hear(folder, STORE))
    metadata.write_text(content)
    assert hear(folder, STORE).agrees
    shutil.rmtree(crate)
    heard = hear(folder, STORE)
    assert (heard.agrees, len(heard.missing)) == (False, 2)
    edit_attributes(STORE, lambda attributes: attributes.pop("filiation"))
    with pytest.raises(NotFoundError, match="Neither"):
        hear(folder, STORE)


def test_a_store_that_nobody_knows_is_not_found(labelled: Path) -> None:
    write_raw(Path("other.ome.zarr"), seed=2)
    assert call("agree", "other.ome.zarr").exit_code == 3
    assert call("agree", "nowhere.ome.zarr").exit_code == 3
