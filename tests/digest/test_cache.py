"""The cache of digests: it saves reading, and its failure saves nothing and breaks nothing."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from filiation.digest import DigestCache, digest_file, digest_tree
from filiation.digest import cache as cache_module
from filiation.digest.files import Stamp


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
        assert sorted(cache.find_tree(os.fsencode(store))) == [b"c/1", b"c/2", b"c/3", b"c/4"]


def test_a_tree_does_not_see_its_neighbours(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        for neighbour in ("store0", "store-", "stor"):
            (tmp_path / neighbour).mkdir()
            (tmp_path / neighbour / "a").write_bytes(b"a")
            digest_tree(tmp_path / neighbour, cache=cache)
        digest_tree(store, cache=cache)
        assert len(cache.find_tree(os.fsencode(store))) == 5


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
        cache.put_pixels("a" * 64, "b" * 64)
        cache.close()
        assert cache.get_pixels("a" * 64) == "b" * 64
        assert cache.problem is None


def digests_without_help(cache, store):
    tree = digest_tree(store)
    for _ in range(2):
        assert digest_tree(store, cache=cache) == tree
        assert digest_file(store / "c" / "0", cache=cache) == digest_file(store / "c" / "0")
    cache.put_pixels("a" * 64, "b" * 64)
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
    other.execute("UPDATE files SET inode = 'x', sha256 = 7")
    other.commit()
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert digest_tree(store, cache=cache) == digest_tree(store)


def test_a_digest_of_the_wrong_length_is_not_believed(store, tmp_path):
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        digest_tree(store, cache=cache)
    other = sqlite3.connect(tmp_path / "cache.sqlite")
    other.execute("UPDATE files SET sha256 = x'00'")
    other.commit()
    other.close()
    with DigestCache(tmp_path / "cache.sqlite") as cache:
        assert digest_tree(store, cache=cache) == digest_tree(store)
        assert cache.problem is None
