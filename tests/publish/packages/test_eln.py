"""An .eln holds what its specification asks for; signed with minisign, every byte of it can be verified."""

from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import minisign
import pytest
from click.testing import CliRunner

from filiation.cli import main
from filiation.crate.seals import Evidence, Outcome, Signer, seal_crate, verify_crate
from filiation.crate.seals.metadata_signature import metadata_signer, signature_reader
from filiation.crate.validation import validate
from filiation.errors import AccessError, BadInputError, ChangedError
from filiation.incoming.archives import CrateArchive
from filiation.publish.packages import PackageSettings, write_package
from tests.publish.full_crate import described, published_crate
from tests.publish.packages.eln_check import faults_of

PASSWORD = "swordfish"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a key, the same with a password, and somebody else's."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("mine", "other"):
        pair = minisign.KeyPair.generate()
        pair.secret_key.untrusted_comment = pair.public_key.untrusted_comment = name
        (folder / f"{name}.pub").write_bytes(bytes(pair.public_key) + b"\n")
        (folder / f"{name}.key").write_bytes(bytes(pair.secret_key) + b"\n")
        if name == "mine":
            # Far less work than the usual 1 GiB, in the same form.
            pair.secret_key.encrypt(PASSWORD, opslimit=32768, memlimit=16 << 20)
            (folder / "locked.key").write_bytes(bytes(pair.secret_key) + b"\n")
    return folder


def signed(crate: Path, target: Path, keys: Path, key: str = "mine.key") -> Path:
    sign = metadata_signer(keys / key, lambda: PASSWORD)
    return write_package(crate, "eln", target, PackageSettings(sign=sign)).target


def unpacked(archive: Path, place: Path) -> Path:
    with CrateArchive.opened(archive) as opened:
        opened.unpack(place)
    return place


def trusting(*keys: Path) -> Evidence:
    return Evidence(minisign=signature_reader([str(key) for key in keys]))


@pytest.mark.slow
def test_an_eln_is_as_its_specification_says_and_still_a_valid_run_crate(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate")
    target = write_package(crate, "eln", tmp_path / "nuclei.eln").target
    assert faults_of(target) == []
    with zipfile.ZipFile(target) as archive:
        assert {name.partition("/")[0] for name in archive.namelist()} == {"nuclei"}
    assert validate(unpacked(target, tmp_path / "back")).valid


def test_the_check_finds_what_is_wrong(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate")
    good = write_package(crate, "eln", tmp_path / "good.eln").target
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(tmp_path / "bad.eln", "w") as bad:
        bad.writestr("beside", "")
        bad.writestr("good/ro-crate-metadata.json", archive.read("good/ro-crate-metadata.json"))
    assert faults_of(tmp_path / "bad.eln") == ["not exactly one folder at the top: ['beside', 'good']"]
    with zipfile.ZipFile(tmp_path / "bare.eln", "w") as bare:
        bare.writestr("bare/ro-crate-metadata.json", json.dumps(described()))
        bare.writestr("bare/work/data/raw.txt", "other")
    assert any("work/Snakefile is not in the archive" in fault for fault in faults_of(tmp_path / "bare.eln"))
    assert any("work/data/raw.txt has sha256" in fault for fault in faults_of(tmp_path / "bare.eln"))


def test_metadata_that_name_every_file_are_taken_over_as_they_are(tmp_path: Path) -> None:
    crate = published_crate(tmp_path / "crate")
    first = unpacked(write_package(crate, "eln", tmp_path / "first.eln").target, tmp_path / "first")
    written = write_package(first, "eln", tmp_path / "second.eln")
    second = unpacked(written.target, tmp_path / "second")
    assert (second / "ro-crate-metadata.json").read_bytes() == (first / "ro-crate-metadata.json").read_bytes()
    assert not written.remarks


def test_digests_that_lack_are_added_to_files_folders_and_what_nobody_named(tmp_path: Path) -> None:
    document = described()
    for entity in document["@graph"]:
        entity.pop("sha256", None)
    document["@context"] = "https://w3id.org/ro/crate/1.1/context"
    crate = published_crate(tmp_path / "crate", document)
    (crate / "ro-crate-preview.html").write_text("<p>page</p>")
    (crate / "forgotten notes.txt").write_text("notes")
    for number in range(1, 31):
        (crate / "work/results/nuclei.ome.zarr" / str(number)).write_text("chunk")
    written = write_package(crate, "eln", tmp_path / "a.eln")
    assert faults_of(written.target) == []
    assert written.remarks == ("39 files without a digest got one; the metadata is not that of crate.",)
    made = json.loads((unpacked(written.target, tmp_path / "back") / "ro-crate-metadata.json").read_text())
    nodes = {one["@id"]: one for one in made["@graph"]}
    assert "treeDigest" in nodes["work/results/nuclei.ome.zarr/"]
    assert {"@id": "forgotten%20notes.txt"} in nodes["./"]["hasPart"]
    assert (nodes["ro-crate-preview.html"]["@type"], nodes["ro-crate-preview.html"]["about"]) == (
        "CreativeWork",
        {"@id": "./"},
    )
    assert any("treeDigest" in one for one in made["@context"] if isinstance(one, dict))


def test_a_sealed_crate_keeps_its_seal_or_is_not_packed(tmp_path: Path, keys: Path) -> None:
    crate = published_crate(tmp_path / "crate")
    named = unpacked(write_package(crate, "eln", tmp_path / "a.eln").target, tmp_path / "named")
    for place in (crate, named):
        seal_crate(place, Signer("Ada"))
    back = unpacked(signed(named, tmp_path / "b.eln", keys), tmp_path / "back")
    report = verify_crate(back, evidence=trusting(keys / "mine.pub"))
    assert not report.seals[0].differences
    assert report.minisign is not None
    assert report.minisign.known
    with pytest.raises(BadInputError, match="is sealed, and its metadata gives no digest of work/results/nuclei"):
        write_package(crate, "eln", tmp_path / "c.eln")
    (named / "work/data/raw.txt").write_text("war\n")
    with pytest.raises(ChangedError, match=r"work/data/raw\.txt differ"):
        write_package(named, "eln", tmp_path / "d.eln")


def test_a_signed_eln_is_verified_by_us_and_by_minisign_itself(tmp_path: Path, keys: Path) -> None:
    crate = published_crate(tmp_path / "crate")
    target = signed(crate, tmp_path / "nuclei.eln", keys, "locked.key")
    assert faults_of(target) == []
    back = unpacked(target, tmp_path / "back")
    report = verify_crate(back, evidence=trusting(keys / "other.pub", keys / "mine.pub"))
    assert report.holds
    if shutil.which("minisign") is None:
        pytest.skip("minisign is not installed; Debian's package is minisign")
    command = ["minisign", "-V", "-p", keys / "mine.pub", "-m", back / "ro-crate-metadata.json"]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert "Signature and comment signature verified" in checked.stdout, checked
    # and the other way round: what minisign signs is verified by us
    (back / "ro-crate-metadata.json.minisig").unlink()
    subprocess.run(["minisign", "-S", "-s", keys / "mine.key", "-m", back / "ro-crate-metadata.json"], check=True)
    assert verify_crate(back, evidence=trusting(keys / "mine.pub")).holds


def _change(crate: Path) -> None:
    (crate / "work/data/raw.txt").write_text("war\n")


def _change_chunk(crate: Path) -> None:
    (crate / "work/results/nuclei.ome.zarr/0/c/0/0").write_text("other\n")


def _add(crate: Path) -> None:
    (crate / "work/new.txt").write_text("new")


def _remove(crate: Path) -> None:
    (crate / "README.md").unlink()


def _forge(crate: Path) -> None:
    place = crate / "ro-crate-metadata.json"
    place.write_text(place.read_text().replace("Nuclei of day 1", "Nuclei of day 2"))


def _spoil(crate: Path) -> None:
    (crate / "ro-crate-metadata.json.minisig").write_text("untrusted comment: x\nnothing\n")


def _link(crate: Path) -> None:
    (crate / "ro-crate-metadata.json.minisig").rename(crate.parent / "elsewhere")
    (crate / "ro-crate-metadata.json.minisig").symlink_to(crate.parent / "elsewhere")


@pytest.mark.parametrize(
    ("tamper", "outcome", "told"),
    [
        (_change, Outcome.CHANGED, "work/data/raw.txt is changed"),
        (_change_chunk, Outcome.CHANGED, "work/results/nuclei.ome.zarr/0/c/0/0 is changed"),
        (_add, Outcome.CHANGED, "work/new.txt is unexpected"),
        (_remove, Outcome.CHANGED, "README.md is missing"),
        (_forge, Outcome.BAD_SIGNATURE, "is not of this ro-crate-metadata.json"),
        (_spoil, Outcome.BAD_SIGNATURE, "is no signature of minisign"),
        (_link, Outcome.BAD_SIGNATURE, "is no file of a signature"),
    ],
)
def test_whatever_is_changed_after_signing_is_found(
    tmp_path: Path, keys: Path, tamper: Any, outcome: Outcome, told: str
) -> None:
    crate = published_crate(tmp_path / "crate")
    back = unpacked(signed(crate, tmp_path / "a.eln", keys), tmp_path / "back")
    tamper(back)
    report = verify_crate(back, evidence=trusting(keys / "mine.pub"))
    assert report.outcome is outcome
    assert told in report.reason
    if outcome is Outcome.BAD_SIGNATURE:
        seal_crate(back, Signer("Ada"))
        assert verify_crate(back, evidence=trusting(keys / "mine.pub")).outcome is outcome


def test_the_command_signs_with_a_password_from_the_environment_and_verifies(
    tmp_path: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crate, target = published_crate(tmp_path / "crate"), tmp_path / "nuclei.eln"
    runner = CliRunner()

    def call(*arguments: object) -> tuple[int, str]:
        result = runner.invoke(main, [str(one) for one in arguments], prog_name="filiation")
        return result.exit_code, result.output

    pack = ("package", crate, "--as", "eln", "--to", target, "--minisign-key", keys / "locked.key")
    code, told = call(*pack)
    assert (code, "nobody gave it. Set FILIATION_MINISIGN_PASSWORD" in told) == (11, True)
    monkeypatch.setenv("FILIATION_MINISIGN_PASSWORD", "wrong")
    assert call(*pack)[0] == AccessError.exit_code
    monkeypatch.setenv("FILIATION_MINISIGN_PASSWORD", PASSWORD)
    code, told = call(*pack)
    assert (code, PASSWORD in told) == (0, False)
    public = (keys / "mine.pub").read_text().splitlines()[1]
    assert call("verify", target, "--minisign-key", public)[0] == 0
    assert call("verify", target, "--minisign-key", keys / "other.pub")[0] == 16
    assert call("verify", target)[0] == 16
    assert call("verify", target, "--minisign-key", "nonsense")[0] == 2
    code, told = call("verify", target, "--minisign-key", public, "--json")
    signature = json.loads(told)["minisign"]
    assert (signature["known"], signature["differences"]) == (True, [])
    assert call("package", crate, "--as", "zip", "--to", tmp_path / "b", "--minisign-key", keys / "mine.key")[0] == 2
    assert call("package", crate, "--as", "zip")[0] == 2
    code, told = call("package", target, "--as", "citation-cff")
    assert (code, told.startswith("cff-version: 1.2.0")) == (0, True)
    assert call("package", target, "--as", "citation-cff", "--to", tmp_path / "C.cff", "--json")[0] == 0
