"""Fixtures of the crate room."""

import importlib.util
import socket
from pathlib import Path
from types import ModuleType

import pytest

_MINIMAL = Path(__file__).with_name("minimal.py")


@pytest.fixture(scope="session")
def minimal() -> ModuleType:
    """The hand-written minimal crate: ``minimal_metadata``, ``write_crate``, ``entity``, ``ref``."""  # noqa: D401
    specification = importlib.util.spec_from_file_location("minimal_crate", _MINIMAL)
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def no_network(monkeypatch):
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
