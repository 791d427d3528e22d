"""Files with secrets are read where nobody else can reach them, and what they hold is in no message."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filiation.errors import AccessError, BadInputError
from filiation.secret_files import read_secret_file


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    place = tmp_path / "secret"
    place.write_text("hunter2 \n")
    place.chmod(0o600)
    return place


def test_a_secret_is_read_without_the_end_of_its_line_and_with_its_spaces(secret: Path) -> None:
    assert read_secret_file(secret, "a password") == "hunter2 "
    secret.chmod(0o400)
    assert read_secret_file(secret, "a password") == "hunter2 "
    link = secret.with_name("link")  # as containers are given their secrets
    link.symlink_to(secret)
    assert read_secret_file(link, "a password").startswith("hunter2")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601, 0o620, 0o602, 0o644, 0o666, 0o777])
def test_what_others_can_reach_in_any_way_is_refused_with_what_to_do(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    link = secret.with_name("link")
    link.symlink_to(secret)
    for place in (secret, link):
        with pytest.raises(AccessError) as caught:
            read_secret_file(place, "a password")
        assert str(caught.value) == (
            f"{place} holds a password and has the mode {mode:04o}; others can reach it. Run `chmod 600 {place}` as "
            "its owner, and take another secret if others may have seen this one."
        )


def test_what_belongs_to_somebody_else_is_refused(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(AccessError, match=f"belongs to user {own}, but user {own + 1} reads it"):
        read_secret_file(secret, "a password")


def test_what_is_no_secret_is_told_without_its_content(tmp_path: Path, secret: Path) -> None:
    fifo, gone, folder = tmp_path / "fifo", tmp_path / "gone", tmp_path / "folder"
    os.mkfifo(fifo, 0o600)
    folder.mkdir(0o700)
    for place, why in ((fifo, "is no regular file"), (gone, "No such file or directory"), (folder, "Is a directory")):
        with pytest.raises(BadInputError, match=f"{place}, which is to hold a token, .*{why}"):
            read_secret_file(place, "a token")
    for content, why in ((b"", "is empty"), (b"\n", "is empty"), (b"x" * 4097, "more than 4096"), (b"x\xff", "UTF-8")):
        secret.write_bytes(content)
        with pytest.raises(BadInputError, match=why) as caught:
            read_secret_file(secret, "a token")
        assert "xff" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert "xx" not in str(caught.value)
