"""Who came in stays in: a signed cookie names a session, and what is known of somebody stays on the server."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Generic, Protocol, Self, TypeVar

from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import Request
from starlette.responses import Response

from filiation.web.shared import Shared

_MANY: Final = 10_000
"""Sessions at once; the oldest goes when there is one more."""


class Known(Protocol):
    """What can be known of a browser, which every process of the server is to know."""

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Return what that told."""


_T = TypeVar("_T", bound=Known)


class Sessions(Generic[_T]):
    """What is known of browsers, by a cookie that only this server can have signed; all end with the server.

    Parameters
    ----------
    name
        Of the cookie.
    kind
        What is known of a browser.
    shared
        Where the server's processes keep it.
    seconds
        How long each lasts.
    secure
        Whether browsers may send the cookie by TLS alone.
    strict
        Whether they may send it with requests that begin here alone; else also when a link of another site leads here.
    path
        Where they send it to.
    """

    def __init__(
        self,
        name: str,
        kind: type[_T],
        shared: Shared,
        *,
        seconds: float,
        secure: bool,
        strict: bool = True,
        path: str = "/",
    ) -> None:
        prefix = "" if not secure else "__Host-" if path == "/" else "__Secure-"
        self.cookie = f"{prefix}{name}-{shared.sharing.mark}"
        self._name = name
        self._kind = kind
        self._shared = shared
        self._seconds = seconds
        self._secure = secure
        self._strict = strict
        self._path = path
        self._signer = TimestampSigner(shared.sharing.key, salt=name)

    def begin(self, response: Response, what: _T) -> None:
        """Begin a session, and have the response tell the browser its cookie."""
        key = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._shared.changing() as cursor:
            cursor.execute("DELETE FROM session WHERE until < ?", (now,))
            cursor.execute(
                "DELETE FROM session WHERE number IN"
                " (SELECT number FROM session WHERE name = ? ORDER BY number DESC LIMIT -1 OFFSET ?)",
                (self._name, _MANY - 1),
            )
            cursor.execute(
                "INSERT INTO session (name, key, told, until) VALUES (?, ?, ?, ?)",
                (self._name, _kept_as(key), json.dumps(what.to_json()), now + self._seconds),
            )
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
        if key is None:
            return None
        found = self._shared.ask(
            "SELECT told FROM session WHERE name = ? AND key = ? AND until >= ?",
            self._name, _kept_as(key), time.monotonic(),
        )  # fmt: skip
        return self._kind.from_json(json.loads(found[0][0])) if found else None

    def take(self, request: Request) -> _T | None:
        """Return what is known of a browser, and forget it: of several that ask, one is told."""
        found = self.find(request)
        return found if self._forget(request) else None

    def end(self, request: Request, response: Response) -> None:
        """End a browser's session."""
        self._forget(request)
        response.delete_cookie(
            self.cookie, path=self._path, secure=self._secure, httponly=True,
            samesite="strict" if self._strict else "lax",
        )  # fmt: skip

    def _forget(self, request: Request) -> bool:
        key = self._key(request)
        if key is None:
            return False
        with self._shared.changing() as cursor:
            cursor.execute("DELETE FROM session WHERE name = ? AND key = ?", (self._name, _kept_as(key)))
            return cursor.rowcount == 1

    def _key(self, request: Request) -> str | None:
        shown = request.cookies.get(self.cookie, "")
        try:
            return self._signer.unsign(shown, max_age=int(self._seconds) + 1).decode("ascii") if shown else None
        except (BadSignature, ValueError):
            return None


def _kept_as(key: str) -> str:
    return sha256(key.encode()).hexdigest()
