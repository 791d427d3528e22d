"""What is signed in with: the order in which it is looked for, for which server, and who else may read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from filiation.errors import AccessError, BadInputError
from filiation.images.omero.address import Host
from filiation.images.omero.credentials import Credentials, find_credentials, nothing_found
from filiation.images.secrets import secrets_in_use

if TYPE_CHECKING:
    from tests.omero_server.server import OmeroServer

HOST = Host("omero.example.org")


def left_by_login(home: Path, host: str = "omero.example.org", key: str = "left-by-login", port: str = "4064") -> Path:
    folder = home / "omero" / "sessions" / host / "ada"
    folder.mkdir(parents=True)
    (folder.parent / "._LASTUSER_").write_text("ada")
    (folder / "._LASTSESS_").write_text(key)
    (folder / key).write_text(f"omero.host={host}\nomero.port={port}\nomero.user=ada\nomero.sess={key}\n")
    return home


def test_the_order_is_key_then_login_then_password(tmp_path: Path):
    environment = {
        "HOME": str(left_by_login(tmp_path)), "OMERO_SESSION": "a-key", "OMERO_USER": "ada", "OMERO_PASSWORD": "a-word",
    }  # fmt: skip

    found = list(find_credentials(HOST, environment))

    assert [(each.secret, each.is_key) for each in found] == [
        ("a-key", True), ("left-by-login", True), ("a-word", False),
    ]  # fmt: skip
    assert {"a-key", "left-by-login", "a-word"} <= secrets_in_use()


def test_a_login_on_another_server_or_port_is_left_alone(tmp_path: Path):
    environment = {"HOME": str(left_by_login(tmp_path, port="5000"))}

    assert not list(find_credentials(HOST, environment))
    assert not list(find_credentials(Host("elsewhere.example.org", 5000), environment))


def test_what_is_for_one_server_is_not_sent_to_another():
    environment = {"OMERO_HOST": "OMERO.example.org", "OMERO_SESSION": "k", "OMERO_USER": "a", "OMERO_PASSWORD": "p"}

    assert len(list(find_credentials(HOST, environment))) == 2
    assert not list(find_credentials(Host("elsewhere.example.org"), environment))
    assert "is for OMERO.example.org" in str(nothing_found(Host("elsewhere.example.org"), environment))
    environment["OMERO_HOST"] = "OMERO.example.org:5000"
    assert len(list(find_credentials(Host(HOST.name, 5000), environment))) == 2
    assert not list(find_credentials(Host(HOST.name, 5001), environment))


def test_a_password_file_is_read_if_it_is_its_owners_alone(tmp_path: Path):
    place = tmp_path / "password"
    place.write_text("from-a-file\n")
    environment = {"OMERO_USER": "ada", "OMERO_PASSWORD_FILE": str(place)}
    place.chmod(0o644)
    with pytest.raises(AccessError, match=r"has the mode 0644; others can reach it\. Run `chmod 600") as caught:
        list(find_credentials(HOST, environment))
    assert "from-a-file" not in str(caught.value)

    place.chmod(0o600)

    assert [each.secret for each in find_credentials(HOST, environment)] == ["from-a-file"]


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_password_file_that_cannot_be_read_is_said(tmp_path: Path, content: bytes | None):
    place = tmp_path / "password"
    if content is not None:
        place.write_bytes(content)
        place.chmod(0o600)

    with pytest.raises(BadInputError, match="to hold the password of OMERO_PASSWORD_FILE"):
        list(find_credentials(HOST, {"OMERO_USER": "ada", "OMERO_PASSWORD_FILE": str(place)}))


def test_a_user_without_a_password_is_said():
    with pytest.raises(BadInputError, match="OMERO_USER is set, but no password"):
        list(find_credentials(HOST, {"OMERO_USER": "ada"}))


def test_credentials_never_show_their_secret():
    assert "canary" not in repr(Credentials("here", "ada", "canary"))


def test_a_session_of_the_command_line_is_joined_and_left_open(
    signed_in: OmeroServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The session is stored by OMERO's own code, so what is read here is what it writes."""
    from omero.util.sessions import SessionsStore

    from filiation.images.omero.connection import close_all, connect

    folder = tmp_path / "sessions"
    store = SessionsStore(str(folder))
    properties = {"omero.host": signed_in.host, "omero.port": str(signed_in.port)}
    client, key, _, _ = store.create("ada", "ada-password", properties)
    for name in ("OMERO_USER", "OMERO_PASSWORD"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("OMERO_SESSIONDIR", str(folder))

    connection = connect(Host(signed_in.host, signed_in.port))
    assert connection.user == "ada"
    assert connection.gateway.c.getSessionId() == key
    close_all()

    assert client.sf.getAdminService().getEventContext().userName == "ada"
    client.killSession()
