"""OpenID Connect: somebody signs in with their institute, or with ORCID, and this server is told who they are.

The code flow with PKCE, state and nonce (OpenID Connect Core 1.0, section 3.1; RFC 7636; RFC 9700), by Authlib. What is
checked beyond what it checks by itself is said where it is done.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import BadSignatureError, JoseError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from filiation.errors import AccessError, ServerError
from filiation.web.access.rules import Rules
from filiation.web.access.sessions import Sessions
from filiation.web.access.settings import OidcSettings
from filiation.web.access.viewer import Identity, Viewer
from filiation.web.access.ways import (
    followed_from_elsewhere,
    going_on,
    here,
    leaves,
    left,
    not_for_them,
    peer,
    refuse,
)
from filiation.web.pages import API
from filiation.web.shared import Shared
from filiation.web.words import _

if TYPE_CHECKING:
    from authlib.integrations.starlette_client import StarletteOAuth2App

LOGIN: Final = "/access/login"
CALLBACK: Final = "/access/callback"
LEFT: Final = "/access/left"
"""Where the provider leads a browser back to, when it has ended its own session too."""
_ORCID: Final = "https://orcid.org"
_ORCID_ID: Final = re.compile(r"(?:https://orcid\.org/)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X])")
_SIGNED: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that only who holds a private key can make: never ``none``, nor one with a shared secret."""
_MINUTES: Final = 10
"""How long somebody may take to sign in."""
_SECONDS: Final = 10.0
"""How long the provider may take to answer."""
_BETWEEN_KEYS: Final = 60.0
"""Seconds between two times that the provider's keys are asked for because a signature does not fit."""
_log = logging.getLogger("filiation.web")


@dataclass(frozen=True, slots=True)
class _Flow:
    """Somebody on their way to the provider and back."""

    state: str
    nonce: str
    verifier: str
    to: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"state": self.state, "nonce": self.nonce, "verifier": self.verifier, "to": self.to}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> _Flow:
        """Return what that told."""
        return cls(told["state"], told["nonce"], told["verifier"], told["to"])


@dataclass(frozen=True, slots=True)
class _SignedIn:
    """Somebody who is signed in, and the token that said so: the provider ends its session by it."""

    who: Identity
    token: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"who": self.who.to_json(), "token": self.token}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> _SignedIn:
        """Return what that told."""
        return cls(Identity.from_json(told["who"]), told["token"])


class OidcWay:
    """Lets in whom a provider names.

    Parameters
    ----------
    settings
        Which provider.
    rules
        Who may do and see what.
    hours
        How long somebody stays signed in.
    shared
        Where the server's processes keep who is signed in, and who is on the way.
    """

    has_sessions = True

    def __init__(self, settings: OidcSettings, rules: Rules, hours: float, shared: Shared) -> None:
        self._settings = settings
        self._rules = rules
        secure = settings.address.startswith("https://")
        self._sessions = Sessions("filiation", _SignedIn, shared, seconds=hours * 3600, secure=secure)
        # The provider leads the browser back, which is a link of another site: a strict cookie would stay at home.
        self._flows = Sessions(
            "filiation-flow", _Flow, shared, seconds=_MINUTES * 60, secure=secure, strict=False, path="/access"
        )
        self._keys_asked = 0.0
        self._client = _client(settings)

    async def meet(self, request: Request) -> Viewer | Response:
        """Return who is signed in, or lead them to the provider."""
        path = request.url.path
        if path == CALLBACK:
            return await self._come_back(request)
        if path == LOGIN:
            return await self._go(request, local_path(request.query_params.get("to", "/")))
        known = self._sessions.find(request)
        if known is None:
            return _gone(request) if path == LEFT else self._sign_in_first(request)
        if leaves(request):
            gone = await self._leave(request, known)
            self._sessions.end(request, gone)
            request.state.viewer = self._rules.viewer(known.who)  # for the log
            return gone
        return self._rules.viewer(known.who) or not_for_them(request, known.who.name)

    def address_of(self, request: Request) -> str | None:
        """Return where somebody asks from."""
        return peer(request)

    def _sign_in_first(self, request: Request) -> Response:
        if request.url.path.startswith(f"{API}/") or request.method != "GET":
            return refuse(request, 401, _("Nobody is signed in."))
        followed = followed_from_elsewhere(request)
        if followed is not None:
            return followed
        return RedirectResponse(f"{LOGIN}?{urlencode({'to': here(request)})}", 303)

    async def _go(self, request: Request, to: str) -> Response:
        try:
            await self._metadata()
            begun = await self._client.create_authorization_url(self._callback)
        except (httpx2.HTTPError, OAuthError, ValueError, RuntimeError, ServerError) as error:
            _log.warning("The provider %s does not answer as it should: %s", self._settings.issuer, error)
            return refuse(request, 502, _("The provider that signs people in does not answer. Try again later."))
        leading = RedirectResponse(begun["url"], 303)
        self._flows.begin(leading, _Flow(begun["state"], begun["nonce"], begun["code_verifier"], to))
        return leading

    async def _leave(self, request: Request, known: _SignedIn) -> Response:
        """End a session here, and lead on to where the provider ends its own, if it does (RP-Initiated Logout 1.0)."""
        try:
            ending = str((await self._metadata()).get("end_session_endpoint") or "")
        except (httpx2.HTTPError, OAuthError, ValueError, RuntimeError, ServerError) as error:
            _log.warning("The provider %s does not answer as it should: %s", self._settings.issuer, error)
            ending = ""
        if not self._settings.leave_provider or urlsplit(ending).scheme != urlsplit(self._settings.issuer).scheme:
            return _gone(request)
        told = {
            "id_token_hint": known.token,
            "client_id": self._settings.client,
            "post_logout_redirect_uri": f"{self._settings.address}{LEFT}",
        }
        # Not by a redirection: a form of these pages may lead to no other site (form-action of the policy).
        return going_on(f"{ending}{'&' if urlsplit(ending).query else '?'}{urlencode(told)}", leaving=True)

    async def _come_back(self, request: Request) -> Response:
        flow = self._flows.take(request)  # whatever comes of it, it was the way back once
        state = request.query_params.get("state", "")
        if flow is None or not secrets.compare_digest(state.encode(), flow.state.encode()):
            return refuse(request, 400, _("This is not the way back from where you were sent. Begin again."))
        told = request.query_params.get("error")
        if told is not None or not request.query_params.get("code"):
            _log.warning("The provider refused to sign somebody in: %.200r", told)
            return refuse(request, 403, _("The provider did not sign you in."))
        try:
            signed_in = await self._signed_in(request.query_params["code"], flow)
        except (httpx2.HTTPError, ServerError) as error:
            _log.warning("The provider %s does not answer as it should: %s", self._settings.issuer, error)
            return refuse(request, 502, _("The provider that signs people in does not answer. Try again later."))
        except (OAuthError, JoseError, AccessError, ValueError, KeyError, TypeError) as error:
            # What a token says is not shown to whoever brought it, nor logged whole.
            _log.warning("A sign-in was refused: %s", type(error).__name__ if not str(error) else str(error)[:200])
            return refuse(request, 403, _("What the provider says of you does not hold. Begin again."))
        viewer = self._rules.viewer(signed_in.who)
        if viewer is None:
            return not_for_them(request, signed_in.who.name)
        request.state.viewer = viewer  # for the log
        arrived = going_on(flow.to, signed_in=True)
        self._sessions.begin(arrived, signed_in)
        return arrived

    @property
    def _callback(self) -> str:
        return f"{self._settings.address}{CALLBACK}"

    async def _metadata(self) -> Mapping[str, Any]:
        """Return what the provider says of itself.

        Raises
        ------
        ServerError
            If it is another one than the settings name, or would have secrets sent in the clear.
        """
        found: dict[str, Any] = await self._client.load_server_metadata()
        if found.get("issuer", "").rstrip("/") != self._settings.issuer.rstrip("/"):
            self._client.server_metadata.pop("_loaded_at", None)
            raise ServerError(f"The provider calls itself {found.get('issuer')!r}, and not {self._settings.issuer!r}.")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if urlsplit(str(found.get(name, ""))).scheme != urlsplit(self._settings.issuer).scheme:
                raise ServerError(f"The provider's {name} is {found.get(name)!r}, which goes another way than it.")
        offered = found.get("id_token_signing_alg_values_supported") or ["RS256"]
        found["id_token_signing_alg_values_supported"] = [name for name in offered if name in _SIGNED] or ["RS256"]
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        if self._settings.secret and "client_secret_basic" not in methods and "client_secret_post" in methods:
            self._client.client_kwargs["token_endpoint_auth_method"] = "client_secret_post"  # noqa: S105
        return found

    async def _signed_in(self, code: str, flow: _Flow) -> _SignedIn:
        metadata = await self._metadata()
        token = await self._client.fetch_access_token(
            redirect_uri=self._callback, code=code, code_verifier=flow.verifier
        )
        if not isinstance(token, Mapping) or "id_token" not in token:
            raise AccessError("There is no token that says who somebody is.")
        claims = await self._claims(token, flow, metadata)
        if self._settings.userinfo:
            more = await self._client.userinfo(token=token)
            if more.get("sub") != claims["sub"]:
                raise AccessError("The provider's userinfo is of somebody else.")
            claims = {**more, **claims}
        return _SignedIn(identity_in(claims, self._settings), str(token["id_token"]))

    async def _claims(self, token: Mapping[str, Any], flow: _Flow, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        # By itself, Authlib accepts an audience that is another client's if only `azp` names this one.
        options = {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": self._settings.client},
            "exp": {"essential": True},
            "sub": {"essential": True},
            "nonce": {"essential": True, "value": flow.nonce},
        }
        try:
            return dict(await self._parsed(token, flow, options))
        except BadSignatureError:
            # Keys with the same name may be others by now; it asks again by itself only for a name that is new.
            now = time.monotonic()
            if now - self._keys_asked < _BETWEEN_KEYS:
                raise
            self._keys_asked = now
            await self._client.fetch_jwk_set(force=True)
            return dict(await self._parsed(token, flow, options))

    async def _parsed(self, token: Mapping[str, Any], flow: _Flow, options: Mapping[str, Any]) -> Mapping[str, Any]:
        found = await self._client.parse_id_token(
            token, nonce=flow.nonce, claims_options=options, leeway=self._settings.skew
        )
        return dict(found or {})


def _gone(request: Request) -> Response:
    return left(request, _("To come back, sign in again."), again="/")


def identity_in(claims: Mapping[str, Any], settings: OidcSettings) -> Identity:
    """Return who claims are of.

    Parameters
    ----------
    claims
        Of a token that holds.
    settings
        Which claims say what.

    Raises
    ------
    AccessError
        If they do not say it.
    """
    subject = claims.get("sub")
    account = _claim(claims, settings.account)
    if not isinstance(account, str) or not account or not account.isprintable() or len(account) > 256:
        raise AccessError(f"The token has no {settings.account} that could name an account.")
    groups = _claim(claims, settings.groups)
    named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    shown = _claim(claims, settings.shown) or " ".join(
        str(claims[name]) for name in ("given_name", "family_name") if claims.get(name)
    )
    orcid = subject if settings.issuer.rstrip("/") == _ORCID else claims.get("orcid")
    return Identity(
        account,
        frozenset(each for each in named if isinstance(each, str) and each),
        orcid=orcid_in(orcid),
        shown=shown if isinstance(shown, str) and shown and shown.isprintable() and len(shown) <= 256 else None,
    )


def orcid_in(text: object) -> str | None:
    """Return the ORCID iD in a text, with or without its address; None if its last digit is not right (ISO 7064).

    >>> orcid_in("https://orcid.org/0000-0002-1825-0097")
    '0000-0002-1825-0097'
    >>> orcid_in("0000-0002-1825-0098")
    """
    found = _ORCID_ID.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    digits = found[1].replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return found[1] if digits[-1] == ("X" if check == 10 else str(check)) else None


def local_path(text: str) -> str:
    r"""Return an address of this server, as it may be gone on to; the first page for any other.

    >>> local_path("/thing?thing=a"), local_path("//evil.example"), local_path("/\\evil.example")
    ('/thing?thing=a', '/', '/')
    """
    is_local = text.startswith("/") and not text.startswith(("//", "/\\", "/access/")) and text.isprintable()
    return text if is_local and "\\" not in text else "/"


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """Return a claim by its name, or by the way to it: ``realm_access.roles``."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _client(settings: OidcSettings) -> StarletteOAuth2App:
    return OAuth().register(
        "provider",
        client_id=settings.client,
        client_secret=settings.secret or None,
        server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": " ".join(settings.scopes),
            "code_challenge_method": "S256",
            "timeout": _SECONDS,
            "trust_env": False,
            "follow_redirects": False,
            **({} if settings.secret else {"token_endpoint_auth_method": "none"}),
        },
    )
