"""A deposit in a process of its own, killed while a request of it is held: before the service did it, or after."""

from __future__ import annotations

import multiprocessing
import signal
from dataclasses import replace
from pathlib import Path

from filiation.publish.deposits import Depositing, Patience, Service, Token, Wish
from tests.publish.standins import HOLD_AFTER, HOLD_BEFORE, TOKEN, Fault, Gate

QUICK = Patience(first_pause=0.001, longest_pause=0.002, silent=20, sure_after=0, sleep=lambda _: None)
"""Waits for nothing: what is not listed at last is not there, as if an hour had gone by."""
MOMENTS = (HOLD_BEFORE, HOLD_AFTER)


def deposit_quickly(kind: str, wish: Wish, home: Path) -> None:
    """Deposit and publish, as the killed process does; a kind of service is known by its name in another process."""
    wish = replace(wish, service=Service.named(kind, wish.service.address))
    Depositing(home, Token("a test", TOKEN), patience=QUICK).deposit(wish, publish=True)


def kill_at(gate: Gate, number: int, moment: str, wish: Wish, home: Path) -> None:
    """Kill whoever deposits at its request of that number; return when the service has nothing left to do."""
    gate.faults[number] = Fault(moment)
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["tests.publish.killing"])
    client = processes.Process(target=deposit_quickly, args=(wish.service.kind.name, wish, home))
    client.start()
    assert gate.holding.wait(60)
    client.kill()
    client.join(60)
    assert client.exitcode == -signal.SIGKILL
    gate.settle()
    gate.clear()


def changing(gate: Gate) -> list[int]:
    """Return the numbers of the requests that changed something.

    Being killed while asking is being killed before the next of them.
    """
    return [number for number, (method, _) in enumerate(gate.requests, 1) if method != "GET"]
