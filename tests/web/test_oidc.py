"""Signing in at a real, small OpenID provider on this machine, and everything that could be forged on the way."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

import flask
import httpx2
import oidc_provider_mock
import pytest
from authlib import jose
from fastapi.testclient import TestClient
from oidc_provider_mock import User
from werkzeug.serving import make_server

from filiation.web.access import AccessSettings
from filiation.web.access.oidc import identity_in, orcid_in
from filiation.web.access.rules import Rules
from filiation.web.access.settings import OIDC, OidcSettings
from filiation.web.application import create_app
from filiation.web.settings import WebSettings
from tests.web.conftest import LABELS, Catalogue

CLIENT, SECRET = "filiation", "s3cret"
# The small provider's own use of Authlib.
pytestmark = [
    pytest.mark.filterwarnings("ignore:get_jwt_config:DeprecationWarning"),
]
HERE = "http://127.0.0.1:8642"
RULES = Rules((("auditor", ("orcid:0000-0002-1825-0097",)), ("viewer", ("group:imaging", "user:ada"))))


@dataclass
class Provider:
    """A provider that serves on loopback, and what it was asked."""

    issuer: str = ""
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    storages: list[object] = field(default_factory=list)

    def rotate(self) -> None:
        """Sign with another key from now on."""
        self.storages[-1].jwk = jose.RSAKey.generate_key(is_private=True)  # type: ignore[attr-defined]

    def count(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.asked)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    found = Provider()
    people = [
        User(sub="ada", claims={"name": "Ada Lovelace", "orcid": "https://orcid.org/0000-0002-1825-0097"}),
        User(sub="grace", claims={"name": "Grace Hopper", "groups": ["imaging"]}),
        User(sub="mallory", claims={"name": "Mallory", "groups": "nothing"}),
        User(sub="expired", claims={"groups": ["imaging"], "exp": 1_000_000_000}),
        User(sub="other audience", claims={"groups": ["imaging"], "aud": ["another"], "azp": CLIENT}),
        User(sub="other party", claims={"groups": ["imaging"], "azp": "another"}),
        User(sub="other issuer", claims={"groups": ["imaging"], "iss": "https://evil.example"}),
        User(sub="other nonce", claims={"groups": ["imaging"], "nonce": "forged"}),
        User(sub="later", claims={"groups": ["imaging"], "iat": 4_000_000_000, "nbf": 4_000_000_000}),
    ]
    app = oidc_provider_mock.app(user_claims=people, require_nonce=True)

    @app.before_request
    def look() -> None:
        found.asked.append((flask.request.path, dict(flask.request.values)))
        found.storages.append(flask.g.oidc_provider_mock_storage)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    found.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def signing_in(catalogue: Catalogue, provider: Provider, **more: object) -> Iterator[TestClient]:
    """Ask a server that sends people to the provider."""
    oidc = OidcSettings(provider.issuer, CLIENT, HERE, SECRET, **more)  # type: ignore[arg-type]
    access = AccessSettings(OIDC, oidc=oidc, rules=RULES)
    app = create_app(WebSettings(catalogue.folder, access=access))
    with TestClient(app, base_url=HERE, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(web_catalogue: Catalogue, provider: Provider) -> Iterator[TestClient]:
    with signing_in(web_catalogue, provider) as found:
        yield found


def sent_to_the_provider(client: TestClient, to: str = "/runs") -> str:
    """Return the address that a browser is sent to."""
    login = client.get(to)
    assert login.status_code == 303, login.text
    leading = client.get(login.headers["location"])
    assert leading.status_code == 303, leading.text
    return leading.headers["location"]


def back_from_the_provider(address: str, who: str) -> str:
    """Sign in there, and return the address that the browser is sent back to."""
    return httpx2.post(address, data={"sub": who}, timeout=60).headers["location"]


def sign_in(client: TestClient, who: str, to: str = "/runs") -> httpx2.Response:
    return client.get(back_from_the_provider(sent_to_the_provider(client, to), who))


def test_who_signs_in_gets_where_they_were_going_by_code_state_nonce_and_a_challenge(
    client: TestClient, provider: Provider
) -> None:
    going = f"/thing?thing={LABELS}"
    address = sent_to_the_provider(client, going)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert asked["response_type"] == "code"
    assert asked["redirect_uri"] == f"{HERE}/access/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 20
    assert len(asked["nonce"]) >= 20
    arrived = client.get(back_from_the_provider(address, "ada"))
    assert arrived.status_code == 200
    assert f'content="0;url={going}"' in arrived.text
    cookie = next(text for text in arrived.headers.get_list("set-cookie") if text.startswith("filiation-"))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    (_, told) = next(each for each in reversed(provider.asked) if each[0] == "/oauth2/token")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(told["code_verifier"].encode()).digest()).decode().rstrip("=")
    assert challenge == asked["code_challenge"]
    page = client.get(going)
    assert page.status_code == 200
    assert "You look as Ada Lovelace." in page.text
    assert "End the session" in page.text
    leaving = client.post("/access/leave")
    assert client.get("/api/runs").status_code == 401
    # The policy of these pages has no form lead elsewhere, so the page goes on by itself.
    ending = html.unescape(re.search('content="0;url=([^"]*)"', leaving.text)[1])  # type: ignore[index]
    assert ending.startswith(f"{provider.issuer}/oauth2/end_session?")
    told = {name: values[0] for name, values in parse_qs(urlsplit(ending).query).items()}
    assert told["client_id"] == CLIENT
    assert told["post_logout_redirect_uri"] == f"{HERE}/access/left"
    assert told["id_token_hint"].count(".") == 2
    assert httpx2.get(ending, timeout=60).status_code == 200
    left = client.get("/access/left")
    assert left.status_code == 200
    assert '<a href="/">To come back, sign in again.</a>' in left.text


def test_who_leaves_where_the_provider_has_no_end_or_is_not_to_end_has_left_here(
    web_catalogue: Catalogue, provider: Provider
) -> None:
    with signing_in(web_catalogue, provider, leave_provider=False) as client:
        sign_in(client, "ada")
        left = client.post("/access/leave")
        assert left.status_code == 200
        assert "<h1>You have left</h1>" in left.text
        assert provider.issuer not in left.text
        assert client.get("/api/runs").status_code == 401


@pytest.mark.slow
def test_groups_and_orcids_say_who_may_look(web_catalogue: Catalogue, provider: Provider) -> None:
    for who, status in (("grace", 200), ("ada", 200), ("mallory", 403), ("somebody else", 403)):
        with signing_in(web_catalogue, provider) as client:
            assert sign_in(client, who).status_code == status, who
            assert client.get("/api/runs").status_code == (200 if status == 200 else 401), who


@pytest.mark.parametrize("who", ["expired", "other audience", "other party", "other issuer", "other nonce", "later"])
def test_a_token_that_does_not_hold_lets_nobody_in(client: TestClient, who: str) -> None:
    refused = sign_in(client, who)
    assert refused.status_code == 403
    assert "What the provider says of you does not hold." in refused.text
    assert who not in refused.text
    assert client.get("/api/runs").status_code == 401


def test_a_way_back_that_was_forged_stolen_or_used_before_leads_nowhere(
    web_catalogue: Catalogue, client: TestClient, provider: Provider
) -> None:
    back = back_from_the_provider(sent_to_the_provider(client), "ada")
    code = parse_qs(urlsplit(back).query)["code"][0]
    before = provider.count("/oauth2/token")
    with signing_in(web_catalogue, provider) as other:  # no cookie of a way there
        assert other.get(back).status_code == 400
        sent_to_the_provider(other)
        assert other.get(back).status_code == 400  # the state is of somebody else's: signing others in as oneself
    # A wrong state spends the way back, as it must: nobody gets to guess.
    assert client.get(f"/access/callback?{urlencode({'code': code, 'state': 'forged'})}").status_code == 400
    assert client.get(back).status_code == 400
    assert provider.count("/oauth2/token") == before
    back = back_from_the_provider(sent_to_the_provider(client), "ada")
    assert client.get(back).status_code == 200
    assert client.get(back).status_code == 400
    assert client.get("/access/callback?error=access_denied&state=x").status_code == 400


def test_who_is_refused_by_the_provider_is_told_so(client: TestClient) -> None:
    state = parse_qs(urlsplit(sent_to_the_provider(client)).query)["state"][0]
    denied = client.get(f"/access/callback?{urlencode({'error': '<script>alert(1)</script>', 'state': state})}")
    assert denied.status_code == 403
    assert "The provider did not sign you in." in denied.text
    assert "<script>alert" not in denied.text


def test_keys_that_were_changed_are_fetched_anew(web_catalogue: Catalogue, provider: Provider) -> None:
    with signing_in(web_catalogue, provider) as client:
        assert sign_in(client, "ada").status_code == 200
        client.post("/access/leave")
        before = provider.count("/jwks")
        provider.rotate()
        assert sign_in(client, "ada").status_code == 200
        assert provider.count("/jwks") == before + 1


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "/access/login", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere_after_signing_in(client: TestClient, to: str) -> None:
    leading = client.get(f"/access/login?{urlencode({'to': to})}")
    arrived = client.get(back_from_the_provider(leading.headers["location"], "ada"))
    assert 'content="0;url=/"' in arrived.text


def test_a_provider_that_is_another_or_not_there_signs_nobody_in(web_catalogue: Catalogue, provider: Provider) -> None:
    elsewhere = Provider(issuer=provider.issuer.replace("127.0.0.1", "localhost"))
    with signing_in(web_catalogue, elsewhere) as client:
        # It answers, by another name than the settings say.
        assert client.get("/access/login").status_code in (303, 502)
    with signing_in(web_catalogue, Provider(issuer="http://127.0.0.1:9")) as client:
        refused = client.get("/access/login")
        assert refused.status_code == 502
        assert "The provider that signs people in does not answer." in refused.text


def test_claims_say_who_somebody_is_for_each_kind_of_provider() -> None:
    keycloak = OidcSettings(
        "https://id.example.org/realms/lab", CLIENT, HERE, groups="realm_access.roles", account="preferred_username"
    )
    told = {"sub": "f:1", "preferred_username": "ada", "name": "Ada", "realm_access": {"roles": ["imaging", 3, ""]}}
    found = identity_in(told, keycloak)
    assert (found.name, found.groups, found.shown, found.orcid) == ("ada", {"imaging"}, "Ada", None)
    orcid = identity_in(
        {"sub": "0000-0002-1825-0097", "given_name": "Josiah", "family_name": "Carberry"},
        OidcSettings("https://orcid.org", CLIENT, HERE),
    )
    assert (orcid.name, orcid.orcid, orcid.shown) == ("0000-0002-1825-0097", "0000-0002-1825-0097", "Josiah Carberry")
    for wrong in ("0000-0002-1825-0098", "0000-0002-1825-009", "x", None, 5, "http://orcid.org/0000-0002-1825-0097"):
        assert orcid_in(wrong) is None
