"""Sessions: opened, joined, refused, run out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

omero = pytest.importorskip("omero", reason="omero-py is not installed: see `make omero`", exc_type=ImportError)
Ice = pytest.importorskip("Ice", exc_type=ImportError)
Glacier2 = pytest.importorskip("Glacier2", exc_type=ImportError)

from omero.gateway import BlitzGateway  # noqa: E402

from tests.omero_server.certificate import write_certificate  # noqa: E402
from tests.omero_server.fixtures import SignIn  # noqa: E402
from tests.omero_server.server import OmeroServer  # noqa: E402


def test_a_password_opens_a_session_over_tls(sign_in: SignIn, gateway: Any):
    assert gateway.isSecure()
    assert gateway.getUser().getOmeName() == sign_in.user
    assert gateway.getGroupFromContext().getId() in gateway.getEventContext().memberOfGroups


def test_a_wrong_password_is_refused(omero_server: OmeroServer):
    gateway = BlitzGateway("ada", "wrong", host=omero_server.host, port=omero_server.port)

    assert not gateway.connect()
    assert isinstance(gateway.getLastError(), Glacier2.PermissionDeniedException)
    assert omero_server.calls.count("Router.createSession") == 2  # the gateway's own second try
    gateway.c.closeSession()


def test_every_sign_in_can_be_refused(omero_server: OmeroServer):
    omero_server.faults.refuse_sign_in = "server is closing"
    gateway = BlitzGateway("ada", "ada-password", host=omero_server.host, port=omero_server.port)

    assert not gateway.connect()
    assert gateway.getLastError().reason == "server is closing"
    gateway.c.closeSession()


def test_a_key_joins_its_session(sign_in: SignIn, connected: Callable[..., Any]):
    first = connected()
    second = BlitzGateway(host=sign_in.host, port=sign_in.port)

    assert second.connect(sUuid=first.c.getSessionId())
    assert second.getUser().getOmeName() == sign_in.user
    second.close(hard=False)
    assert first.keepAlive()


def test_a_key_that_nobody_gave_out_is_refused(sign_in: SignIn):
    gateway = BlitzGateway(host=sign_in.host, port=sign_in.port)

    assert not gateway.connect(sUuid="0e0b8d3e-no-such-session")
    gateway.c.closeSession()


def test_a_session_left_alone_runs_out(omero_server: OmeroServer, gateway: Any):
    omero_server.sessions.by_key[gateway.c.getSessionId()].touched -= 601

    with pytest.raises(omero.SessionTimeoutException):
        gateway.getQueryService().findAllByQuery("from Image", None)


def test_a_session_ended_by_the_server_is_gone(omero_server: OmeroServer, gateway: Any):
    omero_server.end(gateway.c.getSessionId())

    with pytest.raises(omero.RemovedSessionException):
        gateway.getQueryService().findAllByQuery("from Image", None)


def test_the_plain_port_is_told_to_clients_that_ask(omero_server: OmeroServer):
    gateway = BlitzGateway("ada", "ada-password", host=omero_server.host, port=omero_server.port, secure=False)
    assert gateway.connect()

    assert not gateway.isSecure()
    assert gateway.getUser().getOmeName() == "ada"
    gateway.close()


def test_a_client_that_verifies_takes_the_servers_certificate_and_no_other(omero_server: OmeroServer, tmp_path: Path):
    def client(authority: Path) -> Any:
        arguments = ["--IceSSL.VerifyPeer=1", f"--IceSSL.CAs={authority}", "--IceSSL.Ciphers=DEFAULT"]
        return omero.client(host=omero_server.host, port=omero_server.port, args=arguments)

    trusting = client(omero_server.certificate.authority)
    assert trusting.createSession("ada", "ada-password")
    trusting.closeSession()

    suspicious = client(write_certificate(tmp_path, "unused", omero_server.host).authority)
    with pytest.raises(Ice.SecurityException, match="certificate verification failed"):
        suspicious.createSession("ada", "ada-password")
    suspicious.getCommunicator().destroy()


def test_a_session_of_a_limited_life_is_made_and_ends(omero_server: OmeroServer, gateway: Any):
    made = gateway.c.sf.getSessionService().createUserSession(60_000, 30_000, "lab")
    session = omero_server.sessions.named(made.uuid.val)
    assert (made.timeToLive.val, made.timeToIdle.val) == (60_000, 30_000)
    assert not session.expired()

    session.started -= 61

    other = BlitzGateway(host=omero_server.host, port=omero_server.port)
    assert not other.connect(sUuid=session.key)
    other.c.closeSession()


def test_answers_can_be_slow_and_faults_are_put_off_together(omero_server: OmeroServer, gateway: Any):
    omero_server.faults.seconds_per_call = 0.2
    with pytest.raises(Ice.InvocationTimeoutException):
        gateway.c.sf.ice_invocationTimeout(50).getQueryService()

    omero_server.faults.clear()

    assert gateway.c.sf.ice_invocationTimeout(60_000).getQueryService()


def test_what_the_server_does_not_know_fails_and_is_named(gateway: Any):
    with pytest.raises(omero.InternalException) as failure:
        gateway.c.sf.getScriptService().getScripts()

    assert failure.value.message == "the test server does not know IScript.getScripts"


def test_the_database_has_an_identity(omero_server: OmeroServer, gateway: Any):
    assert gateway.getConfigService().getDatabaseUuid() == omero_server.database_uuid
