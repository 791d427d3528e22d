"""Who comes in, as whom, and what is written down of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from filiation.catalogue.views import read_views
from filiation.errors import AccessError, BadInputError
from filiation.web.access import AccessSettings, read_settings
from filiation.web.access.rules import Rules, Sight
from filiation.web.access.settings import PROXY, ProxySettings
from filiation.web.access.viewer import Identity
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.web.conftest import LABELS, PATIENT, Catalogue, asking, make_catalogue

EVERYONE = Rules((("viewer", ("everyone",)),))
PROXIED = """
[access]
kind = "proxy"
hosts = ["filiation.example.org"]
[access.roles]
viewer = ["group:imaging"]
auditor = ["user:ada", "orcid:0000-0002-1825-0097"]
[[access.sees]]
who = ["group:lab-a"]
omero_groups = ["Lab A"]
[[access.sees]]
who = ["role:auditor"]
everything = true
[proxy]
from = ["10.0.0.7"]
"""


@contextmanager
def behind(catalogue: Path, peer: str = "10.0.0.7", rules: Rules = EVERYONE) -> Iterator[TestClient]:
    """Ask a server that believes the proxy at 10.0.0.7, from an address."""
    from ipaddress import ip_network

    access = AccessSettings(PROXY, ProxySettings((ip_network("10.0.0.7"),)), rules=rules, must_log=True)
    app = create_app(WebSettings(catalogue, access=access, limits=PATIENT))
    with TestClient(
        app, base_url="http://127.0.0.1:8642", client=(peer, 5000), raise_server_exceptions=False
    ) as client:
        yield client


# --- the token -------------------------------------------------------------------------------------------------------


def test_the_cookie_that_the_token_is_exchanged_for_is_kept_from_scripts_and_other_sites(
    web_catalogue: Catalogue,
) -> None:
    app = create_app(WebSettings(web_catalogue.folder, token="shown once"))
    with asking(app) as reader, asking(app) as other:
        entered = reader.get(f"/thing?thing={LABELS}&token=shown%20once", follow_redirects=False)
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert entered.headers["location"] == f"/thing?thing={LABELS.replace('/', '%2F')}"
        assert "token" not in entered.headers["location"]
        assert reader.get("/runs").status_code == 200
        # Where the token is in the address again, it goes out of it, so that it stays in no history.
        assert reader.get("/runs?token=shown%20once", follow_redirects=False).headers["location"] == "/runs"
        name, _, value = cookie.partition(";")[0].partition("=")
        for forged in (value[:-1], value + "x", value.partition(".")[0], "a.b.c", "\x00", ""):
            assert other.get("/runs", headers={"Cookie": f"{name}={forged}"}).status_code == 401
        assert other.get("/api/runs").json() == {
            "error": "Enter by the address that the server printed when it started; it lets one browser in, once. "
            "For another browser, start `filiation serve` again.",
            "status": 401,
        }


@pytest.mark.parametrize("shown", ["", "wrong", "shown onc", "shown once ", "é", "shown once\x00"])
def test_what_is_not_the_token_lets_nobody_in_and_does_not_spend_it(web_catalogue: Catalogue, shown: str) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, token="shown once"))) as reader:
        assert reader.get("/", params={"token": shown}, follow_redirects=False).status_code == 401
        assert reader.get("/", params={"token": "shown once"}, follow_redirects=False).status_code == 303


def test_a_link_of_another_site_leads_whoever_came_in_to_the_page_and_nobody_else(web_catalogue: Catalogue) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    with asking(create_app(WebSettings(web_catalogue.folder, token="shown once"))) as reader:
        # The browser keeps the cookie back, and sends it when the page goes on to itself.
        first = reader.get("/runs?page=1&lang=en", headers=followed)
        assert 'content="0;url=/runs?page=1&amp;lang=en"' in first.text
        assert "You are signed in" not in first.text
        assert reader.get("/runs?page=1", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 401
        assert reader.get("/api/runs", headers=followed).status_code == 401


def test_who_leaves_is_out(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, token="shown once"))) as reader:
        cookie = reader.get("/?token=shown%20once", follow_redirects=False).headers["set-cookie"].partition(";")[0]
        assert reader.post("/access/leave", headers={"Origin": "https://evil.example"}).status_code == 403
        reader.get("/access/leave")  # what a link could do for somebody
        page = reader.get("/runs")
        assert page.status_code == 200
        assert '<form action="/access/leave" method="post"><button>End the session</button></form>' in page.text
        left = reader.post("/access/leave", headers={"Origin": "http://127.0.0.1:8642"})
        assert left.status_code == 200
        assert "<h1>You have left</h1>" in left.text
        assert "End the session" not in left.text
        assert "Max-Age=0" in left.headers["set-cookie"]
        assert reader.get("/runs", headers={"Cookie": cookie}).status_code == 401


def test_nothing_but_the_programs_own_files_is_had_without_entering(web_catalogue: Catalogue) -> None:
    with asking(create_app(WebSettings(web_catalogue.folder, token="shown once"))) as reader:
        assert reader.get("/static/filiation.css").status_code == 200
        for path in ("/", "/api/openapi.json", "/nowhere", "/static/../runs", "//static/", "/api/runs", "/static"):
            assert reader.get(path).status_code in (401, 404), path
            assert "Snakefile" not in reader.get(path).text
        # What is there and what is not is refused alike.
        there, not_there = reader.get("/api/run?run=00000001"), reader.get("/api/run?run=ffffffff")
        assert there.json() == not_there.json()


# --- a reverse proxy -------------------------------------------------------------------------------------------------


def test_the_proxy_that_is_listed_is_believed_who_somebody_is(web_catalogue: Catalogue) -> None:
    with behind(web_catalogue.folder) as client:
        page = client.get("/", headers={"X-Remote-User": "ada", "X-Remote-Name": "Ada Lovelace"})
        assert "You look as Ada Lovelace." in page.text
        assert "End the session" not in page.text  # the proxy would let them in again
        assert client.get("/").status_code == 401


@pytest.mark.parametrize("peer", ["10.0.0.8", "127.0.0.1", "::1", "testclient", ""])
def test_from_anywhere_else_a_name_in_a_header_is_worth_nothing(web_catalogue: Catalogue, peer: str) -> None:
    with behind(web_catalogue.folder, peer=peer) as client:
        forged = {
            "X-Remote-User": "ada",
            "X-Forwarded-For": "10.0.0.7",
            "X-Real-IP": "10.0.0.7",
            "Forwarded": "for=10.0.0.7",
        }
        assert client.get("/", headers=forged).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Remote-User", "ada"), ("X-Remote-User", "root")],
        [("X-Remote-User", "ada"), ("x-remote-user", "ada")],
        [("X-Remote-User", "ada"), ("X-Remote-Groups", "a"), ("X-Remote-Groups", "b")],
        [("X-Remote-User", "a\x7fda")],
    ],
)
def test_a_proxy_that_says_two_things_or_nothing_readable_is_not_believed(
    web_catalogue: Catalogue, headers: list[tuple[str, str]]
) -> None:
    with behind(web_catalogue.folder) as client:
        assert client.get("/", headers=headers).status_code == 400  # type: ignore[arg-type]


def test_a_unix_socket_that_is_not_listed_is_no_proxy(web_catalogue: Catalogue) -> None:
    for listed, status in ((True, 200), (False, 403)):
        access = AccessSettings(PROXY, ProxySettings((), unix=listed), rules=EVERYONE)
        app = create_app(WebSettings(web_catalogue.folder, access=access))
        with TestClient(app, base_url="http://127.0.0.1", client=None) as client:  # type: ignore[arg-type]
            assert client.get("/", headers={"X-Remote-User": "ada"}).status_code == status


# --- rules -----------------------------------------------------------------------------------------------------------


def test_roles_and_sights_come_from_accounts_groups_and_orcids(tmp_path: Path) -> None:
    place = tmp_path / "serve.toml"
    place.write_text(PROXIED)
    rules = read_settings(place).rules
    in_lab = rules.viewer(Identity("grace", frozenset({"imaging", "lab-a"})))
    assert in_lab is not None
    assert in_lab.roles == {"viewer"}
    assert in_lab.sees is not None
    assert in_lab.sees.groups == {"Lab A"}
    in_none = rules.viewer(Identity("linus", frozenset({"imaging"})))
    assert in_none is not None
    assert in_none.sees is not None
    assert not in_none.sees.groups
    assert not in_none.sees.unassigned
    auditor = rules.viewer(Identity("somebody", orcid="0000-0002-1825-0097"))
    assert auditor is not None
    assert auditor.roles == {"viewer", "auditor"}
    assert auditor.sees is None
    assert rules.viewer(Identity("group:imaging")) is None
    assert rules.viewer(Identity("mallory")) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[access]\nkind = 'door'", "access.kind has to be one of token, proxy, oidc; got 'door'."),
        ("[access]\nkind = 'proxy'\n[access.roles]\nviewer = ['everyone']", "proxy.from has to list the addresses"),
        (PROXIED.replace("10.0.0.7", "0.0.0.0/0"), "is everybody, and everybody could say who they are."),
        (PROXIED.replace("10.0.0.7", "proxy.example.org"), "does not appear to be an IPv4 or IPv6 network"),
        (PROXIED.replace("10.0.0.7", "10.0.0.7/24"), "has host bits set"),
        (PROXIED + "trust = true", "there is no setting proxy.trust."),
        (PROXIED.replace("group:imaging", "imaging"), "'imaging' names nobody; expected user:NAME"),
        (PROXIED.replace("auditor = [", "admin = ["), "there is no role 'admin'."),
        (PROXIED.replace("everything = true", "everything = 'yes'"), "access.sees.everything has to be true or false"),
        ("[access]\nkind = 'proxy'\n[proxy]\nfrom = ['unix']", "so nobody could enter."),
        ("[access", "cannot be read"),
        ("[access]\nkind = 'token'\n[oidc]\nissuer = 'x'", "the table [oidc] is there, but access.kind is 'token'."),
        ("[access]\nhours = 'long'", "access.hours has to be a number; got 'long'."),
    ],
)
def test_settings_that_leave_something_open_are_refused_with_what_to_write(
    tmp_path: Path, text: str, message: str
) -> None:
    place = tmp_path / "serve.toml"
    place.write_text(text)
    with pytest.raises(BadInputError, match=re.escape(message)):
        read_settings(place)


def test_a_secret_is_read_from_a_file_that_nobody_else_can_read_and_never_shown(tmp_path: Path) -> None:
    place, secret = tmp_path / "serve.toml", tmp_path / "secret"
    text = (
        "[access]\nkind = 'oidc'\n[access.roles]\nviewer = ['everyone']\n[oidc]\nissuer = 'https://id.example.org'\n"
        "client_id = 'filiation'\naddress = 'https://filiation.example.org'\n"
    )
    place.write_text(text)
    found = read_settings(place, {"FILIATION_OIDC_SECRET": "s3cret"})
    assert found.oidc is not None
    assert found.oidc.secret == "s3cret"
    assert "s3cret" not in repr(found)
    assert "filiation.example.org" in found.hosts
    place.write_text(text + "secret_file = 'secret'\n")
    secret.write_text("of a file\n")
    secret.chmod(0o640)
    with pytest.raises(AccessError, match="holds the client's secret and has the mode 0640; others can reach it"):
        read_settings(place)
    secret.chmod(0o600)
    found = read_settings(place)
    assert found.oidc is not None
    assert found.oidc.secret == "of a file"
    for wrong in ("http://id.example.org", "https://user:pw@id.example.org", "ftp://id.example.org", "id"):
        place.write_text(text.replace("https://id.example.org", wrong))
        with pytest.raises(BadInputError, match="issuer has to be an address with https://"):
            read_settings(place)


# --- what is seen, and what is logged --------------------------------------------------------------------------------


@pytest.mark.slow
def test_every_view_is_logged_with_who_when_and_what_and_no_secret(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path / "project")
    with behind(catalogue.folder) as client:
        ada = {"X-Remote-User": "ada", "X-Forwarded-For": "6.6.6.6, 192.0.2.9"}
        client.get("/thing", params={"thing": "https://ada:pw@omero.example.org/Image/51"}, headers=ada)
        client.get("/search", params={"q": "my secret question"}, headers=ada)
        client.get("/static/filiation.css", headers=ada)
        client.get("/api/run", params={"run": "00000001"}, headers=ada)
        client.get("/runs")
    read = read_views(catalogue.folder / ".filiation")
    assert not read.faults
    told = [(view.who, view.address, view.what, view.about, view.status) for view in reversed(read.views)]
    assert told == [
        ("ada", "192.0.2.9", "/thing", "https://…@omero.example.org/Image/51", 404),
        ("ada", "192.0.2.9", "/search", None, 200),
        ("ada", "192.0.2.9", "/api/run", "00000001", 200),
        (None, "10.0.0.7", "/runs", None, 401),
    ]
    (place,) = (catalogue.folder / ".filiation" / "log" / "views").iterdir()
    assert "secret question" not in place.read_text()
    assert place.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_what_cannot_be_logged_is_not_shown_where_all_has_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = make_catalogue(tmp_path / "project")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with behind(catalogue.folder) as client:
        monkeypatch.setattr("filiation.catalogue.views.ViewLog.write", full)
        refused = client.get("/runs", headers={"X-Remote-User": "ada"})
        assert refused.status_code == 503
        assert "could not be logged" in refused.text
        assert "Snakefile" not in refused.text
    with asking(create_app(WebSettings(catalogue.folder))) as client:
        assert client.get("/runs").status_code == 200


@pytest.mark.slow
def test_a_reader_finds_nothing_of_what_others_groups_made(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path / "project")
    rules = Rules(
        (("viewer", ("everyone",)),), (Sight(("user:ada",), unassigned=True), Sight(("user:root",), everything=True))
    )
    hidden = catalogue.nuclei.id
    with behind(catalogue.folder, rules=rules) as client:
        for who, seen in (("root", 3), ("ada", 3), ("mallory", 0)):
            headers = {"X-Remote-User": who}
            assert client.get("/api/runs", headers=headers).json()["total"] == seen, who
        mallory = {"X-Remote-User": "mallory"}
        there = client.get(f"/api/run?run={hidden}", headers=mallory)
        not_there = client.get(f"/api/run?run={hidden.replace('1', '9')}", headers=mallory)
        assert there.status_code == not_there.status_code == 404
        assert there.json()["error"].replace(hidden, "") == not_there.json()["error"].replace(
            hidden.replace("1", "9"), ""
        )
        for path in (
            f"/api/thing?thing={LABELS}",
            f"/api/graph?thing={LABELS}",
            "/api/thing?thing=Image:51@omero.example.org",
        ):
            assert client.get(path, headers=mallory).status_code == 404, path
            assert client.get(path, headers={"X-Remote-User": "root"}).status_code == 200, path


def test_the_settings_that_the_documentation_shows_are_settings(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "serve-an-institute.md").read_text("utf-8")
    blocks = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    secret = tmp_path / "oidc-secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    for block in blocks:
        place = tmp_path / "serve.toml"
        place.write_text(block, "utf-8")
        assert read_settings(place).rules.roles


def test_a_lineage_for_other_tools_is_for_exporters(web_catalogue: Catalogue, pages: TestClient) -> None:
    rules = Rules((("exporter", ("user:ada",)), ("auditor", ("user:eve",)), ("viewer", ("everyone",))))
    with behind(web_catalogue.folder, rules=rules) as asked:
        for name, status in (("ada", 200), ("eve", 403), ("bob", 403)):
            page = asked.get("/thing", params={"thing": LABELS}, headers={"X-Remote-User": name}).text
            for form, begin in (("prov.json", "{"), ("graphml", "<graphml")):
                path = f"/lineage.{form}"
                answer = asked.get(path, params={"thing": LABELS}, headers={"X-Remote-User": name})
                assert answer.status_code == status, (name, form)
                assert (path in page) == (status == 200)
                if status == 200:
                    assert answer.text.startswith(begin)
                    assert answer.headers["content-disposition"] == f'attachment; filename="lineage.{form}"'
                    assert "results/ihc/image.ome.zarr" in answer.text
    assert pages.get("/lineage.graphml", params={"thing": LABELS}).status_code == 200, "of one's own, on one's machine"
