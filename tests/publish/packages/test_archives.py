"""A crate that leaves as an archive comes back byte for byte; what somebody could not unpack is refused up front."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import subprocess
import sys
import unicodedata
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.digest import digest_tree
from filiation.errors import BadInputError, NotFoundError
from filiation.incoming.archives import CrateArchive
from filiation.publish.packages import FORMS, PackageSettings, form_of, write_package
from tests.crate.minimal import ref
from tests.publish.full_crate import described, published_crate

WHOLE = ("folder", "zip", "bagit")


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    return published_crate(tmp_path / "crate")


def back(package: Path, form: str, place: Path) -> Path:
    """Return the crate in a package, as somebody else would get at it."""
    if form == "folder":
        return package
    if form == "bagit":
        return package / "data"
    with CrateArchive.opened(package) as archive:
        archive.unpack(place)
    return place


@pytest.mark.parametrize("form", WHOLE)
def test_a_crate_comes_back_byte_for_byte(crate: Path, tmp_path: Path, form: str) -> None:
    written = write_package(crate, form, tmp_path / f"out{FORMS[form].ending}")
    assert digest_tree(back(written.target, form, tmp_path / "back")) == digest_tree(crate)
    assert (written.form, written.files) == (form, 8)
    assert not list(tmp_path.glob(".out*"))


def test_the_same_crate_makes_the_same_archive_whenever_and_whatever_its_files_times_and_modes(
    crate: Path, tmp_path: Path
) -> None:
    first = write_package(crate, "zip", tmp_path / "first.zip").target.read_bytes()
    for number, file in enumerate(sorted(crate.rglob("*"))):
        os.utime(file, (number, number))
        file.chmod(0o700)
    assert write_package(crate, "zip", tmp_path / "second.zip").target.read_bytes() == first
    with zipfile.ZipFile(tmp_path / "first.zip") as archive:
        names = archive.namelist()
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert names == sorted(names, key=str.encode)
    assert "ro-crate-metadata.json" in names
    assert "work/results/nuclei of day 1/é ü.txt" in names


def test_what_does_not_shrink_is_stored_and_folders_without_files_are_kept(crate: Path, tmp_path: Path) -> None:
    (crate / "noise").write_bytes(os.urandom(10_000))
    (crate / "text").write_text("text " * 2000)
    (crate / "nothing" / "inside").mkdir(parents=True)
    with zipfile.ZipFile(write_package(crate, "zip", tmp_path / "a.zip").target) as archive:
        assert archive.getinfo("noise").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("text").compress_type == zipfile.ZIP_DEFLATED
        assert archive.getinfo("nothing/inside/").is_dir()
        assert archive.testzip() is None


def test_a_bag_is_valid_for_the_librarys_own_program_which_finds_what_was_changed(crate: Path, tmp_path: Path) -> None:
    bag = write_package(crate, "bagit", tmp_path / "bag", PackageSettings(today=date(2026, 1, 3))).target
    information = (bag / "bag-info.txt").read_text()
    assert "Bagging-Date: 2026-01-03\n" in information
    assert "Contact-Name: Josiah Carberry\n" in information
    assert "Source-Organization: An institute\n" in information
    checked = subprocess.run([sys.executable, "-m", "bagit", "--validate", bag], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    payload = bag / "data" / "work" / "data" / "raw.txt"
    line = f"{hashlib.sha512(payload.read_bytes()).hexdigest()}  data/work/data/raw.txt"
    assert line in (bag / "manifest-sha512.txt").read_text().splitlines()
    payload.write_text("war\n")
    logging.disable(logging.CRITICAL)
    try:
        import bagit

        assert not bagit.Bag(str(bag)).is_valid()
    finally:
        logging.disable(logging.NOTSET)


def test_all_names_that_cannot_be_are_listed_before_anything_is_written(crate: Path, tmp_path: Path) -> None:
    (crate / "C:old").write_text("x")
    (crate / "back\\slash").write_text("x")
    (crate / "new\nline").write_text("x")
    (crate / "Twice").write_text("x")
    (crate / "twice").write_text("x")
    (crate / "link").symlink_to("Twice")
    Path(os.fsdecode(os.fsencode(crate) + b"/\xff")).write_text("x")
    with pytest.raises(BadInputError) as refused:
        write_package(crate, "zip", tmp_path / "a.zip")
    told = str(refused.value)
    for name in ("'C:old' begins like a drive", r"'back\\slash' holds a backslash", r"'new\nline' holds a backslash",
                 "'link' is a link or a device", r"'\udcff' is no Unicode"):  # fmt: skip
        assert name in told
    assert "'Twice'" in told
    assert "differ only in how they are spelled" in told
    assert not (tmp_path / "a.zip").exists()


def test_names_that_windows_has_not_are_packed_and_told(crate: Path, tmp_path: Path) -> None:
    for name in ("what?", "10:30", "a<b", "con.txt", "ends with a dot."):
        (crate / name).write_text("x")
    written = write_package(crate, "zip", tmp_path / "a.zip")
    (remark,) = written.remarks
    assert remark == (
        "'10:30', 'a<b', 'con.txt', 'ends with a dot.', 'what?': such names cannot be unpacked on Windows."
    )
    assert digest_tree(back(written.target, "zip", tmp_path / "back")) == digest_tree(crate)


def test_nothing_is_overwritten_and_what_is_no_crate_is_not_packed(crate: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(BadInputError, match="exists already"):
        write_package(crate, "zip", tmp_path / "there")
    with pytest.raises(BadInputError, match="'tar' is no form; expected one of folder, zip"):
        write_package(crate, "tar", tmp_path / "a.tar")
    with pytest.raises(NotFoundError, match="No crate at"):
        write_package(tmp_path / "nowhere", "zip", tmp_path / "a.zip")
    assert (tmp_path / "there").read_text() == "mine"
    assert form_of(Path("A.ELN")) == "eln"


def test_workflowhub_gets_a_zip_only_of_what_it_takes(crate: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as refused:
        write_package(crate, "workflowhub", tmp_path / "a.crate.zip")
    assert "'work/results/nuclei of day 1/é ü.txt' holds a space" in str(refused.value)
    document = described()
    root = next(one for one in document["@graph"] if one["@id"] == "./")
    odd = "work/results/nuclei%20of%20day%201/%C3%A9%20%C3%BC.txt"
    root["hasPart"].remove(ref(odd))
    document["@graph"] = [one for one in document["@graph"] if one["@id"] != odd]
    plain = published_crate(tmp_path / "plain", document)
    (plain / "work/results/nuclei of day 1/é ü.txt").unlink()
    (plain / "work/results/nuclei of day 1").rmdir()
    written = write_package(plain, "workflowhub", tmp_path / "a.crate.zip")
    with zipfile.ZipFile(written.target) as archive:
        assert {"ro-crate-metadata.json", "work/Snakefile"} < set(archive.namelist())
    (plain / "work/Snakefile").unlink()
    del root["license"]
    (plain / "ro-crate-metadata.json").write_text(json.dumps(document))
    with pytest.raises(BadInputError) as refused:
        write_package(plain, "workflowhub", tmp_path / "b.crate.zip")
    assert "its main workflow 'work/Snakefile' is not in it; no licence is stated" in str(refused.value)


_PART = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co"), exclude_characters="/\\:"), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..", "seal") and len(name.encode()) < 200)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.dictionaries(st.lists(_PART, min_size=1, max_size=3).map("/".join), st.binary(max_size=40), max_size=4))
def test_whatever_its_files_are_called_a_crate_comes_back_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    place = tmp_path_factory.mktemp("any")
    crate = place / "crate"
    crate.mkdir()
    (crate / "ro-crate-metadata.json").write_text(json.dumps({"@context": [], "@graph": [
        {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}}, {"@id": "./", "@type": "Dataset", "name": "any"}
    ]}))  # fmt: skip
    for name, content in files.items():
        try:
            (crate / name).parent.mkdir(parents=True, exist_ok=True)
            (crate / name).write_bytes(content)
        except OSError:  # a file stands where a folder should
            continue
    logging.disable(logging.CRITICAL)
    try:
        for form in WHOLE:
            try:
                written = write_package(crate, form, place / f"out-{form}")
            except BadInputError:
                there = [unicodedata.normalize("NFC", str(one)).casefold() for one in crate.rglob("*")]
                assert len(set(there)) < len(there)
                continue
            assert digest_tree(back(written.target, form, place / f"back-{form}")) == digest_tree(crate)
    finally:
        logging.disable(logging.NOTSET)
