"""Ways in: each meets a request and says who asks, or answers in place of the pages."""

from __future__ import annotations

import getpass
import secrets
from hashlib import sha256
from html import escape
from ipaddress import ip_address
from typing import Final, Protocol
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from filiation.web.access.rules import EVERYTHING, Rules
from filiation.web.access.sessions import Sessions
from filiation.web.access.settings import ProxySettings
from filiation.web.access.viewer import Identity, Viewer
from filiation.web.pages import API, environment, page
from filiation.web.refusals import Refusal, respond
from filiation.web.shared import Shared
from filiation.web.words import _, language

TOKEN: Final = "token"  # noqa: S105 - the name of the parameter
LEAVE: Final = "/access/leave"
"""Where somebody posts to end their session."""
_LONGEST: Final = 256


class Way(Protocol):
    """A way in."""

    has_sessions: bool
    """Whether people stay in until they leave; else somebody else lets them in anew at each request."""

    async def meet(self, request: Request) -> Viewer | Response:
        """Return who asks, or what they get instead of an answer."""

    def address_of(self, request: Request) -> str | None:
        """Return where somebody asks from."""


class OpenWay:
    """Lets in whoever asks, as tests do."""

    has_sessions = False

    async def meet(self, request: Request) -> Viewer | Response:
        """Return the user that started the server."""
        return Viewer(_user(), EVERYTHING)

    def address_of(self, request: Request) -> str | None:
        """Return where somebody asks from."""
        return peer(request)


class TokenWay:
    """Lets in whoever was shown the address that the server printed, once; a cookie keeps them in.

    Parameters
    ----------
    token
        What to show; it is spent by being shown, to whichever of the server's processes.
    hours
        How long they stay in.
    shared
        Where the server's processes keep who came in.
    """

    has_sessions = True

    def __init__(self, token: str, hours: float, shared: Shared) -> None:
        self._token = token
        self._shared = shared
        self._sessions = Sessions("filiation", Identity, shared, seconds=hours * 3600, secure=False)
        self._viewer = Viewer(_user(), EVERYTHING)

    async def meet(self, request: Request) -> Viewer | Response:
        """Return the user that started the server, to browsers that came in by the token."""
        known = self._sessions.find(request)
        if known is not None:
            if leaves(request):
                gone = left(request, _("To come back, start `filiation serve` again."))
                self._sessions.end(request, gone)
                request.state.viewer = self._viewer  # for the log
                return gone
            return self._without_token(request) or self._viewer
        return self._enter(request) or followed_from_elsewhere(request) or refuse(
            request, 401,
            _(
                "Enter by the address that the server printed when it started; it lets one browser in, once. "
                "For another browser, start `filiation serve` again."
            ),
            again=True,
        )  # fmt: skip

    def address_of(self, request: Request) -> str | None:
        """Return where somebody asks from."""
        return peer(request)

    def _enter(self, request: Request) -> Response | None:
        shown = request.query_params.get(TOKEN, "")
        if not secrets.compare_digest(shown.encode(), self._token.encode()) or not self._spend():
            return None
        entered: Response = _without(request, TOKEN)
        if request.headers.get("sec-fetch-site") == "cross-site":
            entered = _from_here(entered.headers["location"])
        self._sessions.begin(entered, Identity(self._viewer.name))
        return entered

    def _spend(self) -> bool:
        """Spend the token; return whether nobody had."""
        with self._shared.changing() as cursor:
            cursor.execute("INSERT OR IGNORE INTO spent VALUES (?)", (sha256(self._token.encode()).hexdigest(),))
            return cursor.rowcount == 1

    def _without_token(self, request: Request) -> Response | None:
        """Have a token go out of the address bar also where it was not needed any more."""
        return _without(request, TOKEN) if TOKEN in request.query_params and request.method == "GET" else None


class ProxyWay:
    """Believes a reverse proxy who somebody is, and nobody else.

    Parameters
    ----------
    settings
        Which proxy.
    rules
        Who may do and see what.
    """

    has_sessions = False

    def __init__(self, settings: ProxySettings, rules: Rules) -> None:
        self._settings = settings
        self._rules = rules

    async def meet(self, request: Request) -> Viewer | Response:
        """Return whom the proxy names."""
        if not self._is_proxy(request):
            return refuse(request, 403, _("This server is reached through its proxy alone."))
        told = [
            request.headers.getlist(name) for name in (self._settings.user, self._settings.groups, self._settings.name)
        ]
        if any(len(values) > 1 for values in told):
            return refuse(request, 400, _("The proxy says twice who you are. It has to replace what browsers send."))
        user, groups, shown = (_header(values) for values in told)
        if user is None or groups is None or shown is None:
            return refuse(request, 400, _("What the proxy says of you cannot be read."))
        if not user:
            return refuse(request, 401, _("The proxy does not say who you are."))
        named = (group.strip() for group in groups.split(self._settings.separator))
        viewer = self._rules.viewer(Identity(user, frozenset(name for name in named if name), shown=shown or None))
        return viewer or not_for_them(request, user)

    def address_of(self, request: Request) -> str | None:
        """Return where somebody asks from, as the proxy says it; of others, what this server sees."""
        if self._is_proxy(request):
            told = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
            try:
                return str(ip_address(told))
            except ValueError:
                return peer(request)
        return peer(request)

    def _is_proxy(self, request: Request) -> bool:
        here = peer(request)
        if here is None:
            return self._settings.unix
        try:
            found = ip_address(here)
        except ValueError:
            return False
        mapped = getattr(found, "ipv4_mapped", None) or found
        return any(mapped in network for network in self._settings.addresses if network.version == mapped.version)


def peer(request: Request) -> str | None:
    """Return the address that a request came from; None for a unix socket."""
    return None if request.client is None or not request.client.host else request.client.host


def _from_here(address: str) -> Response:
    """Lead on by a page of this server: a browser keeps a strict cookie back where another's page led here."""
    link = escape(address)
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>filiation</title>'
        f'<meta http-equiv="refresh" content="0;url={link}"></head><body><a href="{link}">filiation</a></body></html>'
    )


def refuse(request: Request, status: int, message: str, *, again: bool = False) -> Response:
    """Refuse, as a page or as JSON.

    Parameters
    ----------
    request
        What was asked.
    status
        HTTP's.
    message
        Why, and what to do.
    again
        Whether the page links its own address: browsers keep a cookie back where a link of another site led here.
    """
    return respond(request, Refusal(status, _titles(status), message, here(request) if again else None))


def not_for_them(request: Request, who: str) -> Response:
    """Refuse somebody who is known and may not look."""
    return refuse(
        request, 403, _("You are signed in as %(who)s, and may not look here. Ask who runs this server.", who=who)
    )


def leaves(request: Request) -> bool:
    """Whether somebody ends their session: by posting, so that no link can do it for them."""
    return request.url.path == LEAVE and request.method == "POST"


def left(request: Request, how_back: str, again: str | None = None) -> Response:
    """Say that a session is over.

    Parameters
    ----------
    request
        What was asked.
    how_back
        How to come back, in a sentence.
    again
        Where that begins, as a link.
    """
    return page(request, "left.html.jinja", how_back, again=again)


def here(request: Request) -> str:
    """Return the address that was asked for, without a token."""
    path = "/" + request.url.path.lstrip("/")
    return path if not request.url.query or TOKEN in request.query_params else f"{path}?{request.url.query}"


def followed_from_elsewhere(request: Request) -> Response | None:
    """Return a page that asks once more, where somebody unknown followed a link of another site; else None.

    Browsers keep a strict cookie back from the first request that such a link makes, and send it with the next.
    """
    is_followed = request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET"
    return going_on(here(request)) if is_followed and not request.url.path.startswith(f"{API}/") else None


def going_on(to: str, *, signed_in: bool = False, leaving: bool = False) -> Response:
    """Return a page that goes on by itself: a redirection would still be the other site's, and take no cookie along.

    Parameters
    ----------
    to
        Where it goes on to.
    signed_in, leaving
        Whether it says that somebody has just come in, or has left.
    """
    told = {"to": to, "signed_in": signed_in, "leaving": leaving, "language": language()}
    return HTMLResponse(environment().get_template("going_on.html.jinja").render(told))


def _titles(status: int) -> str:
    return {400: _("This cannot be asked"), 401: _("Not signed in"), 403: _("Not for you")}.get(
        status, _("This did not work")
    )


def _without(request: Request, name: str) -> Response:
    asked = parse_qs(request.url.query, keep_blank_values=True)
    asked.pop(name, None)
    rest = urlencode(asked, doseq=True)
    path = "/" + request.url.path.lstrip("/")
    return RedirectResponse(path + (f"?{rest}" if rest else ""), 303)


def _header(values: list[str]) -> str | None:
    """Return what a header says, or nothing; None if it is no text that a name could be."""
    try:
        text = "".join(values).strip().encode("latin-1").decode("utf-8")
    except UnicodeError:
        return None
    return text if (not text or text.isprintable()) and len(text) <= _LONGEST * 32 else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody on this machine"
