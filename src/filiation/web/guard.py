"""What every request and every response has to keep to, whatever it is about and whoever asks.

The guard is the outermost part of the application: it knows nobody, and looks at no catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from anyio.to_thread import current_default_thread_limiter
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages: what is not of this server is neither loaded nor asked."""
SANDBOX: Final = "sandbox; default-src 'none'"
"""Content-Security-Policy of what is handed out as it is: whatever it holds, it can do nothing."""
_READING: Final = frozenset({"GET", "HEAD"})
_EMBEDDED: Final = frozenset({"iframe", "frame", "embed", "object", "fencedframe"})
"""What a browser says (``Sec-Fetch-Dest``) of a page that it wants to show inside of another."""
_NAME: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How large a request may be.

    Parameters
    ----------
    address
        Bytes of path and query.
    headers
        Bytes of all headers.
    header_count
        How many headers there may be.
    body
        Bytes of what is posted.
    threads
        How many answers are worked out at once. More would not be quicker, as Python works out one at a time; there
        have to be some beyond those that wait for queries.
    """

    address: int = 16 << 10
    headers: int = 32 << 10
    header_count: int = 100
    body: int = 1 << 20
    threads: int = 16


class Guard:
    """Refuses requests that name another host, are too large or want to change something; sets responses' headers.

    Parameters
    ----------
    app
        What answers.
    hosts
        Names, without a port, that a request may be addressed to: a page of another site that has its name point here
        (DNS rebinding) names itself.
    posts
        Paths that may be posted to, by pages of this server.
    limits
        How large requests may be.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        hosts: frozenset[str],
        posts: frozenset[str] = frozenset(),
        limits: RequestLimits | None = None,
    ) -> None:
        self._app = app
        self._hosts = hosts
        self._posts = posts
        self._limits = limits or RequestLimits()
        self._is_bounded = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if not self._is_bounded:
            current_default_thread_limiter().total_tokens = self._limits.threads
            self._is_bounded = True
        if scope["type"] != "http":  # nothing here speaks anything else
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1003})
            return
        answered = _Answered(send, without_body=scope["method"] == "HEAD")
        refusal = self._refusal(scope)
        if refusal is not None:
            await refusal(scope, receive, answered.send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # what a GET would say, without its body
        body = _Body(scope, receive, answered, self._limits.body)
        try:
            await self._app(scope, body.receive, answered.send)
        except Exception:
            if not body.is_too_large:  # else whoever read it was cut off, and has been answered
                raise

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        checks: tuple[Callable[[Scope, Headers], Response | None], ...] = (
            self._too_long,
            self._not_for_us,
            self._not_allowed,
            self._from_elsewhere,
        )
        return next((refusal for check in checks if (refusal := check(scope, headers)) is not None), None)

    def _too_long(self, scope: Scope, headers: Headers) -> Response | None:
        limits = self._limits
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > limits.address:
            return _refuse(414, f"The address is longer than {limits.address:,} bytes.")
        if len(headers.raw) > limits.header_count or sum(len(n) + len(v) for n, v in headers.raw) > limits.headers:
            return _refuse(431, f"The headers are more than {limits.header_count} or {limits.headers:,} bytes.")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            return _refuse(400, "The length of what is sent is no number.")
        if int(length[:20]) > limits.body:
            return _too_large()
        if any(ord(character) < 32 or ord(character) == 127 for character in scope["path"]):
            return _refuse(400, "The address has a control character in its path.")
        return None

    def _not_for_us(self, _scope: Scope, headers: Headers) -> Response | None:
        named = headers.getlist("host")
        if len(named) != 1:
            return _refuse(400, "A request names one host.")
        if host_name(named[0]) not in self._hosts:
            return _refuse(421, "This server is not called so. Name it with --host-name to allow that.")
        return None

    def _not_allowed(self, scope: Scope, _headers: Headers) -> Response | None:
        if scope["method"] in _READING or (scope["method"] == "POST" and scope["path"] in self._posts):
            return None
        allowed = "GET, HEAD, POST" if scope["path"] in self._posts else "GET, HEAD"
        return _refuse(405, "Nothing can be changed here.", Allow=allowed)

    def _from_elsewhere(self, scope: Scope, headers: Headers) -> Response | None:
        """Refuse what pages of other sites have a reader's browser ask (https://www.w3.org/TR/fetch-metadata/).

        A link that somebody follows is a request of theirs, and goes on.
        """
        site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
        is_foreign = site in ("cross-site", "same-site")
        if scope["method"] == "POST":
            origins = headers.getlist("origin")
            if is_foreign or any(not _is_of(origin, headers["host"]) for origin in origins):
                return _refuse(403, "Only this server's own pages may send something here.")
        elif is_foreign and (mode not in ("navigate", "") or headers.get("sec-fetch-dest") in _EMBEDDED):
            return _refuse(403, "A page of another site may link here, and neither show nor read what is here.")
        return None


def host_name(host: str) -> str:
    """Return the name in a Host header, without a port and in small letters; nothing if it is none.

    >>> host_name("LOCALHOST:8642"), host_name("[::1]:8642"), host_name("127.0.0.1@evil.example")
    ('localhost', '[::1]', '')
    """
    try:
        found = urlsplit(f"//{host}")
        _ = found.port
    except ValueError:
        return ""
    if found.netloc != host or _NAME.fullmatch(host) is None:
        return ""
    name = (found.hostname or "").lower()
    return f"[{name}]" if ":" in name else name


def hand_out(content: bytes, name: str, media_type: str = "application/octet-stream") -> Response:
    """Return a response that is saved and not shown: a file, whoever wrote it, whatever it holds.

    Parameters
    ----------
    content
        Its bytes.
    name
        What it is to be called; only what follows the last slash is told.
    media_type
        IANA media type; nothing is guessed from the content.
    """
    return Response(content, media_type=media_type, headers=handing_out(name))


def handing_out(name: str) -> dict[str, str]:
    """Return the headers of what is handed out under a name (RFC 6266); the guard leaves its sandbox as it is.

    >>> handing_out("results/cells.svg")["Content-Disposition"].partition(";")[0]
    'attachment'
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2] or "download"
    shown = "".join(character if character.isprintable() else "_" for character in last)
    plain = "".join(character if character.isascii() and character not in '"%;' else "_" for character in shown)
    told = quote(shown.encode("utf-8", "replace"), safe="")
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{told}",
        "Content-Security-Policy": SANDBOX,
    }


class _Answered:
    """What is sent, with the headers that belong to every response."""

    def __init__(self, send: Send, *, without_body: bool) -> None:
        self._send = send
        self._without_body = without_body
        self._is_over = False
        self.has_begun = False

    async def send(self, message: Message) -> None:
        """Send a part of the response."""
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            self.has_begun = True
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", POLICY)
            headers.setdefault("Cache-Control", "no-store")
            headers.update(_HEADERS)
        elif message["type"] == "http.response.body" and self._without_body:
            message = {**message, "body": b""}
        await self._send(message)

    async def refuse(self, refusal: Response, scope: Scope, receive: Receive) -> None:
        """Answer in place of what would have, unless that has begun."""
        if not self.has_begun:
            await refusal(scope, receive, self.send)
        self._is_over = True


class _Body:
    """What is posted, counted as it comes: its length may not have been told, or told wrong."""

    def __init__(self, scope: Scope, receive: Receive, answered: _Answered, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._answered = answered
        self._left = limit

    @property
    def is_too_large(self) -> bool:
        """Whether more came than may."""
        return self._left < 0

    async def receive(self) -> Message:
        """Return the next part; that the browser is gone, if there was too much."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self.is_too_large:
                await self._answered.refuse(_too_large(), self._scope, self._receive)
                return {"type": "http.disconnect"}
        return message


def _is_of(origin: str, host: str) -> bool:
    """Whether an Origin header names the host that was asked; the scheme may differ behind a proxy that speaks TLS."""
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    return found.scheme in ("http", "https") and found.netloc.lower() == host.lower()


def _too_large() -> Response:
    return _refuse(413, "More was sent than is read here.")


def _refuse(status: int, why: str, **headers: str) -> Response:
    return PlainTextResponse(f"{why}\n", status, headers)
