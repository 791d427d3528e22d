"""What a process wrote itself is not read again, and what was changed since is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from filiation.digest import WrittenFiles, digest_tree, trees
from filiation.digest.files import Stamp
from filiation.digest.written import note
from filiation.images import Image, LabelImage, write_image, write_labels

PIXELS = np.random.default_rng(1).integers(0, 9, (20, 300, 300), "u2")
AXES = ("z", "y", "x")


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are read to be digested."""
    names: list[str] = []
    before = trees.hash_file

    def hash_file(path: bytes, size: int) -> object:
        names.append(os.fsdecode(path))
        return before(path, size)

    monkeypatch.setattr(trees, "hash_file", hash_file)
    return names


@pytest.mark.parametrize("kind", [Image, LabelImage])
def test_a_store_that_was_written_here_has_the_same_digest_and_only_its_metadata_are_read(
    kind: type, tmp_path: Path, read: list[str]
) -> None:
    place = tmp_path / "new.ome.zarr"
    with WrittenFiles() as written:
        (write_image if kind is Image else write_labels)(place, kind(PIXELS, AXES))
    found = digest_tree(place, written=written)
    assert read
    assert all(name.endswith("zarr.json") for name in read)
    assert found == digest_tree(place)
    chunks = [file for file in place.rglob("*") if file.is_file() and file.name != "zarr.json"]
    assert len(chunks) > 8
    assert {str(chunk) for chunk in chunks} <= set(read), "without what was written, all is read"


def test_what_was_changed_since_is_read(tmp_path: Path, read: list[str]) -> None:
    place = tmp_path / "new.ome.zarr"
    with WrittenFiles() as written:
        write_image(place, Image(PIXELS, AXES))
    first, second, *_ = sorted(file for file in (place / "0" / "c").rglob("*") if file.is_file())
    first.write_bytes(first.read_bytes() + b"x")
    second.with_name("other").write_bytes(second.read_bytes()[::-1])
    second.with_name("other").replace(second)
    assert digest_tree(place, written=written) == digest_tree(place)
    assert {str(first), str(second)} <= set(read)


def test_a_file_that_took_the_place_meanwhile_is_not_taken_for_the_one_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "0"
    path.write_bytes(b"ab")
    state = path.stat()
    with WrittenFiles() as written:
        note(str(path), state.st_ino + 1, (b"ab",))
        assert written.find(Stamp.from_stat(state)) is None
        note(str(path), state.st_ino, (b"ab", b"c"))
        assert written.find(Stamp.from_stat(state)) is None
        note(str(path), state.st_ino, (b"a", b"b"))
    assert written.find(Stamp.from_stat(state)) == hashlib.sha256(b"ab").hexdigest()
    note(str(path), state.st_ino, (b"not", b"listening"))
