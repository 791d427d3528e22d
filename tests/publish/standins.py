"""Servers on this machine that stand in for repositories: real HTTP, and faults where a test wants them.

A stand-in is an application of FastAPI behind a gate that counts requests, signs nobody in without the right token, and
breaks off, delays or refuses as a test says. It validates what it gets with the service's own schemas where there are
some; what it does otherwise follows the service's reference and source, as ``docs/reference/deposit.md`` says.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.waiting import wait_until

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN = "a-token-that-nobody-may-see-9f3b"
RESET_BEFORE, RESET_MIDWAY, RESET_AFTER = "reset before", "reset midway", "reset after"
HOLD_BEFORE, HOLD_AFTER = "hold before", "hold after"
SPOIL = "spoil"
"""What arrives is not what is kept."""


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    Parameters
    ----------
    kind
        A status to answer with, or one of the constants above. ``reset after`` and ``hold after`` come when it is done.
    headers
        Of such an answer; with no kind, of the answer that comes anyhow.
    """

    kind: int | str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class Gate:
    """Stands before an application: counts, signs in, and breaks.

    Parameters
    ----------
    application
        What answers.
    header, value
        What signs in.
    faults
        By the number of the request, from 1.
    """

    application: Application
    header: str
    value: str
    faults: dict[int, Fault] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    seen: list[dict[str, str]] = field(default_factory=list)
    open_to_all: tuple[str, ...] = ()
    holding: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)
    under_way: int = 0

    def settle(self) -> None:
        """Let go of what is held, and wait until every request is done with, whoever waits for its answer."""
        self.let_go.set()
        wait_until(lambda: not self.under_way, "every request is done with", 60)

    def clear(self) -> None:
        self.faults.clear()
        self.requests.clear()
        self.seen.clear()
        self.holding.clear()
        self.let_go.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        self.under_way += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self.under_way -= 1

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"].decode()
        self.requests.append((scope["method"], scope["path"] + (f"?{query}" if query else "")))
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.seen.append(headers)
        fault = self.faults.get(len(self.requests), Fault(""))
        scope["state"]["spoil"] = fault.kind == SPOIL
        transport = receive.__self__.transport  # type: ignore[attr-defined]  # uvicorn's own; nothing else can break off
        if fault.kind == RESET_BEFORE:
            transport.abort()
            return
        if fault.kind == HOLD_BEFORE:
            await self._hold()
        if isinstance(fault.kind, int):
            await _answer(send, fault.kind, {"status": fault.kind, "message": "A fault."}, fault.headers)
            return
        if headers.get(self.header.lower()) != self.value and not scope["path"].startswith(self.open_to_all or "\0"):
            await _answer(send, 401, {"status": "ERROR", "message": "Bad api key or token"})
            return
        if fault.kind == RESET_MIDWAY:
            await receive()  # the first part of a body
            transport.abort()
            return
        if fault.kind in (RESET_AFTER, HOLD_AFTER):
            done: list[MutableMapping[str, Any]] = []

            async def keep(message: MutableMapping[str, Any]) -> None:
                done.append(message)

            await self.application(scope, receive, keep)
            if fault.kind == RESET_AFTER:
                transport.abort()
                return
            await self._hold()
            for message in done:
                await send(message)
            return
        if fault.headers:

            async def headed(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    more = [(name.lower().encode(), value.encode()) for name, value in fault.headers]
                    message["headers"] = [*message["headers"], *more]
                await send(message)

            await self.application(scope, receive, headed)
            return
        await self.application(scope, receive, send)

    async def _hold(self) -> None:
        """Do not answer until a test lets go, or is over."""
        self.holding.set()
        await asyncio.to_thread(self.let_go.wait, 60)


async def _answer(send: Send, status: int, body: object, headers: tuple[tuple[str, str], ...] = ()) -> None:
    content = json.dumps(body).encode()
    more = [(name.encode(), value.encode()) for name, value in headers]
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": content})


@contextmanager
def served(application: Application) -> Iterator[str]:
    """Serve an application on a free port of this machine, and give its address."""
    # Said to be TCP, since asyncio otherwise lets each answer wait 40 ms for what may be sent with it.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(64)
    configuration = uvicorn.Config(
        application, log_level="critical", lifespan="off", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(configuration)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started, "a stand-in listens")
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()
