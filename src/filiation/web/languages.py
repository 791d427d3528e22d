"""In which language a page is: as its address says, else as the reader chose before, else as their browser asks."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filiation.web.words import best_language, speak

COOKIE: Final = "filiation-language"
_YEAR: Final = 365 * 24 * 3600


class Languages:
    """Finds a request's language, and remembers one that was chosen.

    Parameters
    ----------
    app
        What answers.
    spoken
        Languages that there are, the first where a reader asks for none of them.
    """

    def __init__(self, app: ASGIApp, *, spoken: tuple[str, ...]) -> None:
        self._app = app
        self._spoken = spoken

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in the reader's language."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        chosen = self._chosen(scope)
        speak(chosen or self._asked(scope))

        async def send_in_language(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Accept-Language")
                if chosen is not None:
                    headers.append("Set-Cookie", f"{COOKIE}={chosen}; Path=/; Max-Age={_YEAR}; SameSite=Strict")
            await send(message)

        await self._app(scope, receive, send_in_language)

    def _chosen(self, scope: Scope) -> str | None:
        named = parse_qs(scope["query_string"].decode("latin-1")).get("lang", [""])[-1]
        return named if named in self._spoken else None

    def _asked(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            cookies = SimpleCookie()
        before = cookies[COOKIE].value if COOKIE in cookies else ""
        if before in self._spoken:
            return before
        return best_language(headers.get("accept-language", ""), self._spoken) or self._spoken[0]
