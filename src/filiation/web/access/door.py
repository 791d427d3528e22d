"""The door: nobody reaches a page without being known, and what they look at is written down."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filiation.catalogue.views import View, ViewLog
from filiation.web.access.viewer import Viewer, looking
from filiation.web.access.ways import Way, refuse
from filiation.web.words import _

OPEN: Final = ("/static/",)
"""What anybody may have: it is of the program, and not of the catalogue."""
_NAMES: Final = ("thing", "run")
"""Parameters that name something of the catalogue; nothing else of what was asked is logged."""
_UNKNOWN_A_MINUTE: Final = 60
"""Refusals of somebody unknown that are logged one by one in a minute: else anybody could fill the disk."""
_log = logging.getLogger("filiation.web")


class Door:
    """Lets those in whom a way knows, and logs what they look at.

    Parameters
    ----------
    app
        What answers.
    way
        How people come in.
    log
        Where views are written; None for nowhere.
    must_log
        Whether nothing is shown that cannot be logged.
    """

    def __init__(self, app: ASGIApp, *, way: Way, log: ViewLog | None, must_log: bool = False) -> None:
        self._app = app
        self._way = way
        self._views = log
        self._must_log = must_log
        self._unknown = (0.0, 0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer whoever may enter, and tell others how."""
        if scope["type"] != "http" or scope["path"].startswith(OPEN):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state.pop("viewer", None)
        request = Request(scope, receive)
        met = await self._way.meet(request)
        if isinstance(met, Response):
            known = state.pop("viewer", None)
            if not self._write(request, known, met.status_code) and self._must_log:
                met = _not_logged(request)
            await met(scope, receive, send)
            return
        state["viewer"] = met
        with looking(met):
            await self._show(request, met, receive, send)

    async def _show(self, request: Request, viewer: Viewer, receive: Receive, send: Send) -> None:
        refused = False

        async def send_logged(message: Message) -> None:
            nonlocal refused
            if message["type"] == "http.response.start" and not self._write(request, viewer, message["status"]):
                refused = self._must_log
                if refused:
                    await _not_logged(request)(request.scope, receive, send)
            if not refused:
                await send(message)

        await self._app(request.scope, receive, send_logged)

    def _write(self, request: Request, viewer: Viewer | None, status: int) -> bool:
        """Log a view; return whether that was possible."""
        if self._views is None:
            return True
        if viewer is None and not self._may_log_unknown():
            return True
        try:
            self._views.write(
                View(
                    when=datetime.now(UTC),
                    who=None if viewer is None else viewer.logged_as,
                    address=self._way.address_of(request),
                    what=request.url.path,
                    about=_named(request),
                    status=status,
                )
            )
        except OSError as error:
            _log.error("A view cannot be logged: %s", error)
            return False
        return True

    def _may_log_unknown(self) -> bool:
        began, count = self._unknown
        now = time.monotonic()
        if now - began > 60:
            if count > _UNKNOWN_A_MINUTE:
                _log.warning(
                    "%d requests of unknown people were refused without a line each", count - _UNKNOWN_A_MINUTE
                )
            began, count = now, 0
        self._unknown = (began, count + 1)
        return count < _UNKNOWN_A_MINUTE


def _named(request: Request) -> str | None:
    asked = parse_qs(request.url.query, errors="replace", max_num_fields=None)
    return next((asked[name][-1] for name in _NAMES if name in asked), None)


def _not_logged(request: Request) -> Response:
    return refuse(request, 503, _("This view could not be logged, so it is not shown. Tell who runs this server."))
