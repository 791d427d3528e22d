"""One process that answers at a socket: how much it takes at once, and how it ends."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI

_CONNECTIONS: Final = 400
"""At once; more are told to come back."""
_LARGEST_HEADERS: Final = 64 << 10
"""Bytes."""
_IDLE: Final = 75
"""Seconds that a connection may rest: a proxy or browser that uses it again must not find it closed just then."""
WAITING: Final = 512
"""Connections that the system keeps for later, however busy processes are."""


class _Server(uvicorn.Server):
    """Takes one connection at a time: of several processes at one socket, the one that has nothing to do is first.

    Python's event loop takes as many at once as may wait, so that one process would have them all.
    """

    begun: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(WAITING)
        if self.begun is not None:
            self.begun()


def answer(app: FastAPI, listening: socket.socket, begun: Callable[[], None] | None = None) -> None:
    """Answer at a socket until this process is told to end, by SIGINT or SIGTERM.

    Parameters
    ----------
    app
        What answers.
    listening
        The socket, which other processes may listen at too.
    begun
        Called when whoever comes is answered.

    Both then do what they did before: who wants to go on has a handler of their own.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        date_header=True,
        access_log=False,
        proxy_headers=False,  # who is believed to be a proxy stands in the settings, and nowhere else
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=_LARGEST_HEADERS,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=_IDLE,
        backlog=1,
    )
    server = _Server(config)
    server.begun = begun
    server.run(sockets=[listening])
