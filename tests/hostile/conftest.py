"""The command line in this process, in a folder of its own, for what nobody should be given."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import call, here, minimal  # noqa: F401
from tests.crate.seals.conftest import ada, crate, keys, made_keys  # noqa: F401


@pytest.fixture
def no_connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Let nothing of this process connect anywhere, and return where it would have."""
    tried: list[object] = []

    def refuse(_self: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError("no connection is made here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **_more: refuse(None, asked))  # type: ignore[arg-type]
    yield tried
    assert tried == []


def everything(folder: Path) -> dict[str, tuple[int, str | bytes]]:
    """Return each name below a folder with what it is and holds, links as links."""
    found: dict[str, tuple[int, str | bytes]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = (path.lstat().st_mode, str(path.readlink()))
        else:
            found[name] = (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
    return found
