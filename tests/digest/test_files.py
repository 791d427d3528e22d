"""The digest of one file."""

import hashlib
import os
import socket
from pathlib import Path

import pytest

from filiation.digest import DigestCache, digest_file
from filiation.digest.files import hash_file
from filiation.errors import BadInputError, NotFoundError
from filiation.model import DigestKind


@pytest.mark.parametrize("size", [0, 1, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_file_has_its_sha256(tmp_path, size):
    path = tmp_path / "file"
    data = os.urandom(size)
    path.write_bytes(data)
    digest = digest_file(path)
    assert digest.kind is DigestKind.FILE
    assert digest.hex == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("expected", [0, 5, 9, 2 << 20])
def test_a_file_that_is_not_as_long_as_expected_is_read_to_its_end(tmp_path, expected):
    path = tmp_path / "file"
    path.write_bytes(b"seven b")
    result = hash_file(os.fsencode(path), expected)
    assert (result.hex, result.size) == (hashlib.sha256(b"seven b").hexdigest(), 7)


def test_a_link_to_a_file_has_the_digest_of_the_file(tmp_path):
    (tmp_path / "file").write_bytes(b"a")
    (tmp_path / "link").symlink_to("file")
    assert digest_file(tmp_path / "link") == digest_file(tmp_path / "file")


def test_a_name_that_is_no_text_is_digested(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n"))
    path.write_bytes(b"a")
    assert digest_file(path).hex == hashlib.sha256(b"a").hexdigest()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFoundError) as error:
        digest_file(tmp_path / "a\nb")
    assert str(error.value) == f"{str(tmp_path / 'a') + chr(10) + 'b'!r} is not there (any more)."
    assert "\n" not in str(error.value)


def test_a_directory_is_pointed_to_the_tree_digest(tmp_path):
    with pytest.raises(BadInputError) as error:
        digest_file(tmp_path)
    assert str(error.value) == (
        f"{str(tmp_path)!r} is a directory; only a regular file has a digest of its bytes. Digest it as a tree."
    )


def test_a_fifo_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadInputError, match=r"is a FIFO; only a regular file has a digest of its bytes\.$"):
        digest_file(tmp_path / "fifo")


def test_a_fifo_in_a_files_place_is_noticed_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(BadInputError, match="turned into a FIFO while it was being digested"):
        hash_file(os.fsencode(tmp_path / "fifo"), 4)


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(BadInputError, match="is a socket;"):
            digest_file(Path("socket"))


def test_a_link_in_a_circle_is_one_message(tmp_path):
    (tmp_path / "link").symlink_to("link")
    with pytest.raises(BadInputError, match="is a symbolic link that leads in a circle"):
        digest_file(tmp_path / "link")


def test_a_file_that_changes_while_it_is_read_is_not_kept_in_the_cache(tmp_path, monkeypatch, settled):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    settled()
    read = os.read

    def write_meanwhile(descriptor, count):
        data = read(descriptor, count)
        path.write_bytes(b"new!")
        return data

    with DigestCache(tmp_path / "cache.sqlite") as cache:
        monkeypatch.setattr(os, "read", write_meanwhile)
        digest_file(path, cache=cache)
        monkeypatch.undo()
        settled()
        assert cache.find(os.fsencode(path), hash_file(os.fsencode(path), 4).stamp) is None
        assert digest_file(path, cache=cache).hex == hashlib.sha256(b"new!").hexdigest()
