"""The one-time token: whoever was shown the address that the server printed may enter, once; a cookie keeps them in."""

from __future__ import annotations

import getpass
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from filiation.web.access.viewer import Viewer

TOKEN: Final = "token"  # noqa: S105 - the name of the parameter
_OPEN: Final = ("/static/",)


class TokenDoor:
    """Lets those in who show the token, and those who did.

    Parameters
    ----------
    app
        What answers.
    token
        What to show; it is spent by being shown. None lets everybody in.
    """

    def __init__(self, app: ASGIApp, *, token: str | None) -> None:
        self._app = app
        self._token = token
        self._open = token is None
        self._sessions: set[str] = set()
        self._cookie = f"filiation-{secrets.token_hex(4)}"  # browsers keep cookies by host, whatever the port
        self._viewer = Viewer(_user())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer whoever may enter, and tell others how."""
        if scope["type"] != "http" or scope["path"].startswith(_OPEN):
            await self._app(scope, receive, send)
            return
        if self._open or self._is_known(scope):
            scope.setdefault("state", {})["viewer"] = self._viewer
            await self._app(scope, receive, send)
            return
        await (self._enter(scope) or _refused())(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        try:
            cookies = SimpleCookie(Headers(scope=scope).get("cookie", ""))
        except CookieError:
            return False
        shown = cookies[self._cookie].value if self._cookie in cookies else ""
        return shown in self._sessions

    def _enter(self, scope: Scope) -> Response | None:
        asked = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = asked.pop(TOKEN, [""])[0]
        if self._token is None or not secrets.compare_digest(shown.encode(), self._token.encode()):
            return None
        self._token = None
        session = secrets.token_urlsafe(32)
        self._sessions.add(session)
        rest = urlencode(asked, doseq=True)
        entered = RedirectResponse(scope["path"] + (f"?{rest}" if rest else ""), 303)
        entered.set_cookie(self._cookie, session, httponly=True, samesite="strict", path="/")
        return entered


def _refused() -> Response:
    return PlainTextResponse(
        "Enter by the address that the server printed when it started; it lets one browser in, once. "
        "For another browser, start `filiation serve` again.\n",
        401,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody on this machine"
