"""Crates in ZIP archives: taken in as they are, or refused before anything is written."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import pytest

from filiation.catalogue import Catalogue, CatalogueFolder
from filiation.errors import InvalidCrateError
from filiation.incoming import places, take_in
from filiation.incoming.archives import CrateArchive, Limits

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


def metadata(*entities: dict[str, object], context: object = CONTEXT) -> str:
    about = {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}}
    return json.dumps({"@context": context, "@graph": [about, {"@id": "./", "@type": "Dataset"}, *entities]})


MADE = {"@id": "#do", "@type": "CreateAction", "object": {"@id": "in.txt"}, "result": {"@id": "out.txt"}}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(CatalogueFolder.create(tmp_path / "lab" / ".filiation"), wait=0.2)


def everything(folder: Path) -> dict[str, bytes | None]:
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, str], packed: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", packed) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


@pytest.mark.parametrize("top", ["", "run of Tuesday/"])
@pytest.mark.parametrize("name", ["a.crate.zip", "a.eln", "no suffix"])
def test_a_zipped_crate_is_what_its_folder_is(tmp_path: Path, catalogue: Catalogue, top: str, name: str) -> None:
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "ro-crate-metadata.json").write_text(metadata(MADE))
    (folder / "out.txt").write_text("out")
    (as_folder,) = take_in(catalogue, folder)
    members = ((f"{top}ro-crate-metadata.json", metadata(MADE)), (f"{top}out.txt", "out"), ("__MACOSX/x", ""))
    (zipped,) = take_in(catalogue, archive(tmp_path / name, *members))
    assert (zipped.id, zipped.outcome) == (as_folder.id, "unchanged")
    assert everything(zipped.folder).keys() - {"__MACOSX", "__MACOSX/x"} == everything(folder).keys()
    assert [path.name for path in catalogue.folder.crates.iterdir()] == [as_folder.id]


def test_the_1_0_name_of_the_metadata_becomes_the_one_of_today(tmp_path: Path, catalogue: Catalogue) -> None:
    text = metadata(MADE).replace(CONTEXT, "https://w3id.org/ro/crate/1.0/context")
    (zipped,) = take_in(catalogue, archive(tmp_path / "a.zip", ("ro-crate-metadata.jsonld", text), ("in.txt", "x")))
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "ro-crate-metadata.jsonld").write_text(text)
    (as_folder,) = take_in(catalogue, folder)
    (alone,) = take_in(catalogue, folder / "ro-crate-metadata.jsonld")
    assert zipped.folder == as_folder.folder == alone.folder
    assert (zipped.folder / "ro-crate-metadata.json").read_text() == text
    assert [path.name for path in folder.iterdir()] == ["ro-crate-metadata.jsonld"]


def info(name: str, mode: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.external_attr = mode << 16
    return made


GOOD = ("ro-crate-metadata.json", metadata(MADE))
ATTACKS: dict[str, tuple[tuple[tuple[str | zipfile.ZipInfo, str], ...], str]] = {
    "out of the folder": (((("../evil.txt"), "x"),), "is no path inside a folder"),
    "out of the folder, deeper": ((("a/../../evil.txt", "x"),), "is no path inside a folder"),
    "encoded": ((("%2e%2e/evil.txt", "x"),), "is no path inside a folder"),
    "encoded twice": ((("%252e%252e/evil.txt", "x"),), "is no path inside a folder"),
    "absolute": ((("/tmp/evil.txt", "x"),), "is an absolute path"),
    "a drive": ((("C:/evil.txt", "x"),), "is an absolute path"),
    "backslashes": ((("..\\evil.txt", "x"),), "holds a backslash or a control character"),
    "steers the terminal": ((("a\x1b[2J.txt", "x"),), "holds a backslash or a control character"),
    "a link": (((info("link", stat.S_IFLNK | 0o777), "/etc/passwd"),), "is a link or a device"),
    "a FIFO": (((info("pipe", stat.S_IFIFO | 0o644), ""),), "is a link or a device"),
    "the same twice": ((("a.txt", "x"), ("a.txt", "y")), "is there twice"),
    "the same in capitals": ((("a.txt", "x"), ("A.TXT", "y")), "is there twice"),
    "the same composed otherwise": ((("\u00e9.txt", "x"), ("e\u0301.txt", "y")), "is there twice"),
    "two metadata files": ((("RO-Crate-Metadata.JSON", "{}"),), "is there twice"),
    "a file that is a folder": ((("a", "x"), ("a/b", "y")), "is there twice"),
    "a folder in capitals": ((("a/x", "x"), ("A/y", "y")), "is there twice"),
    "an empty part": ((("a//b", "x"),), "is no path inside a folder"),
    "too long a name": ((("a" * 256, "x"),), "is too long a name"),
    "old and new metadata": ((("ro-crate-metadata.jsonld", "{}"),), "which one counts is not defined"),
    "a context to be fetched": ((), "which filiation does not bundle and will not fetch"),
    "names outside": ((), "leads out of the crate's folder"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_before_anything_is_written(attack: str, tmp_path: Path, catalogue: Catalogue) -> None:
    members, said = ATTACKS[attack]
    good = GOOD
    if attack == "a context to be fetched":
        good = (GOOD[0], metadata(context="https://example.org/context.jsonld"))
    elif attack == "names outside":
        good = (GOOD[0], metadata({"@id": "../secret.txt", "@type": "File"}))
    made = archive(tmp_path / "crate.zip", good, *members)
    before = everything(tmp_path)
    with pytest.raises(InvalidCrateError, match=said):
        take_in(catalogue, made)
    assert everything(tmp_path) == before


def damage(content: bytes, kind: str) -> bytes:
    """Return an archive of one stored metadata file, changed by one who wants to cheat."""
    directory = content.rfind(b"PK\x01\x02")
    if kind == "cut off":
        return content[: len(content) // 2]
    if kind == "another name in front":
        return content.replace(b"ro-crate-metadata.json", b"ro-crate-metadatA.json", 1)
    if kind == "encrypted":
        return content[: directory + 8] + bytes([content[directory + 8] | 1]) + content[directory + 9 :]
    if kind == "packed in an unknown way":
        return content[: directory + 10] + b"\x63\x00" + content[directory + 12 :]
    if kind == "another content":
        return content.replace(b"CreateAction", b"UpdateAction", 1)
    assert kind == "not where it says"
    return content[: directory + 42] + (4).to_bytes(4, "little") + content[directory + 46 :]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("cut off", "damaged ZIP archive"),
        ("another name in front", "has another name in front of its content"),
        ("encrypted", "is encrypted"),
        ("packed in an unknown way", "is packed in a way that is not known"),
        ("another content", "cannot be unpacked"),
        ("not where it says", "is not where its directory says"),
    ],
)
def test_a_damaged_archive_is_refused(kind: str, said: str, tmp_path: Path, catalogue: Catalogue) -> None:
    made = archive(tmp_path / "crate.zip", GOOD, packed=zipfile.ZIP_STORED)
    made.write_bytes(damage(made.read_bytes(), kind))
    before = everything(tmp_path)
    with pytest.raises(InvalidCrateError, match=said):
        take_in(catalogue, made)
    assert everything(tmp_path) == before


def test_files_that_share_their_bytes_are_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    made = archive(tmp_path / "crate.zip", GOOD, ("aa", "x" * 500), ("bb", "x" * 500), packed=zipfile.ZIP_STORED)
    content = made.read_bytes()
    first, second = content.find(b"PK\x01\x02"), content.rfind(b"PK\x01\x02")
    middle = content.find(b"PK\x01\x02", first + 1)
    # The second file's entry leads to the first one's bytes, as in a bomb of overlapping files.
    where = content[middle + 42 : middle + 46]
    made.write_bytes(content[: second + 42] + where + content[second + 46 :])
    with pytest.raises(InvalidCrateError, match=r"shares bytes with another file|another name in front"):
        take_in(catalogue, made)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(members=2), "It holds 3 files; at most 2 are unpacked"),
        (Limits(bytes=1000), "at most 1000 are unpacked"),
        (Limits(harmless=1000, ratio=20), "more than 20 times as many: a ZIP bomb"),
        (Limits(members=0), "at most 0 files are unpacked"),
    ],
)
def test_an_archive_beyond_the_limits_is_refused(limits: Limits, said: str, tmp_path: Path) -> None:
    made = archive(tmp_path / "crate.zip", GOOD, ("a", "0" * 100_000), ("b", ""))
    with pytest.raises(InvalidCrateError, match=said), CrateArchive.opened(made, limits):
        pass


def test_a_real_bomb_is_refused_by_the_usual_limits(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        file.writestr(*GOOD)
        with file.open("zeros", "w") as zeros:
            for _ in range(70):
                zeros.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(InvalidCrateError, match="more than 200 times as many: a ZIP bomb"):
        take_in(catalogue, path)


def test_an_archive_without_a_crate_or_with_several_is_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    none = archive(tmp_path / "none.zip", ("readme.txt", "x"), ("a/b/ro-crate-metadata.json", "{}"))
    with pytest.raises(InvalidCrateError, match=r"It holds no crate: there is no ro-crate-metadata\.json at its top"):
        take_in(catalogue, none)
    several = archive(tmp_path / "two.zip", ("a/ro-crate-metadata.json", "{}"), ("b/ro-crate-metadata.json", "{}"))
    with pytest.raises(InvalidCrateError, match=r"It holds 2 crates \(a, b\)"):
        take_in(catalogue, several)


def test_nothing_of_an_archive_is_executable_or_links(tmp_path: Path, catalogue: Catalogue) -> None:
    made = archive(tmp_path / "a.zip", GOOD, (info("run.sh", stat.S_IFREG | 0o4777), "#!/bin/sh"), ("d/", ""))
    (report,) = take_in(catalogue, made)
    assert stat.S_IMODE((report.folder / "run.sh").stat().st_mode) & 0o7133 == 0


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "ro-crate-metadata.json").write_text(text)


def test_a_folder_of_crates_is_each_of_them(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    write(lab / "2026" / "one", metadata(MADE))
    write(lab / "two", metadata())
    write(lab / "two" / "nested", metadata())
    write(lab / ".hidden", metadata())
    archive(lab / "three.crate.zip", GOOD)
    (lab / "notes.json").write_text('{"a": 1}')
    (lab / "notes.txt").write_text("document")
    (lab / "again").symlink_to(lab)
    assert [str(path.relative_to(lab)) for path in places([lab])] == ["2026/one", "three.crate.zip", "two"]
    assert list(places([lab / "two", tmp_path / "nowhere"])) == [lab / "two", tmp_path / "nowhere"]
