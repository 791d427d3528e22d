"""Trees in ZIP files: the same identity as unpacked, and looked through with suspicion."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filiation.digest import digest_tree, zipped
from filiation.digest.zipped import digest_zip, is_zip, look_through
from filiation.errors import BadInputError, NotFoundError

NAMES = st.text("abé.-_ 0", min_size=1, max_size=6).filter(lambda name: name.strip(". ") and name not in (".", ".."))


@settings(max_examples=30)
@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=6))
def test_the_digest_is_that_of_the_unpacked_tree(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("zipped")
    tree = folder / "tree"
    (tree / "0").mkdir(parents=True)
    with zipfile.ZipFile(folder / "x.ozx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("0")
        for name, content in {**files, ".snakemake_timestamp": b""}.items():
            archive.writestr(f"0/{name}", content)
            (tree / "0" / name).write_bytes(content)
    assert digest_zip(folder / "x.ozx") == digest_tree(tree)


def put(name: str, content: bytes = b"x", **changes: object) -> Callable[[zipfile.ZipFile], None]:
    def into(archive: zipfile.ZipFile) -> None:
        info = zipfile.ZipInfo("zarr.json")
        info.filename = name
        for key, value in changes.items():
            setattr(info, key, value)
        archive.writestr(info, content)

    return into


LINK = (stat.S_IFLNK | 0o777) << 16


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        (put("../zarr.json"), "holds the name '../zarr.json', which is no plain path inside it."),
        (put("/etc/zarr.json"), "holds the name '/etc/zarr.json', which is no plain path inside it."),
        (put("c//0"), "holds the name 'c//0', which is no plain path inside it."),
        (put("c\\0"), "holds the name 'c\\\\0', which is no plain path inside it."),
        (put("C:/0"), "holds the name 'C:/0', which is no plain path inside it."),
        (put("good"), "holds 'good' twice."),
        (put("link", b"/etc/passwd", external_attr=LINK), "holds 'link', which is a link or no file."),
        (put("rare", compress_type=zipfile.ZIP_LZMA), "holds 'rare', encrypted or packed in a way that is not read."),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_what_no_store_holds_is_refused(
    tmp_path: Path, planted: Callable[[zipfile.ZipFile], None], message: str
) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("good", b"{}")
        planted(archive)
    for read in (look_through, digest_zip):
        with pytest.raises(BadInputError) as caught:
            read(tmp_path / "x.zip")
        assert str(caught.value) == (
            f"{tmp_path / 'x.zip'} {message} A store does not; ask whoever made it, or unpack it with care."
        )


def test_what_unpacks_beyond_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0", bytes(1 << 20))
    monkeypatch.setattr(zipped, "HARMLESS", 1 << 16)
    with pytest.raises(BadInputError, match=r"holds 1048576 bytes in a file of \d+, more than 200 for one"):
        look_through(tmp_path / "bomb.zip")
    monkeypatch.setattr(zipped, "MOST_OF_ONE", 1 << 16)
    with pytest.raises(BadInputError, match="holds a file of 1048576 bytes; at most 65536 are read"):
        look_through(tmp_path / "bomb.zip")


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("0", b"some bytes of a chunk")
    content = bytearray((tmp_path / "x.zip").read_bytes())
    content[content.index(b"chunk")] ^= 1
    (tmp_path / "x.zip").write_bytes(content)
    assert is_zip(tmp_path / "x.zip")
    with pytest.raises(
        BadInputError, match=r"is no ZIP file, or a damaged one: Bad CRC-32 for file '0'\. Copy it again"
    ):
        digest_zip(tmp_path / "x.zip")
    (tmp_path / "x.zip").write_bytes(content[:40])
    with pytest.raises(BadInputError, match="is no ZIP file, or a damaged one"):
        look_through(tmp_path / "x.zip")
    with pytest.raises(NotFoundError):
        look_through(tmp_path / "none.zip")
    assert not is_zip(tmp_path / "none.zip")
