"""The digest of a tree, and what differs from its manifest."""

import hashlib
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filiation.digest import Difference, DigestCache, ManifestEntry, compare_tree, digest_tree, read_manifest
from filiation.digest import walk as walking
from filiation.errors import BadInputError, NotFoundError

# Names as a POSIX file system allows them: any bytes but NUL and the slash.
names = st.binary(min_size=1, max_size=12).filter(
    lambda name: not {0, 47} & set(name) and name not in (b".", b"..", b".snakemake_timestamp")
)
# Folders get a prefix that files do not have, so that no name is wanted as both.
paths = st.tuples(st.lists(names.map(b"d".__add__), max_size=2), names.map(b"f".__add__)).map(
    lambda parts: b"/".join([*parts[0], parts[1]])
)
trees = st.dictionaries(paths, st.binary(max_size=40), max_size=8)
fresh_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def write(root: Path, tree: dict[bytes, bytes]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for path, content in tree.items():
        target = root / os.fsdecode(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


@pytest.fixture
def folder(tmp_path):
    """Name a new folder at each call."""
    numbers = iter(range(10**6))
    return lambda: tmp_path / str(next(numbers))


@fresh_folder
@given(tree=trees, data=st.data())
def test_the_order_of_writing_does_not_matter(folder, tree, data):
    first, second = folder(), folder()
    write(first, tree)
    write(second, dict(data.draw(st.permutations(list(tree.items())))))
    assert digest_tree(first) == digest_tree(second, workers=3)


@fresh_folder
@given(tree=trees)
def test_manifest_size_and_count_are_those_of_the_files(folder, tree):
    root = folder()
    write(root, tree)
    found = digest_tree(root)
    assert found.manifest == b"".join(
        hashlib.sha256(tree[path]).hexdigest().encode() + b"  " + path + b"\0" for path in sorted(tree)
    )
    assert found.digest.hex == hashlib.sha256(found.manifest).hexdigest()
    assert (found.size, found.files) == (sum(map(len, tree.values())), len(tree))
    assert read_manifest(found.manifest) == tuple(
        ManifestEntry(os.fsdecode(path), hashlib.sha256(tree[path]).hexdigest()) for path in sorted(tree)
    )


@pytest.mark.slow
@fresh_folder
@given(tree=trees.filter(lambda tree: any(tree.values())), data=st.data())
def test_any_changed_byte_changes_the_digest_and_is_named(folder, tree, data):
    root = folder()
    write(root, tree)
    before = digest_tree(root)
    path = data.draw(st.sampled_from(sorted(path for path, content in tree.items() if content)))
    position = data.draw(st.integers(0, len(tree[path]) - 1))
    bit = data.draw(st.integers(0, 7))
    changed = bytearray(tree[path])
    changed[position] ^= 1 << bit
    write(root, {path: bytes(changed)})
    assert digest_tree(root).digest != before.digest
    assert compare_tree(root, before.manifest) == (Difference(os.fsdecode(path), "changed"),)


@fresh_folder
@given(tree=trees, other=trees)
def test_comparing_names_exactly_what_differs(folder, tree, other):
    recorded, present = folder(), folder()
    write(recorded, tree)
    write(present, other)
    expected = [
        Difference(os.fsdecode(path), what)
        for path in sorted(tree.keys() | other.keys())
        for what in ("missing", "unexpected", "changed")
        if (what == "missing" and path not in other)
        or (what == "unexpected" and path not in tree)
        or (what == "changed" and path in tree and path in other and tree[path] != other[path])
    ]
    assert compare_tree(present, digest_tree(recorded).manifest) == tuple(expected)


@pytest.mark.slow
@fresh_folder
@given(tree=trees, later=trees)
def test_a_cache_never_changes_the_answer(folder, settled, tree, later):
    root, database = folder(), folder()
    with DigestCache(database) as cache:
        write(root, tree)
        settled()
        assert digest_tree(root, cache=cache) == digest_tree(root)
        write(root, later)
        assert digest_tree(root, cache=cache) == digest_tree(root)
        settled()
        for path in list(tree)[:2]:
            (root / os.fsdecode(path)).unlink(missing_ok=True)
        assert digest_tree(root, cache=cache) == digest_tree(root)
        assert cache.problem is None


def test_touching_a_file_is_silent(tmp_path):
    write(tmp_path, {b"zarr.json": b"{}", b"c/0": b"chunk"})
    manifest = digest_tree(tmp_path).manifest
    os.utime(tmp_path / "c" / "0", (0, 0))
    (tmp_path / "zarr.json").chmod(0o400)
    assert compare_tree(tmp_path, manifest) == ()


def test_a_link_in_a_files_place_is_a_change(tmp_path):
    write(tmp_path / "store", {b"a": b"a", b"b": b"b"})
    manifest = digest_tree(tmp_path / "store").manifest
    (tmp_path / "store" / "a").rename(tmp_path / "a")
    (tmp_path / "store" / "a").symlink_to(tmp_path / "a")
    assert compare_tree(tmp_path / "store", manifest) == (Difference("a", "changed"),)


def test_a_fifo_in_a_files_place_is_a_change_and_never_opened(tmp_path):
    write(tmp_path, {b"a": b"a"})
    manifest = digest_tree(tmp_path).manifest
    (tmp_path / "a").unlink()
    os.mkfifo(tmp_path / "a")
    os.mkfifo(tmp_path / "b")
    assert compare_tree(tmp_path, manifest) == (Difference("a", "changed"), Difference("b", "unexpected"))


def test_a_tree_with_a_fifo_has_no_digest(tmp_path):
    write(tmp_path, {b"a": b"a"})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadInputError) as error:
        digest_tree(tmp_path)
    assert str(error.value) == (
        f"{str(tmp_path / 'pipe')!r} is a FIFO; a tree to digest holds only files, directories and symbolic links. "
        "Remove it, or digest the parts."
    )


def test_a_missing_tree_is_said(tmp_path):
    with pytest.raises(NotFoundError) as error:
        digest_tree(tmp_path / "store")
    assert str(error.value) == f"{str(tmp_path / 'store')!r} does not exist; expected a directory to digest."


def test_a_file_is_no_tree(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BadInputError, match="is not a directory; only a directory has a tree digest"):
        digest_tree(tmp_path / "file")


def test_a_file_that_vanishes_meanwhile_is_named(tmp_path, monkeypatch):
    write(tmp_path, {b"a": b"a", b"b": b"b"})
    real = walking.list_folders

    def vanishing(root, threads):
        for listing in real(root, threads):
            (tmp_path / "b").unlink(missing_ok=True)
            yield listing

    monkeypatch.setattr("filiation.digest.trees.list_folders", vanishing)
    with pytest.raises(NotFoundError) as error:
        digest_tree(tmp_path)
    assert str(error.value) == f"{str(tmp_path / 'b')!r} is not there (any more)."


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    write(tmp_path, {b"a": b"a"})

    real = os.open

    def refused(path, flags, **named):
        if path.endswith(b"/a"):
            raise PermissionError(13, "Permission denied", path)  # by hand: root may read everything
        return real(path, flags, **named)

    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(BadInputError) as error:
        digest_tree(tmp_path)
    assert str(error.value) == f"{str(tmp_path / 'a')!r} cannot be read: Permission denied. Nothing was digested."


def test_a_damaged_disk_is_named(tmp_path, monkeypatch):
    write(tmp_path, {b"a": b"a"})

    def broken(descriptor, count):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "read", broken)
    with pytest.raises(BadInputError) as error:
        digest_tree(tmp_path)
    assert str(error.value) == f"{str(tmp_path / 'a')!r} cannot be read: Input/output error. Nothing was digested."


def test_the_root_may_be_a_link_or_end_with_a_slash(tmp_path):
    write(tmp_path / "store", {b"a": b"a"})
    (tmp_path / "link").symlink_to("store")
    assert digest_tree(tmp_path / "link") == digest_tree(tmp_path / "store")
    assert digest_tree(Path(f"{tmp_path}/store/")) == digest_tree(tmp_path / "store")


def test_large_files_and_many_files_go_through_threads(tmp_path):
    write(tmp_path, {b"large%d" % n: bytes([n]) * (9 << 20) for n in range(4)})
    write(tmp_path, {b"small/%d" % n: b"%d" % n for n in range(600)})
    threads = threading.active_count()
    done: list[int] = []
    tree = digest_tree(tmp_path, workers=2, progress=done.append)
    assert sum(done) == tree.size == 4 * (9 << 20) + sum(len(str(n)) for n in range(600))
    assert tree == digest_tree(tmp_path, workers=1)
    assert threading.active_count() == threads


@given(manifest=st.binary(max_size=300))
def test_any_bytes_are_a_manifest_or_one_message(manifest):
    try:
        entries = read_manifest(manifest)
    except BadInputError:
        return
    assert len(entries) == manifest.count(b"\0")


HEX = b"0" * 64


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (HEX + b"  a", "The manifest does not end with a NUL byte: its end is missing."),
        (
            HEX[1:] + b"  a\0",
            f"Entry 1 of the manifest is {HEX[1:] + b'  a'!r}; expected 64 lower-case hexadecimal digits, two "
            "spaces and a path.",
        ),
        (
            HEX + b"  b\0" + HEX + b"  a\0",
            "Entry 2 of the manifest, 'a', does not follow 'b' in the order of bytes.",
        ),
        (
            HEX + b"  ../a\0",
            "Entry 1 of the manifest, '../a', is not a plain path inside the tree.",
        ),
        (HEX + b"  /a\0", "Entry 1 of the manifest, '/a', is not a plain path inside the tree."),
    ],
)
def test_a_malformed_manifest_is_explained(manifest, message):
    with pytest.raises(BadInputError) as error:
        read_manifest(manifest)
    assert str(error.value) == message
