"""Who came in stays in: a signed cookie names a session, and what is known of somebody stays on the server."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import Request
from starlette.responses import Response

_MANY: Final = 10_000
"""Sessions at once; the oldest goes when there is one more."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_T]):
    what: _T
    until: float


class Sessions(Generic[_T]):
    """What is known of browsers, by a cookie that only this server can have signed; all end with the server.

    Parameters
    ----------
    name
        Of the cookie.
    seconds
        How long each lasts.
    secure
        Whether browsers may send the cookie by TLS alone.
    strict
        Whether they may send it with requests that begin here alone; else also when a link of another site leads here.
    path
        Where they send it to.
    """

    def __init__(self, name: str, *, seconds: float, secure: bool, strict: bool = True, path: str = "/") -> None:
        # Browsers keep cookies by host, whatever the port: another server on this machine has another name.
        prefix = "" if not secure else "__Host-" if path == "/" else "__Secure-"
        self.cookie = f"{prefix}{name}-{secrets.token_hex(4)}"
        self._seconds = seconds
        self._secure = secure
        self._strict = strict
        self._path = path
        self._signer = TimestampSigner(secrets.token_bytes(32), salt=name)
        self._lock = threading.Lock()
        self._known: dict[str, _Kept[_T]] = {}

    def begin(self, response: Response, what: _T) -> None:
        """Begin a session, and have the response tell the browser its cookie."""
        key = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            for old in [name for name, kept in self._known.items() if kept.until < now]:
                del self._known[old]
            while len(self._known) >= _MANY:
                del self._known[next(iter(self._known))]
            self._known[key] = _Kept(what, now + self._seconds)
        response.set_cookie(
            self.cookie,
            self._signer.sign(key).decode("ascii"),
            max_age=int(self._seconds),
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite="strict" if self._strict else "lax",
        )

    def find(self, request: Request) -> _T | None:
        """Return what is known of a browser; None if it has no session, or one that is over or forged."""
        key = self._key(request)
        kept = None if key is None else self._known.get(key)
        return kept.what if kept is not None and kept.until >= time.monotonic() else None

    def take(self, request: Request) -> _T | None:
        """Return what is known of a browser, and forget it."""
        found = self.find(request)
        key = self._key(request)
        with self._lock:
            kept = None if key is None else self._known.pop(key, None)
        return None if kept is None else found

    def end(self, request: Request, response: Response) -> None:
        """End a browser's session."""
        key = self._key(request)
        if key is not None:
            with self._lock:
                self._known.pop(key, None)
        response.delete_cookie(
            self.cookie, path=self._path, secure=self._secure, httponly=True,
            samesite="strict" if self._strict else "lax",
        )  # fmt: skip

    def _key(self, request: Request) -> str | None:
        shown = request.cookies.get(self.cookie, "")
        try:
            return self._signer.unsign(shown, max_age=int(self._seconds) + 1).decode("ascii") if shown else None
        except (BadSignature, ValueError):
            return None
