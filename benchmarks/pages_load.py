"""Fifty people at once look at the pages of one catalogue, while one of them asks the worst query.

What they do is drawn from ways that people go, each with a share; everybody has a connection and a generator of their
own, and things of their own from all over the catalogue, so that what is kept of one person's pages serves few others:

* 40 of 100 look for a thing, as one looks for what one has: by its whole path (half of them), its digest, its name in
  every run, or a parameter; then read what it comes from, its graph, and the run that made it.
* 20 come by a link to a thing, and look at its graph, then at another thing.
* 20 look at the newest runs, go some pages back, and read one run.
* 10 begin at the first page, the overview and the findings.
* 10 drop a file and ask what it is, by its digest; half of these are not known.

The first pages of all come within the time of one pause, as people do not arrive in one moment; with ``--pause 0`` they
do, and never stop to read, which is a machine's way and no person's. A browser's requests for its style and scripts,
which the catalogue has no part in, are left out. The server is started as ``filiation serve`` is. The load is bounded
in people, in walks of each, and in seconds (``--most``), and goes to this machine alone.

    python benchmarks/pages_load.py CATALOGUE --users 50 --walks 6 --pause 3
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from filiation.lineage import Ledger

_WORST = "SELECT (COUNT(*) AS ?n) WHERE { ?a ?p ?b . ?c ?q ?d . ?e ?r ?f . ?g ?s ?h }"
_WAIT = 120.0
_RUNS = 400
"""Runs, from all over the catalogue, of which things are asked for."""

Page = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Thing:
    """Something that a run made: where, what, and by which run."""

    path: str
    place: str
    iri: str
    digest: str
    run: str


@dataclass
class Measured:
    """What was measured: seconds of each page, by its name, and what was answered."""

    times: list[tuple[float, str]] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    worst: Counter[int] = field(default_factory=Counter)


def main() -> None:
    """Start the server, have them look, and print the table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("catalogue", type=Path)
    asked.add_argument("--users", type=int, default=50)
    asked.add_argument("--walks", type=int, default=6, help="Of each, of two to four pages.")
    asked.add_argument(
        "--pause", type=float, default=3.0, help="Seconds that each reads a page, from half to one and a half."
    )
    asked.add_argument("--processes", type=int, help="Of the server.")
    asked.add_argument("--no-query", action="store_true", help="Nobody asks the worst query.")
    asked.add_argument("--most", type=float, default=300.0, help="Seconds after which nobody begins another walk.")
    asked.add_argument("--seed", type=int, default=0)
    given = asked.parse_args()
    things, parameters = _things(given.catalogue)
    command = [sys.executable, "-m", "filiation", "serve", "--port", "0", "--no-browser", "--json"]
    command += ["--catalogue", str(given.catalogue)]
    command += [] if given.processes is None else ["--processes", str(given.processes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = _address(server)
            asyncio.run(_load(address, things, parameters, given, server.pid))
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(_WAIT)


def _things(catalogue: Path) -> tuple[list[Thing], list[str]]:
    """Return things of runs from all over the catalogue, and parameters of their jobs."""
    ledger = Ledger(catalogue, on_disk=False)
    runs = ledger.runs()
    things, parameters = [], set()
    for run in runs[:: max(1, len(runs) // _RUNS)][:_RUNS]:
        detail = ledger.show(run.id)
        made = [node for node in detail.entities if node.generated and node.digest is not None]
        for node in random.Random(run.id).sample(made, min(5, len(made))):
            things.append(Thing(node.path, node.place or node.path, node.iri, str(node.digest), run.id))
        for action in detail.actions[:3]:
            parameters |= {f"{each.name}={each.value}" for each in action.parameters}
    return things, sorted(parameters)


def _address(server: subprocess.Popen[str]) -> str:
    lines = []
    for line in server.stdout or ():
        lines.append(line)
        if line == "}\n":
            return str(json.loads("".join(lines))["address"])
    raise SystemExit("The server did not start.")


def _walk(things: list[Thing], parameters: list[str], choose: random.Random) -> Iterator[Page]:
    """Yield the pages of one walk."""
    one, other = choose.choice(things), choose.choice(things)
    (way,) = choose.choices((_looks_for, _follows_a_link, _looks_at_runs, _looks_at_all, _drops), (40, 20, 20, 10, 10))
    if way is _looks_for:
        yield "/search", {"q": _word(one, parameters, choose)}
    yield from way(one, other, choose)


def _word(thing: Thing, parameters: list[str], choose: random.Random) -> str:
    (word,) = choose.choices(
        (thing.place, thing.digest, thing.path, choose.choice(parameters) if parameters else thing.place),
        (50, 20, 15, 15),
    )
    return word


def _looks_for(thing: Thing, _other: Thing, _choose: random.Random) -> Iterator[Page]:
    yield "/thing", {"thing": thing.iri}
    yield "/graph", {"thing": thing.iri}
    yield "/run", {"run": thing.run}


def _follows_a_link(thing: Thing, other: Thing, _choose: random.Random) -> Iterator[Page]:
    yield "/thing", {"thing": thing.iri}
    yield "/graph", {"thing": thing.iri}
    yield "/thing", {"thing": other.iri}


def _looks_at_runs(_thing: Thing, other: Thing, choose: random.Random) -> Iterator[Page]:
    yield "/runs", {}
    yield "/runs", {"page": str(choose.randint(2, 60))}
    yield "/run", {"run": other.run}


def _looks_at_all(_thing: Thing, _other: Thing, choose: random.Random) -> Iterator[Page]:
    yield "/", {}
    yield "/overview", {}
    yield "/findings", {"about": choose.choice(("gaps", "orphans"))}


def _drops(thing: Thing, _other: Thing, choose: random.Random) -> Iterator[Page]:
    digest = thing.digest if choose.random() < 0.5 else f"sha256:{choose.randbytes(32).hex()}"
    yield "/drop", {"digest": digest, "name": Path(thing.path).name}


async def _load(
    address: str, things: list[Thing], parameters: list[str], given: argparse.Namespace, server: int
) -> None:
    base = f"http://{urlsplit(address).netloc}"
    measured = Measured()
    async with _client(base, {}) as first:
        entered = await first.get(address)
        headers = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
        over = asyncio.Event()
        asks = None if given.no_query else asyncio.create_task(_ask_the_worst(base, headers, over, measured.worst))
        begun = time.perf_counter()
        await asyncio.gather(
            *(
                _look(base, headers, random.Random(f"{given.seed} {number}"), given, things, parameters, measured)
                for number in range(given.users)
            )
        )
        took = time.perf_counter() - begun
        memory = _memory(server)
        over.set()
        if asks is not None:
            await asks
    _tell(measured, took, given, memory)


def _client(base: str, headers: dict[str, str]) -> httpx2.AsyncClient:
    limits = httpx2.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=60)
    return httpx2.AsyncClient(base_url=base, headers=headers, timeout=_WAIT, limits=limits, trust_env=False)


async def _look(
    base: str,
    headers: dict[str, str],
    choose: random.Random,
    given: argparse.Namespace,
    things: list[Thing],
    parameters: list[str],
    measured: Measured,
) -> None:
    """Be one person: walk after walk, over a connection of their own."""
    pause: Callable[[], float] = lambda: choose.uniform(0.5, 1.5) * given.pause  # noqa: E731
    until = time.perf_counter() + given.most
    async with _client(base, headers) as client:
        await asyncio.sleep(choose.uniform(0, 1) * given.pause)
        for _ in range(given.walks):
            if time.perf_counter() > until:
                return
            for path, query in _walk(things, parameters, choose):
                begun = time.perf_counter()
                response = await client.get(path, params=query)
                measured.times.append((time.perf_counter() - begun, path))
                measured.statuses[response.status_code] += 1
                await asyncio.sleep(pause())


async def _ask_the_worst(base: str, headers: dict[str, str], over: asyncio.Event, answered: Counter[int]) -> None:
    async with _client(base, headers) as client:
        while not over.is_set():
            response = await client.post("/api/queries", data={"query": _WORST})
            answered[response.status_code] += 1


def _memory(server: int) -> list[int]:
    """Return the MB that each process of the server has to itself, the one that starts them first."""
    found = []
    for process in [server, *_children(server)]:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        found.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) >> 10)
    return found


def _children(process: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return [int(name) for task in tasks for name in (task / "children").read_text().split()]
    except OSError:
        return []


def _tell(measured: Measured, took: float, given: argparse.Namespace, memory: list[int]) -> None:
    times = measured.times
    print(
        f"{given.users} people, {given.walks} walks each, {given.pause:g} s for a page; {len(times)} pages in "
        f"{took:.0f} s ({len(times) / took:.0f} a second), answered {dict(measured.statuses)}; the worst query was "
        f"answered {dict(measured.worst)}; MB of the server's processes: {', '.join(map(str, memory))}; "
        f"load of the machine {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors\n"
    )
    print("| page | asked | half within | 95 % | 99 % | the slowest |\n|---|---|---|---|---|---|")
    named = {name: [took for took, page in times if page == name] for name in sorted({page for _, page in times})}
    for name, chosen in {"all": [took for took, _ in times], **named}.items():
        shares = (f"{_within(chosen, share) * 1000:,.0f} ms" for share in (0.5, 0.95, 0.99, 1.0))
        print(f"| {name} | {len(chosen)} | {' | '.join(shares)} |")


def _within(times: list[float], share: float) -> float:
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


if __name__ == "__main__":
    main()
