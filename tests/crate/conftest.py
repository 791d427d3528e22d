"""Fixtures of the crate room."""

import socket
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.crate import minimal as minimal_crate


@pytest.fixture(scope="session")
def minimal() -> ModuleType:
    """Return the hand-written minimal crate: ``minimal_metadata``, ``write_crate``, ``entity``, ``ref``."""
    return minimal_crate


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail the test at any attempt to reach another machine, name look-ups included."""
    attempts = []

    def refuse(*arguments, **named):
        attempts.append(arguments)
        raise AssertionError(f"network used: {arguments}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    yield
    assert attempts == []
