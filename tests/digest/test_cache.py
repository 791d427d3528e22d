"""The cache of digests: it saves reading, and its failure saves nothing and breaks nothing."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from filiation.digest import DigestCache, digest_file, digest_tree, files
from filiation.digest import cache as cache_module
from filiation.digest import walk as walking
from filiation.digest.files import Stamp
from filiation.model import Digest, DigestKind

PIXELS = Digest(DigestKind.PIXELS, "b" * 64)


@pytest.fixture
def store(tmp_path, settled):
    root = tmp_path / "store"
    (root / "c").mkdir(parents=True)
    for number in range(5):
        (root / "c" / str(number)).write_bytes(b"%d" % number)
    settled()
    return root


@pytest.fixture
def opened(monkeypatch):
    """Names of files opened for reading."""
    names = []
    real = os.open

    def spy(path, flags, *rest, **named):
        if not flags & os.O_DIRECTORY:
            names.append(Path(os.fsdecode(path)).name)
        return real(path, flags, *rest, **named)

    monkeypatch.setattr(os, "open", spy)
    return names


def test_an_unchanged_tree_is_not_read_again(store, tmp_path, opened):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(store, cache=cache)
        opened.clear()
        assert digest_tree(store, cache=cache) == first
    assert opened == []


def test_only_what_changed_is_read_again_also_by_another_process_later(store, tmp_path, opened):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_tree(store, cache=cache)
    (store / "c" / "3").write_bytes(b"x")
    opened.clear()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        tree = digest_tree(store, cache=cache)
    assert opened == ["3"]
    assert tree == digest_tree(store)


def test_a_file_replaced_with_its_old_time_and_size_is_read_again(store, tmp_path):
    path = store / "c" / "3"
    before = path.stat()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(store, cache=cache)
        path.write_bytes(b"x")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert digest_tree(store, cache=cache) != first


def test_what_was_written_just_now_is_not_kept(tmp_path, monkeypatch):
    path = tmp_path / "file"
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        path.write_bytes(b"a")
        just_then = path.stat().st_ctime_ns
        monkeypatch.setattr(cache_module.time, "time_ns", lambda: just_then + 1)
        digest_file(path, cache=cache)
        rows = sqlite3.connect(tmp_path / "cache.sqlite") if (tmp_path / "cache.sqlite").exists() else None
        assert rows is None or rows.execute("SELECT count(*) FROM files").fetchone() == (0,)
        if rows:
            rows.close()


def test_files_that_are_gone_are_dropped(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_tree(store, cache=cache)
        (store / "c" / "0").unlink()
        digest_tree(store, cache=cache)
        known = cache.find_folders(os.fsencode(store))
        assert sorted(known.pop(b"c/").by_name()) == [b"1", b"2", b"3", b"4"]
        assert known == {}


def test_links_and_strange_names_are_known_again_and_a_link_that_leads_elsewhere_is_a_change(tmp_path, settled):
    root = tmp_path / "store"
    (root / "c" / "d").mkdir(parents=True)
    for name in (b"a", b"a  ", b"\xff", b"line\nfeed"):
        (root / "c" / os.fsdecode(name)).write_bytes(name)
        (root / "c" / os.fsdecode(b"l" + name)).symlink_to(os.fsdecode(name))
    (root / "c" / "d" / "e").write_bytes(b"e")
    settled()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(root, cache=cache)
        assert digest_tree(root, cache=cache) == first == digest_tree(root)
        assert {path: folder.files for path, folder in cache.find_folders(os.fsencode(root)).items()} == {
            b"c/": 8,
            b"c/d/": 1,
        }
        (root / "c" / "la").unlink()
        (root / "c" / "la").symlink_to("d")
        assert digest_tree(root, cache=cache) == digest_tree(root) != first


def test_of_a_directory_what_was_written_just_now_alone_is_read_again(store, tmp_path, monkeypatch, opened):
    (store / "c" / "3").write_bytes(b"x")
    just_then = (store / "c" / "3").stat().st_ctime_ns
    monkeypatch.setattr("filiation.digest.trees.time.time_ns", lambda: just_then + 1)
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(store, cache=cache)
        opened.clear()
        assert digest_tree(store, cache=cache) == first
        assert opened == ["3"]
        (store / "c" / "3").unlink()
        assert digest_tree(store, cache=cache) == digest_tree(store)


def test_a_directory_listed_in_another_order_is_not_read_again(store, tmp_path, monkeypatch, opened):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(store, cache=cache)
        real = walking._list

        def backwards(prefix, folder):
            listing = real(prefix, folder)
            things = list(walking.each_state(listing.names, listing.states))[::-1]
            return listing._replace(
                names=b"\0".join(name for name, _ in things), states=b"".join(state for _, state in things)
            )

        monkeypatch.setattr(walking, "_list", backwards)
        opened.clear()
        assert digest_tree(store, cache=cache) == first
        assert opened == []


def test_a_tree_moved_or_part_of_another_needs_no_second_reading_of_its_parts(store, tmp_path, opened):
    (store / "zarr.json").write_bytes(b"{}")
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        part = digest_tree(store / "c", cache=cache)
        opened.clear()
        assert digest_tree(store, cache=cache) == digest_tree(store)
        assert opened.count("3") == 1  # by the one without a cache
        assert digest_tree(store / "c", cache=cache) == part


def test_many_directories_are_listed_in_threads(tmp_path, settled, monkeypatch):
    for number in range(40):
        folder = tmp_path / "store" / str(number % 4) / str(number)
        folder.mkdir(parents=True)
        (folder / "chunk").write_bytes(b"%d" % number)
    settled()
    monkeypatch.setattr("filiation.digest.walk._FEW_FILES", 3)
    monkeypatch.setattr("filiation.digest.walk._FOLDERS_AT_ONCE", 2)
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        first = digest_tree(tmp_path / "store", cache=cache, workers=2)
        done: list[int] = []
        assert digest_tree(tmp_path / "store", cache=cache, workers=2, progress=done.append) == first
        assert sum(done) == first.size
        (tmp_path / "store" / "1" / "5" / "chunk").write_bytes(b"y")
        assert digest_tree(tmp_path / "store", cache=cache, workers=2) == digest_tree(tmp_path / "store")


def test_what_is_known_of_an_inode_of_64_bits_is_kept(store, tmp_path, monkeypatch):
    real = walking._figures
    monkeypatch.setattr(walking, "_figures", lambda status: (*real(status)[:-1], real(status)[-1] + (1 << 63)))
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        for _ in range(2):
            assert digest_tree(store, cache=cache) == digest_tree(store)
        assert cache.problem is None
    assert [files.signed(figure) for figure in ((1 << 63) + 5, 5, -5)] == [5 - (1 << 63), 5, -5]


def test_a_tree_does_not_see_its_neighbours(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        for neighbour in ("store0", "store-", "stor"):
            (tmp_path / neighbour).mkdir()
            (tmp_path / neighbour / "a").write_bytes(b"a")
            digest_tree(tmp_path / neighbour, cache=cache)
        digest_tree(store, cache=cache)
        known = cache.find_folders(os.fsencode(store))
        assert {path: folder.files for path, folder in known.items()} == {b"c/": 5}


def test_a_relative_path_and_an_absolute_one_are_the_same_file(store, tmp_path, monkeypatch, opened):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_file(store / "c" / "0", cache=cache)
        monkeypatch.chdir(store)
        opened.clear()
        digest_file(Path("c/0"), cache=cache)
    assert opened == []


def test_many_files_are_few_transactions(tmp_path, settled, monkeypatch):
    paths = [tmp_path / str(number) for number in range(7)]
    for path in paths:
        path.write_text(path.name)
    settled()
    monkeypatch.setattr("filiation.digest.cache._AT_ONCE", 3)
    real, written = cache_module._write, []
    monkeypatch.setattr(
        cache_module, "_write", lambda db, text, rows: (written.append(len(rows)), real(db, text, rows))
    )
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        found = [digest_file(path, cache=cache) for path in paths]
        assert cache.find(os.fsencode(paths[6]), Stamp.from_stat(paths[6].stat())) == found[6].hex
    assert written == [3, 3, 1]
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert [cache.find(os.fsencode(path), Stamp.from_stat(path.stat())) for path in paths] == [d.hex for d in found]


def test_pixels_are_found_by_the_trees_digest(tmp_path):
    with DigestCache(tmp_path / "deep" / "cache.sqlite") as cache:
        assert cache.get_pixels("a" * 64) is None
        cache.put_pixels("a" * 64, PIXELS)
        cache.put_pixels("c" * 64, Digest(DigestKind.PIXELS_1, "b" * 64))
        cache.close()
        assert cache.get_pixels("a" * 64) == PIXELS
        assert cache.get_pixels("c" * 64) is None, "one of an earlier version is worked out again"
        assert cache.problem is None


def digests_without_help(cache, store):
    tree = digest_tree(store)
    for _ in range(2):
        assert digest_tree(store, cache=cache) == tree
        assert digest_file(store / "c" / "0", cache=cache) == digest_file(store / "c" / "0")
    cache.put_pixels("a" * 64, PIXELS)
    assert cache.get_pixels("a" * 64) is None


def test_a_damaged_cache_is_gone_without(store, tmp_path):
    (tmp_path / "cache.sqlite").write_bytes(b"this is no database, only some text" * 100)
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digests_without_help(cache, store)
        assert cache.problem == (
            f"The digest cache {str(tmp_path / 'cache.sqlite')!r} cannot be used (file is not a database); every file "
            "is read instead. It is safe to delete."
        )


def test_a_cache_in_a_folder_that_cannot_be_made_is_gone_without(store, tmp_path):
    (tmp_path / "file").touch()
    with DigestCache(tmp_path / "file" / "cache.sqlite") as cache:
        digests_without_help(cache, store)
        assert "cannot be used" in (cache.problem or "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_cache_in_a_read_only_folder_is_gone_without(store):
    with DigestCache(Path("/proc/filiation-digests.sqlite")) as cache:
        digests_without_help(cache, store)
        assert "unable to open database file" in (cache.problem or "")


def test_a_locked_cache_is_gone_without(store, tmp_path, monkeypatch):
    monkeypatch.setattr("filiation.digest.cache._WAIT_SECONDS", 0.0)
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        cache.get_pixels("")
    other = sqlite3.connect(tmp_path / "cache.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digests_without_help(cache, store)
        assert "database is locked" in (cache.problem or "")
    other.close()


def test_a_cache_of_a_newer_version_is_gone_without(store, tmp_path):
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    other.execute("PRAGMA user_version = 99")
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digests_without_help(cache, store)
        assert "it has version 99, written by a newer filiation" in (cache.problem or "")


def test_rows_of_the_wrong_type_are_gone_without(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_tree(store, cache=cache)
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    other.execute("UPDATE folders SET states = 'x', entries = 7")
    other.commit()
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert digest_tree(store, cache=cache) == digest_tree(store)


def test_a_digest_of_the_wrong_length_is_not_believed(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_file(store / "c" / "0", cache=cache)
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    other.execute("UPDATE files SET sha256 = x'00'")
    other.commit()
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert digest_file(store / "c" / "0", cache=cache) == digest_file(store / "c" / "0")
        assert cache.problem is None


@pytest.mark.parametrize("column", ["names", "states", "entries", "size"])
def test_a_directory_whose_record_is_damaged_is_not_believed(store, tmp_path, column):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_tree(store, cache=cache)
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    (before,) = other.execute(f"SELECT {column} FROM folders").fetchone()
    damaged = before + 1 if column == "size" else bytes([before[0] ^ 1]) + before[1:]
    other.execute(f"UPDATE folders SET {column} = ?", (damaged,))
    other.commit()
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert digest_tree(store, cache=cache) == digest_tree(store)
        assert cache.problem is None
