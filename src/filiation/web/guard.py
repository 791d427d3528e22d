"""What every request and every response has to keep to, whatever it is about."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages: what is not of this server is neither loaded nor asked."""
SANDBOX: Final = "sandbox; default-src 'none'"
"""Content-Security-Policy of what is handed out as it is: whatever it holds, it can do nothing."""
_READING: Final = frozenset({"GET", "HEAD"})


class Guard:
    """Refuses requests that name another host or want to change something, and sets the headers of responses.

    Parameters
    ----------
    app
        What answers.
    hosts
        Names, without a port, that a request may be addressed to: a page of another site that has its name point here
        (DNS rebinding) names itself.
    posts
        Paths that may be posted to.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str], posts: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._hosts = hosts
        self._posts = posts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # nothing here speaks anything else
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _set_headers(MutableHeaders(scope=message))
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        host = Headers(scope=scope).get("host", "")
        if _name(host) not in self._hosts:
            return PlainTextResponse("This server is not called so. Name it with --host-name to allow that.\n", 421)
        method = scope["method"]
        if method not in _READING and not (method == "POST" and scope["path"] in self._posts):
            return PlainTextResponse("Nothing can be changed here.\n", 405, {"Allow": "GET, HEAD"})
        return None


def _set_headers(headers: MutableHeaders) -> None:
    headers.setdefault("Content-Security-Policy", POLICY)
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers.setdefault("Cache-Control", "no-store")


def _name(host: str) -> str:
    """Return the name in a Host header, without a port; nothing if it is none."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port
    except ValueError:
        return ""
    if found.hostname is None or "@" in host or "/" in host:
        return ""
    return f"[{found.hostname}]" if ":" in found.hostname else found.hostname.lower()
