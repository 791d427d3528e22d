"""A tree read as it was recorded: exactly those bytes, and nothing else on the machine."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from filiation.digest import digest_tree
from filiation.digest.recorded import LARGEST, RecordedTree
from filiation.errors import BadInputError, ChangedError, NotFoundError

SECRET = "not for you"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "store"
    (root / "c").mkdir(parents=True)
    (root / "zarr.json").write_text("{}")
    (root / "c/0").write_bytes(b"chunk")
    (root / "link").symlink_to("zarr.json")
    (tmp_path / "secret").write_text(SECRET)
    return root


def recorded(root: Path) -> RecordedTree:
    return RecordedTree(root, digest_tree(root).manifest)


def test_files_come_as_they_were_recorded(root: Path, tmp_path: Path) -> None:
    tree = recorded(root)
    assert sorted(tree.paths) == ["c/0", "zarr.json"], "a link is no file"
    assert (tree.read("c/0"), tree.read("c/0"), "c/0" in tree) == (b"chunk", b"chunk", True)
    (tmp_path / "by another name").symlink_to(root)
    assert RecordedTree(tmp_path / "by another name", digest_tree(root).manifest).read("zarr.json") == b"{}"


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/hostname", "c/../../secret", "c", "", "link", "c//0", "./zarr.json"]
)
def test_only_what_was_recorded_can_be_named(root: Path, path: str) -> None:
    with pytest.raises(NotFoundError, match="had no file"):
        recorded(root).read(path)


def _chunk_is_a_link(root: Path) -> None:
    (root / "c/0").unlink()
    (root / "c/0").symlink_to(root.parent / "secret")


def _folder_is_a_link(root: Path) -> None:
    (root / "c").rename(root.parent / "elsewhere")
    (root / "c").symlink_to(root.parent / "elsewhere")


def _pipe(root: Path) -> None:
    (root / "c/0").unlink()
    os.mkfifo(root / "c/0")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda root: (root / "c/0").write_bytes(b"Chunk"), "'c/0' has other bytes"),
        (lambda root: (root / "c/0").unlink(), "'c/0' cannot be read: No such file"),
        (_chunk_is_a_link, "'c/0' cannot be read: Too many levels of symbolic links"),
        (_folder_is_a_link, "'c/0' cannot be read: "),
        (_pipe, "'c/0' is no file"),
    ],
)
def test_what_changed_is_not_handed_out(root: Path, change: Callable[[Path], object], told: str) -> None:
    tree = recorded(root)
    change(root)
    with pytest.raises(ChangedError, match="is not as it was recorded: " + told):
        tree.read("c/0")


def test_a_store_that_is_gone_or_too_large_is_said_to_be(root: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not there any more"):
        RecordedTree(tmp_path / "gone", digest_tree(root).manifest).read("c/0")
    tree = recorded(root)
    with (root / "c/0").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(BadInputError, match="at most"):
        tree.read("c/0")
    with pytest.raises(BadInputError):
        RecordedTree(root, b"no manifest")
