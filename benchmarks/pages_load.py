"""Fifty people at once look at the pages of one catalogue, while one of them asks the worst query.

Each goes from the search box to a thing, its graph and the runs, over and over, with a connection of their own. The
server is a process of its own, as ``filiation serve`` starts it. Printed are the times within which half, 95 and 99 of
a hundred pages were answered.

    python benchmarks/pages_load.py CATALOGUE --users 50 --rounds 10
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from filiation.lineage import Ledger

_WORST = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?p ?b . ?c ?q ?d . ?e ?r ?f . ?g ?s ?h }"
_WAIT = 60.0


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("catalogue", type=Path)
    asked.add_argument("--users", type=int, default=50)
    asked.add_argument("--rounds", type=int, default=10, help="Walks of each, of four pages.")
    asked.add_argument("--pause", type=float, default=0.0, help="Seconds that each reads a page.")
    asked.add_argument("--no-query", action="store_true", help="Nobody asks the worst query.")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    things = _things(given.catalogue)
    command = [sys.executable, "-m", "filiation", "serve", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen([*command, "--catalogue", str(given.catalogue)], stdout=subprocess.PIPE, text=True) as server:
        try:
            address = _address(server)
            asyncio.run(_load(address, things, given))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_WAIT)


def _things(catalogue: Path) -> list[tuple[str, str, str]]:
    """Return some things to look at: a path to search, an IRI, the run that made it."""
    ledger = Ledger(catalogue, on_disk=False)
    runs = ledger.runs()
    chosen = runs[:: max(1, len(runs) // 100)][:100]
    found = []
    for run in chosen:
        detail = ledger.show(run.id)
        found += [(node.path, node.iri, run.id) for node in detail.entities if node.generated][:3]
    return found


def _address(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    lines = []
    for line in server.stdout:
        lines.append(line)
        if line == "}\n":
            return str(json.loads("".join(lines))["address"])
    raise SystemExit("The server did not start.")


async def _load(address: str, things: list[tuple[str, str, str]], given: argparse.Namespace) -> None:
    base = f"http://{urlsplit(address).netloc}"
    limits = httpx2.Limits(max_connections=given.users + 2, max_keepalive_connections=given.users + 2)
    async with httpx2.AsyncClient(base_url=base, timeout=_WAIT, limits=limits, trust_env=False) as client:
        entered = await client.get(address)
        client.headers["Cookie"] = entered.headers["set-cookie"].partition(";")[0]
        times: list[tuple[float, str]] = []
        statuses: Counter[int] = Counter()
        over = asyncio.Event()
        worst = asyncio.create_task(_ask_the_worst(client, over)) if not given.no_query else None
        began = time.perf_counter()
        walks = (
            _walk(client, things, random.Random(given.seed + number), given, times, statuses)
            for number in range(given.users)
        )
        await asyncio.gather(*walks)
        took = time.perf_counter() - began
        over.set()
        if worst is not None:
            print(f"The worst query was asked {await worst} while they looked.")
    _tell(times, statuses, took, given)


async def _walk(
    client: httpx2.AsyncClient,
    things: list[tuple[str, str, str]],
    choose: random.Random,
    given: argparse.Namespace,
    times: list[tuple[float, str]],
    statuses: Counter[int],
) -> None:
    for _ in range(given.rounds):
        path, iri, _ = choose.choice(things)
        pages: tuple[tuple[str, dict[str, str]], ...] = (
            ("/search", {"q": path}),
            ("/thing", {"thing": iri}),
            ("/graph", {"thing": iri}),
            ("/runs", {}),
        )
        for page, query in pages:
            began = time.perf_counter()
            response = await client.get(page, params=query)
            times.append((time.perf_counter() - began, page))
            statuses[response.status_code] += 1
            if given.pause:
                await asyncio.sleep(choose.uniform(0.5, 1.5) * given.pause)


async def _ask_the_worst(client: httpx2.AsyncClient, over: asyncio.Event) -> str:
    statuses: Counter[int] = Counter()
    while not over.is_set():
        response = await client.post("/api/queries", data={"query": _WORST})
        statuses[response.status_code] += 1
    return ", ".join(f"{count} times with {status}" for status, count in sorted(statuses.items()))


def _tell(times: list[tuple[float, str]], statuses: Counter[int], took: float, given: argparse.Namespace) -> None:
    print(
        f"{given.users} users, {len(times)} pages in {took:.1f} s ({len(times) / took:.0f} a second); {dict(statuses)}"
    )
    pages = sorted({page for _, page in times})
    for name, chosen in (("all", [t for t, _ in times]), *((p, [t for t, q in times if q == p]) for p in pages)):
        half, most, nearly_all = (_within(chosen, share) for share in (0.5, 0.95, 0.99))
        print(
            f"{name:10} 50 %: {half * 1000:6.0f} ms   95 %: {most * 1000:6.0f} ms   99 %: {nearly_all * 1000:6.0f} ms"
        )


def _within(times: list[float], share: float) -> float:
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


if __name__ == "__main__":
    main()
