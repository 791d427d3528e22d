"""Digest speed against ``sha256sum`` over the same stores, interleaved, caches of the system warm."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from timing import Cost, cost_of, median

ROUNDS = 5
# Names and numbers of the measurements that the design began with: large chunks, usual ones, very small ones.
STORES = {"200 x 1 MiB": (200, 1 << 20), "4,000 x 48 KiB": (4000, 48 << 10), "20,000 x 4 KiB": (20000, 4 << 10)}
OURS = (
    "import sys, pathlib\n"
    "from filiation.digest import digest_tree, DigestCache\n"
    "root = pathlib.Path('store')\n"
    "cache = DigestCache(pathlib.Path('cache.sqlite')) if sys.argv[1] == 'cached' else None\n"
    "print(digest_tree(root, cache=cache).digest)\n"
)
THEIRS = "cd store && find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum -z | sha256sum"


def measure() -> str:
    """Return the table: the interpreter's own start is measured and taken off ours."""
    rows = [
        f"### Digest of a store against `sha256sum` (median of {ROUNDS}, interleaved)",
        "",
        "| store | | wall s | CPU s | CPU ratio |",
        "|---|---|---|---|---|",
    ]
    for name, (count, size) in STORES.items():
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            _make(folder / "store", count, size)
            rows += _rows(name, folder)
    return "\n".join(rows)


def _rows(name: str, folder: Path) -> list[str]:
    costs: dict[str, list[Cost]] = {"sha256sum": [], "ours": [], "ours, nothing changed": [], "start": []}
    cost_of([sys.executable, "-c", OURS, "cached"], folder)
    for _ in range(ROUNDS):
        costs["sha256sum"].append(cost_of(["bash", "-c", THEIRS], folder))
        costs["ours"].append(cost_of([sys.executable, "-c", OURS, "plain"], folder))
        costs["ours, nothing changed"].append(cost_of([sys.executable, "-c", OURS, "cached"], folder))
        costs["start"].append(cost_of([sys.executable, "-c", OURS.splitlines()[1]], folder))
    found = {key: median(values) for key, values in costs.items()}
    start, theirs = found.pop("start"), found["sha256sum"]
    rows = []
    for key, cost in found.items():
        own = cost if key == "sha256sum" else Cost(cost.wall - start.wall, cost.cpu - start.cpu)
        rows.append(f"| {name} | {key} | {own.wall:.2f} | {own.cpu:.2f} | {own.cpu / theirs.cpu:.2f} |")
    return rows


def _make(store: Path, count: int, size: int) -> None:
    for number in range(count):
        chunk = store / "c" / str(number // 100) / str(number % 100)
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(os.urandom(size))
