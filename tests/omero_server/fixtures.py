"""What tests of any folder may ask for: a server of their own, and a place to sign in that may be a real server."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.omero_server.rows import Row

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

WHY_SKIPPED = "omero-py is not installed: `make omero` installs it, where a C++ compiler is there or may be installed"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Where to sign in, and as whom."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, **options: Any) -> Any:
        """Return a connected gateway; close it."""
        from omero.gateway import BlitzGateway

        gateway = BlitzGateway(self.user, self.password, host=self.host, port=self.port, secure=True, **options)
        if not gateway.connect():
            raise gateway.getLastError()
        return gateway


@pytest.fixture
def omero_server() -> Iterator[OmeroServer]:
    """Give a test a server of its own, with the user ``ada`` (password ``ada-password``) in the group ``lab``."""
    pytest.importorskip("omero.gateway", reason=WHY_SKIPPED, exc_type=ImportError)
    if os.environ.get("OMERO_TEST_HOST"):
        pytest.skip("puts its objects in from the server's side, which a real server does not let it")
    from tests.omero_server.server import OmeroServer

    with OmeroServer() as server:
        server.add_user("ada", "ada-password")
        yield server


@pytest.fixture
def omero_image(omero_server: OmeroServer) -> Row:
    """Give an image of ada's with instrument, channels, tag, comment and pairs, in a dataset of a project."""
    from tests.omero_server.microscope import microscope_image

    return microscope_image(omero_server.plant("ada"))


@pytest.fixture
def sign_in(request: pytest.FixtureRequest) -> SignIn:
    """Give a place to sign in: a test server, or the real one that OMERO_TEST_HOST names.

    With OMERO_TEST_HOST go OMERO_TEST_PORT, OMERO_TEST_USER and OMERO_TEST_PASSWORD. Tests that use this and not
    ``omero_server`` run on both.
    """
    pytest.importorskip("omero.gateway", reason=WHY_SKIPPED, exc_type=ImportError)
    if host := os.environ.get("OMERO_TEST_HOST"):
        user, password = os.environ["OMERO_TEST_USER"], os.environ["OMERO_TEST_PASSWORD"]
        return SignIn(host, int(os.environ.get("OMERO_TEST_PORT", "4064")), user, password)
    server: OmeroServer = request.getfixturevalue("omero_server")
    return SignIn(server.host, server.port, "ada", "ada-password")


@pytest.fixture
def connected(sign_in: SignIn) -> Iterator[Callable[..., Any]]:
    """Give a function that returns a connected gateway, as ada or somebody else; all are closed afterwards."""
    with ExitStack() as stack:

        def connect(user: str = "", **options: Any) -> Any:
            who = replace(sign_in, user=user, password=f"{user}-password") if user else sign_in
            gateway = who.connect(**options)
            stack.callback(close, gateway)
            return gateway

        yield connect


@pytest.fixture
def gateway(connected: Callable[..., Any]) -> Any:
    """Give a gateway that is signed in."""
    return connected()


def close(gateway: Any) -> None:
    """Close a gateway, whether or not its session is still there."""
    import Ice

    client = gateway.c
    with suppress(Ice.Exception):
        gateway.close()
    with suppress(Ice.Exception):
        client.closeSession()


@pytest.fixture
def signed_in(omero_server: OmeroServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[OmeroServer]:
    """Give a server that the environment signs in to, as ada; what was connected is closed afterwards."""
    from filiation.images.omero.connection import close_all

    for name, value in {
        "OMERO_USER": "ada",
        "OMERO_PASSWORD": "ada-password",
        "OMERO_HOST": omero_server.host,
        "OMERO_PORT": str(omero_server.port),
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("OMERO_SESSION", "OMERO_SESSIONDIR", "OMERO_USERDIR", "OMERO_PASSWORD_FILE"):
        monkeypatch.delenv(name, raising=False)
    yield omero_server
    close_all()
