"""What reading, writing and digesting stores costs, beside others that do the same; interleaved, medians.

``python benchmarks/stores.py [PLANES] [--rounds N]``; the others are in ``.peers/stores`` (``make bench-stores``
installs them) and are left out where they are not. PLANES planes of 1024 x 1024 pixels are made, 256 if not said.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from timing import Cost, cost_of, median

from filiation.images import Image, LabelImage, write_image, write_labels
from filiation.images.synthetic_volume import Beads3D

HERE = Path(__file__).parent
PEERS = HERE.parent / ".peers" / "stores" / "bin" / "python"
THREADS = 2
Jobs = dict[str, tuple[str, str, str]]

READING: Jobs = {
    "pixel digest": ("ours", "digest_pixels", ""),
    "zarr-python reads": ("theirs", "read_by_zarr", ""),
    "zarrs reads": ("theirs", "read_by_zarrs", ""),
    "tensorstore reads": ("theirs", "read_by_tensorstore", ""),
}
WRITING: Jobs = {
    "filiation": ("ours", "write_by_filiation", ""),
    "zarr-python with zarrs": ("theirs", "write_by_zarrs", ""),
    "tensorstore": ("theirs", "write_by_tensorstore", ""),
}
IMAGE: Jobs = {
    "filiation": ("ours", "write_image_by_filiation", "raw"),
    "filiation, with the tree digest": ("ours", "write_and_digest_image", "raw"),
    "ngio": ("theirs", "write_image_by_ngio", "raw"),
}
PYRAMID: Jobs = {
    "filiation, nearest": ("ours", "pyramid_by_filiation", "nearest"),
    "filiation, mode": ("ours", "pyramid_by_filiation", "mode"),
    "ngio, nearest": ("theirs", "pyramid_by_ngio", "labels"),
    "tensorstore, stride": ("theirs", "pyramid_by_tensorstore", "stride"),
    "tensorstore, mode": ("theirs", "pyramid_by_tensorstore", "mode"),
}
STREAMING: Jobs = {
    "with the pixel digest": ("ours", "stream", "yes"),
    "without it": ("ours", "stream", "no"),
}
OURS = (
    "import sys, pathlib\n"
    "from filiation.digest import digest_tree, DigestCache\n"
    "cache = DigestCache(pathlib.Path(sys.argv[1])) if sys.argv[1] else None\n"
    f"tree = digest_tree(pathlib.Path('store'), cache=cache, workers={THREADS})\n"
    "cache and cache.close()\n"
)
THEIRS = (
    f"cd store && find . -type f -printf '%P\\0' | xargs -0 -n 40 -P {THREADS} sha256sum -z | LC_ALL=C sort -z -k 1.67 "
    "| sha256sum"
)
FLOOR = "find store -printf '%s %T@ %C@ %i %P\\0' | cat >/dev/null"
"""Nothing but asking for each file's size, times and inode, in C: what an unchanged store costs at the least."""
FILES = {"1 MiB": 1 << 20, "48 KiB": 48 << 10, "4 KiB": 4 << 10}
"""Chunks large, usual and very small."""


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("planes", nargs="?", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-digests", action="store_true", help="leave out the digests of files")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if not given.without_digests:
            print(digests(folder, given.planes << 21, given.rounds), flush=True)
        prepare(folder, given.planes)
        size = given.planes << 20
        ratios = [
            "### Digests beside reading and writing",
            "",
            "| | on the clock | by processor time |",
            "|---|---|---|",
        ]

        def compare(title: str, jobs: Jobs, size: int) -> dict[str, Cost]:
            found = costs_of(folder, jobs, given.rounds)
            print(table(title, jobs, found, size), flush=True)
            return found

        for kind, width in (("raw", 2), ("labels", 4)):
            jobs = {name: (who, work, kind) for name, (who, work, _) in READING.items()}
            ratios += speed_of_digest(kind, compare(f"Reading {kind} pixels", jobs, size * width))
            jobs = {name: (who, work, kind) for name, (who, work, _) in WRITING.items()}
            compare(f"Writing {kind} pixels, one resolution", jobs, size * width)
        image = compare("Writing an image with its pyramid", IMAGE, size * 2)
        ratios += overhead(
            "tree digest while an image is written", image, "filiation", "filiation, with the tree digest"
        )
        compare("Writing labels with their pyramid", PYRAMID, size * 4)
        streamed = compare("Streaming an image into a store", STREAMING, size * 2)
        ratios += overhead("pixel digest while an image is streamed", streamed, "without it", "with the pixel digest")
        print("\n".join(ratios))


def prepare(folder: Path, planes: int) -> None:
    """Make a volume of beads with noise, and its labels, as arrays and as stores."""
    beads = Beads3D(7, (planes, 1024, 1024))
    whole = (slice(0, planes), slice(0, 1024), slice(0, 1024))
    raw, labels = beads.pixels(whole), beads.truth(whole)
    np.save(folder / "raw.npy", raw)
    np.save(folder / "labels.npy", labels)
    write_image(folder / "raw.ome.zarr", Image(raw, ("z", "y", "x")))
    write_labels(folder / "labels.ome.zarr", LabelImage(labels, ("z", "y", "x")))


def speed_of_digest(kind: str, found: dict[str, Cost]) -> list[str]:
    """Return how fast pixels are digested, beside who reads them fastest: the most of each column."""
    others = [cost for name, cost in found.items() if name != "pixel digest"]
    own = found.get("pixel digest")
    if own is None or not others:
        return []
    wall, cpu = min(each.wall for each in others), min(each.cpu for each in others)
    what = f"pixel digest of {kind} pixels, times the fastest reader's speed"
    return [f"| {what} | {wall / own.wall:.2f} | {cpu / own.cpu:.2f} |"]


def overhead(what: str, found: dict[str, Cost], without: str, with_it: str) -> list[str]:
    """Return by how much something takes longer with a digest."""
    if without not in found or with_it not in found:
        return []
    less, more = found[without], found[with_it]
    return [f"| {what} | {more.wall / less.wall - 1:+.0%} | {more.cpu / less.cpu - 1:+.0%} |"]


def costs_of(folder: Path, jobs: Jobs, rounds: int) -> dict[str, Cost]:
    """Return what each job costs, as medians of interleaved runs; what cannot be done here is left out."""
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, (who, work, argument) in jobs.items():
            if cost := timed(folder, sys.executable if who == "ours" else str(PEERS), work, argument):
                costs[name].append(cost)
    return {name: median(each) for name, each in costs.items() if each}


def table(title: str, jobs: Jobs, found: dict[str, Cost], size: int) -> str:
    """Return what each job costs, in MB of pixels a second."""
    rows = [f"### {title}", "", "| | s | CPU s | MB/s | MB per CPU-s |", "|---|---|---|---|---|"]
    for name in jobs:
        if cost := found.get(name):
            speeds = f"{size / 1e6 / cost.wall:.0f} | {size / 1e6 / cost.cpu:.0f}"
            rows.append(f"| {name} | {cost.wall:.2f} | {cost.cpu:.2f} | {speeds} |")
        else:
            rows.append(f"| {name} | not installed, or failed | | | |")
    return "\n".join([*rows, ""])


def timed(folder: Path, python: str, work: str, argument: str) -> Cost | None:
    """Do one piece of work in a process of its own; None where it cannot be done."""
    if not Path(python).exists():
        return None
    done = subprocess.run(
        [python, str(HERE / "peers" / "store_work.py"), work, argument], cwd=folder, capture_output=True, text=True,
        check=False, env={**os.environ, "RAYON_NUM_THREADS": str(THREADS), "BLOSC_NTHREADS": "1"},
    )  # fmt: skip
    if done.returncode:
        sys.stderr.write(f"{work} {argument}: {done.stderr.splitlines()[-1:] or done.returncode}\n")
        return None
    wall, cpu = map(float, done.stdout.split())
    return Cost(wall, cpu)


def digests(folder: Path, size: int, rounds: int) -> str:
    """Return what digesting stores costs: first, with nothing changed, with one file in a hundred changed."""
    rows = [
        f"### Digest of a store, {THREADS} threads each (our interpreter's start taken off)", "",
        "| files | | s | CPU s | MB/s | times `sha256sum` (s) | times (CPU s) |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for name, length in FILES.items():
        count = min(size // length, 20_000)
        fill(folder / "store", count, length)
        rows += digest_rows(f"{count:,} of {name}", folder, count * length, rounds)
        shutil.rmtree(folder / "store")
    return "\n".join([*rows, ""])


def digest_rows(name: str, folder: Path, size: int, rounds: int) -> list[str]:
    """Return the rows of one store."""
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds):
        cache = str(folder / f"cache-{number}.sqlite")
        chunks = sorted((folder / "store").rglob("*.chunk"))
        run = [sys.executable, "-c", OURS]
        for what, command in (
            ("start", [sys.executable, "-c", OURS.splitlines()[1]]),
            ("`sha256sum`", ["bash", "-c", THEIRS]),
            ("first", [*run, ""]),
            ("first, with a cache", [*run, cache]),
            ("nothing changed", [*run, cache]),
            ("(`find -printf` asks the same)", ["bash", "-c", FLOOR]),
            ("1 % changed", [*run, cache]),
        ):
            if what == "1 % changed":
                for chunk in chunks[::100]:
                    chunk.write_bytes(os.urandom(chunk.stat().st_size))
            costs.setdefault(what, []).append(cost_of(command, folder))
    found = {what: median(each) for what, each in costs.items()}
    start, theirs = found.pop("start"), found["`sha256sum`"]
    rows = []
    for what, cost in found.items():
        own = (
            cost
            if cost is theirs or what.startswith("(")
            else Cost(max(cost.wall - start.wall, 1e-3), max(cost.cpu - start.cpu, 1e-3))
        )
        ratios = f"{theirs.wall / own.wall:.1f} | {theirs.cpu / own.cpu:.1f}"
        rows.append(f"| {name} | {what} | {own.wall:.2f} | {own.cpu:.2f} | {size / 1e6 / own.wall:.0f} | {ratios} |")
    return rows


def fill(store: Path, count: int, length: int) -> None:
    """Make a folder of chunks, old enough for a cache to believe them."""
    for number in range(count):
        chunk = store / "c" / str(number // 100) / f"{number % 100}.chunk"
        chunk.parent.mkdir(parents=True, exist_ok=True)
        chunk.write_bytes(os.urandom(length))


if __name__ == "__main__":
    main()
