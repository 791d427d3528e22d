"""How quick pages are over the catalogue of an institute, by size.

``python benchmarks/pages.py 10000`` makes a catalogue of that many jobs, serves it as ``filiation serve`` does, asks
for each page in turn over one connection, and prints the table of ``docs/benchmarks.md``; ``--keep FOLDER`` keeps the
catalogue there, or uses the one that is there. Told are the first answer after the start, the median and the slowest
of the others: time on the clock, from the request to the last byte, of the page as HTML.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

from drawn_catalogue import prepare
from institute import FLAT_FIELDS, SERVER, Institute


class Reader:
    """A browser of sorts: one connection, one cookie."""

    def __init__(self, entrance: str) -> None:
        parts = urlsplit(entrance)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=600)
        self._connection.request("GET", f"{parts.path}?{parts.query}")
        answer = self._connection.getresponse()
        answer.read()
        self._headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}

    def ask(self, path: str) -> float:
        """Return how many milliseconds an answer takes."""
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        answer.read()
        if answer.status not in (200, 303):
            raise SystemExit(f"{path} gave {answer.status}.")
        return (time.perf_counter() - begun) * 1000


def pages(institute: Institute) -> dict[str, str]:
    """Return what is asked for: a name, and an address."""
    run = institute.run(institute.size - 1)
    label = quote(institute.last_label(), safe="")
    raw = quote(institute.raw_image(), safe="")
    read = (path for drawn in institute.runs() for path in drawn.jobs[0].inputs if path.startswith(SERVER))
    flat = quote(next(path for path in read if int(path.removeprefix(SERVER)) <= FLAT_FIELDS), safe="")
    return {
        "home": "/",
        "a label image that descends from hundreds of things": f"/thing?thing={label}",
        "the same, 3 jobs each way": f"/thing?thing={label}&depth=3",
        "a raw image of which thousands of things came": f"/thing?thing={raw}",
        "a flat-field image, of which nearly everything came": f"/thing?thing={flat}",
        "runs": "/runs",
        "runs, the page in their middle": f"/runs?page={max(1, institute.size // 200)}",
        "one run of 96 jobs": f"/run?run={run.id}",
        "search: a path in full": f"/search?q={quote(run.place('results/0/render-0.tif'))}",
        "search: a path that every run has": "/search?q=results/0/render-0.tif",
        "search: a parameter": "/search?q=p2%3D23",
        "search: any text": "/search?q=segment-1",
        "the overview": "/overview",
        "a dropped file, by its name": f"/drop?digest=sha256:{'0' * 64}&name=render-0.tif",
        "findings: gaps": "/findings?about=gaps",
        "findings: orphans": "/findings?about=orphans",
    }


@contextmanager
def serving(catalogue: Path) -> Iterator[str]:
    """Serve a catalogue, and give the address that lets one in."""
    command = [sys.executable, "-m", "filiation", "serve", "--port", "0", "--no-browser", "--json"]
    with subprocess.Popen([*command, "--catalogue", str(catalogue)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            line = server.stdout.readline()
            if not line:
                raise SystemExit("The server did not start.")
            told += line
        try:
            yield json.loads(told)["address"]
        finally:
            server.terminate()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("jobs", type=int, nargs="?", default=10_000)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    parser.add_argument("--times", type=int, default=11, help="how often each page is asked for")
    given = parser.parse_args()
    institute = Institute(given.jobs)
    with tempfile.TemporaryDirectory() as temporary:
        place = given.keep or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        prepare(institute, place)
        with serving(place) as address:
            asked = pages(institute)
            reader = Reader(address)
            first = {name: reader.ask(path) for name, path in asked.items()}
            later: dict[str, list[float]] = {name: [] for name in asked}
            for _ in range(given.times):
                for name, path in asked.items():
                    later[name].append(reader.ask(path))
    load = os.getloadavg()[0]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}: "
        f"{institute.size:,} runs, {institute.size * 96:,} jobs; {given.times} rounds\n"
    )
    print("| page | first, ms | median, ms | slowest, ms |\n|---|---|---|---|")
    for name, took in later.items():
        print(f"| {name} | {first[name]:.0f} | {statistics.median(took):.0f} | {max(took):.0f} |")


if __name__ == "__main__":
    main()
